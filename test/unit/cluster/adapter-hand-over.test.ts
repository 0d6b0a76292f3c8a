import { describe, expect, test } from "vitest";
import { Random } from "../../support/random.ts";
import { settle } from "../socketio/peer.ts";
import { ClusterBench, type TestNode } from "./adapter-cluster-bench.ts";
import { Nomad } from "./nomad.ts";

const RECOVERY = { connectionStateRecovery: {} };

const nodesOf = (cluster: ClusterBench): [TestNode, TestNode, TestNode] =>
  cluster.nodes as [TestNode, TestNode, TestNode];

describe("a client that comes back to another node", () => {
  test("gets its session, its rooms, its data and what it has missed, once", async () => {
    const cluster = new ClusterBench(["aaaa", "bbbb", "cccc"], RECOVERY);
    const [one, two, three] = nodesOf(cluster);
    const client = new Nomad();
    await client.connect(one);
    const socket = one.io.of("/").sockets.get(client.sid)!;
    await socket.join("red");
    socket.data = { name: "nomad" };
    two.io.emit("first");
    await client.lose();
    one.io.to("red").emit("a");
    two.io.to("red").emit("b");
    three.io.except("red").emit("not for it");
    three.io.to(client.sid).emit("c");
    await settle();
    expect(await client.connect(two)).toBe(true);
    const taken = two.io.of("/").sockets.get(client.sid)!;
    expect([taken.recovered, taken.data, [...taken.rooms].sort((x, y) => (x < y ? -1 : 1))]).toEqual([
      true,
      { name: "nomad" },
      [client.sid, "red"].sort((x, y) => (x < y ? -1 : 1)),
    ]);
    one.io.to("red").emit("d");
    client.take(await client.peer.hear());
    expect(client.events).toEqual([["first"], ["a"], ["b"], ["c"], ["d"]]);
    await client.lose();
    three.io.emit("e");
    await settle();
    expect(await client.connect(three)).toBe(true);
    expect(client.events.at(-1)).toEqual(["e"]);
    expect(client.events).toHaveLength(6);
    expect(cluster.nodes.flatMap(({ failures }) => failures)).toEqual([]);
  });

  test("before its node has noticed the loss, ends the old connection", async () => {
    const cluster = new ClusterBench(["aaaa", "bbbb"], RECOVERY);
    const [one, two] = nodesOf(cluster);
    const client = new Nomad();
    await client.connect(one);
    one.io.emit("a");
    const old = client.peer;
    client.take(await old.hear());
    one.io.emit("b");
    expect(await client.connect(two)).toBe(true);
    expect(old.isConnected).toBe(false);
    expect(client.events).toEqual([["a"], ["b"]]);
  });

  test("is a new client when its node is gone, without waiting", async () => {
    const cluster = new ClusterBench(["aaaa", "bbbb", "cccc"], RECOVERY);
    const [one, two] = nodesOf(cluster);
    const client = new Nomad();
    await client.connect(one);
    one.io.emit("a");
    await client.lose();
    cluster.mesh.kill("aaaa");
    expect(await client.connect(two)).toBe(false);
  });

  test("is a new client when events were lost between the nodes", async () => {
    const cluster = new ClusterBench(["aaaa", "bbbb", "cccc"], RECOVERY, { delivery: "manually" });
    const [one, two, three] = nodesOf(cluster);
    cluster.mesh.deliver();
    const client = new Nomad();
    await client.connect(one);
    one.io.emit("a");
    await client.lose();
    three.io.emit("lost on its way to the first");
    cluster.mesh.cut("aaaa", "cccc");
    cluster.mesh.connect("aaaa", "cccc");
    cluster.mesh.deliver();
    // The log of the first node lacks the event.
    expect(await client.connect(two, () => cluster.mesh.deliver())).toBe(false);
    one.io.emit("b");
    client.take(await client.peer.hear());
    await client.lose();
    three.io.emit("lost on its way to the second");
    cluster.mesh.cut("bbbb", "cccc");
    cluster.mesh.connect("bbbb", "cccc");
    cluster.mesh.deliver();
    expect(await client.connect(two, () => cluster.mesh.deliver())).toBe(false);
    expect(cluster.nodes.flatMap(({ failures }) => failures)).toEqual([]);
  });

  test("is a new client when the nodes have links to different nodes", async () => {
    const cluster = new ClusterBench(["aaaa", "bbbb", "cccc"], RECOVERY);
    const [one, two] = nodesOf(cluster);
    const client = new Nomad();
    await client.connect(one);
    one.io.emit("a");
    await client.lose();
    cluster.mesh.cut("bbbb", "cccc");
    expect(await client.connect(two)).toBe(false);
  });
});

test.each(Array.from({ length: 40 }, (_, seed) => seed))(
  "events of all nodes arrive once and in order, over hops while links lag (seed %i)",
  async (seed) => {
    const random = new Random(seed);
    const cluster = new ClusterBench(["aaaa", "bbbb", "cccc"], RECOVERY, { delivery: "manually" });
    cluster.mesh.deliver();
    await settle();
    const sent = [0, 0, 0];
    const client = new Nomad();
    let recovered = 0;
    const step = (): void => {
      if (random.below(3) === 0) {
        const index = random.below(3);
        const number = (sent[index] ?? 0) + 1;
        sent[index] = number;
        const { io } = cluster.nodes[index]!;
        // While it connects, the client does not know its new id.
        const isForAll = random.below(2) === 0 || client.state === "connecting";
        (isForAll ? io : io.to(["red", client.sid])).emit("n", index, number);
      }
      const busy = cluster.mesh.busy;
      if (busy.length > 0) random.pick(busy).deliver(1 + random.below(2));
    };
    await client.connect(cluster.nodes[0]!, step);
    for (let hop = 0; hop < 30; hop++) {
      for (let i = random.below(30); i > 0; i--) step();
      if (random.below(3) > 0) await client.lose(random.below(2) === 0 ? Infinity : random.below(3));
      for (let i = random.below(20); i > 0; i--) step();
      if (await client.connect(random.pick(cluster.nodes), step)) recovered += 1;
    }
    cluster.mesh.deliver();
    client.take(await client.peer.hear());
    for (const index of [0, 1, 2]) {
      const numbers = client.events.filter(([, from]) => from === index).map(([, , number]) => number as number);
      const [first = 1] = numbers;
      expect(numbers).toEqual(numbers.map((_, i) => first + i));
      if (numbers.length > 0) expect(numbers.at(-1)).toBe(sent[index]);
    }
    expect(recovered).toBeGreaterThan(15);
    expect(cluster.nodes.flatMap(({ failures }) => failures)).toEqual([]);
  },
  60_000,
);
