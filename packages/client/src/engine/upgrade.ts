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

/**
 * What can happen to an upgrade.
 *
 * - `start`: there is a name to try
 * - `open`, `answer`, `stray`: the candidate opened, received `3probe`, received anything else
 * - `lost`: the candidate failed or closed
 * - `timeout`: the phase took too long
 * - `paused`: polling has come to rest
 * - `sessionClosed`: the session ended
 */
export type UpgradeSignal = "start" | "open" | "answer" | "stray" | "lost" | "timeout" | "paused" | "sessionClosed";

/** Every phase with a candidate may end so. */
const FAILURES = { lost: "idle", timeout: "idle", sessionClosed: "closed" } as const;

/**
 * The whole upgrade: the phase to which each signal leads from each phase; what has no cell is ignored. What is done
 * depends on the phase that is entered: out of `idle` the candidate connects, back to it, it has failed. Walked cell by
 * cell in the tests.
 */
export const UPGRADE_TABLE: Readonly<Record<UpgradePhase, Readonly<Partial<Record<UpgradeSignal, UpgradePhase>>>>> = {
  idle: { start: "opening", sessionClosed: "closed" },
  opening: { ...FAILURES, open: "probing" },
  probing: { ...FAILURES, answer: "pausing", stray: "idle" },
  pausing: { ...FAILURES, paused: "upgraded" },
  upgraded: {},
  closed: {},
};

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

/** The upgrade of one session (Engine.IO protocol, "Upgrade"), driven by {@link UPGRADE_TABLE}: one candidate at a time. */
export interface Upgrade {
  readonly phase: UpgradePhase;
  /** Tries transports in turn until one has taken over. */
  start(names: readonly string[]): void;
  /** The session has ended. */
  close(): void;
}

export function createUpgrade(host: UpgradeHost): Upgrade {
  let phase: UpgradePhase = "idle";
  let names: readonly string[];
  let candidate: Transport | undefined;
  let stopTimer = (): void => {};

  const start = (list: readonly string[]): void => {
    names = list;
    if (list.length) signal("start");
  };
  const startTimer = (): void => {
    stopTimer = host.after(() => signal("timeout", "timeout"));
  };
  const signal = (kind: UpgradeSignal, detail?: Error | string): void => {
    const former = phase;
    const current = candidate!;
    const next = UPGRADE_TABLE[former][kind];
    if (!next) return;
    phase = next;
    if (next === "probing") return current.send([{ type: "ping", data: "probe" }]);
    stopTimer();
    if (next === "opening") {
      const opening = (candidate = host.create(names[0]!));
      startTimer();
      listen<TransportReservedEvents>(opening, {
        open: () => signal("open"),
        packet: ({ type, data }) => signal(type === "pong" && data === "probe" ? "answer" : "stray"),
        error: (error) => signal("lost", error),
        close: () => signal("lost", "transport closed"),
      });
      opening.open();
    } else if (next === "pausing") {
      startTimer();
      host.onProbed(current, () => {
        if (candidate === current) signal("paused");
      });
    } else if (current) {
      candidate = undefined;
      current.off();
      if (next === "upgraded") host.onCommit(current);
      else {
        current.close();
        const message = ENGINE_ERRORS.UPGRADE_FAILED + (detail ? ": " + String(detail) : "");
        const fields = { transport: current.name, step: former, cause: detail };
        host.onFail(current, new EngineError("UPGRADE_FAILED", message, fields));
        start(names.slice(1));
      }
    }
  };

  return {
    get phase() {
      return phase;
    },
    start,
    close: () => signal("sessionClosed", "socket closed"),
  };
}
