import { beforeEach, describe, expect, test } from "vitest";
import { ClusterError } from "../../../../packages/cluster/src/core/errors.ts";
import type { Identity, LinkKeys } from "../../../../packages/cluster/src/links/handshake.ts";
import type { RegistryHost } from "../../../../packages/cluster/src/links/registry.ts";
import { nodeKeys } from "../../../../packages/cluster/src/redis/node-keys.ts";
import type { RedisObserver, RedisPort, RedisScript, RedisValue } from "../../../../packages/cluster/src/redis/port.ts";
import { RedisRegistry } from "../../../../packages/cluster/src/redis/registry.ts";
import { DROP_RECORD, HOLD_RECORD, LIST_RECORDS } from "../../../../packages/cluster/src/redis/registry-scripts.ts";
import { turn } from "../../../support/waiting.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const LIFE = "abcdefghijklmnopqrstuv";
const OTHER = JSON.stringify({ life: "x".repeat(22), host: "10.0.0.2", port: 7000 });
const NAMES = nodeKeys("p:");

/** What the scripts of the registry do, in this process. */
class SimRedis {
  readonly keys = new Map<string, string>();
  readonly channels = new Map<string, Set<(body: Buffer) => void>>();
  readonly observers = new Set<RedisObserver>();
  isUp = true;

  port(): RedisPort {
    return {
      prefix: "",
      isUp: () => this.isUp,
      eval: (script, keys, args) => {
        if (!this.isUp) return Promise.reject(new ClusterError("REDIS_UNAVAILABLE"));
        return Promise.resolve(this.#run(script, keys, args));
      },
      command: () => Promise.resolve(0),
      subscribe: (channel, onMessage) => {
        const all = this.channels.get(channel) ?? new Set();
        this.channels.set(channel, all.add(onMessage));
        return Promise.resolve();
      },
      unsubscribe: (channel) => void this.channels.delete(channel),
      observe: (observer) => {
        this.observers.add(observer);
        return () => void this.observers.delete(observer);
      },
      close: () => undefined,
    };
  }

  #run(script: RedisScript, keys: readonly string[], args: readonly RedisValue[]): unknown {
    const [record = "", , secret = ""] = keys;
    const [text = ""] = args.map(String);
    if (script === LIST_RECORDS) {
      const found = [...this.keys].filter(([key]) => key.startsWith(NAMES.records));
      return found.flatMap(([key, value]) => [Buffer.from(key.slice(NAMES.records.length)), Buffer.from(value)]);
    }
    const holder = this.keys.get(record);
    if (script === DROP_RECORD) return holder === text && this.keys.delete(record) ? this.publish() : 0;
    expect(script).toBe(HOLD_RECORD);
    if (holder !== undefined && holder !== text) return [0, Buffer.from("")];
    this.keys.set(record, text);
    if (args[3] !== "" && !this.keys.has(secret)) this.keys.set(secret, String(args[3]));
    if (holder === undefined) this.publish();
    return [1, Buffer.from(this.keys.get(secret) ?? "")];
  }

  publish(): number {
    for (const hear of this.channels.get(NAMES.channel) ?? []) hear(Buffer.from([1]));
    return 1;
  }

  get tags(): string[] {
    return [...this.keys.keys()].filter((key) => key.startsWith(NAMES.records)).map((key) => key.slice(4));
  }
}

/** Records what a registry reports. */
class Host implements RegistryHost {
  readonly clock = new FakeClock();
  readonly said: string[] = [];
  readonly registry: RedisRegistry;
  lacksLinks = false;
  readonly #beats = { heartbeatInterval: 1000, heartbeatTimeout: 4000 };
  self: Identity | undefined = undefined;

  constructor(redis: SimRedis, needsSecret = true) {
    const settings = { port: redis.port(), keys: NAMES, links: undefined, needsSecret, ...this.#beats };
    this.registry = new RedisRegistry({ ...settings, onLeft: () => void this.said.push("left") });
  }

  readonly keys: LinkKeys = () => this.registry.keys();
  admits = (): boolean => true;
  onDialled = (): void => undefined;
  onStranger = (): void => undefined;
  onClaimed(self: Identity, others: Iterable<string>): void {
    this.self = self;
    this.said.push(`claimed, others: ${[...others].join()}`);
  }
  onFailed(error: Error): void {
    this.said.push(`failed: ${error.message}`);
  }
  onListed(others: Iterable<string>): void {
    this.said.push(`listed: ${[...others].join()}`);
  }
  onTagLost(): void {
    this.said.push("tag lost");
  }

  async join(): Promise<this> {
    this.registry.join(LIFE, this);
    await settle();
    return this;
  }
}

const settle = async (): Promise<void> => {
  for (let i = 0; i < 3; i++) await turn();
};

let redis: SimRedis;
beforeEach(() => {
  redis = new SimRedis();
});

describe("the registry in Redis", () => {
  test("has the record of a node before the node has its tag, and lists the others", async () => {
    redis.keys.set(`${NAMES.records}BBBB`, OTHER);
    const host = await new Host(redis).join();
    expect(host.said).toEqual(["claimed, others: BBBB"]);
    expect(redis.tags).toEqual(["BBBB", host.self!.tag]);
    expect(host.registry.routesTo("BBBB")).toMatchObject([{ kind: "bus" }]);
    expect(host.registry.routesTo("CCCC")).toEqual([]);
  });

  test("ignores malformed records", async () => {
    for (const [tag, text] of [
      ["BBBB", "{}"],
      ["toolong", OTHER],
      ["CCCC", OTHER],
    ] as const) {
      redis.keys.set(NAMES.records + tag, text);
    }
    expect((await new Host(redis).join()).said).toEqual(["claimed, others: CCCC"]);
  });

  test("is tried again while Redis does not answer", async () => {
    redis.isUp = false;
    const host = await new Host(redis).join();
    for (let i = 0; i < 4; i++) {
      host.clock.advance(250);
      await settle();
    }
    expect(host.said).toEqual([]);
    redis.isUp = true;
    host.clock.advance(250);
    await settle();
    expect(host.said).toEqual(["claimed, others: "]);
  });

  test("restores a record that has expired, and keeps the tag", async () => {
    const host = await new Host(redis).join();
    redis.keys.clear();
    host.registry.beat();
    await settle();
    expect(redis.tags).toEqual([]);
    // A quarter of its time to live.
    host.clock.advance(2500);
    host.registry.beat();
    await settle();
    expect(redis.tags).toEqual([host.self!.tag]);
    expect(host.said).not.toContain("tag lost");
  });

  test("restores the record at once when a connection to Redis is back", async () => {
    const host = await new Host(redis).join();
    redis.keys.clear();
    for (const observer of redis.observers) observer.onRestored?.("commands");
    await settle();
    expect(redis.tags).toEqual([host.self!.tag]);
  });

  test("claims another tag if a node has taken it meanwhile", async () => {
    const host = await new Host(redis).join();
    const { tag } = host.self!;
    redis.keys.set(NAMES.records + tag, OTHER);
    host.clock.advance(2500);
    host.registry.beat();
    await settle();
    expect(host.said.slice(1)).toEqual(["tag lost", `claimed, others: ${tag}`]);
    expect(host.self!.tag).not.toBe(tag);
  });

  test("is read again with each change, in each beat while links are missing, and else every 15 seconds", async () => {
    const host = await new Host(redis).join();
    host.said.length = 0;
    redis.publish();
    await settle();
    expect(host.said).toHaveLength(1);
    host.registry.beat();
    await settle();
    expect(host.said).toHaveLength(1);
    host.lacksLinks = true;
    host.registry.beat();
    await settle();
    expect(host.said).toHaveLength(2);
    host.lacksLinks = false;
    host.clock.advance(15_000);
    host.registry.beat();
    await settle();
    expect(host.said).toHaveLength(3);
  });

  test("loses nothing while Redis is away", async () => {
    redis.keys.set(`${NAMES.records}BBBB`, OTHER);
    const host = await new Host(redis).join();
    redis.isUp = false;
    host.lacksLinks = true;
    for (let i = 0; i < 20; i++) {
      host.registry.beat();
      await settle();
    }
    expect(host.said).toEqual(["claimed, others: BBBB"]);
    expect(host.registry.routesTo("BBBB")).toHaveLength(1);
  });

  test("removes the record of a node that has ended, unless it is that of a later start", async () => {
    redis.keys.set(`${NAMES.records}BBBB`, OTHER);
    redis.keys.set(`${NAMES.records}CCCC`, OTHER);
    const host = await new Host(redis).join();
    redis.keys.set(`${NAMES.records}CCCC`, OTHER.replace("xxx", "yyy"));
    host.registry.bury("BBBB");
    host.registry.bury("CCCC");
    await settle();
    expect(redis.tags).toEqual(["CCCC", host.self!.tag]);
  });

  test("removes its own record when the node leaves, and reports nothing after", async () => {
    const host = await new Host(redis).join();
    host.registry.leave();
    redis.publish();
    await settle();
    expect(host.said.slice(1)).toEqual(["left"]);
    expect(redis.tags).toEqual([]);
  });

  test("is left at any time", async () => {
    redis.isUp = false;
    const host = await new Host(redis).join();
    host.registry.leave();
    redis.isUp = true;
    host.clock.advance(1000);
    await settle();
    expect(host.said).toEqual(["left"]);
    expect(redis.tags).toEqual([]);
  });

  test("has one secret for all; after it was replaced, nodes accept the one before", async () => {
    const first = await new Host(redis).join();
    const second = await new Host(redis).join();
    expect(first.registry.keys()).toEqual(second.registry.keys());
    const [former] = first.registry.keys();
    redis.keys.clear();
    const newcomer = await new Host(redis).join();
    first.clock.advance(2500);
    first.registry.beat();
    await settle();
    expect(first.registry.keys()).toEqual([newcomer.registry.keys()[0], former]);
  });

  test("has no secret if the program has set one", async () => {
    const host = await new Host(redis, false).join();
    expect([host.registry.keys(), redis.keys.has(NAMES.secret)]).toEqual([[], false]);
  });
});
