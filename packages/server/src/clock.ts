import { performance } from "node:perf_hooks";

/** A pending call that can be taken back or put off. */
export interface Timer {
  /** Starts the delay again from now. */
  refresh(): void;
  /** The call will not happen. Harmless when it has. */
  cancel(): void;
}

/** Time as the server sees it. Tests hand in one that they turn by hand. */
export interface Clock {
  /** Milliseconds from an arbitrary start; never goes back, whatever happens to the wall clock. */
  now(): number;
  /** Calls `fn` once, `ms` milliseconds from now. The timer does not keep the process alive. */
  after(ms: number, fn: () => void): Timer;
}

class SystemTimer implements Timer {
  readonly #timeout: NodeJS.Timeout;

  constructor(ms: number, fn: () => void) {
    this.#timeout = setTimeout(fn, ms);
    this.#timeout.unref();
  }

  refresh(): void {
    this.#timeout.refresh();
  }

  cancel(): void {
    clearTimeout(this.#timeout);
  }
}

/** The clock of the machine. The only place of the server that calls `setTimeout`. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after: (ms, fn) => new SystemTimer(ms, fn),
};
