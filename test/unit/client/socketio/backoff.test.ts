import { describe, expect, test } from "vitest";
import { backoffDelay } from "../../../../packages/client/src/socketio/backoff.ts";

const SETTINGS = { reconnectionDelay: 1000, reconnectionDelayMax: 5000, randomizationFactor: 0.5 };

describe("backoffDelay", () => {
  test("doubles up to the maximum", () => {
    const delays = [0, 1, 2, 3, 50, 5000].map((n) => backoffDelay(n, { ...SETTINGS, randomizationFactor: 0 }, 0.9));
    expect(delays).toEqual([1000, 2000, 4000, 5000, 5000, 5000]);
  });

  test.each([
    [0, 0, 500],
    [0, 0.5, 1000],
    [0, 0.999, 1499],
    [1, 0, 1000],
    [1, 0.75, 2500],
  ])("attempt %i strays by the factor: random %d gives %i", (attempt, random, delay) => {
    expect(backoffDelay(attempt, SETTINGS, random)).toBe(delay);
  });

  test("at the maximum clients stay spread, below it", () => {
    const delays = [0, 0.25, 0.5, 0.75].map((random) => backoffDelay(9, SETTINGS, random));
    expect(delays).toEqual([2500, 3750, 5000, 3750]);
  });

  test("a factor above 1 counts as 1: no delay is negative", () => {
    for (const random of [0, 0.5, 0.99]) {
      expect(backoffDelay(9, { ...SETTINGS, randomizationFactor: 7 }, random)).toBeGreaterThanOrEqual(0);
    }
  });
});
