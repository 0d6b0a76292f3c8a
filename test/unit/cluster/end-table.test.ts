import { describe, expect, test } from "vitest";
import { EndTable, type Numbered } from "../../../packages/cluster/src/exchange/end-table.ts";

class End implements Numbered<End> {
  readonly number: number;
  next: End | undefined = undefined;

  constructor(number: number) {
    this.number = number;
  }
}

/** The highest bit distinguishes the streams of both fronts. */
const OWNER_BIT = 0x8000_0000;

/** Numbers of streams, some of which share a bucket. */
const NUMBERS = [1, 2, 65, 129, 257, OWNER_BIT + 1, OWNER_BIT + 65, 0xffff_ffff];

function fill(numbers: readonly number[]): { table: EndTable<End>; ends: End[] } {
  const table = new EndTable<End>();
  const ends = numbers.map((number) => new End(number));
  for (const end of ends) table.add(end);
  return { table, ends };
}

describe("the ends of streams", () => {
  test("are found by their numbers", () => {
    const { table, ends } = fill(NUMBERS);
    expect(NUMBERS.map((number) => table.get(number))).toEqual(ends);
    expect(table.get(3)).toBe(undefined);
    expect(table.get(OWNER_BIT + 2)).toBe(undefined);
    expect(table.size).toBe(NUMBERS.length);
  });

  test.each(NUMBERS)("are found after %i was removed, which refers to none of them", (removed) => {
    const { table, ends } = fill(NUMBERS);
    const end = table.get(removed)!;
    table.remove(end);
    expect(table.get(removed)).toBe(undefined);
    expect(end.next).toBe(undefined);
    const rest = ends.filter((one) => one !== end);
    expect(rest.map(({ number }) => table.get(number))).toEqual(rest);
    expect(table.size).toBe(NUMBERS.length - 1);
  });

  test("an end that is not in the table is not removed", () => {
    const { table, ends } = fill(NUMBERS);
    table.remove(new End(1));
    table.remove(new End(3));
    expect(table.list()).toHaveLength(ends.length);
    expect(table.get(1)).toBe(ends[0]);
  });

  test("thousands of them are found, and leave in any order", () => {
    const numbers = Array.from({ length: 5000 }, (_, index) => (index % 2) * OWNER_BIT + index);
    const { table, ends } = fill(numbers);
    expect(new Set(table.list())).toEqual(new Set(ends));
    for (const end of ends) if (end.number % 3 === 0) table.remove(end);
    for (const end of ends) expect(table.get(end.number)).toBe(end.number % 3 === 0 ? undefined : end);
  });

  test("all of them leave at once", () => {
    const { table, ends } = fill(NUMBERS);
    expect(new Set(table.takeAll())).toEqual(new Set(ends));
    expect(ends.every(({ next }) => next === undefined)).toBe(true);
    expect(table.size).toBe(0);
    expect(table.list()).toEqual([]);
    table.add(ends[0]!);
    expect(table.get(1)).toBe(ends[0]);
  });
});
