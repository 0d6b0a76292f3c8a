import { describe, expect, test } from "vitest";
import {
  type BusMessage,
  decodeBusMessage,
  encodeBusMessage,
} from "../../../../packages/cluster/src/redis/bus-message.ts";
import type { BusStream } from "../../../../packages/cluster/src/redis/bus-stream.ts";
import { BusCarrier } from "../../../../packages/cluster/src/redis/carrier.ts";
import { nodeKeys } from "../../../../packages/cluster/src/redis/node-keys.ts";
import type { RedisObserver, RedisPort } from "../../../../packages/cluster/src/redis/port.ts";
import { nextEvent, turn } from "../../../support/waiting.ts";

const KEY = Buffer.from("0123456789abcdef");
const OTHER_KEY = Buffer.from("fedcba9876543210");
const MESSAGE: BusMessage = { type: "DATA", from: "AAAA", id: "0123456789ab", number: 7, bytes: Buffer.from("bytes") };

describe("a message over Redis", () => {
  test("is decoded with any of the receiver's keys", () => {
    const bytes = encodeBusMessage(MESSAGE, "BBBB", KEY);
    expect(decodeBusMessage(bytes, "BBBB", [OTHER_KEY, KEY])).toEqual(MESSAGE);
  });

  test("is not valid for another node, with another key, or with another byte", () => {
    const bytes = encodeBusMessage(MESSAGE, "BBBB", KEY);
    expect(decodeBusMessage(bytes, "CCCC", [KEY])).toBeUndefined();
    expect(decodeBusMessage(bytes, "BBBB", [OTHER_KEY])).toBeUndefined();
    expect(decodeBusMessage(bytes, "BBBB", [])).toBeUndefined();
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 1;
      expect(decodeBusMessage(changed, "BBBB", [KEY])).toBeUndefined();
      expect(decodeBusMessage(bytes.subarray(0, at), "BBBB", [KEY])).toBeUndefined();
    }
  });
});

/** Redis, in this process: its channels, whose messages wait until they are delivered. */
class Channels {
  readonly waiting: [channel: string, body: Buffer][] = [];
  readonly #subscribers = new Map<string, (body: Buffer) => void>();
  readonly observers = new Set<RedisObserver>();
  /** Messages that a carrier has taken for foreign ones. */
  strangers = 0;

  port(): RedisPort {
    return {
      prefix: "",
      isUp: () => true,
      eval: () => Promise.reject(new Error("not here")),
      command: (_name, channel, body) => {
        if (!this.#subscribers.has(String(channel))) return Promise.resolve(0);
        this.waiting.push([String(channel), body as Buffer]);
        return Promise.resolve(1);
      },
      subscribe: (channel, onMessage) => Promise.resolve(void this.#subscribers.set(channel, onMessage)),
      unsubscribe: (channel) => void this.#subscribers.delete(channel),
      observe: (observer) => {
        this.observers.add(observer);
        return () => void this.observers.delete(observer);
      },
      close: () => undefined,
    };
  }

  deliver(): void {
    for (const [channel, body] of this.waiting.splice(0)) this.#subscribers.get(channel)?.(body);
  }

  /** Delivers until nothing more is sent. */
  async settle(): Promise<void> {
    do {
      this.deliver();
      await turn();
    } while (this.waiting.length > 0);
  }
}

interface Pair {
  readonly channels: Channels;
  readonly near: BusStream;
  readonly far: BusStream;
  readonly carriers: readonly [BusCarrier, BusCarrier];
}

/** Opens a stream from AAAA to BBBB. */
async function open(): Promise<Pair> {
  const channels = new Channels();
  const accepted: BusStream[] = [];
  const make = (tag: string): BusCarrier =>
    new BusCarrier({
      port: channels.port(),
      names: nodeKeys("x:"),
      keys: () => [KEY],
      tag,
      onStream: (stream) => accepted.push(stream),
      onStranger: () => (channels.strangers += 1),
    });
  const carriers = [make("AAAA"), make("BBBB")] as const;
  await Promise.all(carriers.map((carrier) => carrier.listen()));
  const near = carriers[0].connect("BBBB");
  await channels.settle();
  return { channels, near, far: accepted[0]!, carriers };
}

describe("a stream over Redis", () => {
  test("carries bytes both ways, and ends each way by itself", async () => {
    const { channels, near, far } = await open();
    const texts: string[] = ["", ""];
    near.on("data", (bytes: Buffer) => (texts[0] += bytes.toString()));
    far.on("data", (bytes: Buffer) => (texts[1] += bytes.toString()));
    near.write("to ");
    near.end("B");
    far.write("to A");
    await channels.settle();
    expect(texts).toEqual(["to A", "to B"]);
    far.end();
    await channels.settle();
    expect([near.destroyed, far.destroyed, near.errored, far.errored]).toEqual([true, true, null, null]);
  });

  test.each([
    ["missing", (waiting: unknown[]) => waiting.splice(1, 1)],
    ["repeated", (waiting: unknown[]) => waiting.splice(1, 0, waiting[0])],
    ["out of order", (waiting: unknown[]) => waiting.push(waiting.shift())],
  ])("breaks at both ends if a message is %s", async (_what, spoil) => {
    const { channels, near, far } = await open();
    for (const text of ["a", "b", "c"]) near.write(text);
    spoil(channels.waiting);
    await channels.settle();
    expect([near.errored, far.errored]).toMatchObject([{ code: "ECONNRESET" }, { code: "ECONNRESET" }]);
  });

  test("stops sending while the other end does not read", async () => {
    const { channels, near, far } = await open();
    const chunk = Buffer.alloc(300_000);
    for (let i = 0; i < 20; i++) near.write(chunk);
    await channels.settle();
    expect(near.writableLength).toBeGreaterThan(4_000_000);
    expect(far.readableLength).toBeLessThan(2_000_000);
    let got = 0;
    far.on("data", ({ length }: Buffer) => (got += length));
    await channels.settle();
    expect([got, near.writableLength]).toEqual([6_000_000, 0]);
  });

  test("breaks if a connection to Redis breaks, because messages may be missing", async () => {
    const { channels, near, far } = await open();
    for (const observer of channels.observers) observer.onInterrupted?.("subscriptions", new Error("cut"));
    await channels.settle();
    expect([near.destroyed, far.destroyed]).toEqual([true, true]);
  });

  test("breaks if no node hears it", async () => {
    const { channels, near, carriers } = await open();
    carriers[1].close();
    channels.waiting.length = 0;
    near.write("x");
    expect(await nextEvent(near, "error")).toMatchObject([{ code: "ECONNRESET" }]);
    expect(await nextEvent(carriers[0].connect("CCCC"), "error")).toMatchObject([{ code: "ECONNRESET" }]);
  });

  test("foreign and malformed messages, and other streams' messages, change nothing", async () => {
    const { channels, near, far } = await open();
    const own = { ...MESSAGE, id: near.id, bytes: Buffer.alloc(0) };
    channels.waiting.push(["x:c:BBBB", encodeBusMessage({ ...own, type: "RESET" }, "BBBB", OTHER_KEY)]);
    channels.waiting.push(["x:c:BBBB", Buffer.from("junk")]);
    channels.waiting.push(["x:c:BBBB", encodeBusMessage({ ...own, from: "CCCC", type: "DATA" }, "BBBB", KEY)]);
    await channels.settle();
    expect([near.destroyed, far.destroyed, channels.strangers]).toEqual([false, false, 2]);
  });
});
