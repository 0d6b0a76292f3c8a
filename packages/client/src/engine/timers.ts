import type { Untyped } from "../typed-events.ts";

const { setTimeout, clearTimeout } = globalThis;
const NATIVE = { setTimeout, clearTimeout };

/** The clock that belongs to `useNativeTimers`: timers are faked together with `Date`. */
export const { now: nativeNow } = Date;

/** A running timer, of whatever kind the platform has. */
export type Timer = Untyped;

/** An object that has timers of its own. */
export interface TimerFunctions {
  setTimeoutFn: (callback: () => void, ms?: number) => Timer;
  clearTimeoutFn: (timer: Timer) => void;
}

/**
 * Gives an object the functions `setTimeoutFn` and `clearTimeoutFn`: the global ones of this moment, or with
 * `useNativeTimers` those from when the module was loaded.
 */
export function installTimerFunctions(target: object, options: { useNativeTimers?: boolean | undefined }): void {
  const { setTimeout, clearTimeout } = options.useNativeTimers ? NATIVE : globalThis;
  Object.assign(target, { setTimeoutFn: setTimeout.bind(globalThis), clearTimeoutFn: clearTimeout.bind(globalThis) });
}

/**
 * Calls back once, `ms` milliseconds from now; with `autoUnref` that does not keep the process alive.
 *
 * @param owner has {@link TimerFunctions}, which may be protected, and options
 * @returns takes it back
 */
export function after(owner: Untyped, ms: number, callback: () => void): () => void {
  const timer = owner.setTimeoutFn(callback, ms);
  if (owner.opts.autoUnref) timer.unref?.();
  return () => owner.clearTimeoutFn(timer);
}
