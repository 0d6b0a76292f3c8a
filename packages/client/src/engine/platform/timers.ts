import { asMethods } from "./globals.node.ts";

const { setTimeout, clearTimeout } = globalThis;
const NATIVE = { setTimeout, clearTimeout };

/** The clock that belongs to `useNativeTimers`: timers are faked together with `Date`. */
export const { now: nativeNow } = Date;

/** A running timer, of whatever kind the platform has: those that are numbers have no `unref`. */
interface Timer {
  unref?(): unknown;
}

/** An object that has timers of its own: {@link installTimerFunctions} gives it the functions, which may be protected. */
export interface TimerOwner {
  readonly opts: { readonly autoUnref?: boolean | undefined };
}

/** The same with its functions, as this file sees it. */
interface Timed extends TimerOwner {
  setTimeoutFn(callback: () => void, ms: number): Timer;
  clearTimeoutFn(timer: Timer): void;
}

/**
 * Gives an object the functions `setTimeoutFn` and `clearTimeoutFn`: the global ones of this moment, or with
 * `useNativeTimers` those from when the module was loaded.
 */
export function installTimerFunctions(target: object, options: { useNativeTimers?: boolean | undefined }): void {
  Object.assign(target, asMethods(options.useNativeTimers ? NATIVE : globalThis));
}

/** The longest delay that a timer of the platform can be set to; with a longer one it fires at once. */
export const LONGEST = 2 ** 31 - 1;

/**
 * Calls back once, `ms` milliseconds from now, however many these are; with `Infinity` never. With `autoUnref` that does
 * not keep the process alive.
 *
 * @param owner a {@link TimerOwner}, whose members may be protected: no interface can ask for these
 * @returns takes it back
 */
export function after(owner: object, ms: number, callback: () => void): () => void {
  let timer: Timer;
  const wait = (left: number): void => {
    timer =
      left > LONGEST
        ? (owner as Timed).setTimeoutFn(() => wait(left - LONGEST), LONGEST)
        : (owner as Timed).setTimeoutFn(callback, left);
    if ((owner as Timed).opts.autoUnref) timer.unref?.();
  };
  // NaN and what is below 0 count as 0
  wait(Math.max(ms || 0, 0));
  return () => (owner as Timed).clearTimeoutFn(timer);
}
