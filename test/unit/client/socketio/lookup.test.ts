import { afterEach, describe, expect, test, vi } from "vitest";
import { createLookup, type LookupOptions } from "../../../../packages/client/src/socketio/lookup.ts";
import type { Manager } from "../../../../packages/client/src/socketio/manager.ts";

/** The arguments that `io()` passed on. */
class FakeManager {
  readonly nsps: Record<string, object> = {};
  readonly uri: string;
  readonly opts: LookupOptions;

  constructor(uri: string, opts: LookupOptions) {
    this.uri = uri;
    this.opts = opts;
  }

  socket(nsp: string): object {
    return (this.nsps[nsp] ??= { nsp, io: this });
  }
}

interface Made {
  nsp: string;
  io: FakeManager;
}

type Io = (uri?: string | URL | LookupOptions, opts?: LookupOptions) => Made;

const create = (): Io => createLookup(FakeManager as unknown as new () => Manager) as unknown as Io;

const onPage = (protocol: string, host: string): void => {
  vi.stubGlobal("location", { protocol, host });
};

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("where it connects", () => {
  test.each([
    [undefined, "http://localhost/", "/"],
    ["/chat", "http://localhost/chat", "/chat"],
    ["http://example.org", "http://example.org", "/"],
    ["http://example.org/", "http://example.org/", "/"],
    ["wss://example.org/chat?a=b#c", "wss://example.org/chat?a=b#c", "/chat"],
    ["//example.org/chat", "https://example.org/chat", "/chat"],
    ["example.org:3000/chat", "https://example.org:3000/chat", "/chat"],
    ["http://[::1]:3000/a/b", "http://[::1]:3000/a/b", "/a/b"],
    ["http://example.org?a=/b", "http://example.org?a=/b", "/"],
    ["http://example.org/räume/süd", "http://example.org/räume/süd", "/räume/süd"],
    ["HTTPS://Example.org/A", "HTTPS://Example.org/A", "/A"],
    ["", "http://localhost/", "/"],
    [" http://example.org/chat\n", "http://example.org/chat", "/chat"],
    [new URL("http://example.org:3000/chat?a=b"), "http://example.org:3000/chat?a=b", "/chat"],
  ])("without a page: %s", (given, uri, nsp) => {
    const made = create()(given);
    expect([made.io.uri, made.nsp]).toEqual([uri, nsp]);
  });

  test.each([
    [undefined, "https://page.org:8443/", "/"],
    ["/chat", "https://page.org:8443/chat", "/chat"],
    ["//other.org/chat", "https://other.org/chat", "/chat"],
    ["other.org", "https://other.org", "/"],
    ["http://other.org/x", "http://other.org/x", "/x"],
  ])("on a page: %s", (given, uri, nsp) => {
    onPage("https:", "page.org:8443");
    const made = create()(given);
    expect([made.io.uri, made.nsp]).toEqual([uri, nsp]);
  });

  test("options alone mean the page", () => {
    onPage("http:", "page.org");
    const made = create()({ path: "/live" });
    expect([made.io.uri, made.io.opts.path]).toEqual(["http://page.org/", "/live"]);
  });
});

describe("which manager", () => {
  test.each([
    ["http://a.org/x", "http://a.org/y"],
    ["http://a.org", "http://a.org:80/y"],
    ["https://a.org/x", "https://a.org:443/y"],
    ["wss://a.org/x", "wss://a.org:443/y"],
    ["http://[::1]/x", "http://[::1]:80/y"],
    ["http://a.org/x?token=1", "http://a.org/y"],
  ])("%s and %s share one", (first, second) => {
    const io = create();
    expect(io(first).io).toBe(io(second).io);
  });

  test.each([
    ["http://a.org/x", "http://b.org/y", {}],
    ["http://a.org/x", "https://a.org/y", {}],
    ["http://a.org/x", "http://a.org:443/y", {}],
    ["http://a.org/x", "http://a.org:8080/y", {}],
    ["http://a.org/x", "http://a.org/y", { path: "/other" }],
    ["http://a.org/x", "http://a.org/y", { forceNew: true }],
    ["http://a.org/x", "http://a.org/y", { multiplex: false }],
    ["http://a.org/x", "http://a.org/x", {}],
  ])("%s and %s do not: %j", (first, second, options) => {
    const io = create();
    expect(io(first).io).not.toBe(io(second, options).io);
  });

  test("a manager made for one socket alone is not shared later", () => {
    const io = create();
    const own = io("http://a.org/x", { forceNew: true });
    expect(io("http://a.org/y").io).not.toBe(own.io);
  });

  test("two lookups share nothing", () => {
    expect(create()("http://a.org/x").io).not.toBe(create()("http://a.org/y").io);
  });
});

describe("the query of the URI", () => {
  test("becomes the option, unless that is given", () => {
    expect(create()("http://a.org/?a=b&c=%26").io.opts.query).toEqual({ a: "b", c: "&" });
    expect(create()("http://a.org/?a=b", { query: { e: "f" } }).io.opts.query).toEqual({ e: "f" });
  });

  test("the caller's options are left alone", () => {
    const options = Object.freeze({ auth: { token: "x" } });
    expect(create()("http://a.org/?a=b", options).io.opts).toMatchObject({ query: { a: "b" }, auth: { token: "x" } });
  });
});
