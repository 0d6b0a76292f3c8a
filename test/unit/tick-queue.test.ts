import { describe, expect, test } from "vitest";
import { TickQueue } from "../../packages/server/src/tick-queue.ts";

/** Runs the queue by hand: the `nextTick` that it asked for finds nothing left to do. */
function setUp(run: (name: string) => void) {
  const done: string[] = [];
  const queue = new TickQueue<string, number>((name, argument) => {
    done.push(`${name}${argument}`);
    run(name);
  });
  return { queue, done };
}

describe("work for the end of the tick", () => {
  test("waits for the end of the tick, and is done in order", async () => {
    const { queue, done } = setUp(() => {});
    queue.add("a", 1);
    queue.add("b", 2);
    expect(done).toEqual([]);
    await new Promise<void>((resolve) => process.nextTick(resolve));
    expect(done).toEqual(["a1", "b2"]);
  });

  test("that comes in meanwhile has a turn of its own", () => {
    const { queue, done } = setUp((name) => name === "a" && queue.add("later", 3));
    queue.add("a", 1);
    queue.add("b", 2);
    queue.runAll();
    expect(done).toEqual(["a1", "b2"]);
    queue.runAll();
    expect(done).toEqual(["a1", "b2", "later3"]);
  });

  test("is not lost when something before it throws", () => {
    const { queue, done } = setUp((name) => {
      if (name !== "bad") return;
      queue.add("later", 4);
      throw new Error("the application's");
    });
    queue.add("a", 1);
    queue.add("bad", 2);
    queue.add("b", 3);
    expect(() => queue.runAll()).toThrow("the application's");
    expect(done).toEqual(["a1", "bad2"]);
    queue.runAll();
    expect(done).toEqual(["a1", "bad2", "b3", "later4"]);
  });

  test("that takes long lets other things have their turn, and loses and reorders nothing", async () => {
    const done: number[] = [];
    const queue = new TickQueue<number>((number) => {
      const end = performance.now() + 0.01;
      done.push(number);
      while (performance.now() < end);
    }, 0);
    const all = Array.from({ length: 1000 }, (_, number) => number);
    for (const number of all) queue.add(number, undefined);
    await new Promise((resolve) => setImmediate(resolve));
    const first = done.length;
    expect(first).toBeLessThan(all.length);
    // What comes in now is small, and does not wait for what is big.
    queue.add(-1, undefined);
    await new Promise<void>((resolve) => process.nextTick(resolve));
    expect(done.at(-1)).toBe(-1);
    while (done.length < all.length + 1) await new Promise((resolve) => setImmediate(resolve));
    expect(done.filter((number) => number >= 0)).toEqual(all);
  });
});
