import type { AddressInfo } from "node:net";
import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CLIENTS } from "../../support/clients.ts";
import { Relay } from "../../support/cluster/relay.ts";
import { RoundRobin } from "../../support/cluster/round-robin.ts";
import { ownRedis } from "../../support/servers/redis.ts";
import type { TestServer } from "../../support/servers/server-process.ts";
import { nextEvent, within } from "../../support/waiting.ts";
import { type Node, Nodes, until } from "./nodes.ts";

const redis = await ownRedis();

let running: TestServer | undefined;
let nodes: Nodes;
beforeEach(() => {
  nodes = new Nodes(redis?.url ?? "");
});
afterEach(async () => {
  await nodes.stop();
  await running?.stop();
  running = undefined;
});

const portOf = ({ io }: Node): number => (io.httpServer.address() as AddressInfo).port;

describe.skipIf(redis === undefined)("while Redis is away", () => {
  test("a new node refuses sessions until its record stands", async () => {
    const node = nodes.begin();
    const degraded = nextEvent(node.cluster as never, "degraded");
    await nextEvent(node.io.httpServer, "listening");
    const url = `http://127.0.0.1:${portOf(node)}/socket.io/?EIO=4&transport=polling`;
    const refused = await fetch(url);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, expect.any(String)]);
    expect(await refused.json()).toMatchObject({ message: "Server is starting" });
    expect(await within(degraded, "the event")).toMatchObject([{ message: expect.any(String) }]);
    running = await redis!.start();
    await nodes.joined(node);
    expect((await (await fetch(url)).text()).slice(0, 1 + '{"sid":"'.length + 4)).toBe(`0{"sid":"${node.cluster.tag}`);
  });

  test.each(["socket.io-client 4.8", "socket.io-client 2.5"])(
    "sessions of %s go on, and poll at all nodes",
    async (name) => {
      running = await redis!.start();
      const options = { heartbeatInterval: 50, heartbeatTimeout: 2000 };
      const all = await Promise.all([1, 2].map(() => nodes.start(options, { allowEIO3: true })));
      await nodes.meet(1);
      for (const { io } of all) io.on("connection", (socket) => socket.on("echo", (n, answer) => answer(n)));
      const front = await RoundRobin.over(all.map(portOf));
      const client = CLIENTS[name]!(front.url, { transports: ["polling"] });
      await nextEvent(client, "connect");
      const ends: unknown[] = [];
      client.on("disconnect", (reason: unknown) => ends.push(reason));
      const echo = (n: number): Promise<unknown> =>
        within(new Promise((resolve) => client.emit("echo", n, resolve)), `echo ${n}`);

      const degraded = all.map(({ cluster }) => nextEvent(cluster as never, "degraded"));
      await running.stop();
      await within(Promise.all(degraded), "the loss of Redis");
      for (let n = 0; n < 20; n++) expect(await echo(n)).toBe(n);
      const restored = all.map(({ cluster }) => nextEvent(cluster as never, "restored"));
      // Without what it had.
      running = await redis!.start();
      await within(Promise.all(restored), "the return of Redis");
      for (let n = 20; n < 40; n++) expect(await echo(n)).toBe(n);
      const { cluster, io } = await nodes.start(options);
      await until(() => cluster.nodes().length === 3, "a newcomer to know all");
      expect(io.stats().nodes!.refused).toEqual({});
      expect(ends).toEqual([]);
      for (const node of all) expect(node.io.stats().nodes!.ends).toEqual({});
      client.disconnect();
      front.close();
    },
  );

  test("a node without Redis keeps its links after its record has expired", async () => {
    running = await redis!.start();
    const options = { heartbeatInterval: 20, heartbeatTimeout: 4000 };
    const first = await nodes.start(options);
    const relay = await Relay.to(Number(new URL(redis!.url).port));
    const others = new Nodes(relay.url, nodes.name);
    try {
      const second = await others.start(options);
      await nodes.meet(1);
      const degraded = nextEvent(second.cluster as never, "degraded");
      relay.cut();
      await within(degraded, "the loss of Redis");
      const probe = new Redis(redis!.url);
      await probe.del(`${nodes.name}:n:${second.cluster.tag}`);
      // All nodes look at the records, and find that one gone.
      await probe.publish(`${nodes.name}:c`, "1");
      const third = await nodes.start(options);
      await until(() => third.cluster.nodes().length === 2, "the first node to be known");
      for (const { io } of [second, third]) io.on("question", (answer: (text: string) => void) => answer("yes"));
      expect(await first.io.serverSideEmitWithAck("question")).toEqual(["yes", "yes"]);
      expect(first.io.stats().nodes!.ends).toEqual({});
      relay.mend();
      await until(() => third.cluster.nodes().length === 3, "the record to be written again");
      probe.disconnect();
    } finally {
      await others.stop();
      relay.close();
    }
  });
});
