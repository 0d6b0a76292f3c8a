import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { pageListeners } from "../../../../packages/client/src/engine/platform/page.ts";
import { WebSocketSocket } from "../../../../packages/client/src/engine/websocket-socket.ts";
import { type FakeTransport, made } from "./fake-transport.ts";

vi.mock("../../../../packages/client/src/engine/transports/websocket.node.ts", async () => {
  const { fakeTransport } = await import("./fake-transport.ts");
  return { WS: fakeTransport("websocket") };
});

beforeEach(() => {
  vi.useFakeTimers();
  made.length = 0;
});
afterEach(() => {
  vi.useRealTimers();
  pageListeners.clear();
});

function open(): { socket: WebSocketSocket; transport: FakeTransport; events: unknown[] } {
  const events: unknown[] = [];
  const socket = new WebSocketSocket("http://example.org:3000", { query: { a: 1 } });
  for (const event of ["open", "message", "upgrading"] as const)
    socket.on(event, (value?: unknown) => events.push(event, value));
  socket.on("error", (error) => events.push((error as Error).message));
  socket.on("close", (reason) => events.push(reason));
  return { socket, transport: made[0]!, events };
}

test("the session opens over WebSocket, and no upgrade follows", () => {
  const { socket, transport, events } = open();
  expect([socket.readyState, transport.calls, transport.query]).toEqual([
    "opening",
    ["open"],
    { a: 1, EIO: 4, transport: "websocket", carry: 1 },
  ]);
  transport.shakeHands({ upgrades: ["polling"] });
  transport.receive("message", "hello");
  socket.send("there");
  expect([socket.readyState, socket.id, transport.written]).toEqual(["open", "session", ["message there"]]);
  expect(events).toEqual(["open", undefined, "message", "hello"]);
  expect(socket.diagnosis.attempts).toMatchObject([{ transport: "websocket", purpose: "open", outcome: "opened" }]);
  expect(made).toHaveLength(1);
});

test("a connection that fails to open is an error and a close", () => {
  const { socket, transport, events } = open();
  transport.fails("websocket error");
  expect(events).toEqual(["websocket error", "transport error"]);
  expect(socket.diagnosis.attempts[0]!.outcome).toBe("failed");
  expect(pageListeners.size).toBe(0);
});

test("a connection that is closed before it is open", () => {
  const { socket, transport, events } = open();
  transport.closes();
  expect(events).toEqual(["transport close"]);
  expect(socket.readyState).toBe("closed");
});

test("close waits for sent packets", () => {
  const { socket, transport, events } = open();
  transport.shakeHands();
  socket.send("last words");
  socket.close();
  expect(socket.readyState).toBe("closing");
  transport.drain();
  expect(events.at(-1)).toBe("forced close");
  expect(transport.calls).toEqual(["open", "close"]);
});
