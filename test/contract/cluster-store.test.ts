import { serverClock } from "@portage/server/relay";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { afterAll, describe, expect, test } from "vitest";
import type { LogPosition } from "../../packages/cluster/src/order/log.ts";
import { ClientPort } from "../../packages/cluster/src/redis/client-port.ts";
import { type LogKeys, logKeys } from "../../packages/cluster/src/redis/log-keys.ts";
import type { RedisPort } from "../../packages/cluster/src/redis/port.ts";
import { RedisStore } from "../../packages/cluster/src/redis/store.ts";
import { SimStore } from "../support/cluster/sim-store.ts";
import { startRedis } from "../support/servers/redis.ts";
import { FakeClock } from "../unit/support/fake-clock.ts";
import { storeContract } from "./cluster-store.ts";

describe("the simulated store", () => {
  storeContract(() => {
    const clock = new FakeClock();
    const positions = new Map<string, LogPosition>();
    const position = (nsp: string): LogPosition => positions.get(nsp) ?? { epoch: "", number: 0 };
    const store = new SimStore({ clock, position });
    return Promise.resolve({
      store,
      moveLog: (nsp, to) => Promise.resolve(void positions.set(nsp, to)),
      failOver: (nsp) => Promise.resolve(void positions.delete(nsp)),
      pass: (ms) => Promise.resolve(clock.advance(ms)),
      flush: () => Promise.resolve(store.flush()),
    });
  });
});

const server = await startRedis();
const url = server?.url ?? "";
afterAll(() => server?.stop());

const keysOf = (nsp: string): LogKeys => logKeys("test:", nsp);

/** Milliseconds that pass really: Redis has its own clock. */
const wait = (ms: number): Promise<void> => new Promise((resolve) => void serverClock.after(ms, resolve));

async function openPort(client: unknown): Promise<RedisPort> {
  const port = new ClientPort(client, serverClock);
  await new Promise<void>((resolve) => {
    if (port.isUp("commands")) return resolve();
    const stop = port.observe({ onRestored: (part) => part === "commands" && (stop(), resolve()) });
  });
  return port;
}

describe.skipIf(server === undefined).each([
  ["ioredis", () => new Redis(url, { lazyConnect: true })],
  ["redis", () => createClient({ url })],
])("the store in Redis, over %s", (_name, client) => {
  let opened: Promise<RedisPort> | undefined;
  const port = (): Promise<RedisPort> => (opened ??= openPort(client()));
  afterAll(async () => (await port()).close());

  storeContract(async () => {
    const redis = await port();
    return {
      store: new RedisStore(redis, "test:", keysOf),
      moveLog: async (nsp, { epoch, number }) => {
        const [, server = ""] = /run_id:(\w+)/.exec(String(await redis.command("INFO", "server"))) ?? [];
        await redis.command("DEL", keysOf(nsp).position);
        await redis.command("HSET", keysOf(nsp).position, epoch, number);
        await redis.command("SET", keysOf(nsp).server, server);
      },
      failOver: async (nsp) => void (await redis.command("SET", keysOf(nsp).server, "another")),
      pass: wait,
      flush: async () => void (await redis.command("FLUSHALL")),
    };
  });

  test("all keys expire, and none shows a private id", async () => {
    const redis = await port();
    await redis.command("FLUSHALL");
    const store = new RedisStore(redis, "test:", keysOf);
    const owner = { term: "a", tag: "aaaa" };
    await store.put("/", { pid: "secret", record: Buffer.from("r"), ttl: 60_000 }, owner);
    await store.take("/", "secret", 60_000, owner);
    const keys = (await redis.command("KEYS", "*")) as Buffer[];
    expect(keys.map(String)).toEqual([expect.stringMatching(/^test:\{\/\}:s:[\w-]{43}$/)]);
    expect(Number(await redis.command("PTTL", keys[0]!))).toBeGreaterThan(0);
  });
});
