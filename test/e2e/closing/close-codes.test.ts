import { afterEach, describe, expect, test } from "vitest";
import { io as connect } from "@portage/client";
import { WebSocketServer } from "ws";
import { Server, type ServerOptions, type Socket } from "@portage/server";
import { Host } from "../../support/servers/host.ts";
import { RawWebSocket, type Closed } from "../../support/raw/websocket.ts";
import {
  ALL_CLOSE_CODES,
  type SessionCloseCode,
  createCloseReason,
} from "../../../packages/server/src/socketio/report/close-codes.ts";
import { nextEvent, turn } from "../../support/waiting.ts";

const running: { io: Server; host: Host }[] = [];

afterEach(async () => {
  for (const { io, host } of running.splice(0)) {
    await io.close();
    await host.drained();
  }
});

/** A server with one client that has joined the main namespace. */
async function join(options: Partial<ServerOptions>) {
  const host = new Host();
  const io = new Server(host.http, options);
  await host.listen();
  running.push({ io, host });
  const connection = nextEvent<[Socket]>(io, "connection");
  const client = await RawWebSocket.connect({ port: host.port });
  client.send("40");
  await client.until((packet) => packet.startsWith("40{"));
  const [socket] = await connection;
  return { client, socket };
}

/** Expects the same code and reason on both sides. */
async function ends(client: RawWebSocket, socket: Socket): Promise<[Closed, Socket["closeReason"]]> {
  if (socket.connected) await nextEvent(socket, "disconnect");
  return [await client.ended(), socket.closeReason];
}

/** Each WebSocket server, its options, and its close reason for a message that is too large. */
const ENGINES: readonly [string, Partial<ServerOptions>, string][] = [
  ["our own", {}, "PAYLOAD_TOO_LARGE: WS_ERR_UNSUPPORTED_MESSAGE_LENGTH"],
  ["ws, as wsEngine", { wsEngine: WebSocketServer as never }, ""],
];

describe.each(ENGINES)("both sides get the reason, %s", (_name, engine, tooLarge) => {
  const joined = (options: Partial<ServerOptions>) => join({ ...engine, ...options });

  test("a message is too large", async () => {
    const { client, socket } = await joined({ maxHttpBufferSize: 1000 });
    client.send(`42["e","${"x".repeat(2000)}"]`);
    const [close, reason] = await ends(client, socket);
    expect(close).toEqual({ code: 1009, reason: tooLarge });
    expect(reason).toMatchObject({
      reason: "transport error",
      code: "PAYLOAD_TOO_LARGE",
      side: "client",
      cause: "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH",
      limit: 1000,
    });
  });

  test("the heartbeat was not answered", async () => {
    const { client, socket } = await joined({ pingInterval: 50, pingTimeout: 50 });
    const [close, reason] = await ends(client, socket);
    expect(close).toEqual({ code: 1008, reason: "PING_TIMEOUT" });
    expect(reason).toMatchObject({ reason: "ping timeout", code: "PING_TIMEOUT", side: "network" });
    expect(reason?.heartbeatAge).toBeGreaterThanOrEqual(95);
  });

  test("too many events were sent", async () => {
    const { client, socket } = await joined({ maxEventsPerSecond: 5 });
    for (let index = 0; index < 6; index++) client.send('42["e"]');
    const [close, reason] = await ends(client, socket);
    expect(close).toEqual({ code: 1008, reason: "TOO_MANY_EVENTS: 6 of 5" });
    expect(reason).toMatchObject({ code: "TOO_MANY_EVENTS", limit: 5, actual: 6 });
  });

  test("the client read too slowly, once it reads again", async () => {
    const { client, socket } = await joined({ slowReader: { soft: 1e5, hard: 2e5 } });
    client.stream.pause();
    while (socket.connected) {
      socket.emit("text", "x".repeat(100_000));
      await turn();
    }
    client.stream.resume();
    const [close, reason] = await ends(client, socket);
    expect(close).toEqual({ code: 1013, reason: `SLOW_READER: ${reason?.actual} of 200000` });
    expect(reason).toMatchObject({ code: "SLOW_READER", side: "client", limit: 200_000 });
  });

  test("a frame broke the rules", async () => {
    const { client, socket } = await joined({});
    client.sendFrame({ opcode: 3, payload: "" });
    const [close, reason] = await ends(client, socket);
    expect(close.code).toBe(1002);
    expect(reason).toMatchObject({ code: "PROTOCOL_VIOLATION", side: "client", cause: "WS_ERR_INVALID_OPCODE" });
  });

  test("a frame broke the rules, and the client never ends: the session is over at once", async () => {
    const { client, socket } = await joined({});
    const ended = nextEvent<[string]>(socket, "disconnect");
    client.stream.pause();
    client.sendFrame({ opcode: 3, payload: "" });
    expect((await ended)[0]).toBe("transport error");
    expect(running[0]!.host.connections).toBe(1);
    client.stream.destroy();
  });

  test("the client or the network ended it", async () => {
    const polite = await joined({});
    void polite.client.close(1000, "bye");
    expect((await ends(polite.client, polite.socket))[1]).toMatchObject({
      reason: "transport close",
      code: "CLIENT_CLOSED",
      side: "client",
      cause: "1000",
    });
    const cut = await joined({});
    cut.client.cut();
    expect((await ends(cut.client, cut.socket))[1]).toMatchObject({ code: "CONNECTION_CLOSED", side: "network" });
  });
});

/** What a client reports about an end, by its version and the state of its connection. */
async function learns(port: number, io: Server, transport: "polling" | "websocket", end: (socket: Socket) => unknown) {
  const connection = nextEvent<[Socket]>(io, "connection");
  // with a carry, accidents do not end the session
  const options = { forceNew: true, reconnection: false, carry: false };
  const client = connect(`http://localhost:${port}`, { transports: [transport], ...options });
  const ended = nextEvent<[string, { code?: string; retry?: string } | undefined]>(client, "disconnect");
  await nextEvent(client, "connect");
  const [socket] = await connection;
  // over polling: once a poll waits for the answer
  await expect.poll(() => socket.conn.transport.writable).toBe(true);
  end(socket);
  const [, details] = await ended;
  return [details?.code, client.io.engine.diagnosis.closed?.failure?.code, details?.retry];
}

describe.each(["polling", "websocket"] as const)(
  "a program on the client gets the code, and whether to connect again, over %s",
  (transport) => {
    test("each one", async () => {
      const host = new Host();
      const io = new Server(host.http);
      running.push({ io, host });
      await host.listen();
      for (const code of Object.keys(ALL_CLOSE_CODES) as SessionCloseCode[]) {
        const end = (socket: Socket): unknown =>
          socket.conn.close(true, { ...createCloseReason(code), limit: 5, actual: 6 });
        expect(await learns(host.port, io, transport, end)).toEqual([code, code, ALL_CLOSE_CODES[code].retry]);
      }
    });

    test("when the server closes the connection, and when it shuts down", async () => {
      const host = new Host();
      const io = new Server(host.http);
      running.push({ io, host });
      await host.listen();
      const close = (socket: Socket): void => void socket.conn.close();
      expect(await learns(host.port, io, transport, close)).toEqual(["SERVER_CLOSED", "SERVER_CLOSED", "yes"]);
      const shutDown = (): void => void io.close();
      expect(await learns(host.port, io, transport, shutDown)).toEqual(["SERVER_SHUTDOWN", "SERVER_SHUTDOWN", "later"]);
    });
  },
);

test("a message that is too large or violates RFC 6455 ends with the code of sessions", async () => {
  const tooLarge = await join({ maxHttpBufferSize: 1000 });
  tooLarge.client.send(`42["e","${"x".repeat(2000)}"]`);
  expect(await tooLarge.client.ended()).toEqual({
    code: 1009,
    reason: "PAYLOAD_TOO_LARGE: WS_ERR_UNSUPPORTED_MESSAGE_LENGTH",
  });
  const violation = await join({});
  violation.client.sendFrame({ opcode: 3, payload: "" });
  expect(await violation.client.ended()).toEqual({
    code: 1002,
    reason: "PROTOCOL_VIOLATION: WS_ERR_INVALID_OPCODE",
  });
  const malformed = await join({});
  malformed.client.send("x");
  expect(await malformed.client.ended()).toEqual({
    code: 1002,
    reason: "INVALID_PACKET: ENGINE_UNKNOWN_PACKET_TYPE",
  });
});
