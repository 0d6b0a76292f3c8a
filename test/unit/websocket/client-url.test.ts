import { describe, expect, it } from "vitest";
import { parseClientUrl } from "../../../packages/websocket/src/client/client-url.ts";

describe("the URL of a client", () => {
  it.each([
    ["ws://host", { href: "ws://host/", isSecure: false, host: "host", port: 80, path: "/" }],
    ["wss://host:8443/a/b?c=d", { isSecure: true, host: "host", port: 8443, path: "/a/b?c=d" }],
    ["http://host/", { href: "ws://host/", isSecure: false, port: 80 }],
    ["https://host/", { href: "wss://host/", isSecure: true, port: 443 }],
    ["ws://[::1]:81/", { host: "::1", port: 81 }],
    ["ws://us%40er:p%3Aw@host", { auth: "us@er:p:w" }],
    ["ws://user@host", { auth: "user:" }],
    ["ws://host", { auth: undefined, socketPath: undefined }],
    ["ws+unix:/run/x.sock:/path?q", { socketPath: "/run/x.sock", path: "/path?q", isSecure: false }],
    ["ws+unix:/run/x.sock", { socketPath: "/run/x.sock", path: "/" }],
  ])("%s is %o", (url, expected) => {
    expect(parseClientUrl(url)).toMatchObject(expected);
    expect(parseClientUrl(new URL(url))).toEqual(parseClientUrl(url));
  });

  it("has no fragment (RFC 6455, 3)", () => {
    for (const url of ["ws://host/#part", "wss://host/path?query#part", "ws+unix:/run/x.sock:/path#part"]) {
      expect(() => parseClientUrl(url)).toThrow(SyntaxError);
    }
    expect(parseClientUrl("ws://host/%23part").path).toBe("/%23part");
  });

  it("is left as it was", () => {
    const url = new URL("http://host/");
    parseClientUrl(url);
    expect(url.protocol).toBe("http:");
  });
});
