import { listen } from "../emitter.ts";
import { ENGINE_ERRORS, EngineError } from "./errors.ts";
import type { Transport, TransportReservedEvents } from "./transport.ts";

/**
 * Where the client stands on its way to a better transport.
 *
 * - `idle`: no candidate
 * - `opening`: a candidate connects
 * - `probing`: `2probe` was sent, `3probe` is awaited
 * - `pausing`: the candidate works; polling finishes what is under way, nothing new is sent
 * - `upgraded`: `5` was sent, the candidate is the transport
 * - `closed`: the session ended before
 */
export type UpgradePhase = "idle" | "opening" | "probing" | "pausing" | "upgraded" | "closed";

/** What the socket does for its upgrade. */
export interface UpgradeHost {
  create(name: string): Transport;
  /** Starts a timer; the function that is returned stops it. */
  after(callback: () => void): () => void;
  /** The candidate works: pause the transport of now, and call back when it rests. */
  onProbed(candidate: Transport, onPaused: () => void): void;
  /** The candidate takes over. */
  onCommit(candidate: Transport): void;
  /** The candidate is gone: the transport of now goes on. */
  onFail(candidate: Transport, error: EngineError): void;
}

/** The upgrade of one session (Engine.IO protocol, "Upgrade"): one candidate at a time. */
export interface Upgrade {
  phase: UpgradePhase;
  /** Tries transports in turn until one has taken over. */
  start(names: readonly string[]): void;
  /** The session has ended. */
  close(): void;
}

type Fail = (next: UpgradePhase, cause?: Error | string) => void;

export function createUpgrade(host: UpgradeHost): Upgrade {
  /** Gives up the candidate under way. */
  let abandon: Fail | undefined;
  const upgrade: Upgrade = {
    phase: "idle",
    start(names) {
      const [name] = names;
      if (!name || upgrade.phase !== "idle") return;
      upgrade.phase = "opening";
      const candidate = host.create(name);
      const startTimer = (): (() => void) => host.after(() => fail("idle", "timeout"));
      let stopTimer = startTimer();
      const leave = (next: UpgradePhase): void => {
        upgrade.phase = next;
        abandon = undefined;
        stopTimer();
        candidate.off();
      };
      const fail: Fail = (abandon = (next, cause) => {
        const step = upgrade.phase;
        leave(next);
        candidate.close();
        const message = ENGINE_ERRORS.UPGRADE_FAILED + (cause ? ": " + String(cause) : "");
        host.onFail(candidate, new EngineError("UPGRADE_FAILED", message, { transport: name, step, cause }));
        upgrade.start(names.slice(1));
      });
      listen<TransportReservedEvents>(candidate, {
        open() {
          if (upgrade.phase !== "opening") return;
          upgrade.phase = "probing";
          candidate.send([{ type: "ping", data: "probe" }]);
        },
        packet({ type, data }) {
          if (upgrade.phase !== "probing") return;
          if (type !== "pong" || data !== "probe") return fail("idle");
          upgrade.phase = "pausing";
          stopTimer();
          stopTimer = startTimer();
          host.onProbed(candidate, () => {
            if (abandon !== fail) return;
            leave("upgraded");
            host.onCommit(candidate);
          });
        },
        error: (error) => fail("idle", error),
        close: () => fail("idle", "transport closed"),
      });
      candidate.open();
    },
    close() {
      if (abandon) abandon("closed", "socket closed");
      else upgrade.phase = "closed";
    },
  };
  return upgrade;
}
