import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { serverClock } from "../../packages/server/src/base/clock.ts";
import { systemClock as webSocketClock } from "../../packages/websocket/src/clock.ts";

const DAY = 24 * 60 * 60 * 1000;

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** The days after which a timer has fired; undefined: it has not within four months. */
function firesAfter(ms: number): number | undefined {
  let fired = false;
  const timer = serverClock.after(ms, () => (fired = true));
  for (let day = 0; day <= 120; day++) {
    vi.advanceTimersByTime(1);
    if (fired) return day;
    vi.advanceTimersByTime(DAY - 1);
  }
  timer.cancel();
  return undefined;
}

test.each([
  [2 ** 31 - 1, 25],
  [2 ** 31, 25],
  [30 * DAY, 30],
  [60 * DAY, 60],
  [100 * DAY, 100],
  [2 ** 53, undefined],
  [Infinity, undefined],
])("a delay of %d ms lasts as long as it says", (ms, day) => expect(firesAfter(ms)).toBe(day));

test.each([0, -1, -Infinity, Number.NaN, null, undefined, "soon"])(
  "an invalid delay, %s, counts as the shortest",
  (ms) => {
    const warnings: unknown[] = [];
    const warn = (warning: unknown): unknown => warnings.push(warning);
    process.on("warning", warn);
    expect(firesAfter(ms as number)).toBe(0);
    process.off("warning", warn);
    expect(warnings).toEqual([]);
  },
);

test("a long delay can be put off and taken back", () => {
  let count = 0;
  const timer = serverClock.after(30 * DAY, () => count++);
  vi.advanceTimersByTime(29 * DAY);
  timer.refresh();
  vi.advanceTimersByTime(29 * DAY);
  expect(count).toBe(0);
  vi.advanceTimersByTime(DAY);
  expect(count).toBe(1);
  timer.refresh();
  vi.advanceTimersByTime(30 * DAY);
  expect(count).toBe(2);
  timer.refresh();
  timer.cancel();
  vi.advanceTimersByTime(60 * DAY);
  expect(count).toBe(2);
  expect(vi.getTimerCount()).toBe(0);
});

test("numbers in text are read", () => {
  let fired = false;
  serverClock.after("3000000000" as unknown as number, () => (fired = true));
  vi.advanceTimersByTime(2_999_999_999);
  expect(fired).toBe(false);
  vi.advanceTimersByTime(1);
  expect(fired).toBe(true);
});

test.each([
  ["the server", serverClock],
  ["WebSockets", webSocketClock],
])("timers that are numbers, as under Jest with jsdom, serve %s", (_whose, clock) => {
  const { setTimeout: fake } = globalThis;
  let fired = 0;
  globalThis.setTimeout = ((fn: () => void, ms: number) => Number(fake(fn, ms))) as unknown as typeof fake;
  const timer = clock.after(100, () => fired++);
  const cancelled = clock.after(100, () => fired++);
  vi.advanceTimersByTime(60);
  timer.refresh();
  cancelled.cancel();
  vi.advanceTimersByTime(60);
  expect(fired).toBe(0);
  vi.advanceTimersByTime(60);
  globalThis.setTimeout = fake;
  expect(fired).toBe(1);
});

test("the clock goes on while a test holds performance.now", () => {
  const before = serverClock.now();
  const stopped = vi.spyOn(globalThis.performance, "now").mockReturnValue(Number.NaN);
  const held = serverClock.now();
  stopped.mockRestore();
  expect(held).toBeGreaterThanOrEqual(before);
});
