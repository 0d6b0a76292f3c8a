/** The time as this package sees it; a test gives its own. */
export interface Clock {
  /** Milliseconds since any fixed moment. */
  now(): number;
  /** Calls `fn` once, `ms` milliseconds from now or from the last `refresh`. */
  after(ms: number, fn: () => void): { refresh(): void; cancel(): void };
}

/** Real time. Its timers do not keep a process alive. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, fn) {
    const timer = setTimeout(fn, ms).unref();
    return { refresh: () => void timer.refresh(), cancel: () => clearTimeout(timer) };
  },
};
