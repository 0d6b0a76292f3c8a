import type { Packet } from "@portage/parser/engine";
import { endAttempt } from "./diagnosis.ts";
import { ENGINE_ERRORS, EngineError } from "./errors.ts";
import { after } from "./platform/timers.ts";
import type { Session, SessionUpgrade } from "./session.ts";
import { discard, type Transport, type TransportEvent, type TransportHandler } from "./transports/transport.ts";

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

/**
 * What can happen to an upgrade.
 *
 * - `start`: there is a transport to try
 * - `open`, `answer`, `stray`: the candidate opened, received `3probe`, received anything else
 * - `lost`: the candidate failed or closed, or the phase took too long
 * - `paused`: polling has come to rest
 * - `end`: the session ended
 */
export type UpgradeSignal = "start" | "open" | "answer" | "stray" | "lost" | "paused" | "end";

/** Every phase with a candidate may end so. */
const ENDS = { lost: "idle", end: "closed" } as const;

/** The phase to which each signal leads from each phase; what has no cell is ignored. Walked cell by cell in the tests. */
export const UPGRADE_TABLE: Readonly<Record<UpgradePhase, Readonly<Partial<Record<UpgradeSignal, UpgradePhase>>>>> = {
  idle: { start: "opening", end: "closed" },
  opening: { ...ENDS, open: "probing" },
  probing: { ...ENDS, answer: "pausing", stray: "idle" },
  pausing: { ...ENDS, paused: "upgraded" },
  upgraded: { end: "closed" },
  closed: {},
};

/** The session, as its upgrade sees it. */
export interface UpgradeHost extends Session {
  /** Of the names of transports that the server offers, those that the client has. */
  _filterUpgrades(upgrades: readonly string[]): string[];
  createTransport(name: string): Transport;
  /** The transport of this name works. */
  remember_(name: string): void;
}

/** The move of one session to a better transport (Engine.IO protocol, "Upgrade"): one candidate at a time. */
export class Upgrade implements SessionUpgrade, TransportHandler {
  phase_: UpgradePhase = "idle";
  readonly #host: UpgradeHost;
  /** Names of the transports to try. */
  #names: string[] = [];
  #candidate: Transport | undefined;
  #stopTimer: (() => void) | undefined;

  constructor(host: UpgradeHost) {
    this.#host = host;
  }

  get isHolding_(): boolean {
    return this.phase_ === "pausing";
  }

  begin_(offered: readonly string[]): void {
    const host = this.#host;
    this.#names = host._filterUpgrades(offered).filter((name) => name !== host.transport.name);
    this.#tryNext();
  }

  end_(): void {
    this.#signal("end", "socket closed");
  }

  onTransport_(event: TransportEvent, value: unknown): void {
    if (event === "packet") {
      const { type, data } = value as Packet;
      this.#signal(type === "pong" && data === "probe" ? "answer" : "stray");
    } else if (event === "open") this.#signal(event);
    else if (event === "error") this.#signal("lost", value as Error);
    else if (event === "close") this.#signal("lost", "transport closed");
  }

  #tryNext(): void {
    if (this.#names.length) this.#signal("start");
  }

  #signal(signal: UpgradeSignal, cause?: Error | string): void {
    const host = this.#host;
    const step = this.phase_;
    const next = UPGRADE_TABLE[step][signal];
    if (!next) return;
    this.phase_ = next;
    // opening and probing share one time limit
    if (next === "probing") return this.#candidate!.send([{ type: "ping", data: "probe" }]);
    this.#stopTimer?.();
    if (next === "opening") this.#candidate = host.createTransport(this.#names.shift()!);
    const candidate = this.#candidate;
    if (!candidate) return;
    this.#stopTimer = after(host, host.opts.upgradeTimeout!, () => this.#signal("lost", "timeout"));
    if (next === "opening") host.launch_(candidate, "upgrade", this);
    else if (next === "pausing") {
      host["emitReserved"]("upgrading", candidate);
      host.remember_(candidate.name);
      // a listener may have ended the session
      if (this.#candidate)
        host.transport.pause(() => {
          // a pause that ends after the upgrade has failed changes nothing
          if (candidate === this.#candidate) this.#signal("paused");
        });
    } else {
      this.#stopTimer();
      this.#candidate = undefined;
      if (next === "upgraded") commit(host, candidate);
      else fail(host, candidate, step, cause);
      // what was written meanwhile goes out
      host.flush();
      this.#tryNext();
    }
  }
}

function commit(host: UpgradeHost, candidate: Transport): void {
  endAttempt(candidate, "upgraded");
  host.use_(candidate);
  candidate.send([{ type: "upgrade" }]);
  host["emitReserved"]("upgrade", candidate);
}

function fail(host: UpgradeHost, candidate: Transport, step: UpgradePhase, cause?: Error | string): void {
  discard(candidate);
  const message = ENGINE_ERRORS.UPGRADE_FAILED + (cause ? ": " + String(cause) : "");
  const error = new EngineError("UPGRADE_FAILED", message, { transport: candidate.name, step, cause });
  endAttempt(candidate, "failed", error);
  if (host.readyState !== "closed") host.transport.resume();
  host["emitReserved"]("upgradeError", error);
}
