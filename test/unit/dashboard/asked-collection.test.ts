import { constants, PerformanceObserver } from "node:perf_hooks";
import { expect, test } from "vitest";
import { AskedCollection } from "../../../packages/server/src/dashboard/findings/asked-collection.ts";

function makeAsked(bytes = 20e6) {
  const asks: unknown[] = [];
  return {
    asks,
    asked: new AskedCollection(
      (options) => void asks.push(options),
      () => bytes,
    ),
  };
}

test("a collection is asked for once a minute for each suspicion", () => {
  const { asks, asked } = makeAsked();
  for (let second = 0; second < 60; second++) asked.ask("heap", second);
  expect(asks).toEqual([{ type: "major", execution: "async" }]);
  asked.ask("closed sockets", 59);
  expect(asks).toHaveLength(2);
  asked.ask("heap", 60);
  expect(asks).toHaveLength(3);
});

test("no collection is asked for soon after one that came by itself, nor for a large heap", () => {
  const { asks, asked } = makeAsked();
  asked.collected(100);
  asked.ask("heap", 119);
  expect(asks).toEqual([]);
  asked.ask("heap", 120);
  expect(asks).toHaveLength(1);
  const large = makeAsked(500e6);
  large.asked.ask("heap", 0);
  expect(large.asks).toEqual([]);
});

test("the runtime collects the old generation, without a flag", async () => {
  let observer: PerformanceObserver | undefined;
  const collected = new Promise<void>((resolve) => {
    observer = new PerformanceObserver((list) => {
      const kinds = list.getEntries().map((entry) => (entry as unknown as { detail: { kind: number } }).detail.kind);
      if (kinds.includes(constants.NODE_PERFORMANCE_GC_MAJOR)) resolve();
    });
    observer.observe({ entryTypes: ["gc"] });
  });
  new AskedCollection(undefined, () => 0).ask("heap", 0);
  await collected;
  observer?.disconnect();
});
