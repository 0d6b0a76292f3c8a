import { listen } from "../emitter.ts";
import { EngineError } from "./errors.ts";
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
export class Upgrade {
  readonly #host: UpgradeHost;
  #phase: UpgradePhase = "idle";
  #names: readonly string[] = [];
  #candidate: Transport | undefined;
  #stopTimer: (() => void) | undefined;

  constructor(host: UpgradeHost) {
    this.#host = host;
  }

  get phase(): UpgradePhase {
    return this.#phase;
  }

  /** Tries transports in turn until one has taken over. */
  start(names: readonly string[]): void {
    this.#names = names;
    if (names.length > 0) this.#signal("start");
  }

  sessionClosed(): void {
    this.#signal("sessionClosed", "socket closed");
  }

  #signal(signal: UpgradeSignal, detail?: Error | string): void {
    const former = this.#phase;
    const next = UPGRADE_TABLE[former][signal];
    if (!next) return;
    this.#phase = next;
    if (next === "opening") this.#open();
    else if (next === "probing") this.#candidate!.send([{ type: "ping", data: "probe" }]);
    else if (next === "pausing") this.#pause();
    else if (next === "upgraded") this.#host.onCommit(this.#release());
    else if (this.#candidate) this.#fail(former, detail);
  }

  #open(): void {
    const candidate = (this.#candidate = this.#host.create(this.#names[0]!));
    listen<TransportReservedEvents>(candidate, {
      open: () => this.#signal("open"),
      packet: ({ type, data }) => this.#signal(type === "pong" && data === "probe" ? "answer" : "stray"),
      error: (error) => this.#signal("lost", error),
      close: () => this.#signal("lost", "transport closed"),
    });
    this.#startTimer();
    candidate.open();
  }

  #pause(): void {
    this.#startTimer();
    const candidate = this.#candidate!;
    this.#host.onProbed(candidate, () => {
      if (candidate === this.#candidate) this.#signal("paused");
    });
  }

  #fail(step: UpgradePhase, detail: Error | string | undefined): void {
    const candidate = this.#release();
    candidate.close();
    const fields = { transport: candidate.name, step, cause: detail };
    this.#host.onFail(candidate, new EngineError("UPGRADE_FAILED", fields, detail && ": " + String(detail)));
    this.#names = this.#names.slice(1);
    if (this.#names.length > 0) this.#signal("start");
  }

  #release(): Transport {
    const candidate = this.#candidate!;
    this.#candidate = undefined;
    this.#stopTimer!();
    candidate.off();
    return candidate;
  }

  #startTimer(): void {
    this.#stopTimer?.();
    this.#stopTimer = this.#host.after(() => this.#signal("timeout", "timeout"));
  }
}
