import { describe, expect, it } from "vitest";
import {
  acceptKey,
  checkExtensions,
  checkHandshake,
  checkProtocols,
} from "../../../../packages/websocket/src/core/handshake/handshake.ts";

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const HEADERS: Record<string, unknown> = {
  host: "in.memory",
  upgrade: "websocket",
  connection: "Upgrade",
  "sec-websocket-key": KEY,
  "sec-websocket-version": "13",
};

function check(headers: Record<string, unknown>, request: { method?: string; httpVersion?: string } = {}) {
  return checkHandshake({ method: "GET", httpVersion: "1.1", headers: { ...HEADERS, ...headers }, ...request });
}

describe("opening handshake", () => {
  it("answers the key of RFC 6455, 1.3", () => {
    expect(acceptKey(KEY)).toBe("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  });

  it("accepts a good request", () => {
    expect(check({})).toEqual({ ok: true, key: KEY, version: 13 });
  });

  it.each([
    { upgrade: "WebSocket" },
    { connection: undefined },
    { connection: "keep-alive" },
    { "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZR==" },
    { "sec-websocket-key": "1234567890123456789012==" },
    { "sec-websocket-version": "8" },
    { "sec-websocket-version": 13 },
  ])("accepts %j", (headers) => {
    expect(check(headers)).toMatchObject({ ok: true });
  });

  it.each([
    [{ upgrade: undefined }, 400, "WS_ERR_HANDSHAKE_UPGRADE"],
    [{ upgrade: "h2c" }, 400, "WS_ERR_HANDSHAKE_UPGRADE"],
    [{ upgrade: "websockets" }, 400, "WS_ERR_HANDSHAKE_UPGRADE"],
    [{ upgrade: "h2c, websocket" }, 400, "WS_ERR_HANDSHAKE_UPGRADE"],
    [{ host: undefined }, 400, "WS_ERR_HANDSHAKE_HOST"],
    [{ "sec-websocket-key": undefined }, 400, "WS_ERR_HANDSHAKE_KEY"],
    [{ "sec-websocket-key": "" }, 400, "WS_ERR_HANDSHAKE_KEY"],
    [{ "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ" }, 400, "WS_ERR_HANDSHAKE_KEY"],
    [{ "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ=a" }, 400, "WS_ERR_HANDSHAKE_KEY"],
    [{ "sec-websocket-key": `${KEY}, ${KEY}` }, 400, "WS_ERR_HANDSHAKE_KEY"],
    [{ "sec-websocket-version": undefined }, 426, "WS_ERR_HANDSHAKE_VERSION"],
    [{ "sec-websocket-version": "7" }, 426, "WS_ERR_HANDSHAKE_VERSION"],
    [{ "sec-websocket-version": "13, 8" }, 426, "WS_ERR_HANDSHAKE_VERSION"],
  ])("refuses %j with %i (RFC 6455, 4.2.1 and 11.3)", (headers, status, code) => {
    expect(check(headers)).toMatchObject({ ok: false, status, code });
  });

  it("names the supported version to a client of another one (RFC 6455, 4.2.2 number 4)", () => {
    expect(check({ "sec-websocket-version": "25" })).toMatchObject({ headers: { "Sec-WebSocket-Version": "13" } });
  });

  it("refuses other methods", () => {
    expect(check({}, { method: "POST" })).toMatchObject({
      status: 405,
      code: "WS_ERR_HANDSHAKE_METHOD",
      headers: { Allow: "GET" },
    });
  });

  it("accepts HTTP/1.0 of old proxies, and handmade requests, without a Host header", () => {
    expect(check({ host: undefined }, { httpVersion: "1.0" })).toMatchObject({ ok: true });
    expect(checkHandshake({ method: "GET", headers: { ...HEADERS, host: undefined } })).toMatchObject({ ok: true });
  });

  it("refuses malformed subprotocols (RFC 6455, 4.1 number 10)", () => {
    const withProtocols = (header?: unknown): object | undefined =>
      checkProtocols({ headers: { "sec-websocket-protocol": header } });
    expect(withProtocols("a, b")).toBeUndefined();
    expect(withProtocols()).toBeUndefined();
    expect(withProtocols("a,,b")).toMatchObject({ status: 400, code: "WS_ERR_HANDSHAKE_PROTOCOL" });
  });
});

describe("checkExtensions", () => {
  const withHeader = (header?: string): object | undefined =>
    checkExtensions({ httpVersion: "1.1", headers: { "sec-websocket-extensions": header } });

  it.each([undefined, "", "permessage-deflate; client_max_window_bits", "unknown; a=b, other"])(
    "has nothing against %j",
    (header) => {
      expect(withHeader(header)).toBeUndefined();
    },
  );

  it.each(["permessage-deflate;", "a b", ";"])("refuses %j", (header) => {
    expect(withHeader(header)).toMatchObject({ ok: false, status: 400, code: "WS_ERR_HANDSHAKE_EXTENSIONS" });
  });
});
