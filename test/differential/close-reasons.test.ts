import type { Server, Socket } from "socket.io";
import { describe, expect, test } from "vitest";
import { serve } from "../support/servers/host.ts";
import { closeBody, frame, OPCODE } from "../support/raw/frames.ts";
import { RawPolling } from "../support/raw/polling.ts";
import { RawTcp } from "../support/raw/tcp.ts";
import { RawWebSocket } from "../support/raw/websocket.ts";
import { portage, reference, type Target } from "../support/targets.ts";
import { nextEvent } from "../support/waiting.ts";

// The classic reason of each ending equals the reference's, as programs compare it. `closeReason` has the details.

interface Ending<Client> {
  readonly name: string;
  readonly act: (client: Client, socket: Socket, io: Server, port: number) => unknown;
  /** The value of `closeReason.code`. */
  readonly code: string;
}

const text = (payload: string | Buffer): Buffer => frame({ opcode: OPCODE.text, payload });
const bytes =
  (...chunks: Buffer[]) =>
  (client: RawWebSocket): unknown =>
    client.sendBytes(Buffer.concat(chunks));

const WEBSOCKET: readonly Ending<RawWebSocket>[] = [
  { name: "FIN", act: (client) => client.cut(), code: "CONNECTION_CLOSED" },
  { name: "RST", act: (client) => client.reset(), code: "CONNECTION_FAILED" },
  ...[1000, 1001, 1011, 4000].map((code) => ({
    name: `a close frame with ${code}`,
    act: (client: RawWebSocket) => client.close(code, "bye"),
    code: "CLIENT_CLOSED",
  })),
  { name: "a close frame without a code", act: bytes(frame({ opcode: OPCODE.close })), code: "CLIENT_CLOSED" },
  {
    name: "a close frame with a code that is none",
    act: bytes(frame({ opcode: OPCODE.close, payload: closeBody(1006) })),
    code: "PROTOCOL_VIOLATION",
  },
  {
    name: "FIN in the middle of a frame",
    act: (client) => client.stream.end(text("4hello").subarray(0, 8)),
    code: "CONNECTION_CLOSED",
  },
  {
    name: "FIN between two fragments",
    act: (client) => client.stream.end(frame({ opcode: OPCODE.text, payload: "4hel", fin: false })),
    code: "CONNECTION_CLOSED",
  },
  { name: "an opcode that is none", act: bytes(frame({ opcode: 3 })), code: "PROTOCOL_VIOLATION" },
  {
    name: "a reserved bit",
    act: bytes(frame({ opcode: OPCODE.text, payload: "4x", reserved: 1 })),
    code: "PROTOCOL_VIOLATION",
  },
  {
    name: "a frame without a mask",
    act: bytes(frame({ opcode: OPCODE.text, payload: "4x", masked: false })),
    code: "PROTOCOL_VIOLATION",
  },
  {
    name: "a continuation of nothing",
    act: bytes(frame({ opcode: OPCODE.continuation, payload: "4x" })),
    code: "PROTOCOL_VIOLATION",
  },
  { name: "text that is not UTF-8", act: bytes(text(Buffer.from([0x34, 0xff]))), code: "PROTOCOL_VIOLATION" },
  { name: "a message that is too large", act: bytes(text("4".repeat(3000))), code: "PAYLOAD_TOO_LARGE" },
  { name: "an engine packet that is none", act: bytes(text("x")), code: "INVALID_PACKET" },
  { name: "an empty message", act: bytes(text("")), code: "INVALID_PACKET" },
  { name: "a ping of the client's", act: bytes(text("2")), code: "INVALID_HEARTBEAT" },
  { name: "a Socket.IO packet that is none", act: bytes(text("49")), code: "INVALID_MESSAGE" },
  { name: "an event without its array", act: bytes(text("42{}")), code: "INVALID_MESSAGE" },
  { name: "CONNECT of a namespace that is connected", act: bytes(text("40")), code: "UNEXPECTED_MESSAGE" },
  { name: "an event of a namespace that is not", act: bytes(text('42/other,["x"]')), code: "UNEXPECTED_MESSAGE" },
  { name: "CONNECT_ERROR", act: bytes(text('44{"message":"x"}')), code: "UNEXPECTED_MESSAGE" },
  { name: "DISCONNECT", act: bytes(text("41")), code: "CLIENT_LEFT" },
];

const post =
  (body: string | Buffer, headers: Record<string, string> = {}) =>
  (client: RawPolling): unknown =>
    client.postBody(body, headers);

const POLLING: readonly Ending<RawPolling>[] = [
  {
    name: "a poll that is dropped",
    act: async (client) => {
      const poll = client.beginPoll();
      await poll.arrived;
      poll.reply.catch(() => undefined);
      poll.abort();
    },
    code: "POLL_ABORTED",
  },
  {
    name: "a POST that is dropped",
    act: async (client, _socket, _io, port) => {
      const tcp = await RawTcp.open(port);
      await tcp.write(`POST ${client.path} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n4half`);
      tcp.end();
    },
    code: "POST_ABORTED",
  },
  {
    name: "polls that overlap",
    act: async (client) => {
      const poll = client.beginPoll();
      await poll.arrived;
      poll.reply.catch(() => undefined);
      await client.poll().catch(() => undefined);
    },
    code: "OVERLAPPING_POLL",
  },
  { name: "garbage in a POST", act: post("x"), code: "INVALID_PACKET" },
  { name: "bytes in a POST", act: post("4x", { "content-type": "application/octet-stream" }), code: "INVALID_CONTENT" },
  { name: "a close packet", act: post("1"), code: "CLIENT_CLOSED" },
  { name: "a ping of the client's", act: post("2"), code: "INVALID_HEARTBEAT" },
  { name: "a Socket.IO packet that is none", act: post("49"), code: "INVALID_MESSAGE" },
  { name: "CONNECT of a namespace that is connected", act: post("40"), code: "UNEXPECTED_MESSAGE" },
  { name: "DISCONNECT", act: post("41"), code: "CLIENT_LEFT" },
];

/** Endings by the program itself. */
const PROGRAM: readonly Ending<unknown>[] = [
  { name: "socket.disconnect()", act: (_client, socket) => socket.disconnect(), code: "SERVER_DISCONNECTED" },
  { name: "socket.disconnect(true)", act: (_client, socket) => socket.disconnect(true), code: "SERVER_DISCONNECTED" },
  { name: "conn.close()", act: (_client, socket) => socket.conn.close(), code: "SERVER_CLOSED" },
  { name: "conn.close(true)", act: (_client, socket) => socket.conn.close(true), code: "SERVER_CLOSED" },
  {
    name: "io.disconnectSockets()",
    act: (_client, _socket, io) => io.disconnectSockets(),
    code: "SERVER_DISCONNECTED",
  },
  { name: "io.close()", act: (_client, _socket, io) => void io.close(), code: "SERVER_SHUTDOWN" },
  { name: "transport.close()", act: (_client, socket) => socket.conn.transport.close(), code: "TRANSPORT_CLOSED" },
  {
    name: 'transport.emit("close")',
    act: (_client, socket) => socket.conn.transport.emit("close"),
    code: "TRANSPORT_CLOSED",
  },
  {
    name: 'transport.emit("error")',
    act: (_client, socket) => socket.conn.transport.emit("error", new Error("x")),
    code: "TRANSPORT_FAILED",
  },
  { name: "no answer to the heartbeat", act: () => undefined, code: "PING_TIMEOUT" },
];

type Client = RawPolling | RawWebSocket;

async function reasonOf(
  target: Target,
  transport: string,
  ending: Ending<never>,
): Promise<{ reason: string; code?: string }> {
  const isTimeout = ending.code === "PING_TIMEOUT";
  const running = await serve(target, {
    maxHttpBufferSize: 2000,
    ...(isTimeout && { pingInterval: 500, pingTimeout: 100 }),
  });
  const { port } = running.host;
  const connection = nextEvent<[Socket]>(running.io, "connection");
  const client: Client =
    transport === "polling" ? await RawPolling.open({ port }) : await RawWebSocket.connect({ port });
  await (client instanceof RawPolling ? client.post("40") : client.send("40"));
  const [socket] = await connection;
  const gone = nextEvent<[string]>(socket, "disconnect");
  await client.until((packet) => packet.startsWith("40"));
  await ending.act(client as never, socket, running.io, port);
  // Over polling, the next poll reports the end.
  const last = client instanceof RawPolling && client.poll().catch(() => undefined);
  const [reason] = await gone;
  if (client instanceof RawWebSocket) client.cut();
  // Where the session goes on without sockets, this answers the poll.
  await running.stop();
  await last;
  const { closeReason } = socket as unknown as { closeReason?: { code: string } };
  return { reason, ...(closeReason && { code: closeReason.code }) };
}

function compare(transport: string, ending: Ending<never>): void {
  test(ending.name, async () => {
    const [theirs, ours] = await Promise.all([
      reasonOf(reference, transport, ending),
      reasonOf(portage, transport, ending),
    ]);
    expect(ours).toEqual({ ...theirs, code: ending.code });
  });
}

describe("why a socket on a WebSocket ends", () => {
  for (const ending of [...WEBSOCKET, ...PROGRAM]) compare("websocket", ending);
});

describe("why a socket that polls ends", () => {
  for (const ending of [...POLLING, ...PROGRAM]) compare("polling", ending);
});
