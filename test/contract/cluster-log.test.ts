import { serverClock } from "@portage/server/relay";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { afterAll, describe, expect, test } from "vitest";
import { ClientPort } from "../../packages/cluster/src/redis/client-port.ts";
import { RedisLog } from "../../packages/cluster/src/redis/log.ts";
import { logKeys } from "../../packages/cluster/src/redis/log-keys.ts";
import type { RedisPort } from "../../packages/cluster/src/redis/port.ts";
import { SimLog, SimLogServer } from "../support/cluster/sim-log.ts";
import { startRedis } from "../support/servers/redis.ts";
import { logContract } from "./cluster-log.ts";

logContract("a simulated log", () => {
  const server = new SimLogServer();
  // Each way takes a turn.
  const time = { now: () => 0, after: (_ms: number, fn: () => void) => setImmediate(fn) };
  const nodes = [new SimLog(server, time), new SimLog(server, time)] as const;
  return Promise.resolve({
    nodes,
    empty: () => Promise.resolve(server.empty()),
    interrupt: () => {
      nodes[1].cut("subscription");
      nodes[1].mend();
      return Promise.resolve();
    },
    close: () => Promise.resolve(nodes.forEach((node) => node.end())),
  });
});

const server = await startRedis();
const url = server?.url ?? "";
const admin = new Redis(url, { lazyConnect: true });
afterAll(async () => {
  admin.disconnect();
  await server?.stop();
});

const CLIENTS = {
  ioredis: () => new Redis(url, { lazyConnect: true }),
  "node-redis": () => createClient({ url }),
};

function whenUp(port: RedisPort): Promise<void> {
  return new Promise((resolve) => {
    const stop = port.observe({
      onRestored: () => {
        if (!port.isUp("commands") || !port.isUp("subscriptions")) return;
        stop();
        resolve();
      },
    });
  });
}

const HISTORY = { maxLength: 1000, maxAge: 60_000 };

async function openNode(client: unknown, history = HISTORY): Promise<{ port: RedisPort; log: RedisLog }> {
  const port = new ClientPort(client, serverClock);
  const log = new RedisLog({
    port,
    name: "contract",
    clock: serverClock,
    history: () => history,
    onRefused: () => undefined,
  });
  await whenUp(port);
  return { port, log };
}

/** Resolves when the log follows the main namespace, as that of a node does. */
const followed = (log: RedisLog): Promise<void> =>
  new Promise((resolve) => {
    log.follow("/", { onEntry: () => undefined, onInterrupted: () => undefined, onResumed: () => resolve() });
  });

const entry = (sequence: number) => ({ writer: "writer-1", sequence, bodies: [Buffer.from("x")] });

describe.skipIf(server === undefined)("Redis", () => {
  for (const [name, client] of Object.entries(CLIENTS)) {
    logContract(`the log over ${name}`, async () => {
      const [one, two] = await Promise.all([openNode(client()), openNode(client())]);
      return {
        nodes: [one.log, two.log],
        empty: async () => void (await admin.flushall()),
        interrupt: async () => void (await admin.client("KILL", "TYPE", "pubsub")),
        close: () => {
          for (const { port, log } of [one, two]) {
            log.close();
            port.close();
          }
          return Promise.resolve();
        },
      };
    });
  }

  test("every key has a time to live, and a log of any namespace has its own", async () => {
    await admin.flushall();
    const { port, log } = await openNode(CLIENTS.ioredis());
    await log.append("/", {
      writer: "writer-1",
      sequence: 1,
      bodies: Array.from({ length: 300 }, () => Buffer.from("x")),
    });
    await log.position("/other");
    const keys = await admin.keys("*");
    expect(keys.length).toBe(7);
    for (const key of keys) expect(await admin.pttl(key), key).toBeGreaterThan(0);
    log.close();
    port.close();
  });

  test("a log that was emptied has a time to live, although its node has renewed it just before", async () => {
    await admin.flushall();
    const { port, log } = await openNode(CLIENTS.ioredis());
    await followed(log);
    await log.append("/", entry(1));
    await admin.flushall();
    await log.position("/");
    await log.append("/", entry(2));
    for (const key of await admin.keys("*")) expect(await admin.pttl(key), key).toBeGreaterThan(0);
    log.close();
    port.close();
  });

  test("keeps about as many entries as it may", async () => {
    await admin.flushall();
    const { port, log } = await openNode(CLIENTS.ioredis(), { maxLength: 200, maxAge: 60_000 });
    for (let i = 0; i < 1000; i += 100) {
      await log.append("/", {
        writer: "writer-1",
        sequence: i + 1,
        bodies: Array.from({ length: 100 }, () => Buffer.from("x")),
      });
    }
    const length = await admin.xlen(logKeys("contract:", "/").history);
    expect(length).toBeGreaterThanOrEqual(200);
    expect(length).toBeLessThan(400);
    const position = await log.position("/");
    expect(position.number).toBe(1000);
    expect(await log.read("/", { ...position, number: 1 }, 1000)).toBe("trimmed");
    expect(await log.read("/", { ...position, number: 900 }, 1000)).toHaveLength(100);
    log.close();
    port.close();
  });

  test("keeps about as many entries as it may, and marks how old they are, although they come one by one", async () => {
    await admin.flushall();
    const { port, log } = await openNode(CLIENTS.ioredis(), { maxLength: 1024, maxAge: 60_000 });
    await followed(log);
    for (let i = 1; i <= 3000; i++) await log.append("/", entry(i));
    const { history, marks, position } = logKeys("contract:", "/");
    const length = await admin.xlen(history);
    expect(length).toBeGreaterThanOrEqual(1024);
    expect(length).toBeLessThan(1024 + 400);
    expect(await admin.llen(marks)).toBe(Math.floor(3000 / 256));
    expect(Object.values(await admin.hgetall(position))).toEqual(["3000"]);
    for (const key of await admin.keys("*")) expect(await admin.pttl(key), key).toBeGreaterThan(0);
    log.close();
    port.close();
  });

  test.each([
    ["all keys", async () => void (await admin.flushall())],
    ["its position", async () => void (await admin.del(logKeys("contract:", "/").position))],
    [
      "its end",
      async () => {
        const { position } = logKeys("contract:", "/");
        const [epoch = ""] = await admin.hkeys(position);
        await admin.hset(position, epoch, 1);
      },
    ],
  ])("a log that has lost %s goes on in a new epoch", async (_what, lose) => {
    await admin.flushall();
    const { port, log } = await openNode(CLIENTS.ioredis());
    await followed(log);
    await log.append("/", entry(1));
    await log.append("/", entry(2));
    const before = await log.append("/", entry(3));
    expect(before.number).toBe(3);
    await lose();
    const after = await log.append("/", entry(4));
    expect(after.number).toBe(1);
    expect(after.epoch).not.toBe(before.epoch);
    expect(await admin.hgetall(logKeys("contract:", "/").position)).toEqual({ [after.epoch]: "1" });
    expect(await log.read("/", { ...after, number: 0 }, 10)).toHaveLength(1);
    for (const key of await admin.keys("*")) expect(await admin.pttl(key), key).toBeGreaterThan(0);
    log.close();
    port.close();
  });

  test("a node goes on in the epoch that another has begun", async () => {
    await admin.flushall();
    const [one, two] = await Promise.all([openNode(CLIENTS.ioredis()), openNode(CLIENTS.ioredis())]);
    await Promise.all([followed(one.log), followed(two.log)]);
    for (let i = 1; i <= 5; i++) await one.log.append("/", entry(i));
    const { epoch } = await two.log.position("/", { epoch: (await two.log.position("/")).epoch, number: 100 });
    expect(await one.log.append("/", entry(6))).toEqual({ epoch, number: 1 });
    expect(await admin.hkeys(logKeys("contract:", "/").position)).toEqual([epoch]);
    for (const { log, port } of [one, two]) {
      log.close();
      port.close();
    }
  });

  test("an entry that was appended, and whose writer does not know it, is not appended again", async () => {
    await admin.flushall();
    const { port, log } = await openNode(CLIENTS.ioredis());
    await followed(log);
    for (let i = 1; i <= 3; i++) await log.append("/", entry(i));
    const keys = logKeys("contract:", "/");
    await log.append("/", entry(3));
    expect(await admin.xlen(keys.history)).toBe(3);
    // The log does not know the writer any more.
    await admin.del(keys.writer("writer-1"));
    expect(await log.append("/", entry(4))).toMatchObject({ number: 4 });
    expect(await log.append("/", entry(4))).toMatchObject({ number: 4 });
    expect(await admin.xlen(keys.history)).toBe(4);
    log.close();
    port.close();
  });

  test("removes entries that are too old, once there are more", async () => {
    await admin.flushall();
    const { port, log } = await openNode(CLIENTS.ioredis(), { maxLength: 100_000, maxAge: 60_000 });
    const fill = (sequence: number) =>
      log.append("/", { writer: "writer-1", sequence, bodies: Array.from({ length: 256 }, () => Buffer.from("x")) });
    await fill(1);
    const { marks, history } = logKeys("contract:", "/");
    const [mark = ""] = await admin.lrange(marks, 0, -1);
    expect(mark).toMatch(/^256 \d+$/);
    // As if it had been written two minutes ago.
    await admin.lset(marks, 0, `256 ${Date.now() - 120_000}`);
    await fill(257);
    expect(await admin.xlen(history)).toBe(256);
    expect(await admin.llen(marks)).toBe(1);
    log.close();
    port.close();
  });
});
