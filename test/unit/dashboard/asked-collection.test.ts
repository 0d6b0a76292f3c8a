import { constants, PerformanceObserver } from "node:perf_hooks";
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { AskedCollection } from "../../../packages/server/src/dashboard/findings/asked-collection.ts";
import { findIncrementalMarking } from "../../../packages/server/src/dashboard/findings/incremental-marking.ts";

/** An asked collection over a fake heap, and what it does in which second. */
function makeAsked({ finds = true } = {}) {
  let bytes = 20e6;
  let second = 0;
  const done: string[] = [];
  const find = () => {
    done.push(`found at ${second}`);
    return finds ? () => void done.push(`started at ${second}`) : undefined;
  };
  const asked = new AskedCollection(find, () => bytes);
  return {
    done,
    asked,
    grow: (to: number) => (bytes = to),
    /** Asks in each second of a span. */
    ask: async (suspicion: "heap" | "closed sockets", from: number, to: number) => {
      for (second = from; second <= to; second++) {
        asked.ask(suspicion, second);
        await nextTurn();
      }
    },
  };
}

test("a collection is started once a minute for each suspicion", async () => {
  const { done, ask } = makeAsked();
  await ask("heap", 0, 60);
  expect(done).toEqual(["found at 0", "started at 0", "started at 60"]);
  await ask("closed sockets", 61, 61);
  expect(done.slice(3)).toEqual(["started at 61"]);
});

test("a collection starts in a turn of its own", async () => {
  const { done, asked } = makeAsked();
  asked.ask("heap", 0);
  expect(done).toEqual(["found at 0"]);
  await nextTurn();
  expect(done).toEqual(["found at 0", "started at 0"]);
});

test("a collection that came lately by itself is enough, and in a large heap it is awaited", async () => {
  const { asked, done, ask, grow } = makeAsked();
  asked.collected(100);
  await ask("heap", 100, 119);
  grow(500e6);
  await ask("heap", 120, 150);
  expect(done).toEqual([]);
  grow(90e6);
  await ask("heap", 151, 160);
  expect(done).toEqual(["found at 151", "started at 151"]);
});

test("a runtime that has none to give is asked once, and its own collections are awaited", async () => {
  const { done, ask } = makeAsked({ finds: false });
  await ask("heap", 0, 200);
  expect(done).toEqual(["found at 0"]);
});

test("the runtime collects the old generation in steps, without a flag", async () => {
  let observer: PerformanceObserver | undefined;
  const seen: Array<{ readonly kind: number; readonly flags: number }> = [];
  const collected = new Promise<void>((resolve) => {
    observer = new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        const { detail } = entry as unknown as { detail: (typeof seen)[number] };
        if (detail.kind !== constants.NODE_PERFORMANCE_GC_MINOR) seen.push(detail);
      }
      if (seen.some(({ kind }) => kind === constants.NODE_PERFORMANCE_GC_MAJOR)) resolve();
    });
    observer.observe({ entryTypes: ["gc"] });
  });
  findIncrementalMarking()?.();
  await collected;
  observer?.disconnect();
  expect(seen[0]?.kind).toBe(constants.NODE_PERFORMANCE_GC_INCREMENTAL);
  expect(seen.some(({ flags }) => flags & constants.NODE_PERFORMANCE_GC_FLAGS_FORCED)).toBe(false);
});
