import { listen } from "../emitter.ts";
import { BaseSocket } from "./base-socket.ts";
import { type Attempt, endAttempt } from "./diagnosis.ts";
import { ENGINE_ERRORS, EngineError } from "./errors.ts";
import { after } from "./platform/timers.ts";
import type { Transport, TransportReservedEvents } from "./transports/transport.ts";

/**
 * Where the client stands on its way to a better transport.
 *
 * - `idle`: no candidate
 * - `opening`: a candidate connects
 * - `probing`: `2probe` was sent, `3probe` is awaited
 * - `pausing`: the candidate works; polling finishes what is under way, nothing new is sent
 * - `upgraded`: `5` was sent, the candidate is the transport
 * - `closed`: the session ended
 */
export type UpgradePhase = "idle" | "opening" | "probing" | "pausing" | "upgraded" | "closed";

type Fail = (next: UpgradePhase, cause?: Error | string) => void;

/** A connection that moves to a better transport (Engine.IO protocol, "Upgrade"): one candidate at a time. */
export abstract class UpgradingSocket extends BaseSocket {
  protected phase: UpgradePhase = "idle";
  /** Gives up the candidate under way. */
  #fail: Fail | undefined;

  protected abstract createTransport(name: string, purpose?: Attempt["purpose"]): Transport;

  /** A transport has proved to work. */
  protected abstract onProbed(transport: Transport): void;

  /** Tries transports in turn until one has taken over. */
  protected upgradeTo([name, ...others]: readonly string[]): void {
    if (!name || this.phase !== "idle") return;
    this.phase = "opening";
    const candidate = this.createTransport(name, "upgrade");
    const startTimer = (): (() => void) => after(this, this.opts.upgradeTimeout!, () => fail("idle", "timeout"));
    let stopTimer = startTimer();
    const leave = (next: UpgradePhase): void => {
      this.phase = next;
      this.#fail = undefined;
      stopTimer();
      candidate.off();
    };
    const fail: Fail = (this.#fail = (next, cause) => {
      const step = this.phase;
      leave(next);
      this.#onFailed(candidate, step, cause);
      this.upgradeTo(others);
    });
    listen<TransportReservedEvents>(candidate, {
      open: () => {
        if (this.phase !== "opening") return;
        this.phase = "probing";
        candidate.send([{ type: "ping", data: "probe" }]);
      },
      packet: ({ type, data }) => {
        if (this.phase !== "probing") return;
        if (type !== "pong" || data !== "probe") return fail("idle");
        this.phase = "pausing";
        stopTimer();
        stopTimer = startTimer();
        this.emitReserved("upgrading", candidate);
        this.onProbed(candidate);
        if (this.readyState === "closed") return;
        this.transport.pause(() => {
          if (this.#fail !== fail) return;
          leave("upgraded");
          this.#onPaused(candidate);
        });
      },
      error: (error) => fail("idle", error),
      close: () => fail("idle", "transport closed"),
    });
    candidate.open();
  }

  #onPaused(candidate: Transport): void {
    endAttempt(candidate, "upgraded");
    this.setTransport(candidate);
    candidate.send([{ type: "upgrade" }]);
    this.emitReserved("upgrade", candidate);
    this.#proceed();
  }

  #onFailed(candidate: Transport, step: UpgradePhase, cause?: Error | string): void {
    candidate.close();
    const message = ENGINE_ERRORS.UPGRADE_FAILED + (cause ? ": " + String(cause) : "");
    const error = new EngineError("UPGRADE_FAILED", message, { transport: candidate.name, step, cause });
    endAttempt(candidate, "failed", error);
    if (this.readyState !== "closed") this.transport.resume();
    this.emitReserved("upgradeError", error);
    this.#proceed();
  }

  /** What was written while polling rested goes out. */
  #proceed(): void {
    this.flush();
    this.closeWhenIdle();
  }

  protected override get isHeld(): boolean {
    return this.phase === "pausing";
  }

  protected override onSessionEnd(): void {
    this.#fail?.("closed", "socket closed");
    this.phase = "closed";
  }
}
