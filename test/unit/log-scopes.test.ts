import { createRequire } from "node:module";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createLog, setLogScopes } from "../../packages/server/src/base/log.ts";

interface Debug {
  enable(scopes: string): void;
  disable(): string;
}

// The copy that the server uses.
const debug = createRequire(new URL("../../packages/server/package.json", import.meta.url))("debug") as Debug;

afterEach(() => setLogScopes("", undefined));

describe("scopes of the log that are enabled for a while", () => {
  const log = createLog("taps-test:one");
  const other = createLog("taps-test:two");

  it("enables those that match, and passes their lines on", () => {
    const written = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    const lines: unknown[] = [];
    setLogScopes("taps-test:*, -*:two", (...line) => lines.push(line));
    expect([log.enabled, other.enabled]).toEqual([true, false]);
    log("hello %s", "ann");
    expect(lines).toEqual([["taps-test:one", "hello %s", ["ann"]]]);
    expect(written).toHaveBeenCalledOnce();
    written.mockRestore();
    setLogScopes("", undefined);
    expect(log.enabled).toBe(false);
  });

  it("keeps what DEBUG enables, before, meanwhile and afterwards", () => {
    const before = debug.disable();
    debug.enable("taps-test:one");
    setLogScopes("taps-test:two", undefined);
    expect([log.enabled, other.enabled]).toEqual([true, true]);
    debug.enable("taps-test:two");
    expect([log.enabled, other.enabled]).toEqual([false, true]);
    setLogScopes("", undefined);
    expect([log.enabled, other.enabled]).toEqual([false, true]);
    debug.enable(before);
    expect(other.enabled).toBe(false);
  });

  it.each([
    ["taps-test:one", true],
    ["taps-test", false],
    ["*", true],
    ["*one", true],
    ["t*:o*e", true],
    ["t*one*one", false],
    ["*t".repeat(40), false],
  ])("matches %s: %s", (pattern, isMatch) => {
    setLogScopes(pattern, undefined);
    expect(log.enabled).toBe(isMatch);
  });
});
