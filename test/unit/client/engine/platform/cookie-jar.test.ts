import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { CookieJar, parseCookie } from "../../../../../packages/client/src/engine/platform/cookie-jar.node.ts";

const NOW = Date.UTC(2030, 0, 1);
beforeEach(() => void vi.useFakeTimers({ now: NOW }));
afterEach(() => void vi.useRealTimers());

describe("parseCookie", () => {
  test.each([
    ["a=b", { name: "a", value: "b" }],
    [" a = b ; Path=/", { name: "a", value: "b" }],
    ['a="b c"; HttpOnly', { name: "a", value: "b c" }],
    ["a=b=c", { name: "a", value: "b=c" }],
    ["a=", { name: "a", value: "" }],
    ["a=b;Max-Age=10", { name: "a", value: "b", expires: new Date(NOW + 10_000) }],
    ["a=b; max-age=0", { name: "a", value: "b", expires: new Date(0) }],
    ["a=b; Max-Age=-1", { name: "a", value: "b", expires: new Date(0) }],
    ["a=b; Max-Age=soon", { name: "a", value: "b", expires: new Date(0) }],
    ["a=b; Expires=Wed, 01 Jan 2031 00:00:00 GMT", { name: "a", value: "b", expires: new Date(Date.UTC(2031, 0, 1)) }],
    ["a=b; Expires=never", { name: "a", value: "b", expires: new Date(0) }],
    [
      "a=b; Max-Age=10; Expires=Wed, 01 Jan 2031 00:00:00 GMT",
      { name: "a", value: "b", expires: new Date(NOW + 10_000) },
    ],
    ["", undefined],
    ["no-value", undefined],
    ["=b", undefined],
    ["a=" + "x".repeat(9000), undefined],
  ])("%j", (header, expected) => {
    expect(parseCookie(header)).toEqual(expected);
  });
});

describe("jar", () => {
  test("cookies are replaced by name, and gone once they have expired", () => {
    const jar = new CookieJar();
    jar.parseCookies(["a=1", "b=2; Max-Age=10", "a=3"]);
    expect(jar.header).toBe("a=3; b=2");
    vi.setSystemTime(NOW + 10_000);
    expect(jar.header).toBe("a=3");
    jar.parseCookies(["a=; Max-Age=0"]);
    expect([...jar.cookies]).toEqual([]);
    expect(jar.header).toBe("");
  });

  test("their number is bounded", () => {
    const jar = new CookieJar();
    jar.parseCookies(Array.from({ length: 1000 }, (_value, i) => `c${i}=1`));
    expect([...jar.cookies]).toHaveLength(300);
    jar.parseCookies(["c0=2", "new=1"]);
    expect(jar.header.startsWith("c0=2;")).toBe(true);
    expect(jar.header).not.toContain("new");
  });

  test("without a header, the jar stays empty", () => {
    const jar = new CookieJar();
    jar.parseCookies(undefined);
    jar.parseCookies(null);
    expect(jar.header).toBe("");
  });
});
