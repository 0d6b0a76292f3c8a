import { afterEach, expect, test, vi } from "vitest";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

test("events of the page become signals; only a page that may come back is frozen", async () => {
  const handlers = new Map<string, (event: object) => void>();
  vi.stubGlobal("addEventListener", (type: string, handler: (event: object) => void, capture: boolean) => {
    expect(capture).toBe(true);
    handlers.set(type, handler);
  });
  vi.resetModules();
  const { pageListeners } = await import("../../../../packages/client/src/engine/page.ts");
  const seen: string[] = [];
  pageListeners.add((signal) => seen.push(signal));
  const expected: [type: string, event: object, signals: string[]][] = [
    ["offline", {}, ["network connection lost"]],
    ["online", {}, ["wake"]],
    ["pageshow", { persisted: true }, ["wake"]],
    ["visibilitychange", {}, ["wake"]],
    ["freeze", {}, ["page frozen"]],
    ["pagehide", { persisted: true }, ["page frozen"]],
    ["pagehide", { persisted: false }, []],
    ["beforeunload", {}, ["leave"]],
  ];
  for (const [type, event, signals] of expected) {
    seen.length = 0;
    handlers.get(type)!(event);
    expect(seen, type).toEqual(signals);
  }
  expect(handlers.size).toBe(7);
});

test("without a page nothing happens", async () => {
  vi.stubGlobal("addEventListener", undefined);
  vi.resetModules();
  await expect(import("../../../../packages/client/src/engine/page.ts")).resolves.toBeDefined();
});
