import { describe, expect, test } from "vitest";
import { Counts } from "../../../packages/server/src/dashboard/findings/counts.ts";
import { GrowthWatch } from "../../../packages/server/src/dashboard/findings/growth.ts";
import { HeapWatch } from "../../../packages/server/src/dashboard/findings/heap.ts";
import { Random } from "../../support/random.ts";

describe("growth", () => {
  const watchFor = (
    seconds: number,
    valueAt: (second: number) => number,
    connectionsAt = (): number => 100,
  ): string[] => {
    const watch = new GrowthWatch();
    const found: string[] = [];
    for (let second = 0; second < seconds; second++) {
      watch.turn(connectionsAt(), [["rooms", "count", valueAt(second)]]);
      if (watch.growing().length > 0) found.push(`${second}`);
    }
    return found;
  };

  test("is found within 45 s where something leaks", () => {
    const found = watchFor(120, (second) => 200 + Math.max(0, second - 30) * 10);
    expect(Number(found[0])).toBeLessThan(75);
  });

  test("is found at the least number of the figure, or of its unit", () => {
    const found = (least?: number): number => {
      const watch = new GrowthWatch();
      for (let second = 0; second < 40; second++) watch.turn(100, [["listeners", "count", 20 + second, least]]);
      return watch.growing().length;
    };
    expect([found(15), found(), found(40)]).toEqual([1, 0, 0]);
  });

  test.each([1, 2, 3, 4])("is not found in ten minutes of coming and going, seed %d", (seed) => {
    const random = new Random(seed);
    let rooms = 200;
    const found = watchFor(600, () => (rooms += random.below(21) - 10 + Math.round((200 - rooms) / 20)));
    // For less than the five seconds that make a finding.
    expect(found.length).toBeLessThan(5);
  });

  test("is not found while connections come", () => {
    let connections = 100;
    expect(
      watchFor(
        120,
        (second) => second * 10,
        () => (connections += 3),
      ),
    ).toEqual([]);
  });
});

describe("a heap", () => {
  /** A sawtooth: garbage piles up and is collected every 20 s; `kept` bytes a second stay. */
  const grows = (kept: number): boolean => {
    const watch = new HeapWatch();
    let live = 30e6;
    let garbage = 0;
    let found = false;
    for (let second = 0; second < 600; second++) {
      live += kept;
      garbage += 1e6;
      if (second % 20 === 19) {
        garbage = 0;
        watch.collected(live);
      }
      watch.turn(live + garbage, 100);
      found ||= watch.growing().length > 0;
    }
    return found;
  };

  test("is compared since the connections have come", () => {
    const watch = new HeapWatch();
    for (let second = 0; second < 60; second++) watch.turn(10e6 + second * 1e6, Math.min(100, second * 10));
    watch.collected(60e6);
    expect(watch.growing()).toMatchObject([{ what: "heap", before: 20e6, after: 60e6 }]);
    for (let second = 0; second < 60; second++) watch.turn(60e6, 200);
    expect(watch.growing()).toEqual([]);
  });

  test("that only collects garbage does not grow", () => {
    expect(grows(0)).toBe(false);
  });

  test("does not grow where the memory of buffers is freed a moment after the collection", () => {
    const watch = new HeapWatch();
    for (let second = 0; second < 60; second++) watch.turn(30e6 + second * 1e6, 100);
    watch.collected(90e6);
    watch.turn(31e6, 100);
    expect(watch.growing()).toEqual([]);
  });

  test("grows where a part stays", () => {
    expect(grows(500_000)).toBe(true);
  });
});

describe("counts", () => {
  test("are kept for a minute, by name, in bounded memory", () => {
    const counts = new Counts();
    for (let i = 0; i < 1000; i++) counts.add(`name ${i}`);
    expect(counts.sums(1)).toHaveLength(64);
    counts.turn();
    counts.add("name 1");
    expect([counts.total(1), counts.total(2), counts.busySeconds(60)]).toEqual([1, 65, 2]);
    for (let second = 0; second < 60; second++) counts.turn();
    expect(counts.total(60)).toBe(0);
  });

  test("are known beside the largest burst", () => {
    const counts = new Counts();
    const second = (number: number): void => {
      for (let i = 0; i < number; i++) counts.add("");
      counts.turn();
    };
    expect(counts.besideBurst(60, 8)).toBe(0);
    for (const number of [0, 3, 40, 7, 0, 0]) second(number);
    expect(counts.besideBurst(60, 8)).toBe(0);
    for (let i = 0; i < 10; i++) second(1);
    expect(counts.besideBurst(60, 8)).toBe(7);
  });
});
