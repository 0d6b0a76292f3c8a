import { OptionError } from "./core/index.ts";

/** A pending call that can be taken back or put off. */
export interface Timer {
  /** Starts the delay again from now. */
  refresh(): void;
  /** The call will not happen. Harmless when it has. */
  cancel(): void;
}

/** The time as connections see it; a test gives its own. */
export interface Clock {
  /** Milliseconds from any fixed moment; never goes back, whatever happens to the wall clock. */
  now(): number;
  /** Calls `fn` once, `ms` milliseconds from now: never for Infinity. The timer does not keep the process alive. */
  after(ms: number, fn: () => void): Timer;
}

/** The longest delay that `setTimeout` takes: it fires at once for a longer one. About 25 days. */
const LONGEST_DELAY = 2 ** 31 - 1;

/** A time as an option gives it, in milliseconds: undefined is the default; what is not a positive number is at once. */
export function delayOf(value: unknown, byDefault: number): number {
  if (value === undefined) return byDefault;
  const ms = Number(value);
  return ms > 0 ? ms : 0;
}

/**
 * A clock as an option gives it; what is as false is real time.
 * @throws OptionError for what cannot be asked for the time, or for a call later.
 */
export function clockOf(value: Clock | undefined): Clock {
  if (!value) return systemClock;
  if (typeof value.now !== "function" || typeof value.after !== "function") {
    throw new OptionError("clock is not an object with now() and after()");
  }
  return value;
}

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

/** A delay that is longer than the longest: one timer after the other, and none for an infinite one. */
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

/** Real time. The timers of this package and of the server are made here, and nowhere else. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after: (ms, fn) => {
    // What is not a delay (negative, not a number) is the shortest: Node takes it for that as well, with a warning.
    const delay = Math.max(1, delayOf(ms, 1));
    return delay > LONGEST_DELAY ? new LongTimer(delay, fn) : new SystemTimer(delay, fn);
  },
};
