import { performance } from "node:perf_hooks";
import { bounded } from "./numbers.ts";

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
  /** Calls `fn` once, `ms` milliseconds from now: never for Infinity. The timer does not keep the process alive. */
  after(ms: number, fn: () => void): Timer;
}

/** The longest delay that `setTimeout` takes: it fires at once for a longer one. About 25 days. */
export const LONGEST_DELAY = 2 ** 31 - 1;

/** What `setTimeout` gives: a number in environments that are like a browser, as jsdom under Jest. */
type Timeout = Partial<Pick<NodeJS.Timeout, "refresh" | "unref">>;

class SystemTimer implements Timer {
  readonly #ms: number;
  readonly #fn: () => void;
  #timeout: Timeout;

  constructor(ms: number, fn: () => void) {
    this.#ms = ms;
    this.#fn = fn;
    this.#timeout = setTimeout(fn, ms);
    this.#timeout.unref?.();
  }

  refresh(): void {
    if (this.#timeout.refresh) return void this.#timeout.refresh();
    this.cancel();
    this.#timeout = setTimeout(this.#fn, this.#ms);
  }

  cancel(): void {
    clearTimeout(this.#timeout as NodeJS.Timeout);
  }
}

/** A delay that is longer than the longest: one timer after the other. */
class LongTimer implements Timer {
  readonly #ms: number;
  readonly #fn: () => void;
  #timer!: Timer;

  constructor(ms: number, fn: () => void) {
    this.#ms = ms;
    this.#fn = fn;
    this.#wait(ms);
  }

  #wait(ms: number): void {
    const stage = Math.min(ms, LONGEST_DELAY);
    this.#timer = new SystemTimer(stage, ms === stage ? this.#fn : () => this.#wait(ms - stage));
  }

  refresh(): void {
    this.#timer.cancel();
    this.#wait(this.#ms);
  }

  cancel(): void {
    this.#timer.cancel();
  }
}

/** As it was at first: a program's test that stops `performance.now` must not stop the heartbeats of all sessions. */
const now = performance.now.bind(performance);

/** The clock of the machine. The only place of the server that calls `setTimeout`. */
export const systemClock: Clock = {
  now,
  after: (ms, fn) => {
    // What is not a delay (negative, not a number) is the shortest: Node takes it for that as well, with a warning.
    const delay = bounded(ms, 1, Infinity, 1);
    return delay > LONGEST_DELAY ? new LongTimer(delay, fn) : new SystemTimer(delay, fn);
  },
};
