import { Redis } from "ioredis";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { startRedis } from "../../support/servers/redis.ts";
import { Nodes, until } from "./nodes.ts";

const redis = await startRedis();
const url = redis?.url ?? "";
const probe = redis && new Redis(url);
afterAll(async () => {
  probe?.disconnect();
  await redis?.stop();
});

let nodes: Nodes;
beforeEach(() => {
  nodes = new Nodes(url);
});
afterEach(() => nodes.stop());

/** The keys of these nodes, and whether each will expire. */
async function keysLeft(): Promise<Record<string, boolean>> {
  const keys = (await probe!.keys(`${nodes.name}:*`)).sort();
  const ttls = await Promise.all(keys.map((key) => probe!.pttl(key)));
  return Object.fromEntries(keys.map((key, index) => [key.slice(nodes.name.length + 1), ttls[index]! > 0]));
}

describe.skipIf(redis === undefined)("nodes with one Redis", () => {
  test("five nodes start at once and get one TCP link for each pair", async () => {
    const all = Array.from({ length: 5 }, (_, index) => nodes.begin({ links: { host: `127.0.0.${index + 1}` } }));
    await Promise.all(all.map((node) => nodes.joined(node)));
    await nodes.meet(4);
    for (const { io, cluster } of all) {
      const { links, states, ends, refused } = io.stats().nodes!;
      expect(Object.values(links).map(({ via }) => via)).toEqual(["tcp", "tcp", "tcp", "tcp"]);
      expect({ states, ends, refused }).toEqual({ states: { up: 4, draining: 0, silent: 0 }, ends: {}, refused: {} });
      expect(cluster.nodes()[0]).toMatchObject({ tag: cluster.tag, via: "self", state: "up", sessions: 0 });
    }
  });

  test("a node has links to all earlier nodes when it joins", async () => {
    await nodes.start();
    await nodes.start();
    const { io } = await nodes.start();
    expect(Object.keys(io.stats().nodes!.links)).toHaveLength(2);
  });

  test("the record stands before the node has a tag, and all keys expire", async () => {
    const { cluster } = await nodes.start();
    expect(await keysLeft()).toEqual({ [`n:${cluster.tag}`]: true, nodes: true, secret: true });
  });

  test("a closed node is lost at once, and its record is removed", async () => {
    const first = await nodes.start();
    const second = await nodes.start();
    const { tag } = second.cluster;
    await nodes.meet(1);
    await second.io.close();
    expect(await first.heard.find(({ name }) => name === "lost")).toMatchObject({ tag, reason: "it has left" });
    expect(second.cluster.tag).toBe("");
    await until(() => first.cluster.nodes().length === 1, "the node to be gone");
    expect(Object.keys(await keysLeft())).toEqual([`n:${first.cluster.tag}`, "nodes", "secret"]);
  });
});
