import { OptionError } from "./core/index.ts";

/** The time as this package sees it; a test gives its own. */
export interface Clock {
  /** Milliseconds since any fixed moment. */
  now(): number;
  /** Calls `fn` once, `ms` milliseconds from now or from the last `refresh`. */
  after(ms: number, fn: () => void): { refresh(): void; cancel(): void };
}

/** Milliseconds of a timer of Node: it takes more for one millisecond. */
const LONGEST = 2 ** 31 - 1;

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

/** Real time. Its timers do not keep a process alive. They may be of any length: an infinite one never ends. */
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

/** Starts a timer that does not keep a process alive. It may be a number: under Jest with jsdom it is. */
function startTimer(fn: () => void, ms: number): NodeJS.Timeout {
  const timer = setTimeout(fn, ms);
  if (typeof timer.unref === "function") timer.unref();
  return timer;
}

/** A time beyond the longest timer, as several in a row. */
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
