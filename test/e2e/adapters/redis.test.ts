import { createAdapter, createShardedAdapter } from "@socket.io/redis-adapter";
import { Emitter } from "@socket.io/redis-emitter";
import { createAdapter as createStreamsAdapter } from "@socket.io/redis-streams-adapter";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { afterAll, describe, expect, test } from "vitest";
import { type Bus, clientOf, eventually, startCluster } from "../../support/servers/cluster.ts";
import { startRedis } from "../../support/servers/redis.ts";
import { portage, reference } from "../../support/targets.ts";
import { nextEvent } from "../../support/waiting.ts";
import { clusterBehaviour } from "./behaviour.ts";

const server = await startRedis();
const url = server?.url ?? "";
afterAll(() => server?.stop());

/** Two connections of the package `redis`. */
async function connections() {
  const pub = createClient({ url });
  const sub = pub.duplicate();
  await Promise.all([pub.connect(), sub.connect()]);
  return { pub, sub, end: () => Promise.all([pub.quit(), sub.quit()]) };
}

const classic: Bus = {
  async adapter() {
    const { pub, sub, end } = await connections();
    return { adapter: createAdapter(pub, sub, { key: "classic" }) as never, end };
  },
};
const throughIoredis: Bus = {
  adapter() {
    const [pub, sub] = [new Redis(url), new Redis(url)];
    const adapter = createAdapter(pub, sub, { key: "ioredis" }) as never;
    return Promise.resolve({ adapter, end: () => Promise.all([pub.quit(), sub.quit()]) });
  },
};
const sharded: Bus = {
  async adapter() {
    const { pub, sub, end } = await connections();
    return { adapter: createShardedAdapter(pub, sub, { channelPrefix: "sharded" }) as never, end };
  },
};
const streams: Bus = {
  async adapter() {
    const { pub, end } = await connections();
    return { adapter: createStreamsAdapter(pub, { streamName: "streams", blockTimeInMs: 50 }) as never, end };
  },
};

describe.skipIf(server === undefined).each([
  ["redis-adapter", classic, portage, portage],
  ["redis-adapter through ioredis", throughIoredis, portage, portage],
  ["redis-adapter, sharded", sharded, portage, portage],
  ["redis-streams-adapter", streams, portage, portage],
  ["redis-adapter in a mixed cluster, asking from Portage", classic, portage, reference],
  ["redis-adapter in a mixed cluster, asking from the reference", classic, reference, portage],
  ["redis-adapter, sharded, in a mixed cluster", sharded, portage, reference],
  ["redis-streams-adapter in a mixed cluster", streams, reference, portage],
] as const)("%s", (_name, bus, one, two) => clusterBehaviour(() => bus, [one, two]));

describe.skipIf(server === undefined)("redis-emitter", () => {
  test("reaches the clients of a mixed cluster", async () => {
    const cluster = await startCluster(classic, [portage, reference]);
    const clients = await Promise.all(cluster.nodes.map((node) => clientOf(node.url)));
    const { pub, end } = await connections();
    const emitter = new Emitter(pub, { key: "classic" });
    const heard = clients.map((client) => nextEvent(client, "news"));
    emitter.emit("news", 1, "two");
    expect(await Promise.all(heard)).toEqual([
      [1, "two"],
      [1, "two"],
    ]);
    const gone = clients.map((client) => nextEvent(client, "disconnect"));
    emitter.disconnectSockets(true);
    await Promise.all(gone);
    await Promise.all([end(), cluster.stop()]);
  });
});

describe.skipIf(server === undefined).each([
  ["Portage to Portage", portage, portage],
  ["Portage to the reference", portage, reference],
  ["the reference to Portage", reference, portage],
] as const)("redis-streams-adapter and a session that moves from %s", (_way, from, to) => {
  test("comes back with all that was sent meanwhile", async () => {
    const cluster = await startCluster(streams, [from, to], { connectionStateRecovery: {} });
    const [one, two] = cluster.nodes;
    const client = await clientOf(one.url);
    const got: unknown[] = [];
    client.on("n", (n) => got.push(n));
    one.io.emit("n", 1);
    await eventually(async () => expect(got).toEqual([1]));
    const { id } = client;
    const lost = new Promise((resolve) =>
      one.io
        .of("/")
        .sockets.get(id ?? "")
        ?.on("disconnect", resolve),
    );
    client.io.engine.close();
    expect(await lost).toBe("transport close");
    two.io.emit("n", 2);
    Object.assign(client.io, { uri: two.url });
    const back = nextEvent(client, "connect");
    client.connect();
    await back;
    expect(client).toMatchObject({ recovered: true, id });
    two.io.to(id ?? "").emit("n", 3);
    await eventually(async () => expect(got).toEqual([1, 2, 3]));
    client.disconnect();
    await cluster.stop();
  });
});
