import type { Socket as ServerSocket } from "@portage/server";
import { Redis } from "ioredis";
import { io as connect, type Socket } from "socket.io-client";
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { startRedis } from "../../support/servers/redis.ts";
import { nextEvent, PATIENCE } from "../../support/waiting.ts";
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

const portOf = ({ io }: Node): number => (io.httpServer.address() as { port: number }).port;
const urlOf = (node: Node): string => `http://127.0.0.1:${portOf(node)}`;

/** Waits until a node delivers the events of a namespace: earlier clients can't be recovered without an offset. */
function joinedLog({ io }: Node, nsp: string): Promise<void> {
  const { events } = io.of(nsp).adapter as unknown as { readonly events: { readonly delivered: unknown } };
  return until(() => events.delivered !== undefined, `the log of ${nsp}`);
}

async function startNodes(count: number, server: object = {}): Promise<Node[]> {
  const begin = (): Promise<Node> => nodes.start({}, { connectionStateRecovery: {}, ...server });
  const started = await Promise.all(Array.from({ length: count }, begin));
  await nodes.meet(count - 1);
  for (const node of started) await joinedLog(node, "/");
  return started;
}

/** A client of the reference, and what it hears. */
interface Heard {
  readonly client: Socket;
  readonly events: unknown[][];
}

async function clientOf(node: Node, options: object = {}, nsp = ""): Promise<Heard> {
  const defaults = { transports: ["websocket"], forceNew: true, reconnectionDelay: 10, reconnectionDelayMax: 10 };
  const client = connect(`${urlOf(node)}${nsp}`, { ...defaults, ...options });
  clients.push(client);
  const events: unknown[][] = [];
  client.onAny((...event: unknown[]) => events.push(event.slice(0, -1)));
  await nextEvent(client, "connect");
  return { client, events };
}

/** Breaks the connection of a client, and lets it come back to a node. Returns its socket there. */
async function moveTo(
  node: Node,
  { client }: Heard,
  meanwhile: () => unknown = () => undefined,
): Promise<ServerSocket> {
  Object.assign(client.io, { uri: urlOf(node) });
  const served = new Promise<ServerSocket>((resolve) => node.io.of(nspOf(client)).once("connection", resolve));
  const gone = nextEvent(client, "disconnect");
  client.io.engine.close();
  await gone;
  await meanwhile();
  const socket = await served;
  await until(() => client.connected, "the client to connect");
  return socket;
}

const nspOf = (client: Socket): string => (client as unknown as { nsp: string }).nsp;

describe.skipIf(redis === undefined)("recovery of unmodified clients on Redis", () => {
  test.each([["websocket"], ["polling"]])("on another node, over %s: events, id, rooms and data", async (transport) => {
    const [a, b] = (await startNodes(2)) as [Node, Node];
    a.io.on("connection", (socket) => {
      socket.data = { user: Buffer.from([1, 255]) };
      void socket.join("red");
    });
    const heard = await clientOf(a, { transports: [transport] });
    const { client } = heard;
    b.io.emit("first", 1);
    await until(() => heard.events.length === 1, "the first event");
    const { id } = client;
    const socket = await moveTo(b, heard, () => {
      a.io.to("red").emit("missed", 2, Buffer.from("b"));
      b.io.to("red").emit("missed", 3);
      b.io.to("blue").emit("not for it");
      b.io.except("red").emit("nor this");
    });
    expect([client.recovered, client.id, socket.recovered, socket.recoveryError]).toEqual([true, id, true, undefined]);
    expect([socket.data, socket.rooms]).toEqual([{ user: Buffer.from([1, 255]) }, new Set([id, "red"])]);
    a.io.to("red").emit("next", 4);
    await until(() => heard.events.length >= 4, "the next event");
    expect(heard.events).toHaveLength(4);
    expect(heard.events[0]).toEqual(["first", 1]);
    expect(new Set(heard.events.slice(1, 3))).toEqual(
      new Set([
        ["missed", 2, Buffer.from("b")],
        ["missed", 3],
      ]),
    );
    expect(heard.events[3]).toEqual(["next", 4]);
    expect(b.io.stats().recovery).toMatchObject({ recovered: 1, refused: {} });
  });

  test("from the first moment, before any event", async () => {
    const [a, b] = (await startNodes(2)) as [Node, Node];
    const heard = await clientOf(a);
    await moveTo(b, heard, () => void a.io.emit("missed", 1));
    expect(heard.client.recovered).toBe(true);
    await until(() => heard.events.length > 0, "the event");
    expect(heard.events).toEqual([["missed", 1]]);
  });

  test("in two namespaces of one connection", async () => {
    const [a, b] = (await startNodes(2)) as [Node, Node];
    for (const node of [a, b]) await joinedLog(node, "/news");
    const main = await clientOf(a, { forceNew: false });
    const news = main.client.io.socket("/news");
    clients.push(news);
    const events: unknown[][] = [];
    news.onAny((...event: unknown[]) => events.push(event.slice(0, -1)));
    await until(() => news.connected, "the namespace");
    const back = nextEvent(news, "connect");
    await moveTo(b, main, () => {
      a.io.emit("main", 1);
      a.io.of("/news").emit("news", 2);
    });
    await back;
    expect([main.client.recovered, news.recovered]).toEqual([true, true]);
    await until(() => main.events.length + events.length === 2, "both events");
    expect([main.events, events]).toEqual([[["main", 1]], [["news", 2]]]);
  });

  test("with middlewares that take their time", async () => {
    const [a, b] = (await startNodes(2, { connectionStateRecovery: { skipMiddlewares: false } })) as [Node, Node];
    const heard = await clientOf(a);
    b.io.use((_socket, next) => {
      a.io.emit("during", 1);
      setTimeout(next, 50);
    });
    await moveTo(b, heard, () => void a.io.emit("missed", 1));
    a.io.emit("after", 1);
    await until(() => heard.events.length >= 3, "all events");
    expect(heard.client.recovered).toBe(true);
    expect(heard.events).toEqual([
      ["missed", 1],
      ["during", 1],
      ["after", 1],
    ]);
  });

  test("after it left its node without a word: the old socket ends", async () => {
    const [a, b] = (await startNodes(2)) as [Node, Node];
    const ends: unknown[] = [];
    a.io.on("connection", (socket) => socket.on("disconnect", (reason) => ends.push(reason)));
    const heard = await clientOf(a);
    a.io.emit("before", 1);
    await until(() => heard.events.length === 1, "the first event");
    const { _pid: pid, _lastOffset: offset } = heard.client as unknown as { _pid: string; _lastOffset: string };
    const second = await clientOf(b, { auth: { pid, offset } });
    expect([second.client.id, ends, a.io.sockets.sockets.size]).toEqual([heard.client.id, ["transport close"], 0]);
  });

  test("keeps its offset after a volatile event that ends in text", async () => {
    const [a, b] = (await startNodes(2)) as [Node, Node];
    const heard = await clientOf(a);
    a.io.emit("one", 1);
    await until(() => heard.events.length === 1, "the first event");
    a.io.volatile.emit("volatile", "text");
    await until(() => heard.events.length === 2, "the volatile event");
    await moveTo(b, heard, () => void a.io.emit("two", 2));
    await until(() => heard.events.length === 3, "the missed event");
    expect([heard.client.recovered, heard.events[2]]).toEqual([true, ["two", 2]]);
  });

  test("not after it has left for good", async () => {
    const [a, b] = (await startNodes(2)) as [Node, Node];
    const heard = await clientOf(a);
    const { _pid: pid } = heard.client as unknown as { _pid: string };
    heard.client.disconnect();
    await vi.waitFor(async () => expect(await admin.keys(`${nodes.name}:{/}:s:*`)).toEqual([]), { timeout: PATIENCE });
    const served = new Promise<ServerSocket>((resolve) => b.io.once("connection", resolve));
    await clientOf(b, { auth: { pid } });
    expect((await served).recoveryError).toMatchObject({ code: "RECOVERY_SESSION_UNKNOWN" });
  });
});

describe.skipIf(redis === undefined)("recovery is refused with a reason", () => {
  const refusalAt = async (node: Node, heard: Heard, meanwhile: () => unknown): Promise<unknown> => {
    const { id } = heard.client;
    const socket = await moveTo(node, heard, meanwhile);
    expect([heard.client.recovered, heard.client.id === id, socket.recovered]).toEqual([false, false, false]);
    return socket.recoveryError?.code;
  };

  test("if Redis was emptied", async () => {
    const [a, b] = (await startNodes(2)) as [Node, Node];
    const heard = await clientOf(a);
    a.io.emit("one", 1);
    await until(() => heard.events.length === 1, "the first event");
    const code = await refusalAt(b, heard, () => admin.flushall());
    // Its node writes the record when it notices the loss, maybe afterwards.
    expect(["RECOVERY_SESSION_UNKNOWN", "RECOVERY_EPOCH"]).toContain(code);
    expect(b.io.stats().recovery.refused).toEqual({ [String(code)]: 1 });
  });

  test("if Redis has lost its data and all connections; later events come", async () => {
    const [a, b] = (await startNodes(2)) as [Node, Node];
    const heard = await clientOf(a);
    a.io.emit("one", 1);
    await until(() => heard.events.length === 1, "the first event");
    const code = await refusalAt(b, heard, async () => {
      await admin.flushall();
      for (const type of ["normal", "pubsub"]) await admin.client("KILL", "TYPE", type, "SKIPME", "yes");
    });
    expect(["RECOVERY_SESSION_UNKNOWN", "RECOVERY_EPOCH", "RECOVERY_FAILED"]).toContain(code);
    a.io.emit("later", 2);
    await until(() => heard.events.length === 2, "the later event");
    expect(heard.events[1]).toEqual(["later", 2]);
  });

  test("if the log has begun anew", async () => {
    const [a, b] = (await startNodes(2)) as [Node, Node];
    const heard = await clientOf(a);
    a.io.emit("one", 1);
    await until(() => heard.events.length === 1, "the first event");
    const code = await refusalAt(b, heard, () => admin.del(`${nodes.name}:{/}:p`));
    expect(code).toBe("RECOVERY_EPOCH");
  });

  test("if it missed too much", async () => {
    const begin = (): Promise<Node> =>
      nodes.start({ history: { maxReplayBytes: 1000 } }, { connectionStateRecovery: {} });
    const [a, b] = await Promise.all([begin(), begin()]);
    await nodes.meet(1);
    const heard = await clientOf(a);
    const code = await refusalAt(b, heard, () => void a.io.emit("large", "x".repeat(2000)));
    expect(code).toBe("RECOVERY_TOO_LARGE");
  });
});

test.skipIf(redis === undefined)(
  "an event from the log does not come again when its emitter has waited too long for it",
  async () => {
    const [one, two] = (await startNodes(2)) as [Node, Node];
    const heard = await clientOf(one);
    one.io.emit("n", 1);
    await until(() => heard.events.length === 1, "the first event");
    const degraded = nextEvent(two.cluster as never, "degraded");
    let returned: Promise<void> | undefined;
    await admin.call("ACL", "SETUSER", "default", "-subscribe");
    try {
      await admin.client("KILL", "TYPE", "pubsub");
      two.io.emit("n", 2);
      const { recovered } = await moveTo(two, heard);
      returned = recovered ? new Promise((resolve) => two.io.once("connection", () => resolve())) : undefined;
      await degraded;
    } finally {
      await admin.call("ACL", "SETUSER", "default", "+subscribe");
    }
    // Its connection was closed, so that it does not get the event out of the order.
    await returned;
    await until(() => heard.client.connected, "the client to connect again");
    one.io.emit("n", 3);
    await until(() => heard.events.some(([, number]) => number === 3), "a later event");
    expect(heard.events).toEqual([1, 2, 3].map((number) => ["n", number]));
  },
);
