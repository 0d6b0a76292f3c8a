import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { systemClock } from "../../../packages/websocket/src/clock.ts";

describe("systemClock", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("returns the time and calls back once", () => {
    const fn = vi.fn();
    const start = systemClock.now();
    systemClock.after(100, fn);
    vi.advanceTimersByTime(99);
    expect(fn).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1000);
    expect(fn).toHaveBeenCalledTimes(1);
    expect(systemClock.now() - start).toBeCloseTo(1099);
  });

  it.each([2 ** 31, 2 ** 31 - 1, 5e9])("accepts delays beyond the platform's longest: %d ms", (ms) => {
    const [fn, cancelled] = [vi.fn(), vi.fn()];
    const timer = systemClock.after(ms, fn);
    systemClock.after(ms, cancelled).cancel();
    vi.advanceTimersByTime(ms - 1);
    expect(fn).not.toHaveBeenCalled();
    timer.refresh();
    vi.advanceTimersByTime(ms - 1);
    expect(fn).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(fn).toHaveBeenCalledTimes(1);
    expect(cancelled).not.toHaveBeenCalled();
  });

  it("never ends an infinite delay", () => {
    const fn = vi.fn();
    const timer = systemClock.after(Infinity, fn);
    timer.refresh();
    vi.advanceTimersByTime(1e10);
    timer.cancel();
    expect(fn).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });

  it("restarts on refresh, and stops on cancel", () => {
    const [refreshed, cancelled] = [vi.fn(), vi.fn()];
    const timer = systemClock.after(100, refreshed);
    systemClock.after(100, cancelled).cancel();
    vi.advanceTimersByTime(60);
    timer.refresh();
    vi.advanceTimersByTime(60);
    expect(refreshed).not.toHaveBeenCalled();
    vi.advanceTimersByTime(40);
    expect(refreshed).toHaveBeenCalledTimes(1);
    expect(cancelled).not.toHaveBeenCalled();
  });
});
