import { describe, expect, test } from "vitest";
import { Random } from "../../../support/random.ts";
import { settle } from "../../socketio/peer.ts";
import { Nomad } from "../nomad.ts";
import { type RecoveryNode, startNodes } from "./recovery-bench.ts";

describe("a client that comes back to another node", () => {
  test("is recovered, although its node was killed", async () => {
    const bench = await startNodes("aaaa", "bbbb");
    const [a, b] = bench.nodes as [RecoveryNode, RecoveryNode];
    const client = new Nomad();
    await client.connect(a);
    await Promise.all([a.io.sockets.sockets.get(client.sid)!.join("red"), bench.rest()]);
    a.io.to("red").emit("before");
    await bench.rest();
    client.take(await client.peer.hear());
    bench.kill(a);
    b.io.to("red").emit("missed");
    await bench.rest();
    expect(await client.connect(b, () => bench.pass(1))).toBe(true);
    expect(client.events).toEqual([["before"], ["missed"]]);
    expect(b.io.sockets.sockets.get(client.sid)!.rooms).toEqual(new Set([client.sid, "red"]));
    expect(b.failures).toEqual([]);
  });

  test("gets no offset behind what it has, while its node lags", async () => {
    const bench = await startNodes("aaaa", "bbbb");
    const [a, b] = bench.nodes as [RecoveryNode, RecoveryNode];
    const client = new Nomad();
    await client.connect(a);
    b.log.lag = { commands: 1, subscription: 1000 };
    a.io.emit("one");
    a.io.emit("two");
    await bench.rest();
    await client.lose();
    expect(await client.connect(b, () => bench.pass(1))).toBe(true);
    b.io.local.emit("volatile", "text");
    client.take(await client.peer.hear());
    expect(client.events).toEqual([["one"], ["two"], ["volatile", "text"]]);
    await client.lose();
    expect(await client.connect(a, () => bench.pass(1))).toBe(true);
    expect(client.events).toHaveLength(3);
  });
});

test.each(Array.from({ length: 30 }, (_, seed) => seed))(
  "events of all nodes arrive once and in order, over hops, kills and lags (seed %i)",
  async (seed) => {
    const random = new Random(seed);
    const bench = await startNodes("aaaa", "bbbb", "cccc");
    const sent = new Map<string, number>();
    const client = new Nomad();
    let recovered = 0;
    const step = (): void => {
      if (random.below(3) === 0) {
        const { io, tag } = random.pick(bench.nodes);
        const number = (sent.get(tag) ?? 0) + 1;
        sent.set(tag, number);
        // While it connects, the client does not know its new id.
        const isForAll = random.below(2) === 0 || client.state === "connecting";
        (isForAll ? io : io.to(client.sid)).emit("n", tag, number);
        if (random.below(4) === 0) io.volatile.emit("v", "text");
      }
      bench.pass(random.below(4));
    };
    await client.connect(bench.nodes[0]!, step);
    for (let hop = 0; hop < 30; hop++) {
      for (let i = random.below(30); i > 0; i--) step();
      await settle();
      const { log } = random.pick(bench.nodes);
      log.lag = { commands: 1 + random.below(5), subscription: 1 + random.below(25) };
      if (random.below(3) > 0) await client.lose(random.below(2) === 0 ? Infinity : random.below(3));
      if (random.below(6) === 0) {
        bench.kill(random.pick(bench.nodes));
        bench.add(`n${String(hop).padStart(3, "0")}`);
        await bench.rest();
      }
      for (let i = random.below(20); i > 0; i--) step();
      if (await client.connect(random.pick(bench.nodes), step)) recovered += 1;
    }
    await bench.rest();
    client.take(await client.peer.hear());
    for (const tag of sent.keys()) {
      const numbers = client.events
        .filter(([name, from]) => name === "n" && from === tag)
        .map(([, , number]) => number);
      const [first = 1] = numbers as number[];
      expect(numbers, tag).toEqual(numbers.map((_, i) => first + i));
      const isAlive = bench.nodes.some((node) => node.tag === tag);
      if (isAlive && numbers.length > 0) expect(numbers.at(-1)).toBe(sent.get(tag));
    }
    expect(recovered).toBeGreaterThan(25);
    expect(bench.nodes.flatMap(({ failures }) => failures)).toEqual([]);
  },
  60_000,
);
