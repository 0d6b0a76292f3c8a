import { expect, it } from "vitest";
import { numberMarks, timeMarks } from "../../../packages/server/dashboard-page/src/axis.ts";
import {
  extentOf,
  newest,
  NO_LINES,
  pathOf,
  readMinutes,
  readSeconds,
  sampled,
  withHistory,
  withTick,
  type Lines,
} from "../../../packages/server/dashboard-page/src/figures.ts";

const NAMES = ["a", "b"];
/** Bytes at an odd place, as the second half of a message may be. */
function bytesOf(...values: number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4 + 1).subarray(1);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  for (const [index, value] of values.entries()) view.setFloat32(index * 4, value, true);
  return bytes;
}

it("reads a history of seconds, with gaps", () => {
  const history = { from: 1_000, step: 1_000, count: 2, values: bytesOf(1, Number.NaN, 3, 4) };
  const lines = readSeconds(NAMES, history);
  expect(lines.times).toEqual([1_000, 2_000]);
  expect(lines.values.get("a")).toEqual([1, null]);
  expect(lines.values.get("b")).toEqual([3, 4]);
});

it("reads the means of a history of minutes", () => {
  const values = bytesOf(1, 2, 5, 6, 3, 4, 10, 20, 50, 60, 30, 40);
  const lines = readMinutes(NAMES, { from: 0, step: 60_000, count: 2, values });
  expect(lines.values.get("a")).toEqual([3, 4]);
  expect(lines.values.get("b")).toEqual([30, 40]);
});

it("adds ticks, once each, and keeps 5 minutes of them", () => {
  let lines: Lines = NO_LINES;
  for (let second = 1; second <= 310; second += 1) lines = withTick(lines, NAMES, [second * 1_000, second, null]);
  expect(lines.times).toHaveLength(300);
  expect(lines.times[0]).toBe(11_000);
  expect(newest(lines, "a")).toBe(310);
  expect(newest(lines, "b")).toBeNull();
  expect(newest(lines, "c")).toBeNull();
  expect(withTick(lines, NAMES, [310_000, 0, 0])).toBe(lines);
});

it("puts the history before ticks that came meanwhile", () => {
  const history = readSeconds(["a"], { from: 1_000, step: 1_000, count: 2, values: bytesOf(1, 2) });
  const ticked = withTick(withTick(NO_LINES, ["a"], [2_000, 9]), ["a"], [3_000, 3]);
  const lines = withHistory(history, ticked, ["a"]);
  expect(lines.times).toEqual([1_000, 2_000, 3_000]);
  expect(lines.values.get("a")).toEqual([1, 2, 3]);
});

it("draws a path with gaps where values are not known", () => {
  expect(pathOf([0, 5, null, 10], { width: 30, height: 10, most: 10 })).toBe("M0.0 10.0L10.0 5.0M30.0 0.0");
  expect(pathOf([0, 0], { width: 10, height: 10, most: 0 })).toBe("M0.0 10.0L10.0 10.0");
  expect(extentOf([null, 4, 2])).toEqual({ least: 2, most: 4 });
  expect(extentOf([null])).toBeUndefined();
});

it("samples means for a table, the newest first", () => {
  const lines: Lines = { times: [1, 2, 3, 4, 5], values: new Map([["a", [1, 3, null, 5, null]]]) };
  expect(sampled(lines, ["a"], 3)).toEqual([
    [4, [5]],
    [2, [3]],
    [1, [1]],
  ]);
});

it.each([
  [0, []],
  [1, [0.2, 0.4, 0.6, 0.8, 1]],
  [12.9, [5, 10]],
  [14_000, [5_000, 10_000]],
  [Number.NaN, []],
])("marks an axis up to %d", (most, marks) => {
  expect(numberMarks(most, 5)).toEqual(marks);
});

it("marks round times by the clock of the viewer", () => {
  const from = Date.UTC(2030, 0, 1, 10, 3, 20);
  const minute = 60_000;
  expect(timeMarks(from, from + 5 * minute, 5, 0)).toEqual([4, 5, 6, 7, 8].map((at) => Date.UTC(2030, 0, 1, 10, at)));
  const halfPast = 5.5 * 60 * minute;
  expect(timeMarks(from, from + 24 * 60 * minute, 4, halfPast)[0]).toBe(Date.UTC(2030, 0, 1, 12, 30));
});
