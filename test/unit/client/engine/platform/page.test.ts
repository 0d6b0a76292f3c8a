import { afterEach, describe, expect, test, vi } from "vitest";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
  vi.resetModules();
});

test("events of the page become signals; only a page that may come back is frozen", async () => {
  const handlers = new Map<string, (event: object) => void>();
  vi.stubGlobal("addEventListener", (type: string, handler: (event: object) => void, capture: boolean) => {
    expect(capture).toBe(true);
    handlers.set(type, handler);
  });
  vi.resetModules();
  const { pageListeners } = await import("../../../../../packages/client/src/engine/platform/page.ts");
  const seen: string[] = [];
  pageListeners.add({ onPage_: (signal: string) => seen.push(signal) });
  const expected: [type: string, event: object, signals: string[]][] = [
    ["offline", {}, ["network connection lost"]],
    ["online", {}, ["wake"]],
    ["pageshow", { persisted: true }, ["wake"]],
    ["visibilitychange", {}, ["wake"]],
    ["freeze", {}, ["page frozen"]],
    ["pagehide", { persisted: true }, ["page frozen"]],
    ["pagehide", { persisted: false }, ["leave"]],
    ["beforeunload", {}, []],
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
  await expect(import("../../../../../packages/client/src/engine/platform/page.ts")).resolves.toBeDefined();
});

describe("a failure while the page is left", () => {
  async function load() {
    const handlers = new Map<string, (event: object) => void>();
    vi.stubGlobal("addEventListener", (type: string, handler: (event: object) => void) => handlers.set(type, handler));
    vi.resetModules();
    const { unlessLeaving } = await import("../../../../../packages/client/src/engine/platform/page.ts");
    const failures: string[] = [];
    const owner = { opts: {}, setTimeoutFn: setTimeout, clearTimeoutFn: clearTimeout };
    const fail = (name: string): void => unlessLeaving(owner, () => failures.push(name));
    return { signal: (type: string, event: object = {}) => handlers.get(type)!(event), fail, failures };
  }

  test.each(["beforeunload", "pagehide"])("is reported only if the page stays (%s)", async (type) => {
    vi.useFakeTimers();
    const { signal, fail, failures } = await load();
    fail("before");
    signal(type);
    fail("meanwhile");
    expect(failures).toEqual(["before"]);
    vi.advanceTimersByTime(1000);
    expect(failures).toEqual(["before", "meanwhile"]);
    fail("later");
    expect(failures).toEqual(["before", "meanwhile", "later"]);
  });

  test("is reported at once on a page that has come back", async () => {
    vi.useFakeTimers();
    const { signal, fail, failures } = await load();
    signal("pagehide");
    signal("pageshow", { persisted: true });
    fail("now");
    expect(failures).toEqual(["now"]);
  });
});

test("events of another manner keep nothing from loading", async () => {
  vi.stubGlobal("addEventListener", () => {
    throw new Error("not here");
  });
  vi.resetModules();
  await expect(import("../../../../../packages/client/src/engine/platform/page.ts")).resolves.toBeDefined();
});
