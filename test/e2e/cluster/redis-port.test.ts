import { Cluster, Redis } from "ioredis";
import { Redis as Redis6 } from "ioredis-6";
import { Redis as Valkey } from "iovalkey";
import { createClient, createCluster } from "redis";
import { createClient as createClient6, createCluster as createCluster6 } from "redis-6";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { Server } from "@portage/server";
import { redisCluster } from "@portage/cluster/redis";
import { serverClock } from "@portage/server/relay";
import { ClientPort } from "../../../packages/cluster/src/redis/client-port.ts";
import type { RedisPart, RedisPort } from "../../../packages/cluster/src/redis/port.ts";
import { redisScript } from "../../../packages/cluster/src/redis/script.ts";
import { startRedis } from "../../support/servers/redis.ts";

const server = await startRedis();
const url = server?.url ?? "";
afterAll(() => server?.stop());

/** Clients as programs create them. They never connect: the port uses duplicates. */
const CLIENTS = {
  "ioredis 5": () => new Redis(url, { lazyConnect: true, keyPrefix: "app:", db: 2 }),
  "ioredis 6": () => new Redis6(url, { lazyConnect: true, keyPrefix: "app:", db: 2 }),
  iovalkey: () => new Valkey(url, { lazyConnect: true, keyPrefix: "app:", db: 2 }),
  "redis 4": () => createClient({ url, database: 2 }),
  "redis 6": () => createClient6({ url, database: 2 }),
};

const BYTES = Buffer.from([0, 255, 10, 13, 128, 36]);
const ECHO = redisScript(`
  redis.call("SET", KEYS[1], ARGV[1])
  return { redis.call("GET", KEYS[1]), 7, { ARGV[2] } }`);
const PUBLISH = redisScript(`return redis.call("PUBLISH", ARGV[1], ARGV[2])`);

/** Resolves at the next report about a part. */
function nextReport(port: RedisPort, name: "onRestored" | "onInterrupted", part: RedisPart): Promise<void> {
  return new Promise((resolve) => {
    const stop = port.observe({
      [name]: (which: RedisPart) => {
        if (which !== part) return;
        stop();
        resolve();
      },
    });
  });
}

async function openPort(client: unknown): Promise<RedisPort> {
  const port = new ClientPort(client, serverClock);
  await Promise.all([nextReport(port, "onRestored", "commands"), nextReport(port, "onRestored", "subscriptions")]);
  return port;
}

const admin = new Redis(url, { lazyConnect: true });
afterAll(() => admin.disconnect());

describe.skipIf(server === undefined).each(Object.entries(CLIENTS))("a port over %s", (name, client) => {
  test("subscribes again to a channel that it has just left", async () => {
    const port = await openPort(client());
    const heard: string[] = [];
    await port.subscribe("again", () => heard.push("first"));
    port.unsubscribe("again");
    const subscribed = port.subscribe("again", () => heard.push("second"));
    const end = new Promise<void>((resolve, reject) => {
      port.subscribe("end", () => resolve()).catch(reject);
    });
    await subscribed;
    // Redis has handled all that was sent before.
    await port.subscribe("other", () => expect.unreachable());
    await port.command("PUBLISH", "again", "x");
    await port.command("PUBLISH", "end", "x");
    await end;
    expect(heard).toEqual(["second"]);
    port.close();
  });

  test("runs commands and scripts, with bytes in both directions", async () => {
    const port = await openPort(client());
    expect(port.prefix).toBe(name.startsWith("redis") ? "2/" : "app:2/");
    expect(await port.eval(ECHO, ["key"], [BYTES, 12])).toEqual([BYTES, 7, [Buffer.from("12")]]);
    expect(await port.command("GET", "key")).toEqual(BYTES);
    expect(await port.command("GET", "none")).toBeNull();
    await expect(port.command("GET")).rejects.toThrow(/wrong number of arguments/);
    port.close();
  });

  test("loads a script again after all were removed", async () => {
    const port = await openPort(client());
    await port.eval(ECHO, ["key"], ["a", "b"]);
    await admin.script("FLUSH");
    expect(await port.eval(ECHO, ["key"], ["c", "d"])).toEqual([Buffer.from("c"), 7, [Buffer.from("d")]]);
    port.close();
  });

  test("receives the messages of its channels in order, as bytes", async () => {
    const port = await openPort(client());
    const received: Buffer[] = [];
    await port.subscribe("news", (body) => received.push(body));
    const last = new Promise<void>((resolve, reject) => {
      port.subscribe("end", () => resolve()).catch(reject);
    });
    await port.subscribe("other", () => expect.unreachable());
    for (let i = 0; i < 100; i++) void port.eval(PUBLISH, [], ["news", Buffer.from([i, 255])]);
    await port.eval(PUBLISH, [], ["end", ""]);
    await last;
    expect(received).toEqual(Array.from({ length: 100 }, (_, i) => Buffer.from([i, 255])));
    port.unsubscribe("news");
    port.close();
  });

  test("subscribes again after its connection was killed, before it reports that", async () => {
    const port = await openPort(client());
    const received: string[] = [];
    await port.subscribe("news", (body) => received.push(body.toString()));
    const [interrupted, restored] = [
      nextReport(port, "onInterrupted", "subscriptions"),
      nextReport(port, "onRestored", "subscriptions"),
    ];
    await admin.client("KILL", "TYPE", "pubsub");
    await interrupted;
    await restored;
    const heard = new Promise<void>((resolve, reject) => {
      port.subscribe("end", () => resolve()).catch(reject);
    });
    await port.command("PUBLISH", "news", "again");
    await port.command("PUBLISH", "end", "");
    await heard;
    expect(received).toEqual(["again"]);
    port.close();
  });

  test("rejects commands without a connection, and never repeats one", async () => {
    const port = await openPort(client());
    const lost = nextReport(port, "onInterrupted", "commands");
    const restored = nextReport(port, "onRestored", "commands");
    const outcome = expect(port.command("BLMOVE", "from", "to", "LEFT", "LEFT", "0")).rejects.toThrow();
    await admin.client("KILL", "TYPE", "normal");
    await outcome;
    await lost;
    expect(port.isUp("commands")).toBe(false);
    await expect(port.command("PING")).rejects.toMatchObject({ code: "REDIS_UNAVAILABLE" });
    await restored;
    await port.command("RPUSH", "from", "here");
    expect(await port.command("LLEN", "from")).toBe(1);
    await port.command("DEL", "from");
    port.close();
  });

  test("ends its connections and rejects commands under way", async () => {
    const port = await openPort(client());
    const outcome = expect(port.command("BLPOP", "none", "0")).rejects.toThrow();
    port.close();
    await outcome;
    await expect(port.command("PING")).rejects.toMatchObject({ code: "REDIS_UNAVAILABLE" });
  });
});

describe.skipIf(server === undefined)("a user without rights to all channels", () => {
  const limited = url.replace("redis://", "redis://limited:secret@");
  beforeAll(() => admin.call("ACL", "SETUSER", "limited", "on", ">secret", "+@all", "~*", "resetchannels", "&mine:*"));
  afterAll(() => admin.call("ACL", "DELUSER", "limited"));

  test.each([
    ["ioredis", () => new Redis(limited, { lazyConnect: true })],
    ["redis", () => createClient({ url: limited })],
  ])("is refused another one with a code, over %s, and may use its own", async (_name, client) => {
    const port = await openPort(client());
    await expect(port.subscribe("other", () => undefined)).rejects.toMatchObject({
      code: "REDIS_REFUSED",
      message: expect.stringContaining("NOPERM"),
    });
    const heard = new Promise<Buffer>((resolve, reject) => {
      port.subscribe("mine:news", resolve).catch(reject);
    });
    await vi.waitFor(async () => expect(await port.command("PUBLISH", "mine:news", "hi")).toBe(1));
    expect(String(await heard)).toBe("hi");
    port.close();
  });

  test("a cluster without its rights emits an error with a code", async () => {
    const cluster = redisCluster(new Redis(limited, { lazyConnect: true }), { name: "others" });
    const failed = new Promise((resolve) => cluster.on("error", resolve));
    const io = new Server(0, { cluster });
    expect(await failed).toMatchObject({ code: "REDIS_REFUSED" });
    await io.close();
  });
});

test.each([
  ["nothing", () => undefined],
  ["another object", () => ({ duplicate: () => undefined })],
  ["a cluster of ioredis", () => new Cluster([{ port: 1 }], { lazyConnect: true })],
  ["a cluster of redis 4", () => createCluster({ rootNodes: [{ url: "redis://127.0.0.1:1" }] })],
  ["a cluster of redis 6", () => createCluster6({ rootNodes: [{ url: "redis://127.0.0.1:1" }] })],
])("refuses %s", (_name, client) => {
  expect(() => new ClientPort(client(), serverClock)).toThrow(
    expect.objectContaining({ code: "REDIS_CLIENT_INVALID" }) as Error,
  );
  const isOfCluster = _name.includes("cluster");
  const said = isOfCluster
    ? "a client of a Redis Cluster can't be used; pass one of a single Redis"
    : "is not a client";
  expect(() => new ClientPort(client(), serverClock)).toThrow(said);
});
