import { describe, expect, it } from "vitest";
import {
  checkAnswer,
  handshakeHeaders,
  newKey,
} from "../../../../packages/websocket/src/core/handshake/client-handshake.ts";
import { checkHandshake } from "../../../../packages/websocket/src/core/handshake/handshake.ts";

/** Key and response of RFC 6455, 1.3. */
const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const GOOD = { upgrade: "websocket", connection: "Upgrade", "sec-websocket-accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" };

const check = (headers: Record<string, string>, offer = {}, statusCode = 101): object =>
  checkAnswer({ statusCode, headers: { ...GOOD, ...headers } }, { key: KEY, ...offer });

describe("handshakeHeaders", () => {
  it("make a request that a server accepts", () => {
    const key = newKey();
    const headers = handshakeHeaders({ key, protocols: ["a", "b"], deflate: {} });
    expect(headers).toMatchObject({
      "Sec-WebSocket-Protocol": "a,b",
      "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits",
    });
    const lower = Object.fromEntries(
      Object.entries({ Host: "in.memory", ...headers }).map(([name, value]) => [name.toLowerCase(), value]),
    );
    expect(checkHandshake({ method: "GET", httpVersion: "1.1", headers: lower })).toEqual({
      ok: true,
      key,
      version: 13,
    });
    expect(newKey()).not.toBe(key);
  });

  it("name a subprotocol and an extension only if requested", () => {
    const headers = handshakeHeaders({ key: KEY });
    expect(headers).not.toHaveProperty("Sec-WebSocket-Protocol");
    expect(headers).not.toHaveProperty("Sec-WebSocket-Extensions");
  });
});

describe("checkAnswer", () => {
  it.each([
    [{}, {}, { protocol: "", deflate: undefined }],
    [{ upgrade: "WebSocket", connection: "keep-alive, upgrade" }, {}, { protocol: "" }],
    [{ "sec-websocket-protocol": "b" }, { protocols: ["a", "b"] }, { protocol: "b" }],
    [{}, { protocols: ["a"] }, { protocol: "" }],
    [
      { "sec-websocket-extensions": "permessage-deflate; server_max_window_bits=9" },
      { deflate: {} },
      { deflate: { serverMaxWindowBits: 9 } },
    ],
  ])("accepts %j", (headers, offer, facts) => {
    expect(check(headers, offer)).toMatchObject({ ok: true, ...facts });
  });

  it.each([
    // RFC 6455, 4.1 answer 2, 4.1 answer 3, 4.1 answer 4, 4.1 answer 5 and 4.1 answer 6.
    ["WS_ERR_ANSWER_UPGRADE", { upgrade: "h2c" }],
    ["WS_ERR_ANSWER_CONNECTION", { connection: "close" }],
    ["WS_ERR_ANSWER_ACCEPT", { "sec-websocket-accept": "S3PPLMBITXAQ9KYGZZHZRBK+XOO=" }],
    ["WS_ERR_ANSWER_PROTOCOL", { "sec-websocket-protocol": "c" }],
    ["WS_ERR_ANSWER_PROTOCOL", { "sec-websocket-protocol": "A" }],
    ["WS_ERR_ANSWER_EXTENSIONS", { "sec-websocket-extensions": "permessage-deflate" }],
    ["WS_ERR_ANSWER_EXTENSIONS", { "sec-websocket-extensions": "a b" }],
  ])("refuses with %s %j", (code, headers) => {
    expect(check(headers, { protocols: ["a"] })).toMatchObject({
      ok: false,
      code,
      message: expect.any(String) as string,
    });
  });

  it.each([200, 301, 401, 426, 500])("refuses status %i", (status) => {
    expect(check({}, {}, status)).toMatchObject({ ok: false, code: "WS_ERR_ANSWER_STATUS" });
  });
});
