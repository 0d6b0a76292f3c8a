import { Redis } from "ioredis";
import { connect } from "node:tls";
import { redisCluster } from "@portage/cluster/redis";
import { Server } from "@portage/server";
import { createClient } from "redis";
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { TEST_CERTIFICATE, TEST_KEY } from "../../support/servers/certificate.ts";
import { startRedis } from "../../support/servers/redis.ts";
import { nextEvent, PATIENCE, within } from "../../support/waiting.ts";
import { type Node, Nodes, until } from "./nodes.ts";

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

  test("a killed process is lost before it would be silent, and its record is removed", async () => {
    const first = await nodes.start();
    const second = await nodes.fork();
    await nodes.meet(1);
    const before = performance.now();
    second.child.kill("SIGKILL");
    const lost = await first.heard.find(({ name }) => name === "lost");
    expect(lost).toMatchObject({ tag: second.tag, reason: "its process has ended" });
    // A quiet machine needs less than 200 ms, and the timeout of the heartbeat is 4 s.
    expect(lost.at - before).toBeLessThan(1000);
    await vi.waitFor(async () => expect(Object.keys(await keysLeft())).not.toContain(`n:${second.tag}`));
  });

  test("a stopped process is silent, and joins again when it goes on", async () => {
    const options = { heartbeatInterval: 50, heartbeatTimeout: 200 };
    const first = await nodes.start(options);
    const second = await nodes.fork(options);
    await nodes.meet(1);
    second.child.kill("SIGSTOP");
    await first.heard.find(({ state }) => state === "silent");
    second.child.kill("SIGCONT");
    await first.heard.find(({ state }) => state === "up");
    expect(Object.keys(first.io.stats().nodes!.links)).toEqual([second.tag]);
  });

  test("a node without a record writes it again, and keeps its links", async () => {
    const options = { heartbeatInterval: 20, heartbeatTimeout: 80 };
    const first = await nodes.start(options);
    const second = await nodes.start(options);
    await nodes.meet(1);
    await probe!.del(`${nodes.name}:n:${second.cluster.tag}`, `${nodes.name}:nodes`, `${nodes.name}:secret`);
    // A record is renewed after 2.5 s.
    await vi.waitFor(
      async () => {
        const names = [first, second].map(({ cluster }) => `n:${cluster.tag}`);
        expect(Object.keys(await keysLeft())).toEqual([...names.sort(), "nodes", "secret"]);
      },
      { timeout: PATIENCE },
    );
    expect(first.io.stats().nodes!.ends).toEqual({});
    const third = await nodes.start(options);
    await nodes.meet(2);
    expect(third.io.stats().nodes!.refused).toEqual({});
  });

  test("a node claims a new tag if another one has taken its own", async () => {
    const options = { heartbeatInterval: 20, heartbeatTimeout: 80 };
    const first = await nodes.start(options);
    const second = await nodes.start(options);
    await nodes.meet(1);
    const { tag } = second.cluster;
    await probe!.set(`${nodes.name}:n:${tag}`, JSON.stringify({ life: "x".repeat(22) }), "PX", 10_000);
    await until(() => second.cluster.tag !== "" && second.cluster.tag !== tag, "another tag");
    await until(() => first.cluster.nodes().some((node) => node.tag === second.cluster.tag), "the node to be found");
  });

  test("a node with another secret is refused, and both say why", async () => {
    const first = nodes.begin({ secret: "one secret of many characters" });
    const heard = nextEvent(first.cluster as never, "refused");
    await nodes.joined(first);
    const second = await nodes.start({ secret: "another secret, also long enough" });
    expect(await heard).toMatchObject([{ code: "LINK_SECRET", tag: second.cluster.tag }]);
    expect([first.cluster.nodes().length, second.cluster.nodes().length]).toEqual([1, 1]);
  });

  test("links are encrypted with one shared certificate", async () => {
    const links = { tls: { key: TEST_KEY, cert: TEST_CERTIFICATE } };
    const first = await nodes.start({ links });
    await nodes.start({ links });
    await nodes.meet(1);
    expect(viaOf(first)).toEqual(["tcp"]);
    const { host, port } = JSON.parse((await probe!.get(`${nodes.name}:n:${first.cluster.tag}`)) ?? "");
    const stranger = connect({ host, port, rejectUnauthorized: false });
    // TLS 1.3 reports a missing certificate after the handshake.
    expect(await nextEvent(stranger, "error")).toMatchObject([{ code: expect.stringMatching(/^ERR_SSL|ECONNRESET/) }]);
  });

  test("a taken port is an error with a code", async () => {
    const first = await nodes.start();
    const { port } = JSON.parse((await probe!.get(`${nodes.name}:n:${first.cluster.tag}`)) ?? "");
    const { cluster } = nodes.begin({ links: { host: "127.0.0.1", port } });
    expect(await nextEvent(cluster as never, "error")).toMatchObject([{ code: "CLUSTER_LISTEN_FAILED" }]);
  });
});

/** How a node reaches the others. */
function viaOf({ io }: Node): string[] {
  return Object.values(io.stats().nodes!.links).map(({ via }) => via);
}

describe.skipIf(redis === undefined)("links over Redis", () => {
  test("two nodes without addresses exchange large broadcasts", async () => {
    const first = await nodes.start({ links: "bus" });
    const second = await nodes.start({ links: "bus" });
    await nodes.meet(1);
    expect([viaOf(first), viaOf(second)]).toEqual([["bus"], ["bus"]]);
    expect(first.cluster.nodes()[1]).toMatchObject({ via: "bus", state: "up" });
    const heard = new Promise((resolve) => second.io.on("large", resolve));
    const text = "abc".repeat(1_500_000);
    first.io.serverSideEmit("large", text);
    expect(await within(heard, "the event")).toBe(text);
    await second.io.close();
    expect(await first.heard.find(({ name }) => name === "lost")).toMatchObject({ reason: "it has left" });
  });

  test("a question names a stopped node, and does not wait for a killed one", async () => {
    const options = { requestTimeout: 1500, heartbeatInterval: 1000, heartbeatTimeout: 20_000 };
    const first = await nodes.start(options);
    const second = await nodes.fork(options);
    const third = await nodes.start(options);
    await nodes.meet(2);
    expect(await first.io.fetchSockets()).toEqual([]);
    second.child.kill("SIGSTOP");
    await expect(first.io.fetchSockets()).rejects.toMatchObject({ code: "CLUSTER_TIMEOUT", missing: [second.tag] });
    const asked = first.io.serverSideEmitWithAck("question");
    third.io.on("question", (answer: (text: string) => void) => answer("yes"));
    second.child.kill("SIGKILL");
    expect(await within(asked, "the answers")).toEqual(["yes"]);
  });

  test("a client of the package redis serves as well as one of ioredis", async () => {
    const client = createClient({ url });
    const cluster = redisCluster(client, { name: nodes.name });
    const io = new Server(0, { cluster });
    const second = await nodes.start();
    await until(() => cluster.nodes().length === 2, "the nodes to find each other");
    expect(viaOf(second)).toEqual(["tcp"]);
    await io.close();
    // It was only duplicated.
    expect(client.isOpen).toBe(false);
  });

  test("nodes with two secrets do not find each other, and say why", async () => {
    const first = nodes.begin({ links: "bus", secret: "one secret of many characters" });
    const heard = nextEvent(first.cluster as never, "refused");
    await nodes.joined(first);
    await nodes.start({ links: "bus", secret: "another secret, also long enough" });
    expect(await heard).toMatchObject([{ code: "LINK_SECRET" }]);
    expect(first.cluster.nodes()).toHaveLength(1);
  });

  test("a node whose address leads nowhere is reached over Redis", async () => {
    const unreachable = { host: "127.0.0.1", advertise: "127.0.0.1:1" };
    const first = await nodes.start({ links: unreachable });
    await nodes.start({ links: unreachable });
    await nodes.meet(1);
    expect(viaOf(first)).toEqual(["bus"]);
  });

  test("a killed process is lost once its record has expired", { timeout: 30_000 }, async () => {
    const options = { links: "bus", heartbeatInterval: 50, heartbeatTimeout: 200 } as const;
    const first = await nodes.start(options);
    const second = await nodes.fork(options);
    await nodes.meet(1);
    second.child.kill("SIGKILL");
    await first.heard.find(({ state }) => state === "silent");
    await probe!.del(`${nodes.name}:n:${second.tag}`);
    expect(await first.heard.find(({ name }) => name === "lost")).toMatchObject({ reason: "its process has ended" });
  });
});
