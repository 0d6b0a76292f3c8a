import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Socket } from "../../../../../packages/client/src/engine/socket.ts";
import type { TransportError } from "../../../../../packages/client/src/engine/transports/transport.ts";
import { BrowserPolling } from "../../../../../packages/client/src/engine/transports/fetch.ts";
import { WS } from "../../../../../packages/client/src/engine/transports/websocket.ts";
import { pageListeners } from "../../../../../packages/client/src/engine/platform/page.ts";

/** The WebSocket of a platform; the test is its server. */
class FakeWebSocket {
  static made: FakeWebSocket[] = [];
  readonly args: unknown[];
  readonly sent: unknown[] = [];
  binaryType = "blob";
  isClosed = false;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  onerror: ((event: unknown) => void) | null = null;

  constructor(...args: unknown[]) {
    if (String(args[0]).includes("refused")) throw new SyntaxError("refused address");
    this.args = args;
    FakeWebSocket.made.push(this);
  }

  send(data: unknown): void {
    if (this.isClosed) throw new Error("closed");
    this.sent.push(data);
  }

  close(): void {
    this.isClosed = true;
  }
}

const HANDSHAKE = '0{"sid":"abc","upgrades":[],"pingInterval":1000,"pingTimeout":500}';

beforeEach(() => {
  FakeWebSocket.made = [];
  vi.stubGlobal("WebSocket", FakeWebSocket);
});
afterEach(() => {
  vi.unstubAllGlobals();
  pageListeners.clear();
});

const connect = (options: object = {}, host = "example.org"): Socket =>
  new Socket(`https://${host}`, { transportImplementations: [WS], ...options });

function opened(options: object = {}): [Socket, FakeWebSocket] {
  const socket = connect(options);
  const ws = FakeWebSocket.made[0]!;
  ws.onopen!();
  ws.onmessage!({ data: HANDSHAKE });
  return [socket, ws];
}

test("connects to the address, with subprotocols, and with headers where a platform takes them", () => {
  connect({ query: { a: "b c" }, protocols: "chat", extraHeaders: { a: "b" } });
  connect({ timestampRequests: true, forceBase64: true, timestampParam: "x" });
  const [first, second] = FakeWebSocket.made.map(({ args }) => args);
  expect(first).toEqual([
    "wss://example.org/engine.io/?a=b%20c&EIO=4&transport=websocket&carry=1",
    "chat",
    { headers: { a: "b" } },
  ]);
  expect(second![0]).toMatch(
    /^wss:\/\/example\.org\/engine\.io\/\?EIO=4&transport=websocket&carry=1&x=[a-z0-9]+&b64=1$/,
  );
});

test("messages come and go as text and bytes", async () => {
  const [socket, ws] = opened();
  expect(ws.binaryType).toBe("arraybuffer");
  const got: unknown[] = [];
  socket.on("message", (data) => got.push(data));
  socket.binaryType = "arraybuffer";
  const bytes = new Uint8Array([1, 2, 3]);
  ws.onmessage!({ data: "4hello" });
  ws.onmessage!({ data: bytes.buffer });
  expect(got).toEqual(["hello", bytes.buffer]);
  socket.send("out").send(bytes);
  const drained = new Promise<void>((resolve) => socket.once("drain", resolve));
  expect(ws.sent).toEqual(["4out"]);
  await drained;
  expect(ws.sent).toEqual(["4out", bytes]);
});

test("bytes are base64 with forceBase64", () => {
  const [socket, ws] = opened({ forceBase64: true });
  socket.send(new Uint8Array([1, 2, 3]));
  expect(ws.sent).toEqual(["bAQID"]);
});

test("the server's close code and reason are in the details and the diagnosis", () => {
  const [socket, ws] = opened();
  const closed = vi.fn();
  socket.on("close", closed);
  const event = { code: 1013, reason: "try again later" };
  ws.onclose!(event);
  expect(closed).toHaveBeenCalledWith("transport close", {
    description: "websocket connection closed",
    context: event,
    retry: "later",
  });
  expect(socket.diagnosis.closed).toMatchObject({
    reason: "transport close",
    failure: { message: "websocket connection closed", closeCode: 1013, said: "try again later" },
  });
});

test("an error is reported, and nothing after it", () => {
  const socket = connect();
  const seen: unknown[] = [];
  socket.on("error", (error) => seen.push((error as TransportError).message, (error as TransportError).description));
  socket.on("close", (reason) => seen.push(reason));
  const ws = FakeWebSocket.made[0]!;
  const event = { type: "error" };
  const { onclose } = ws;
  ws.onerror!(event);
  onclose!({ code: 1006, reason: "" });
  expect(seen).toEqual(["websocket error", event, "transport error"]);
  expect(ws.isClosed).toBe(true);
});

test("a refusal of the platform is an error, in a later tick", async () => {
  const socket = connect({}, "refused");
  const error = await new Promise<TransportError>((resolve) => socket.on("error", resolve as () => void));
  expect([error.message, String(error.description)]).toEqual(["websocket error", "SyntaxError: refused address"]);
  expect(socket.readyState).toBe("closed");
});

test("sending into a WebSocket that has just closed does not throw", () => {
  const [socket, ws] = opened();
  ws.isClosed = true;
  expect(() => socket.send("too late")).not.toThrow();
});

test("closing releases the WebSocket; its late error is ignored", () => {
  const [socket, ws] = opened();
  socket.close();
  expect(ws.isClosed).toBe(true);
  expect([ws.onopen, ws.onmessage, ws.onclose]).toEqual([null, null, null]);
  expect(() => ws.onerror!({})).not.toThrow();
});

test.each([
  ["1", { context: undefined, code: "SERVER_CLOSED", retry: "yes" }],
  [
    "11012 SERVER_DRAINING",
    { context: { code: 1012, reason: "SERVER_DRAINING" }, code: "SERVER_DRAINING", retry: "later" },
  ],
])("the server's close packet %j ends the session at once", (packet, details) => {
  const [socket, ws] = opened();
  const events: unknown[] = [];
  socket.on("message", (data: unknown) => events.push(data));
  socket.on("close", (...args) => events.push(...args));
  ws.onmessage!({ data: "4last" });
  const { onmessage } = ws;
  onmessage!({ data: packet });
  onmessage!({ data: "4too late" });
  expect(events).toEqual(["last", "transport close", { description: "transport closed by the server", ...details }]);
  expect(ws.isClosed).toBe(true);
});

test("a platform without WebSocket reports it, and the next transport is tried", async () => {
  vi.stubGlobal("WebSocket", undefined);
  const alone = connect();
  const [error] = await new Promise<[TransportError]>((resolve) =>
    alone.on("error", (...args) => resolve(args as never)),
  );
  expect([error.code, error.message, error.cause]).toEqual([
    "TRANSPORT_UNAVAILABLE",
    "websocket error",
    expect.any(TypeError),
  ]);
  const requested = new Promise((resolve) => vi.stubGlobal("fetch", resolve));
  const both = connect({ transportImplementations: [WS, BrowserPolling] });
  expect(await requested).toContain("transport=polling");
  both.close();
  expect(both.diagnosis.attempts).toMatchObject([
    { transport: "websocket", outcome: "failed", failure: { code: "TRANSPORT_UNAVAILABLE" } },
    { transport: "polling" },
  ]);
});

test("bytes encoded in a later tick leave in order, before the bytes of a second write", async () => {
  const [socket, ws] = opened({ forceBase64: true });
  socket.send(new Blob([Uint8Array.of(1)]));
  socket.send("a");
  await new Promise((resolve) => process.nextTick(resolve));
  socket.send(Uint8Array.of(2));
  socket.send(new Blob([Uint8Array.of(3)]));
  socket.send("b");
  await new Promise((resolve) => socket.on("drain", () => resolve(undefined)));
  expect(ws.sent).toEqual(["bAQ==", "4a", "bAg==", "bAw==", "4b"]);
});
