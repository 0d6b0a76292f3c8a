import { expect, test } from "vitest";
import { EntryRing, MinuteSummary, SeriesRing } from "../../../packages/server/src/dashboard/rings.ts";

const read = (ring: SeriesRing, series: number): number[] => {
  const values = new Float32Array(ring.size + 2).fill(-1);
  ring.copy(series, values, 1);
  expect([values[0], values.at(-1)]).toEqual([-1, -1]);
  return Array.from(values).slice(1, -1);
};

test.each([0, 1, 2, 3, 4, 5, 6, 7, 300])("a ring of 3 keeps the last of %d rows, the oldest first", (count) => {
  const ring = new SeriesRing(2, 3);
  const rows = Array.from({ length: count }, (_, index) => [index, -index]);
  for (const row of rows) ring.push(row);
  const kept = rows.slice(-3);
  expect(read(ring, 0)).toEqual(kept.map(([first]) => first));
  expect(read(ring, 1)).toEqual(kept.map(([, second]) => second));
});

test.each([0, 1, 3, 4, 11])("a ring of entries returns the last 3 of %d, the newest first", (count) => {
  const ring = new EntryRing<number>(3);
  for (let index = 0; index < count; index += 1) ring.push(index);
  const kept = [1, 2, 3].map((back) => count - back).filter((index) => index >= 0);
  expect([...ring.newest()]).toEqual(kept);
});

test("a summary leaves NaN out, and begins anew", () => {
  const summary = new MinuteSummary(2);
  for (const row of [[1, Number.NaN], [3, Number.NaN], [Number.NaN]]) summary.add(row);
  const first = summary.take();
  expect([first.least[0], first.most[0], first.mean[0]]).toEqual([1, 3, 2]);
  for (const { 1: value } of [first.least, first.most, first.mean]) expect(value).toBeNaN();
  summary.add([7, 8]);
  const { least, most, mean } = summary.take();
  expect([...least, ...most, ...mean]).toEqual([7, 8, 7, 8, 7, 8]);
});
