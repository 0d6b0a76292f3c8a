import { OptionError } from "./core/index.ts";

/** A pending call that can be cancelled or delayed. */
export interface Timer {
  /** Restarts the delay. */
  refresh(): void;
  /** Cancels the call. Has no effect after it. */
  cancel(): void;
}

/** The source of time. Tests supply their own. */
export interface Clock {
  /** Returns milliseconds since a fixed moment. Unlike the wall clock, never jumps back. */
  now(): number;
  /**
   * Calls `fn` once, `ms` milliseconds from now; never for Infinity. Does
   * not keep the process alive.
   */
  after(ms: number, fn: () => void): Timer;
}

/** Longest delay of `setTimeout`, in milliseconds (about 25 days). A longer one fires at once. */
const LONGEST_DELAY = 2 ** 31 - 1;

/**
 * Reads a delay in milliseconds. Undefined means the default; a value that is not a
 * positive number means 0.
 */
export function delayOf(value: unknown, byDefault: number): number {
  if (value === undefined) return byDefault;
  const ms = Number(value);
  return ms > 0 ? ms : 0;
}

/**
 * Reads a clock. A falsy value means real time.
 * @throws OptionError for an object without `now()` or `after()`
 */
export function clockOf(value: Clock | undefined): Clock {
  if (!value) return systemClock;
  if (typeof value.now !== "function" || typeof value.after !== "function") {
    throw new OptionError("`clock` must be an object with now() and after()");
  }
  return value;
}

/** The result of `setTimeout`: a number in browser-like environments, such as jsdom under Jest. */
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

/** Chains timers for a delay beyond the longest; sets none for an infinite one. */
class LongTimer implements Timer {
  readonly #ms: number;
  readonly #fn: () => void;
  #timer: Timer | undefined;

  constructor(ms: number, fn: () => void) {
    this.#ms = ms;
    this.#fn = fn;
    this.refresh();
  }

  refresh(): void {
    this.cancel();
    if (this.#ms !== Infinity) this.#wait(this.#ms);
  }

  #wait(ms: number): void {
    const stage = Math.min(ms, LONGEST_DELAY);
    this.#timer = new SystemTimer(stage, ms === stage ? this.#fn : () => this.#wait(ms - stage));
  }

  cancel(): void {
    this.#timer?.cancel();
  }
}

/** Real time. Makes all timers of this package and of the server. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after: (ms, fn) => {
    // An invalid delay (negative, not a number) means the shortest. Node does
    // the same, with a warning.
    const delay = Math.max(1, delayOf(ms, 1));
    return delay > LONGEST_DELAY ? new LongTimer(delay, fn) : new SystemTimer(delay, fn);
  },
};
