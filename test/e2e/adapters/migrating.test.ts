import { redisCluster } from "@portage/cluster/redis";
import { createAdapter } from "@socket.io/redis-adapter";
import { createAdapter as createStreamsAdapter } from "@socket.io/redis-streams-adapter";
import { createClient } from "redis";
import type { Server } from "socket.io";
import type { Socket } from "socket.io-client";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { type ClientOptions, CLIENTS } from "../../support/clients.ts";
import { RoundRobin } from "../../support/cluster/round-robin.ts";
import { eventually } from "../../support/servers/cluster.ts";
import { type Running, serve } from "../../support/servers/host.ts";
import { startRedis } from "../../support/servers/redis.ts";
import { portage, reference, type Target } from "../../support/targets.ts";
import { nextEvent } from "../../support/waiting.ts";

/*
 * The steps of docs/migrating.md from a sticky socket.io cluster to one that needs neither stickiness nor an adapter.
 */

const redis = await startRedis();
const url = redis?.url ?? "";
afterAll(() => redis?.stop());

type Adapter = NonNullable<ConstructorParameters<typeof Server>[1]>["adapter"];
type RedisConnection = ReturnType<typeof createClient>;
/** Makes an adapter for a server; `connect` opens connections that end with it. */
type MakeAdapter = (connect: () => Promise<RedisConnection>, name: string) => Promise<Adapter>;
type Part = "adapter" | "cluster" | "recovery";

let count = 0;

/** The servers of a site, which share a Redis, and clients of the reference. */
class Site {
  readonly name = `site-${count++}`;
  readonly #adapter: MakeAdapter;
  /** The servers, each with its connections to Redis. */
  readonly #running = new Map<Running, readonly RedisConnection[]>();
  readonly #clients: Socket[] = [];

  constructor(adapter: MakeAdapter) {
    this.#adapter = adapter;
  }

  /** Starts a server with some of the options `adapter`, `cluster` and `connectionStateRecovery`. */
  async start(target: Target, ...parts: readonly Part[]): Promise<Running> {
    const connections: RedisConnection[] = [];
    const connect = async (): Promise<RedisConnection> => {
      const client = createClient({ url });
      connections.push(client);
      return client.connect();
    };
    const cluster = parts.includes("cluster") ? redisCluster(await connect(), { name: this.name }) : undefined;
    const node = await serve(target, {
      ...(parts.includes("adapter") && { adapter: await this.#adapter(connect, this.name) }),
      ...(cluster && { cluster }),
      ...(parts.includes("recovery") && { connectionStateRecovery: {} }),
    });
    node.io.on("connection", (socket) => {
      socket.on("join", async (room: string, done: () => void) => {
        await socket.join(room);
        done();
      });
      socket.on("echo", (text: string, done: (text: string) => void) => done(text));
    });
    this.#running.set(node, connections);
    if (cluster) await eventually(async () => expect(cluster.tag).not.toBe(""));
    return node;
  }

  /** Replaces a server by another one. */
  async replace(node: Running, target: Target, ...parts: readonly Part[]): Promise<Running> {
    await this.leave(node);
    return this.start(target, ...parts);
  }

  async leave(node: Running): Promise<void> {
    const connections = this.#running.get(node)!;
    this.#running.delete(node);
    await node.stop();
    await Promise.all(connections.map((connection) => connection.quit()));
  }

  async client(to: string, options: ClientOptions = {}): Promise<Socket> {
    const client = CLIENTS["socket.io-client 4.8"]!(to, options);
    this.#clients.push(client);
    await nextEvent(client, "connect");
    return client;
  }

  /** Waits until the adapters of the servers have found each other. */
  async meet(nodes: readonly Running[]): Promise<void> {
    await eventually(async () => {
      const counts = await Promise.all(nodes.map(({ io }) => io.of("/").adapter.serverCount()));
      expect(counts).toEqual(nodes.map(() => nodes.length));
    });
  }

  dropClients(): void {
    for (const client of this.#clients.splice(0)) client.disconnect();
  }

  /** Disconnects all clients, and waits until the cluster of `node` has none. */
  async empty({ io }: Running): Promise<void> {
    this.dropClients();
    await eventually(async () => expect(await io.fetchSockets()).toEqual([]));
  }

  async stop(): Promise<void> {
    this.dropClients();
    await Promise.all(Array.from(this.#running.keys(), (node) => this.leave(node)));
  }
}

let site: Site;
afterEach(() => site.stop());

/** The servers act as one for clients that are with one of them each: broadcasts, rooms, fetchSockets(), serverSideEmit(). */
async function expectOneCluster(nodes: readonly Running[]): Promise<void> {
  await site.meet(nodes);
  const ways: ClientOptions[] = [{ transports: ["polling"] }, { transports: ["websocket"] }, {}, { upgrade: false }];
  const clients = await Promise.all(nodes.map((node, index) => site.client(node.url, ways[index] ?? {})));
  // The streams adapter of a new server misses earlier events than its first read.
  const reached = new Set<Socket>();
  for (const client of clients) client.on("warm-up", () => reached.add(client));
  await eventually(async () => {
    nodes[0]!.io.emit("warm-up");
    expect(reached.size).toBe(clients.length);
  });
  const room = [clients[0]!, clients.at(-1)!];
  await Promise.all(room.map((client) => client.emitWithAck("join", "red")));
  for (const [index, { io }] of nodes.entries()) {
    const all = clients.map((client) => nextEvent(client, "all"));
    io.emit("all", index, Buffer.from([index]));
    // With recovery, an offset follows.
    const heardByAll = (await Promise.all(all)).map((args) => args.slice(0, 2));
    expect(heardByAll).toEqual(clients.map(() => [index, Buffer.from([index])]));
    const some = room.map((client) => nextEvent(client, "red"));
    for (const client of clients) client.once("red", () => expect(room).toContain(client));
    io.to("red").emit("red", index);
    expect((await Promise.all(some)).map(([first]) => first)).toEqual(room.map(() => index));
    expect(new Set((await io.fetchSockets()).map(({ id }) => id))).toEqual(new Set(clients.map(({ id }) => id)));
    const others = nodes.filter((node) => node.io !== io);
    const heard = others.map((node) => nextEvent(node.io, "hello"));
    io.serverSideEmit("hello", index);
    expect(await Promise.all(heard)).toEqual(others.map(() => [index]));
  }
  await site.empty(nodes[0]!);
}

/** Clients that poll keep their sessions although their requests reach the servers in turn. */
async function expectAnyRoute(nodes: readonly Running[]): Promise<void> {
  const balancer = await RoundRobin.over(nodes.map(({ port }) => port));
  try {
    const clients = await Promise.all([1, 2, 3].map(() => site.client(balancer.url, { transports: ["polling"] })));
    const heard = clients.map((client) => {
      const got: unknown[] = [];
      client.on("n", (n) => got.push(n));
      client.on("disconnect", (reason) => got.push(reason));
      return got;
    });
    for (let n = 0; n < 6; n += 1) {
      for (const client of clients) expect(await client.emitWithAck("echo", `${n}`)).toBe(`${n}`);
      nodes[n % nodes.length]!.io.emit("n", n);
      await eventually(async () => expect(heard.map(({ length }) => length)).toEqual(clients.map(() => n + 1)));
    }
    expect(heard).toEqual(clients.map(() => [0, 1, 2, 3, 4, 5]));
    await site.empty(nodes[0]!);
  } finally {
    balancer.close();
  }
}

/** A poll at another server than its own is refused. */
async function expectStickyNeeded(from: Running, to: Running): Promise<void> {
  const client = await site.client(from.url, { transports: ["polling"] });
  const { id: sid } = client.io.engine as unknown as { id: string };
  const answer = await fetch(`${to.url}/socket.io/?EIO=4&transport=polling&sid=${sid}`);
  expect([answer.status, await answer.json()]).toEqual([400, { code: 1, message: "Session ID unknown" }]);
  await site.empty(from);
}

/** A client that loses its connection to a server comes back at another one, with what was sent meanwhile. */
async function expectRecovered(from: Running, to: Running): Promise<void> {
  const client = await site.client(from.url, { transports: ["websocket"] });
  const got: unknown[] = [];
  client.on("n", (n) => got.push(n));
  from.io.emit("n", 1);
  await eventually(async () => expect(got).toEqual([1]));
  const { id } = client;
  const lost = nextEvent(client, "disconnect");
  client.io.engine.close();
  await lost;
  to.io.emit("n", 2);
  Object.assign(client.io, { uri: to.url });
  const back = nextEvent(client, "connect");
  client.connect();
  await back;
  expect(client).toMatchObject({ recovered: true, id });
  from.io.emit("n", 3);
  await eventually(async () => expect(got).toEqual([1, 2, 3]));
  await site.empty(to);
}

describe.skipIf(redis === undefined).each([
  [
    "redis-adapter",
    async (connect: () => Promise<RedisConnection>, key: string) =>
      createAdapter(await connect(), await connect(), { key }) as never,
  ],
  [
    "redis-streams-adapter",
    async (connect: () => Promise<RedisConnection>, streamName: string) =>
      createStreamsAdapter(await connect(), { streamName, blockTimeInMs: 50 }) as never,
  ],
] as const)("a site with %s", (_name, adapter) => {
  test("moves from socket.io to the cluster in steps, and back", { timeout: 120_000 }, async () => {
    site = new Site(adapter);
    const old = [await site.start(reference, "adapter"), await site.start(reference, "adapter")] as const;

    // Step 1: nodes of both kinds.
    let [one, two] = [await site.start(portage, "adapter"), await site.start(portage, "adapter")];
    await expectOneCluster([...old, one, two]);
    await expectStickyNeeded(one, two);

    // Step 2: `cluster` beside `adapter` routes between the nodes of Portage, and the broadcasts reach all nodes as before.
    one = await site.replace(one, portage, "adapter", "cluster");
    await expectOneCluster([...old, one, two]);
    two = await site.replace(two, portage, "adapter", "cluster");
    await expectOneCluster([...old, one, two]);
    await expectAnyRoute([one, two]);
    await expectStickyNeeded(old[0], one);

    // One step back, and forth again.
    two = await site.replace(two, portage, "adapter");
    await expectOneCluster([...old, one, two]);
    two = await site.replace(two, portage, "adapter", "cluster");

    // Step 3: the last node of socket.io leaves, and the balancer need not be sticky.
    for (const node of old) await site.leave(node);
    await expectOneCluster([one, two]);
    await expectAnyRoute([one, two]);

    // Step 4: without `adapter`, the cluster broadcasts as well.
    one = await site.replace(one, portage, "cluster");
    // Meanwhile requests are forwarded, but broadcasts and questions don't cross.
    const client = await site.client(two.url, { transports: ["polling"] });
    const { id: sid } = client.io.engine as unknown as { id: string };
    const pong = { method: "POST", body: "3" };
    expect((await fetch(`${one.url}/socket.io/?EIO=4&transport=polling&sid=${sid}`, pong)).status).toBe(200);
    expect([await one.io.fetchSockets(), await two.io.fetchSockets()]).toMatchObject([[], [{ id: client.id }]]);
    await site.empty(two);
    two = await site.replace(two, portage, "cluster");
    await expectOneCluster([one, two]);
    await expectAnyRoute([one, two]);

    // Step 5: recovery.
    one = await site.replace(one, portage, "cluster", "recovery");
    two = await site.replace(two, portage, "cluster", "recovery");
    await expectOneCluster([one, two]);
    await expectRecovered(one, two);

    // The way back.
    one = await site.replace(one, portage, "adapter", "cluster");
    two = await site.replace(two, portage, "adapter", "cluster");
    const last = await site.start(reference, "adapter");
    await expectOneCluster([last, one, two]);
  });
});
