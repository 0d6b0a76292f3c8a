import type { IncomingMessage } from "node:http";
import { describe, expect, it } from "vitest";
import { acceptUpgrade, checkUpgrade, refuseUpgrade } from "../../../packages/websocket/src/server/upgrade.ts";
import { frame } from "../../support/raw/frames.ts";
import { turn } from "../../support/waiting.ts";
import { MemoryStream } from "./memory-stream.ts";

const REQUEST = {
  method: "GET",
  httpVersion: "1.1",
  headers: {
    host: "in.memory",
    upgrade: "websocket",
    connection: "Upgrade",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    "sec-websocket-version": "13",
  },
} as unknown as IncomingMessage;

const NOTHING = Buffer.alloc(0);

/** The request with one more header. */
function withHeader(name: string, value: string): IncomingMessage {
  return Object.assign(Object.create(REQUEST), { headers: { ...REQUEST.headers, [name]: value } }) as IncomingMessage;
}

describe("acceptUpgrade", () => {
  it("answers 101 with the accept key, the protocol and further headers (RFC 6455, 4.2.2 and 4.2.2 number 5)", async () => {
    const stream = new MemoryStream();
    expect(checkUpgrade(REQUEST)).toMatchObject({ ok: true });
    const link = acceptUpgrade(REQUEST, stream, NOTHING, { protocol: "chat", headers: ["Set-Cookie: a=b", "X: y"] });
    expect(link.isOpen).toBe(true);
    await turn();
    expect(stream.taken().toString()).toBe(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n" +
        "Set-Cookie: a=b\r\nX: y\r\n\r\n",
    );
  });

  it.each([
    [undefined, "Sec-WebSocket-Protocol: one\r\n"],
    ["two", "Sec-WebSocket-Protocol: two\r\n"],
    [false, undefined],
  ] as const)("with the protocol %j of one and two it names %j", async (protocol, line) => {
    const stream = new MemoryStream();
    const request = withHeader("sec-websocket-protocol", "one, two");
    acceptUpgrade(request, stream, NOTHING, protocol === undefined ? {} : { protocol });
    await turn();
    expect(/Sec-WebSocket-Protocol: .*\r\n/.exec(stream.taken().toString())?.[0]).toBe(line);
  });

  it.each([
    ["sec-websocket-protocol", "a,,b", {}, "WS_ERR_HANDSHAKE_PROTOCOL"],
    ["sec-websocket-extensions", ";", {}, undefined],
    ["sec-websocket-extensions", ";", { perMessageDeflate: false }, undefined],
    ["sec-websocket-extensions", ";", { perMessageDeflate: true }, "WS_ERR_HANDSHAKE_EXTENSIONS"],
  ])("a request with the header %s: %s, checked with %j, is refused with %s", (name, value, options, code) => {
    const check = checkUpgrade(withHeader(name, value), options);
    expect(check.ok ? undefined : check.code).toBe(code);
  });

  it("first delivers frames sent together with the request", async () => {
    const stream = new MemoryStream();
    const log: string[] = [];
    const head = frame({ opcode: 1, payload: "in the head" });
    const link = acceptUpgrade(REQUEST, stream, head, {});
    link.open({ onText: (text) => log.push(text), onBinary() {}, onDrain() {}, onClose() {} });
    stream.push(frame({ opcode: 1, payload: "behind it" }));
    await turn();
    expect(log).toEqual(["in the head", "behind it"]);
  });

  it("applies the given limits", async () => {
    const stream = new MemoryStream();
    const codes: number[] = [];
    const link = acceptUpgrade(REQUEST, stream, NOTHING, { maxPayload: 10 });
    link.open({ onText() {}, onBinary() {}, onDrain() {}, onClose: ({ code }) => codes.push(code) });
    stream.push(frame({ opcode: 1, payload: "eleven byte" }));
    stream.push(null);
    await turn();
    expect(codes).toEqual([1009]);
  });

  it.each(["X: a\r\nInjected: b", "X: a\nb", "X: \0"])(
    "throws for the header line %j and sends nothing",
    async (line) => {
      const stream = new MemoryStream();
      expect(() => acceptUpgrade(REQUEST, stream, NOTHING, { headers: [line] })).toThrow(
        expect.objectContaining({ name: "UsageError", code: "WS_ERR_INVALID_HEADER" }),
      );
      await turn();
      expect(stream.taken()).toHaveLength(0);
    },
  );

  it("throws for a request without a key", () => {
    const request = { headers: {} } as IncomingMessage;
    expect(() => acceptUpgrade(request, new MemoryStream(), NOTHING, {})).toThrow(
      expect.objectContaining({ name: "UsageError", code: "WS_ERR_NO_KEY" }),
    );
  });
});

describe("refuseUpgrade", () => {
  it("sends a complete HTTP response and closes the stream", async () => {
    const stream = new MemoryStream();
    refuseUpgrade(stream, 426, "versión 13 only", { "Sec-WebSocket-Version": "13" });
    await turn();
    expect(stream.taken().toString()).toBe(
      "HTTP/1.1 426 Upgrade Required\r\nContent-Type: text/plain; charset=utf-8\r\nSec-WebSocket-Version: 13\r\n" +
        "Content-Length: 16\r\nConnection: close\r\n\r\nversión 13 only",
    );
    expect(stream.destroyed).toBe(true);
  });

  it("survives errors of the stream, and a closed stream", async () => {
    const stream = new MemoryStream();
    refuseUpgrade(stream, 400, "no");
    stream.destroy(new Error("reset"));
    await turn();
    expect(() => refuseUpgrade(stream, 400, "again")).not.toThrow();
    await turn();
  });
});
