import { parse as reference } from "engine.io-client";
import { afterEach, describe, expect, test, vi } from "vitest";
import { parse } from "../../../../../packages/client/src/engine/address/parse-uri.ts";
import { decodeQuery, encodeQuery } from "../../../../../packages/client/src/engine/address/query.ts";
import { resolveOptions } from "../../../../../packages/client/src/engine/address/target.ts";
import { chooseTransports } from "../../../../../packages/client/src/engine/transports/index.ts";

afterEach(() => vi.unstubAllGlobals());

const URIS = [
  "",
  "http://localhost",
  "https://localhost:8443/chat",
  "ws://example.org/",
  "wss://example.org:3000/a/b/c.js?x=1&y=2&empty=#top",
  "example.org",
  "example.org:3000",
  "localhost:3000/path/?a=b",
  "//example.org/x",
  "/only/a/path",
  "/file.txt",
  "?only=query",
  "http://user:secret@example.org:80/x",
  "http://user@example.org",
  "http://[::1]",
  "http://[2001:db8::1]:8080/a?b=c",
  "http://::1/x",
  "::1",
  "http://2001:db8:0:0:0:0:0:1/x?y=z",
  "http://example.org/a//b///c/",
  "http://example.org/?a=b=c&d",
  "https://example.org/#/route?not=query",
];

test.each(URIS)("parse(%j) returns the same as in engine.io-client", (uri) => {
  expect(parse(uri)).toEqual((reference as unknown as typeof parse)(uri));
});

test("a URI of more than 8000 characters is refused with the string that programs compare with", () => {
  expect(() => parse("x".repeat(8001))).toThrow("URI too long");
  expect(parse("x".repeat(8000)).host).toHaveLength(8000);
});

describe("where a socket connects", () => {
  const target = (uri: string | null, options = {}): unknown[] => {
    const { hostname, port, secure } = resolveOptions(uri, options);
    return [hostname, port, secure];
  };

  test.each([
    ["http://example.org", {}, ["example.org", "80", false]],
    ["https://example.org", {}, ["example.org", "443", true]],
    ["ws://example.org", {}, ["example.org", "80", false]],
    ["wss://example.org:3000/x?y=z", {}, ["example.org", "3000", true]],
    ["HTTPS://example.org", {}, ["example.org", "443", true]],
    ["Wss://example.org", {}, ["example.org", "443", true]],
    ["localhost:3000", {}, ["localhost", "3000", false]],
    ["//example.org:1", {}, ["example.org", "1", false]],
    ["http://user:secret@example.org:81", {}, ["example.org", "81", false]],
    ["http://[::1]:3000", {}, ["::1", "3000", false]],
    ["http://[::1]", {}, ["::1", "80", false]],
    ["http://::1", {}, ["::1", "80", false]],
    ["http://example.org", { hostname: "other", port: 1, secure: true }, ["example.org", "80", false]],
    [null, { hostname: "example.org" }, ["example.org", "80", false]],
    [null, { hostname: "example.org", secure: true }, ["example.org", "443", true]],
    [null, { hostname: "[::1]", port: 3000 }, ["::1", 3000, false]],
    [null, { host: "example.org", port: 3000 }, ["example.org", 3000, false]],
    [null, { host: "[::1]" }, ["::1", "80", false]],
    [null, { host: "::1" }, ["::1", "80", false]],
    [null, {}, ["localhost", "80", false]],
  ] as const)("%j %j", (uri, options, expected) => {
    expect(target(uri, options)).toEqual(expected);
  });

  test("the page is the default", () => {
    vi.stubGlobal("location", { protocol: "https:", hostname: "page.example", port: "8443" });
    expect(target(null)).toEqual(["page.example", "8443", true]);
    expect(target(null, { hostname: "example.org" })).toEqual(["example.org", "443", true]);
    vi.stubGlobal("location", { protocol: "http:", hostname: "page.example", port: "" });
    expect(target(null)).toEqual(["page.example", "80", false]);
  });

  test.each([
    [{}, "/engine.io/"],
    [{ path: "/x/" }, "/x/"],
    [{ path: "/x/", addTrailingSlash: false }, "/x"],
  ])("the path: %j", (options, expected) => {
    expect(resolveOptions(null, options).path).toBe(expected);
  });

  test("the query: a record, a string, or the query of the URL", () => {
    expect(resolveOptions(null, { query: { a: 1 } }).query).toEqual({ a: 1 });
    expect(resolveOptions(null, { query: "a=b%20c&d=e+f" }).query).toEqual({ a: "b c", d: "e+f" });
    expect(resolveOptions("http://x/?a=b=c", { query: { z: 1 } }).query).toEqual({ a: "b=c" });
  });

  test("a polluted Object.prototype changes nothing", () => {
    const prototype = Object.prototype as unknown as Record<string, unknown>;
    prototype["foo"] = "bar";
    try {
      expect(encodeQuery({ a: 1 })).toBe("a=1");
      expect(decodeQuery("b=2")).toStrictEqual({ b: "2" });
    } finally {
      delete prototype["foo"];
    }
  });
});

test.each<[unknown, string[]]>([
  [undefined, ["polling", "websocket"]],
  [null, ["polling", "websocket"]],
  [false, ["polling", "websocket"]],
  ["", ["polling", "websocket"]],
  [[], []],
  [new Set(["websocket"]), ["websocket"]],
  [["carrier pigeon", "websocket", null], ["websocket"]],
  [["toString", "__proto__", "constructor"], []],
  [["polling", "polling"], ["polling"]],
])("transports: %o are %j", (transports, names) => {
  expect([...chooseTransports({ transports } as object).keys()]).toEqual(names);
});

test("queries are encoded and decoded", () => {
  expect(encodeQuery({ a: "b c", "d&": "é=", e: 1 })).toBe("a=b%20c&d%26=%C3%A9%3D&e=1");
  expect(decodeQuery("a=b%20c&d%26=%C3%A9%3D&e=1")).toEqual({ a: "b c", "d&": "é=", e: "1" });
  expect(encodeQuery({})).toBe("");
});
