import { describe, expect, it } from "vitest";
import { WebSocketServer } from "../../../packages/websocket/src/server/websocket-server.ts";
import { nextEvent, turn } from "../../support/waiting.ts";
import { duplexPair } from "./duplex-pair.ts";
import { createServer } from "node:http";
import type { ServerOptions } from "../../../packages/websocket/src/server/server-options.ts";

const LINES = {
  Host: "in.memory",
  Connection: "keep-alive, Upgrade",
  Upgrade: "WebSocket",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
};

/** The response of a server in memory to a request. */
async function answer(
  options: ServerOptions,
  changed: Record<string, string | undefined> = {},
  requestLine = "GET / HTTP/1.1",
): Promise<{ text: string; server: WebSocketServer }> {
  const http = createServer();
  const server = new WebSocketServer({ server: http, ...options });
  const [near, far] = duplexPair();
  http.emit("connection", far);
  const lines = Object.entries({ ...LINES, ...changed }).filter(([, value]) => value !== undefined);
  near.write(`${requestLine}\r\n${lines.map(([name, value]) => `${name}: ${value}`).join("\r\n")}\r\n\r\n`);
  const [chunk] = await nextEvent<[Buffer]>(near, "data");
  near.destroy();
  await turn();
  return { text: chunk.toString("latin1"), server };
}

const status = (text: string): number => Number(text.split(" ")[1]);

describe("the answer of a server", () => {
  it("is 101 with the key's answer (RFC 6455, 1.3)", async () => {
    const { text } = await answer({});
    expect(text.split("\r\n")).toEqual([
      "HTTP/1.1 101 Switching Protocols",
      "Upgrade: websocket",
      "Connection: Upgrade",
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
      "",
      "",
    ]);
  });

  it.each([
    [405, {}, "POST / HTTP/1.1"],
    [400, { Upgrade: "h2c" }, undefined],
    [400, { "Sec-WebSocket-Key": undefined }, undefined],
    [400, { "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ" }, undefined],
    [400, { "Sec-WebSocket-Protocol": "a,,b" }, undefined],
    [426, { "Sec-WebSocket-Version": "12" }, undefined],
    [426, { "Sec-WebSocket-Version": undefined }, undefined],
  ])("is %d for %o %s", async (expected, changed, requestLine) => {
    const { text } = await answer({}, changed, requestLine);
    expect(status(text)).toBe(expected);
    if (expected === 426) expect(text).toContain("\r\nSec-WebSocket-Version: 13\r\n");
  });

  it("accepts compression only if the option is set", async () => {
    const offer = { "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits" };
    expect((await answer({}, offer)).text).not.toContain("Extensions");
    const { text } = await answer({ perMessageDeflate: { clientMaxWindowBits: 10 } }, offer);
    expect(text).toContain("\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=10\r\n");
  });

  it("opens without compression when an offer is not acceptable (RFC 7692, 5.1)", async () => {
    const offer = { "Sec-WebSocket-Extensions": "permessage-deflate; server_max_window_bits=99" };
    const { text } = await answer({ perMessageDeflate: true }, offer);
    expect([status(text), text.includes("Extensions")]).toEqual([101, false]);
  });

  it("never contains a header that a listener injected with a line break", async () => {
    const http = createServer();
    const server = new WebSocketServer({ noServer: true });
    server.on("headers", (lines) => lines.push("X: a\r\nY: b"));
    const failed = new Promise((resolve) => {
      http.on("upgrade", (req, stream, head) => {
        try {
          server.handleUpgrade(req, stream, head, () => undefined);
        } catch (error) {
          resolve(error);
        }
        stream.destroy();
      });
    });
    const [near, far] = duplexPair();
    http.emit("connection", far);
    const lines = Object.entries(LINES).map(([name, value]) => `${name}: ${value}\r\n`);
    near.write(`GET / HTTP/1.1\r\n${lines.join("")}\r\n`);
    expect(await failed).toMatchObject({ name: "UsageError", code: "WS_ERR_INVALID_HEADER" });
  });

  it("is left to wsClientError listeners, which get the code", async () => {
    const http = createServer();
    const server = new WebSocketServer({ server: http });
    const heard = nextEvent(server, "wsClientError");
    const [near, far] = duplexPair();
    http.emit("connection", far);
    const lines = Object.entries({ ...LINES, "Sec-WebSocket-Version": "7" }).map(
      ([name, value]) => `${name}: ${value}\r\n`,
    );
    near.write(`GET / HTTP/1.1\r\n${lines.join("")}\r\n`);
    expect((await heard)[0]).toMatchObject({ code: "WS_ERR_HANDSHAKE_VERSION", status: 426 });
    near.destroy();
  });

  it("cannot be made with a window that zlib does not support", () => {
    expect(() => new WebSocketServer({ noServer: true, perMessageDeflate: { serverMaxWindowBits: 16 } })).toThrow(
      RangeError,
    );
  });
});

describe("clients", () => {
  it("removes closed ones", async () => {
    const { server } = await answer({});
    if (server.clients.size > 0) await turn();
    await turn();
    expect(server.clients.size).toBe(0);
  });
});
