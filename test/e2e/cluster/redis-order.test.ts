import type { Socket as ServerSocket } from "@portage/server";
import { Redis } from "ioredis";
import { io as connect, type Socket } from "socket.io-client";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { serverClock } from "@portage/server/relay";
import { encodeEntry } from "../../../packages/cluster/src/order/entry.ts";
import { ClientPort } from "../../../packages/cluster/src/redis/client-port.ts";
import { logKeys } from "../../../packages/cluster/src/redis/log-keys.ts";
import { RedisLog } from "../../../packages/cluster/src/redis/log.ts";
import { ownRedis, startRedis } from "../../support/servers/redis.ts";
import { type Node, Nodes, until } from "./nodes.ts";

const redis = await startRedis();
const url = redis?.url ?? "";
const admin = new Redis(url, { lazyConnect: true });
afterAll(async () => {
  admin.disconnect();
  await redis?.stop();
});

let nodes: Nodes;
let clients: Socket[] = [];
beforeEach(() => {
  nodes = new Nodes(url);
});
afterEach(async () => {
  for (const client of clients) client.disconnect();
  clients = [];
  await nodes.stop();
});

const RECOVERY = { connectionStateRecovery: {} };

async function startNodes(count: number, server: object = {}): Promise<Node[]> {
  const started = await Promise.all(Array.from({ length: count }, () => nodes.start({}, { ...RECOVERY, ...server })));
  await nodes.meet(count - 1);
  return started;
}

const portOf = ({ io }: Node): number => (io.httpServer.address() as { port: number }).port;

/** A client, with the events that it has got: name, arguments, and its offset as last argument. */
interface Listener {
  readonly socket: Socket;
  readonly server: ServerSocket;
  readonly got: unknown[][];
}

async function clientOf(node: Node, options = {}): Promise<Listener> {
  const served = new Promise<ServerSocket>((resolve) => node.io.once("connection", resolve));
  const socket = connect(`http://127.0.0.1:${portOf(node)}`, { transports: ["websocket"], forceNew: true, ...options });
  clients.push(socket);
  const got: unknown[][] = [];
  // The reference removes the offset from the arguments of listeners.
  socket.onAny((...event: unknown[]) => got.push(event));
  const server = await served;
  await until(() => socket.connected, "the client to connect");
  return { socket, server, got };
}

/** Events without their offsets. */
const eventsOf = ({ got }: Listener): string[] => got.map(([name, value]) => `${String(name)} ${String(value)}`);

describe.skipIf(redis === undefined)("events of three nodes on Redis, with recovery", () => {
  test("of a node that closes in the same turn come to the clients of the others, and to its own", async () => {
    const [one, two] = (await startNodes(2)) as [Node, Node];
    const listeners = [await clientOf(one, { reconnection: false }), await clientOf(two)];
    for (let i = 0; i < 3; i++) one.io.emit("bye", i);
    await one.io.close();
    for (const each of listeners) await until(() => each.got.length === 3, "the last events");
    expect(listeners.map(eventsOf)).toEqual([
      ["bye 0", "bye 1", "bye 2"],
      ["bye 0", "bye 1", "bye 2"],
    ]);
  });

  test("come to the clients of a node that is attached again", async () => {
    const [one, two] = (await startNodes(2)) as [Node, Node];
    await two.io.close();
    two.io.listen(0);
    await nodes.joined(two);
    await nodes.meet(1);
    const listener = await clientOf(two);
    one.io.emit("a", 1);
    two.io.emit("b", 2);
    await until(() => listener.got.length === 2, "both events");
    expect(eventsOf(listener).sort()).toEqual(["a 1", "b 2"]);
  });

  test("come to all clients in one order, at the emitter as well", async () => {
    const all = await startNodes(3);
    const listeners = await Promise.all(all.flatMap((node) => [clientOf(node), clientOf(node)]).map((each) => each));
    for (let i = 0; i < 50; i++) {
      for (const [at, { io }] of all.entries()) io.emit(`n${at}`, i);
      if (i % 10 === 0) await new Promise(setImmediate);
    }
    for (const each of listeners) await until(() => each.got.length === 150, "all events");
    const [first, ...others] = listeners.map(eventsOf);
    for (const other of others) expect(other).toEqual(first);
    for (const name of ["n0", "n1", "n2"]) {
      expect(first?.filter((event) => event.startsWith(name))).toEqual(
        Array.from({ length: 50 }, (_, i) => `${name} ${i}`),
      );
    }
  });

  test("carry an offset, attachments and rooms, and leave out whom they should", async () => {
    const [one, two] = (await startNodes(2)) as [Node, Node];
    const [a, b] = [await clientOf(one), await clientOf(two)];
    await b.server.join("room");
    one.io.to("room").emit("bytes", Buffer.from([1, 2, 255]), { text: "ü" });
    one.io.except("room").emit("others");
    a.server.broadcast.emit("not me");
    one.io.to(b.server.id).emit("you", 1);
    one.io.emit("end");
    for (const each of [a, b]) await until(() => each.got.at(-1)?.[0] === "end", "the end");
    expect(a.got.map(([name]) => name)).toEqual(["others", "end"]);
    expect(b.got.map(([name]) => name)).toEqual(["bytes", "not me", "you", "end"]);
    expect(b.got[0]).toEqual([
      "bytes",
      Buffer.from([1, 2, 255]),
      { text: "ü" },
      expect.stringMatching(/^[\w-]{4}[0-9a-z]+$/),
    ]);
  });

  test("keep the order of the program for one socket: with and without acknowledgement, or local", async () => {
    const [one] = (await startNodes(2)) as [Node];
    const a = await clientOf(one);
    a.socket.on("ask", (answer: (text: string) => void) => answer("yes"));
    a.server.emit("e1");
    a.server.emit("ask", (answer: string) => a.server.emit("answered", answer));
    one.io.emit("e2");
    one.io.local.emit("e4");
    one.io.timeout(1000).emit("ask all", () => undefined);
    a.server.emit("e6");
    await until(() => a.got.some(([name]) => name === "answered"), "the answer");
    expect(a.got.map(([name]) => name)).toEqual(["e1", "ask", "e2", "e4", "ask all", "e6", "answered"]);
  });

  test("what was emitted before a disconnection still arrives", async () => {
    const [one, two] = (await startNodes(2)) as [Node, Node];
    const [a, b] = [await clientOf(one, { reconnection: false }), await clientOf(two, { reconnection: false })];
    one.io.emit("news");
    a.server.emit("bye", "you");
    a.server.disconnect();
    await until(() => !a.socket.connected, "the disconnection");
    expect(eventsOf(a)).toEqual([expect.stringMatching(/^news/), "bye you"]);
    await until(() => b.got.length === 1, "the news");
    one.io.emit("last");
    await until(() => b.got.length === 2, "the last event");
    expect(b.got.map(([name]) => name)).toEqual(["news", "last"]);
  });

  test("reach a client of Socket.IO 2 in the same order, without an offset", async () => {
    const { default: connect2 } = (await import("socket.io-client-2")) as unknown as {
      default: (url: string, options: object) => Socket;
    };
    const [one, two] = (await startNodes(2, { allowEIO3: true })) as [Node, Node];
    const served = new Promise<ServerSocket>((resolve) => one.io.once("connection", resolve));
    const old = connect2(`http://127.0.0.1:${portOf(one)}`, { transports: ["websocket"], forceNew: true });
    clients.push(old);
    const got: unknown[][] = [];
    for (const name of ["a", "b", "c", "d"]) old.on(name, (...args: unknown[]) => got.push([name, ...args]));
    const server = await served;
    one.io.emit("a", 1);
    server.emit("b", 2);
    one.io.emit("c", Buffer.from([1]));
    await until(() => got.length === 3, "three events");
    two.io.emit("d", "text");
    await until(() => got.length === 4, "four events");
    expect(got).toEqual([
      ["a", 1],
      ["b", 2],
      ["c", Buffer.from([1])],
      ["d", "text"],
    ]);
  });

  test("go on at each node while Redis is away, and between them once it is back without its data", async () => {
    const own = await ownRedis();
    const first = await own!.start();
    const away = new Nodes(own!.url);
    try {
      const [one, two] = [await away.start({}, RECOVERY), await away.start({}, RECOVERY)];
      await away.meet(1);
      const reports: string[] = [];
      one.cluster.on("degraded", () => reports.push("degraded"));
      one.cluster.on("restored", () => reports.push("restored"));
      const [a, b] = [await clientOf(one), await clientOf(two)];
      one.io.emit("before", 1);
      for (const each of [a, b]) await until(() => each.got.length === 1, "the first event");
      await first.stop();
      one.io.emit("away", 2);
      await until(() => a.got.length === 2, "an event without Redis");
      expect(a.got[1]).toEqual(["away", 2, "-"]);
      expect(b.got).toHaveLength(1);
      const second = await own!.start();
      await until(() => b.got.length === 2, "the same at the other node");
      await until(() => reports.length === 2, "the report");
      one.io.emit("after", 3);
      two.io.emit("after", 4);
      for (const each of [a, b]) await until(() => each.got.length === 4, "the last events");
      expect(eventsOf(a)).toEqual(eventsOf(b));
      expect(reports).toEqual(["degraded", "restored"]);
      await away.stop();
      await second.stop();
    } finally {
      await away.stop();
    }
  });

  test("report an entry that is malformed, and go on", async () => {
    const [one] = (await startNodes(1)) as [Node];
    const a = await clientOf(one);
    const errors: unknown[] = [];
    one.io.on("handler_error", (error) => errors.push(error));
    const port = new ClientPort(new Redis(url, { lazyConnect: true }), serverClock);
    const history = (): { maxLength: number; maxAge: number } => ({ maxLength: 100, maxAge: 60_000 });
    const log = new RedisLog({ port, name: nodes.name, clock: serverClock, history, onRefused: () => undefined });
    await until(() => log.isUp, "the log");
    const payload = Buffer.from("malformed");
    const entry = encodeEntry({ writer: "stranger", sequence: 1, kind: "event", payload });
    await log.append("/", { writer: "stranger", sequence: 1, bodies: [entry, Buffer.from("not an entry")] });
    const { history: channel } = logKeys(`${nodes.name}:`, "/");
    for (const message of ["", "x", "abcd", "abcd ", "abcd1 x", "abcdNaN x"]) await admin.publish(channel, message);
    one.io.emit("still here");
    await until(() => a.got.length === 1, "an event");
    expect(errors).toEqual([expect.objectContaining({ code: "CLUSTER_MESSAGE_INVALID" })]);
    log.close();
    port.close();
  });

  test.each([
    ["its subscription is killed", () => admin.client("KILL", "TYPE", "pubsub")],
    [
      "all its connections are killed",
      async () => {
        await admin.client("KILL", "TYPE", "pubsub");
        await admin.client("KILL", "TYPE", "normal");
      },
    ],
    ["Redis stands still", () => admin.client("PAUSE", 300)],
    ["Redis is emptied", () => admin.flushall()],
  ])("arrive once and in one order although %s", async (_name, happen) => {
    const all = await startNodes(3);
    const listeners = await Promise.all(all.map((node) => clientOf(node)));
    const counts = [0, 0, 0];
    const emitAll = (): void => all.forEach(({ io }, at) => io.emit(`n${at}`, counts[at]!++));
    for (let round = 0; round < 40; round++) {
      emitAll();
      if (round === 10 || round === 20) await happen();
      await new Promise(setImmediate);
    }
    for (const each of listeners) await until(() => each.got.length >= 120, "all events");
    emitAll();
    for (const each of listeners) await until(() => each.got.length >= 123, "the last events");
    const [first = [], ...others] = listeners.map(eventsOf);
    expect(first).toHaveLength(123);
    for (const other of others) expect(other).toEqual(first);
  });
});
