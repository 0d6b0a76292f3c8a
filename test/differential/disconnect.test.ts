import type { Socket } from "socket.io";
import { describe } from "vitest";
import { RawPolling } from "../support/raw/polling.ts";
import { RawWebSocket } from "../support/raw/websocket.ts";
import { OPCODE } from "../support/raw/frames.ts";
import { nextEvent } from "../support/waiting.ts";
import type { Socket as Session } from "engine.io";
import { differential, differentialEngine, type SocketContext } from "./scenario.ts";

type Raw = RawPolling | RawWebSocket;
const TRANSPORTS = ["polling", "websocket"] as const;

/** A client in the main namespace, with its socket. */
async function joined(context: SocketContext, transport: string): Promise<{ client: Raw; socket: Socket }> {
  context.watchEngine();
  context.watchAll();
  const connection = nextEvent<[Socket]>(context.io, "connection");
  const client = transport === "polling" ? await context.polling("A") : await context.websocket("A");
  await (client instanceof RawPolling ? client.post("40") : client.send("40"));
  await client.until((packet) => packet.startsWith("40"));
  const [socket] = await connection;
  await socket.join(["room", "other"]);
  return { client, socket };
}

const send = (client: Raw, packet: string): unknown =>
  client instanceof RawPolling ? client.post(packet) : client.send(packet);

/** Reads until the server has ended the connection. */
async function drain(client: Raw): Promise<void> {
  if (client instanceof RawWebSocket) await client.ended();
  else while (!(await client.poll()).some((packet) => packet.startsWith("1"))) await Promise.resolve();
}

describe.each(TRANSPORTS)("disconnecting over %s", (transport) => {
  const scenario = (
    name: string,
    act: (context: SocketContext, client: Raw, socket: Socket) => Promise<unknown>,
  ): void => {
    differential(`${transport}: ${name}`, {}, async (context) => {
      const { client, socket } = await joined(context, transport);
      await act(context, client, socket);
      context.note("server", socket.connected, socket.disconnected, socket.rooms.size, context.io.of("/").sockets.size);
    });
  };

  scenario("the client leaves the namespace", async (context, client) => {
    await send(client, "41");
    await context.seen("server", /^disconnect /);
  });

  scenario("the server sends the socket away", async (context, client, socket) => {
    socket.emit("before");
    socket.disconnect();
    socket.emit("after");
    await client.until((packet) => packet === "41");
    await context.seen("server", /^disconnect /);
  });

  scenario("the server closes the connection", async (context, client, socket) => {
    socket.emit("before");
    const drained = drain(client);
    socket.disconnect(true);
    await drained;
    await context.seen("engine", /^close/);
  });

  scenario("the server closes the engine session", async (context, client, socket) => {
    socket.emit("before");
    const drained = drain(client);
    socket.conn.close();
    await drained;
    await context.seen("engine", /^close/);
  });

  scenario("the server drops the engine session", async (context, client, socket) => {
    const drained = client instanceof RawPolling ? client.beginPoll().reply.catch(() => undefined) : drain(client);
    socket.conn.close(true);
    await context.seen("engine", /^close/);
    await drained;
  });

  scenario("garbage of the client", async (context, client) => {
    await send(client, "4{");
    await drain(client);
    await context.seen("engine", /^close/);
  });

  scenario("a packet of an unknown type", async (context, client) => {
    await send(client, "9");
    await context.seen("engine", /^close/);
  });

  scenario("a ping from the client", async (context, client) => {
    await send(client, "2");
    await context.seen("engine", /^close/);
  });

  scenario("the server shuts down", async (context, client) => {
    const drained = drain(client).catch(() => undefined);
    const closed = context.io.close();
    await context.seen("engine", /^close/);
    await Promise.all([closed, drained]);
  });

  scenario("disconnect inside disconnect", async (context, client, socket) => {
    socket.on("disconnect", () => socket.disconnect(true));
    await send(client, "41");
    await context.seen("server", /^disconnect /);
  });

  differential(`${transport}: several namespaces end together`, {}, async (context) => {
    for (const name of ["/one", "/two"]) context.watchAll(name, `server ${name}`);
    const { client } = await joined(context, transport);
    for (const name of ["/one", "/two"]) {
      await send(client, `40${name},`);
      await client.until((packet) => packet.startsWith(`40${name}`));
    }
    await send(client, "41/one,");
    await context.seen("server /one", /^disconnect /);
    if (client instanceof RawWebSocket) client.cut();
    else await client.post("1");
    await context.seen("server /two", /^disconnect /);
  });
});

describe("ends of a websocket", () => {
  for (const [name, end] of Object.entries<(client: RawWebSocket) => unknown>({
    "close frame": (client) => client.close(1000),
    "close frame 4001": (client) => client.close(4001, "bye"),
    "close frame without a code": (client) => client.sendFrame({ opcode: OPCODE.close }),
    FIN: (client) => client.cut(),
    RST: (client) => client.reset(),
  })) {
    differential(`websocket ends with ${name}`, {}, async (context) => {
      const { client } = await joined(context, "websocket");
      await end(client as RawWebSocket);
      await context.seen("engine", /^close/);
    });
  }

  differentialEngine("websocket ping and pong frames", {}, async (context) => {
    const client = await context.websocket("A");
    await client.next();
    context.engine.on("connection", () => undefined);
    client.sendFrame({ opcode: OPCODE.ping, payload: "are you there" });
    client.sendFrame({ opcode: OPCODE.pong, payload: "unasked" });
    await context.seen("A.ws", "< control 10");
    await client.close(1000);
  });
});

describe("ends of polling", () => {
  differential("polling: the client closes with a packet while a poll waits", {}, async (context) => {
    const { client } = await joined(context, "polling");
    const poll = (client as RawPolling).beginPoll();
    await poll.arrived;
    await send(client, "1");
    await poll.packets;
    await context.seen("server", /^disconnect /);
  });

  differential("polling: the client closes with a packet and no poll waits", {}, async (context) => {
    const { client } = await joined(context, "polling");
    await send(client, "1");
    await context.seen("server", /^disconnect /);
    await context.http({ path: `/socket.io/?EIO=4&transport=polling&sid=unknown` });
  });

  differential("polling: a poll is dropped", {}, async (context) => {
    const { client } = await joined(context, "polling");
    const poll = (client as RawPolling).beginPoll();
    await poll.arrived;
    poll.abort();
    await context.seen("server", /^disconnect /);
  });

  differential("polling: packets behind a close packet", {}, async (context) => {
    const { client } = await joined(context, "polling");
    await (client as RawPolling).post('42["before"]', "1", '42["behind"]');
    await context.seen("engine", /^close/);
  });
});

// On the engine alone, without other traffic, so that a ping can't precede the expected packet.
describe("heartbeats", () => {
  const short = { pingInterval: 40, pingTimeout: 60 };

  differentialEngine("websocket: ping timeout", short, async (context) => {
    context.watchEngine();
    const client = await context.websocket("A");
    await client.until((packet) => packet === "2");
    await drain(client);
    await context.seen("engine", /^close ping timeout/);
  });

  differentialEngine("polling: ping timeout", short, async (context) => {
    context.watchEngine();
    const client = await context.polling("A");
    await client.until((packet) => packet === "2");
    await context.seen("engine", /^close ping timeout/);
  });

  differentialEngine("websocket: three heartbeats", { pingInterval: 30, pingTimeout: 5000 }, async (context) => {
    context.engine.on("connection", (session: Session) => {
      session.on("message", (message: string) => context.note("engine", message));
    });
    const client = await context.websocket("A");
    for (let beat = 0; beat < 3; beat++) {
      await client.until((packet) => packet === "2");
      client.send("3");
    }
    client.send("4alive");
    await context.seen("engine", "alive");
  });
});
