import { OptionError } from "./core/index.ts";

/** The source of time. Tests supply their own. */
export interface Clock {
  /** Returns milliseconds since a fixed moment. */
  now(): number;
  /** Calls `fn` once, `ms` milliseconds from now or from the last `refresh`. */
  after(ms: number, fn: () => void): { refresh(): void; cancel(): void };
}

/** Longest delay of a Node timer, in milliseconds. Node turns longer ones into one millisecond. */
const LONGEST = 2 ** 31 - 1;

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

/**
 * Real time. Its timers do not keep the process alive. A delay may have any length; an
 * infinite one never ends.
 */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, fn) {
    if (ms > LONGEST) return longTimer(ms, fn);
    let timer = startTimer(fn, ms);
    const cancel = (): void => clearTimeout(timer);
    const refresh = (): void => {
      if (typeof timer.refresh === "function") return void timer.refresh();
      cancel();
      timer = startTimer(fn, ms);
    };
    return { refresh, cancel };
  },
};

/** Starts a timer that does not keep the process alive. With Jest and jsdom it is a number. */
function startTimer(fn: () => void, ms: number): NodeJS.Timeout {
  const timer = setTimeout(fn, ms);
  if (typeof timer.unref === "function") timer.unref();
  return timer;
}

/** Chains timers for a delay beyond the longest timer. */
function longTimer(ms: number, fn: () => void): { refresh(): void; cancel(): void } {
  let timer: NodeJS.Timeout | undefined = undefined;
  const wait = (left: number): void => {
    const step = Math.min(left, LONGEST);
    timer = startTimer(() => (step === left ? fn() : wait(left - step)), step);
  };
  const cancel = (): void => clearTimeout(timer);
  const start = (): void => {
    cancel();
    if (ms !== Infinity) wait(ms);
  };
  start();
  return { refresh: start, cancel };
}
