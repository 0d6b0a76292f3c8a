import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import { moveAway, paceOf } from "../../../packages/server/src/engine/departure.ts";
import { FakeClock } from "../support/fake-clock.ts";

/** The number of a hundred sessions that have ended after each second of a drain. */
function departures(options: object, seconds: number): number[] {
  const clock = new FakeClock();
  let ended = 0;
  const sessions = Array.from({ length: 100 }, () =>
    Object.assign(new EventEmitter(), { readyState: "open", close: () => void ended++ }),
  );
  void moveAway(sessions as never, clock, paceOf(clock, options));
  return Array.from({ length: seconds }, () => (clock.advance(1000), ended));
}

test.each([Infinity, undefined, null, Number.NaN, "soon"])(
  "a deadline of %s moves sessions at the usual pace",
  (deadline) => {
    const counts = departures({ deadline }, 29);
    expect(counts[10]).toBeGreaterThan(20);
    expect(counts[10]).toBeLessThan(60);
    expect(counts[28]).toBeGreaterThan(90);
  },
);

test.each([0, -1])("a deadline of %d moves them all at once", (deadline) => {
  expect(departures({ deadline }, 1)[0]).toBeGreaterThanOrEqual(100);
});

test.each([
  [10, 50],
  ["10", 50],
  [1e-3, 1],
  [Infinity, 100],
])("a rate of %s per second", (rate, after5) => {
  expect(departures({ rate }, 5)[4]).toBeCloseTo(after5, -1);
});

test.each([null, Number.NaN, "fast"])("a rate that is not a number, %s, counts as not given", (rate) => {
  expect(departures({ rate }, 11)).toEqual(departures({}, 11));
});
