import { afterEach, describe, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import { Server, type ServerOptions, type Socket } from "@portage/server";
import type { WebSocket } from "@portage/websocket";
import { Host } from "../../support/servers/host.ts";
import { OPCODE } from "../../support/raw/frames.ts";
import { RawPolling } from "../../support/raw/polling.ts";
import { RawWebSocket } from "../../support/raw/websocket.ts";
import { nextEvent, within } from "../../support/waiting.ts";

// A program may end the transport of a session, and so may a peer that never ends the connection below it.

type LinkSocket = Pick<WebSocket, "readyState" | "isPaused" | "protocol" | "bufferedAmount" | "binaryType"> &
  Pick<WebSocket, "pause" | "resume" | "send" | "terminate">;
type Transport = Socket["conn"]["transport"];
type Client = RawPolling | RawWebSocket;

const ends: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function joined(transport: "polling" | "websocket", options: Partial<ServerOptions> = {}) {
  const host = new Host();
  const io = new Server(host.http, { pingInterval: 60_000, allowEIO3: true, ...options });
  await host.listen();
  ends.push(
    () => within(io.close(), "io.close()"),
    () => host.drained(),
  );
  const connection = nextEvent<[Socket]>(io, "connection");
  const raw = { port: host.port, answersClose: false };
  const client = transport === "polling" ? await RawPolling.open(raw) : await RawWebSocket.connect(raw);
  await (client instanceof RawPolling ? client.post("40") : client.send("40"));
  await client.until((packet) => packet.startsWith("40"));
  const [socket] = await connection;
  const log: unknown[] = [];
  socket.on("disconnecting", (reason) => log.push(`disconnecting ${reason}`));
  socket.on("disconnect", (reason) => log.push(`disconnect ${reason}`));
  socket.conn.on("close", (reason) => log.push(`close ${reason}`));
  return { io, client, socket, log, port: host.port };
}

/** Actions of a program on the transport, and the classic reason of the end. */
const ORDERS: readonly [string, (transport: Transport) => unknown, string][] = [
  ["close()", (transport) => transport.close(), "transport close"],
  ["doClose()", (transport) => transport.doClose(), "transport close"],
  ["onClose()", (transport) => transport.onClose(), "transport close"],
  ["discard()", (transport) => transport.discard(), "transport close"],
  ["discard(), then close()", (transport) => (transport.discard(), transport.close()), "transport close"],
  ['emit("close")', (transport) => transport.emit("close"), "transport close"],
  ['emit("error")', (transport) => transport.emit("error", new Error("mine")), "transport error"],
  ["onError()", (transport) => transport.onError("mine"), "transport error"],
];

async function told(client: Client): Promise<void> {
  if (client instanceof RawWebSocket) client.cut();
  else await expect(client.poll()).rejects.toThrow(/Session ID unknown|unknown sid/i);
}

describe.each(["polling", "websocket"] as const)("a program ends the transport, %s:", (name) => {
  test.each(ORDERS)("%s ends the session at once", async (_order, act, reason) => {
    const { io, client, socket, log } = await joined(name);
    act(socket.conn.transport);
    expect(log).toEqual([`disconnecting ${reason}`, `disconnect ${reason}`, `close ${reason}`]);
    expect(socket.connected).toBe(false);
    expect(socket.closeReason).toMatchObject({ reason, side: "server", transport: name });
    expect([io.engine.clientsCount, io.sockets.sockets.size, io.sockets.adapter.rooms.size]).toEqual([0, 0, 0]);
    await told(client);
  });

  test.each<[string, (conn: Socket["conn"]) => unknown, string, unknown]>([
    ['onClose("mine", detail)', (conn) => conn.onClose("mine", "detail"), "mine", "detail"],
    ["onClose()", (conn) => conn.onClose(), "transport close", undefined],
    ['emit("close", "mine", detail)', (conn) => conn.emit("close", "mine", "detail"), "mine", "detail"],
    ['emit("close")', (conn) => conn.emit("close"), "transport close", undefined],
    ['transport.emit("close", detail)', (conn) => conn.transport.emit("close", "detail"), "transport close", "detail"],
  ])("%s of the session ends it at once, in the program's words", async (_order, act, reason, detail) => {
    const { io, client, socket, log } = await joined(name);
    const details: unknown[] = [];
    socket.on("disconnect", (_reason, given) => details.push(given));
    act(socket.conn);
    expect(log).toEqual([`disconnecting ${reason}`, `disconnect ${reason}`, `close ${reason}`]);
    expect([details, io.engine.clientsCount, io.sockets.sockets.size]).toEqual([[detail], 0, 0]);
    expect(socket.closeReason).toMatchObject({ reason, code: "TRANSPORT_CLOSED" });
    await told(client);
  });

  test.each([false, true])("an error of the session that a program emits ends it, with a listener: %s", async (has) => {
    const { client, socket } = await joined(name);
    const heard: unknown[] = [];
    if (has) socket.conn.on("error", (error: Error) => heard.push(error.message));
    const closed = nextEvent(socket.conn, "close");
    socket.conn.emit("error", new Error("mine"));
    if (client instanceof RawPolling) await client.poll();
    expect((await closed)[0]).toBe("forced close");
    expect(heard).toEqual(has ? ["mine"] : []);
    if (client instanceof RawWebSocket) client.cut();
  });

  test("close() calls back, listeners are called without an argument, and a second call has no effect", async () => {
    const { client, socket, log } = await joined(name);
    const { transport } = socket.conn;
    const heard: unknown[] = [];
    transport.on("close", (...args: unknown[]) => heard.push(args));
    transport.on("error", (error: Error) => heard.push(error.message));
    transport.close(() => heard.push("called back"));
    transport.close(() => heard.push("never"));
    transport.emit("close", "an event of the program's own");
    expect(heard).toEqual([[], "called back", ["an event of the program's own"]]);
    expect(log).toHaveLength(3);
    await told(client);
  });

  test("an error of the program's reaches those who listen for errors", async () => {
    const { client, socket } = await joined(name);
    const error = new Error("mine");
    const heard = nextEvent(socket.conn.transport, "error");
    const closed = nextEvent(socket.conn, "close");
    socket.conn.transport.emit("error", error);
    expect(await heard).toEqual([error]);
    expect(await closed).toEqual(["transport error", error]);
    await told(client);
  });
});

describe("the WebSocket below a transport", () => {
  test.each<[string, <T extends object>(object: T) => T]>([
    ["a Proxy", (object) => new Proxy(object, { get: (of, key, at) => Reflect.get(of, key, at) as unknown })],
    ["an object made from it", (object) => Object.create(object) as typeof object],
  ])("may be used through %s", async (_how, wrap) => {
    const { client, socket, log } = await joined("websocket");
    const below = wrap((socket.conn.transport as never as { socket: LinkSocket }).socket);
    expect([below.readyState, below.isPaused, below.protocol, below.bufferedAmount]).toEqual([1, false, "", 0]);
    below.pause();
    expect(below.isPaused).toBe(true);
    below.resume();
    below.binaryType = "arraybuffer";
    below.send('42["past the session"]');
    await client.until((packet) => packet === '42["past the session"]');
    below.terminate();
    expect(log).toContain("disconnect transport close");
    if (client instanceof RawWebSocket) client.cut();
  });

  interface Below {
    readonly _socket: { readonly remoteAddress: string };
    readonly readyState: number;
    readonly bufferedAmount: number;
    close(code?: number, reason?: string): void;
    terminate(): void;
    once(event: "close", listener: (code: number) => void): void;
  }

  test.each([
    ["close()", (below: Below) => below.close(), 1000],
    ["close(4001)", (below: Below) => below.close(4001, "mine"), 4001],
    ["terminate()", (below: Below) => below.terminate(), 1006],
  ] as const)("%s ends the session at once", async (_order, act, code) => {
    const { io, client, socket, log } = await joined("websocket");
    const { socket: below } = socket.conn.transport as unknown as { socket: Below };
    expect((socket.conn.transport as unknown as { socket: Below }).socket).toBe(below);
    expect([below._socket.remoteAddress, below.readyState, below.bufferedAmount]).toEqual(["127.0.0.1", 1, 0]);
    const closed = new Promise((resolve) => below.once("close", resolve));
    act(below);
    expect(log).toEqual(["disconnecting transport close", "disconnect transport close", "close transport close"]);
    expect([io.engine.clientsCount, below.readyState === 1]).toEqual([0, false]);
    if (code !== 1006) (client as RawWebSocket).sendFrame({ opcode: OPCODE.close });
    expect((await (client as RawWebSocket).closed).code).toBe(code);
    await closed;
    expect([below.readyState, below._socket === undefined]).toEqual([3, false]);
  });

  test("is the one of another library, where that serves", async () => {
    const { client, socket } = await joined("websocket", { wsEngine: WebSocketServer as never });
    const { socket: below } = socket.conn.transport as unknown as { socket: Below };
    expect([below._socket.remoteAddress, below.readyState, below.bufferedAmount]).toEqual(["127.0.0.1", 1, 0]);
    const gone = nextEvent(socket, "disconnect");
    below.terminate();
    expect((await gone)[0]).toBe("transport close");
    (client as RawWebSocket).cut();
  });
});

test.each(ORDERS)("a poll that waits is answered: %s", async (_order, act) => {
  const { client, socket } = await joined("polling");
  const poll = (client as RawPolling).beginPoll();
  await poll.arrived;
  act(socket.conn.transport);
  expect(await poll.packets).toEqual(["1"]);
});

test.each(ORDERS)("a candidate of an upgrade ends alone: %s", async (_order, act) => {
  const { client, socket, log, port } = await joined("polling");
  const upgrading = nextEvent<[Transport]>(socket.conn, "upgrading");
  const { sid } = client as RawPolling;
  const candidate = await RawWebSocket.connect({ port, sid });
  candidate.send("2probe");
  const [transport] = await upgrading;
  act(transport);
  await candidate.ended();
  expect([socket.connected, log, socket.conn.upgrading]).toEqual([true, [], false]);
  // The session goes on, and another candidate may come.
  const next = await RawWebSocket.connect({ port, sid });
  next.send("2probe");
  await next.until((packet) => packet === "3probe");
  next.send("5");
  socket.emit("still here");
  expect(await next.until((packet) => packet.startsWith("42"))).toBe('42["still here"]');
  await next.close();
});

const ENGINES: readonly [string, Partial<ServerOptions>][] = [
  ["our own", {}],
  ["ws, as wsEngine", { wsEngine: WebSocketServer as never }],
];

describe.each(ENGINES)("a peer that ends the session and never the connection, %s:", (_name, options) => {
  test.each([
    ["an opcode that is none", { opcode: 3 }, "transport error", "PROTOCOL_VIOLATION"],
    [
      "text that is not UTF-8",
      { opcode: OPCODE.text, payload: Buffer.from([0x34, 0xff]) },
      "transport error",
      "PROTOCOL_VIOLATION",
    ],
    [
      "a frame that is not masked",
      { opcode: OPCODE.text, payload: "4x", masked: false },
      "transport error",
      "PROTOCOL_VIOLATION",
    ],
    ["a message that is too large", { opcode: OPCODE.text, claim: 2_000_000 }, "transport error", "PAYLOAD_TOO_LARGE"],
    ["a close packet", { opcode: OPCODE.text, payload: "1" }, "transport close", "CLIENT_CLOSED"],
    ["a packet that is none", { opcode: OPCODE.text, payload: "x" }, "parse error", "INVALID_PACKET"],
  ] as const)("%s", async (_what, frame, reason, code) => {
    const { io, client, socket } = await joined("websocket", options);
    const gone = nextEvent(socket, "disconnect");
    (client as RawWebSocket).sendFrame(frame);
    expect((await gone)[0]).toBe(reason);
    expect(socket.closeReason).toMatchObject({ reason, code });
    expect(io.engine.clientsCount).toBe(0);
    (client as RawWebSocket).cut();
  });
});

test("a close packet of revision 3 ends the session at once", async () => {
  const { io, port } = await joined("polling");
  const connection = nextEvent<[Socket]>(io, "connection");
  const client = await RawWebSocket.connect({ port, revision: 3, answersClose: false });
  const [session] = await connection;
  const gone = nextEvent(session, "disconnect");
  client.send("1");
  expect((await gone)[0]).toBe("transport close");
  client.cut();
});
