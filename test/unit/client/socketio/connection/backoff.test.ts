import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Backoff, Restraint } from "../../../../../packages/client/src/socketio/connection/backoff.ts";

interface Settings {
  min?: number;
  max?: number;
  jitter?: number;
}

const make = ({ min = 1000, max = 5000, jitter = 0.5 }: Settings = {}): Backoff => new Backoff(min, max, jitter);

describe("Backoff", () => {
  test("doubles up to the maximum", () => {
    const backoff = make({ jitter: 0 });
    expect([0, 1, 2, 3, 50, 5000].map((n) => backoff.delay(n))).toEqual([1000, 2000, 4000, 5000, 5000, 5000]);
  });

  test.each([
    [0, 0, 500],
    [0, 0.5, 1000],
    [0, 0.999, 1499],
    [1, 0, 1000],
    [1, 0.75, 2500],
  ])("attempt %i strays by the factor: random %d gives %i", (attempt, random, delay) => {
    expect(make().delay(attempt, random)).toBe(delay);
  });

  test("at the maximum clients stay spread, below it", () => {
    const delays = [0, 0.25, 0.5, 0.75].map((random) => make().delay(9, random));
    expect(delays).toEqual([2500, 3750, 5000, 3750]);
  });

  test("counts, starts anew, and can be changed", () => {
    const backoff = make({ jitter: 0 });
    expect([backoff.duration(), backoff.duration(), backoff.attempts]).toEqual([1000, 2000, 2]);
    backoff.reset();
    backoff.setMin(10);
    backoff.setMax(15);
    backoff.setJitter(0);
    expect([backoff.duration(), backoff.duration(), backoff.attempts]).toEqual([10, 15, 2]);
  });

  test("goes on where it was after a connection that has not lasted", () => {
    const backoff = make({ jitter: 0 });
    backoff.duration();
    backoff.succeed_();
    expect([backoff.attempts, backoff.duration(), backoff.attempts]).toEqual([0, 2000, 1]);
  });

  // the setting, and the first four delays and the hundredth
  test.each<[string, Settings, number[]]>([
    ["no limit", { max: Infinity }, [1000, 2000, 4000, 8000, 2 ** 31 - 1]],
    [
      "more than a timer can take",
      { min: 2 ** 40, max: 2 ** 41 },
      [2 ** 31 - 1, 2 ** 31 - 1, 2 ** 31 - 1, 2 ** 31 - 1, 2 ** 31 - 1],
    ],
    ["min 0", { min: 0 }, [1, 2, 4, 8, 5000]],
    ["min below 0", { min: -1 }, [1, 2, 4, 8, 5000]],
    ["min NaN", { min: NaN }, [1, 2, 4, 8, 5000]],
    ["min is text", { min: "300" as unknown as number }, [300, 600, 1200, 2400, 5000]],
    ["min is not a number", { min: "soon" as unknown as number }, [1, 2, 4, 8, 5000]],
    ["max 0", { max: 0 }, [1000, 2000, 4000, 5000, 5000]],
    ["max below 0", { max: -5 }, [1000, 2000, 4000, 5000, 5000]],
    ["max NaN", { max: NaN }, [1000, 2000, 4000, 5000, 5000]],
    ["max is text", { max: "2000" as unknown as number }, [1000, 2000, 2000, 2000, 2000]],
    ["max below min", { max: 10 }, [10, 10, 10, 10, 10]],
  ])("%s", (_, settings, delays) => {
    const backoff = make({ jitter: 0, ...settings });
    expect([0, 1, 2, 3, 100].map((n) => backoff.delay(n))).toEqual(delays);
  });

  test.each([7, Infinity, -1, NaN, "0.5", null, true])("jitter %s keeps delays between 0 and the maximum", (jitter) => {
    const backoff = make({ jitter: jitter as number });
    for (const random of [0, 0.5, 0.99]) {
      expect(backoff.delay(9, random)).toBeGreaterThanOrEqual(0);
      expect(backoff.delay(9, random)).toBeLessThanOrEqual(5000);
    }
  });
});

describe("Restraint", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"] }));
  afterEach(() => void vi.useRealTimers());
  const backoff = make({ jitter: 0 });

  /** Fails at once, and wants to connect again `after` milliseconds later. */
  function answer(restraint: Restraint, after = 0): number {
    restraint.failed_();
    vi.setSystemTime(Date.now() + after);
    return restraint.delay(backoff);
  }

  test("the first answer to failures is immediate, the next ones wait longer and longer", () => {
    const restraint = new Restraint();
    expect(restraint.delay(backoff)).toBe(0);
    expect([1, 2, 3, 4].map(() => answer(restraint))).toEqual([0, 1000, 2000, 4000]);
  });

  test("a program that waits by itself does not wait longer", () => {
    const restraint = new Restraint();
    expect([1, 2, 3].map(() => answer(restraint, 150))).toEqual([0, 0, 0]);
    expect([1, 2].map(() => answer(restraint, 50))).toEqual([0, 1000]);
  });

  test("a connection that lasts resets the delays; a short one does not", () => {
    const restraint = new Restraint();
    answer(restraint);
    restraint.opened_();
    vi.setSystemTime(Date.now() + 4999);
    expect(answer(restraint)).toBe(1000);
    restraint.opened_();
    vi.setSystemTime(Date.now() + 5000);
    expect(answer(restraint)).toBe(0);
  });

  test("a clock set back does not delay attempts", () => {
    const restraint = new Restraint();
    answer(restraint);
    restraint.failed_();
    vi.setSystemTime(Date.now() - 1e6);
    expect(restraint.delay(backoff)).toBe(0);
  });
});
