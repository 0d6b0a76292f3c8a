import { afterEach, describe, expect, test } from "vitest";
import { TickQueue } from "../../packages/server/src/base/tick-queue.ts";
import { nextTurn, scheduleWith, runNextTick, ticks } from "../../packages/server/src/base/turn.ts";

/** Runs the queue by hand, so that its own `nextTick` finds it empty. */
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

  test("that takes long yields to other work, and neither loses nor reorders calls", async () => {
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
    // Small data that comes now must not queue behind big data.
    queue.add(-1, undefined);
    await new Promise<void>((resolve) => process.nextTick(resolve));
    expect(done.at(-1)).toBe(-1);
    while (done.length < all.length + 1) await new Promise((resolve) => setImmediate(resolve));
    expect(done.filter((number) => number >= 0)).toEqual(all);
  });
});

type Later = (this: void, fn: (...args: never[]) => void, ...args: unknown[]) => unknown;
const node = process as unknown as { nextTick: Later };
const { nextTick } = node;
const { setImmediate } = globalThis;
const endOfTick = (): Promise<void> =>
  new Promise((resolve) => {
    nextTick(resolve);
  });
const endOfTurn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

/** Acts like a test library: stores scheduled calls, and may never run them. */
function fakeTimers(): (() => void)[] {
  const kept: (() => void)[] = [];
  const keep = (fn: (...args: unknown[]) => void, ...args: unknown[]): unknown => kept.push(() => fn(...args));
  node.nextTick = keep as never;
  globalThis.setImmediate = keep as never;
  return kept;
}

function restoreTimers(): void {
  node.nextTick = nextTick;
  globalThis.setImmediate = setImmediate;
}

describe("timers that a test has replaced", () => {
  afterEach(restoreTimers);

  test("hold nothing up, and do nothing twice", async () => {
    const { queue, done } = setUp(() => {});
    const kept = fakeTimers();
    queue.add("a", 1);
    queue.add("b", 2);
    runNextTick(() => done.push("soon"), undefined);
    nextTurn(() => done.push("turn"), undefined);
    await endOfTick();
    expect(done).toEqual(["a1", "b2", "soon"]);
    await endOfTurn();
    expect(done).toEqual(["a1", "b2", "soon", "turn"]);
    for (const run of kept) run();
    expect(done).toHaveLength(4);
  });

  test("and dropped: added calls run with the next one", async () => {
    // As for a program that was loaded while they were replaced.
    const original = ticks.original;
    const { queue, done } = setUp(() => {});
    fakeTimers();
    (ticks as { original: unknown }).original = node.nextTick;
    try {
      queue.add("lost", 1);
      await endOfTick();
      expect(done).toEqual([]);
      restoreTimers();
      queue.add("next", 2);
      await endOfTick();
      expect(done).toEqual(["lost1", "next2"]);
      queue.add("after", 3);
      await endOfTick();
      expect(done).toEqual(["lost1", "next2", "after3"]);
    } finally {
      (ticks as { original: unknown }).original = original;
    }
  });

  test("are asked beside the original ones, and only where they differ", () => {
    const asked: string[] = [];
    const original = (): unknown => asked.push("original");
    const scheduler = { original, current: () => original };
    scheduleWith(scheduler, () => {}, undefined);
    expect(asked).toEqual(["original"]);
    scheduler.current = () => () => asked.push("current");
    scheduleWith(scheduler, () => {}, undefined);
    expect(asked).toEqual(["original", "original", "current"]);
  });
});
