import { createAdapter as createClassicAdapter, createShardedAdapter } from "@socket.io/redis-adapter";
import { Emitter } from "@socket.io/redis-emitter";
import { createAdapter as createStreamsAdapter } from "@socket.io/redis-streams-adapter";
import { createAdapter as createPostgresAdapter } from "@socket.io/postgres-adapter";
import { EventEmitter } from "node:events";
import { deserialize, serialize } from "node:v8";
import type { Server as PortageServer } from "@portage/server";
import { ClusterAdapterWithHeartbeat } from "@portage/server/adapter";
import { Pool } from "pg";
import { createClient } from "redis";
import type { Server } from "socket.io";
import * as npm from "socket.io-adapter";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Bus, clientOf, eventually } from "../../support/servers/cluster.ts";
import { type Running, serve } from "../../support/servers/host.ts";
import { startPostgres } from "../../support/servers/postgres.ts";
import { startRedis } from "../../support/servers/redis.ts";
import { portage, reference, type Target } from "../../support/targets.ts";
import { nextEvent } from "../../support/waiting.ts";
import { clusterBehaviour } from "./behaviour.ts";

const redis = await startRedis();
const postgres = await startPostgres();
afterAll(() => Promise.all([redis?.stop(), postgres?.stop()]));

const SECRET = "secret of the cluster";
const OTHER = "secret of somebody else";

/** A bus in this process, which clones its messages. */
function memoryBus(Base: typeof npm.ClusterAdapterWithHeartbeat): Bus & { readonly wire: EventEmitter } {
  const wire = new EventEmitter().setMaxListeners(0);
  const say = (to: string, message: unknown): void => {
    const bytes = serialize(message);
    setImmediate(() => wire.emit(to, bytes));
  };
  class OnWire extends Base {
    constructor(nsp: unknown) {
      super(nsp, { heartbeatInterval: 50, heartbeatTimeout: 10_000 });
      wire.on("all", (bytes: Buffer) => this.onMessage(deserialize(bytes) as never));
      wire.on(this.uid, (bytes: Buffer) => this.onResponse(deserialize(bytes) as never));
    }
    override doPublish(message: unknown): Promise<string> {
      say("all", message);
      return Promise.resolve("");
    }
    override doPublishResponse(uid: string, response: unknown): Promise<void> {
      say(uid, response);
      return Promise.resolve();
    }
  }
  return { wire, adapter: () => Promise.resolve({ adapter: OnWire as never, end: () => Promise.resolve() }) };
}
const ours = (): ReturnType<typeof memoryBus> =>
  memoryBus(ClusterAdapterWithHeartbeat as unknown as typeof npm.ClusterAdapterWithHeartbeat);
const theirs = (): ReturnType<typeof memoryBus> => memoryBus(npm.ClusterAdapterWithHeartbeat);

const throughRedis = (make: (pub: never, sub: never) => unknown): Bus => ({
  async adapter() {
    const pub = createClient({ url: redis?.url ?? "" });
    const sub = pub.duplicate();
    await Promise.all([pub.connect(), sub.connect()]);
    return { adapter: make(pub as never, sub as never) as never, end: () => Promise.all([pub.quit(), sub.quit()]) };
  },
});
const sharded = throughRedis((pub, sub) => createShardedAdapter(pub, sub, { channelPrefix: "signed" }));
const streams = throughRedis((pub) => createStreamsAdapter(pub, { streamName: "signed", blockTimeInMs: 50 }));

const connect = (): Pool => new Pool({ connectionString: postgres?.url, max: 3 });
const throughPostgres: Bus = {
  adapter() {
    const pool = connect();
    // Small, so that most messages go through the table.
    const adapter = createPostgresAdapter(pool, { heartbeatInterval: 50, payloadThreshold: 200 }) as never;
    return Promise.resolve({ adapter, end: () => pool.end() });
  },
};
const makeTable = async (): Promise<void> => {
  if (postgres === undefined) return;
  const pool = connect();
  await pool.query(
    "CREATE TABLE IF NOT EXISTS socket_io_attachments (id bigserial UNIQUE, created_at timestamptz DEFAULT NOW(), payload bytea)",
  );
  await pool.end();
};

const signed = { clusterSecret: SECRET };

describe("signed, in one process", () => {
  describe("adapters of ours", () => clusterBehaviour(ours, [portage, portage], signed));
  describe("adapters of npm", () => clusterBehaviour(theirs, [portage, portage], signed));
});

describe.skipIf(redis === undefined)("signed, with Redis", () => {
  describe("redis-adapter, sharded", () => clusterBehaviour(() => sharded, [portage, portage], signed));
  describe("redis-streams-adapter", () => clusterBehaviour(() => streams, [portage, portage], signed));

  test("redis-adapter has its own format: the server constructor throws, and bus messages reach no client", async () => {
    const parts = await throughRedis((pub, sub) => createClassicAdapter(pub, sub)).adapter();
    const { adapter } = parts;
    expect(() => new portage.socketio.Server({ adapter, ...signed })).toThrow(
      expect.objectContaining({ code: "ADAPTER_CANNOT_SIGN" }) as Error,
    );
    await parts.end();
  });
});

describe.skipIf(postgres === undefined)("signed, with PostgreSQL", () => {
  beforeAll(makeTable);
  clusterBehaviour(() => throughPostgres, [portage, portage], signed);
});

const ends: Array<() => unknown> = [];
afterEach(async () => {
  while (ends.length > 0) await ends.pop()?.();
});

const statsOf = ({ io }: Running): ReturnType<PortageServer["stats"]> => (io as unknown as PortageServer).stats();
const ignoredBy = (node: Running): number => statsOf(node).cluster["CLUSTER_SIGNATURE_INVALID"] ?? 0;

/** Starts a server for each secret, with a client; a server of the reference signs nothing. */
async function servers(bus: Bus, secrets: readonly (string | string[] | undefined)[], make: Target = portage) {
  return Promise.all(
    secrets.map(async (clusterSecret) => {
      const { adapter, end } = await bus.adapter();
      const target = clusterSecret === undefined ? make : portage;
      const node = await serve(target, { adapter, ...(clusterSecret && { clusterSecret }) });
      const codes = new Set<unknown>();
      node.io.on("handler_error" as never, (error: { code?: string }) => void codes.add(error.code));
      const client = await clientOf(node.url);
      ends.push(
        end,
        () => node.stop(),
        () => client.disconnect(),
      );
      return { ...node, client, codes };
    }),
  );
}

type Insider = Awaited<ReturnType<typeof servers>>[number];

const countOf = (io: Server): Promise<number> => io.of("/").adapter.serverCount();

describe.each([
  ["adapters of ours", ours],
  ["adapters of npm", theirs],
])("in a cluster with secrets, with %s", (_name, bus) => {
  test.each([
    ["before", [SECRET, SECRET, SECRET]],
    ["when some know the new one", [SECRET, [SECRET, OTHER], [SECRET, OTHER]]],
    [
      "when some sign with it",
      [
        [SECRET, OTHER],
        [OTHER, SECRET],
        [OTHER, SECRET],
      ],
    ],
    ["when some have forgotten the old one", [[OTHER, SECRET], OTHER, OTHER]],
  ])("three servers are one while the secret is rotated: %s", async (_step, secrets) => {
    const nodes = await servers(bus(), secrets);
    const [first, , last] = nodes as [Insider, Insider, Insider];
    for (const { io } of nodes) await eventually(async () => expect(await countOf(io)).toBe(3));
    const heard = nodes.map(({ client }) => nextEvent(client, "news"));
    last.io.emit("news", Buffer.from("bytes"), { b: 1, a: [null] });
    for (const news of await Promise.all(heard)) expect(news).toEqual([Buffer.from("bytes"), { b: 1, a: [null] }]);
    expect(await first.io.fetchSockets()).toHaveLength(3);
    for (const { io } of nodes) io.on("who", (done: (answer: number) => void) => done(1));
    expect(await last.io.serverSideEmitWithAck("who")).toEqual([1, 1]);
    for (const { client } of nodes) client.on("q", (done: (answer: number) => void) => done(2));
    expect(await first.io.timeout(10_000).emitWithAck("q")).toEqual([2, 2, 2]);
    expect(nodes.map(ignoredBy)).toEqual([0, 0, 0]);
  });

  test.each([
    ["another secret", OTHER, portage],
    ["none", undefined, portage],
    ["none, and is a server of the reference", undefined, reference],
  ])("a server that has %s is not one of them: nothing comes through, it is told and counted", async (...args) => {
    const [, secret, make] = args;
    const [one, two, odd] = (await servers(bus(), [SECRET, SECRET, secret], make)) as [Insider, Insider, Insider];
    for (const { io } of [one, two]) await eventually(async () => expect(await countOf(io)).toBe(2));
    const heard: unknown[] = [];
    for (const { io, client } of [one, two]) {
      client.onAny((...event: unknown[]) => heard.push(event));
      client.on("disconnect", () => heard.push("disconnect"));
      io.on("from the odd one", () => heard.push("server event"));
    }
    const before = [one, two].map(ignoredBy);
    odd.io.emit("from the odd one");
    odd.io.serverSideEmit("from the odd one");
    odd.io.disconnectSockets(true);
    odd.io.socketsJoin("room");
    await eventually(async () => {
      [one, two].forEach((node, index) => expect(ignoredBy(node)).toBeGreaterThanOrEqual((before[index] ?? 0) + 4));
    });
    for (const { codes } of [one, two]) expect(codes).toEqual(new Set(["CLUSTER_SIGNATURE_INVALID"]));
    const text = (one.io as unknown as PortageServer).metrics();
    expect(text).toMatch(/portage_cluster_ignored_total\{code="CLUSTER_SIGNATURE_INVALID"\} \d+\n/);
    // They are alive, and nothing of it has reached their clients before this.
    const news = [one, two].map(({ client }) => nextEvent(client, "news"));
    one.io.emit("news");
    await Promise.all(news);
    expect(heard).toEqual([["news"], ["news"]]);
    expect(await one.io.in("room").fetchSockets()).toEqual([]);
    expect(await one.io.fetchSockets()).toHaveLength(2);
  });
});

test.skipIf(redis === undefined)("messages of an external emitter to signing servers reach no client", async () => {
  const [node] = (await servers(sharded, [SECRET])) as [Insider];
  const outside = createClient({ url: redis?.url ?? "" });
  await outside.connect();
  ends.push(() => outside.quit());
  const heard: unknown[] = [];
  node.client.onAny((...event: unknown[]) => heard.push(event));
  new Emitter(outside, { key: "signed" }).emit("classic");
  const data = { opts: { rooms: [], except: [], flags: {} }, packet: { type: 2, data: ["from outside"] } };
  await outside.sPublish("signed#/#", JSON.stringify({ uid: "emitter", nsp: "/", type: 3, data }));
  await eventually(async () => expect(ignoredBy(node)).toBe(1));
  const news = nextEvent(node.client, "news");
  node.io.emit("news");
  await news;
  expect(heard).toEqual([["news"]]);
});
