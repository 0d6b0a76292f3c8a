import { asMethods } from "./globals.node.ts";

const NATIVE = { setTimeout, clearTimeout };

/** The clock for `useNativeTimers`: fake timers usually replace `Date` too. */
export const { now: nativeNow } = Date;

/** A running timer of the platform. Browsers use numbers, which have no `unref`. */
interface PlatformTimer {
  unref?(): unknown;
}

/** An object with its own timer functions, which {@link installTimerFunctions} adds; they may be protected. */
export interface TimerOwner {
  readonly opts: { readonly autoUnref?: boolean | undefined };
}

/** The owner with its functions, as this file sees it. */
interface Timed extends TimerOwner {
  setTimeoutFn(callback: () => void, ms: number): PlatformTimer;
  clearTimeoutFn(timer: PlatformTimer): void;
}

/**
 * Adds `setTimeoutFn` and `clearTimeoutFn` to an object: the current globals, or with `useNativeTimers` the globals at the
 * time the module was loaded.
 */
export function installTimerFunctions(target: object, options: { useNativeTimers?: boolean | undefined }): void {
  Object.assign(target, asMethods(options.useNativeTimers ? NATIVE : globalThis));
}

/** The longest delay of a platform timer in milliseconds; timers with longer delays fire at once. */
export const LONGEST = 2 ** 31 - 1;

/**
 * Calls back once after any number of milliseconds, beyond {@link LONGEST} too; never for `Infinity`. With `autoUnref` the
 * timer does not keep the process alive.
 *
 * @param owner a {@link TimerOwner}; typed `object`, as interfaces can't require protected members
 * @returns cancels the timer
 */
export function after(owner: object, ms: number, callback: () => void): () => void {
  let timer: PlatformTimer;
  const wait = (left: number): void => {
    timer =
      left > LONGEST
        ? (owner as Timed).setTimeoutFn(() => wait(left - LONGEST), LONGEST)
        : (owner as Timed).setTimeoutFn(callback, left);
    if ((owner as Timed).opts.autoUnref) timer.unref?.();
  };
  // NaN and negative values count as 0
  wait(Math.max(ms || 0, 0));
  return () => (owner as Timed).clearTimeoutFn(timer);
}
