import { expect, test } from "vitest";
import { Histogram } from "../../../packages/server/src/engine/report/histogram.ts";

test("a value is in the first bucket whose bound it does not exceed", () => {
  const histogram = new Histogram([1, 10]);
  for (const value of [0, 1, 1.5, 10, 11, 1e9]) histogram.add(value);
  expect(histogram.report()).toEqual({ counts: [2, 2, 2], sum: 23.5 + 1e9 });
});

test("a clock that was set back takes nothing from the sum", () => {
  const histogram = new Histogram([1]);
  histogram.add(2);
  histogram.add(-5);
  expect(histogram.report()).toEqual({ counts: [1, 1], sum: 2 });
});

test("a report is not changed by later values", () => {
  const histogram = new Histogram([1]);
  const before = histogram.report();
  histogram.add(1);
  expect(before).toEqual({ counts: [0, 0], sum: 0 });
});
