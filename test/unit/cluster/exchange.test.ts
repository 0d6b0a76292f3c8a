import { afterEach, describe, expect, test } from "vitest";
import { Server as SocketIo } from "@portage/server";
import { RoundRobin } from "../../support/cluster/round-robin.ts";
import { startNodes, type TestNode } from "../../support/cluster/engine-nodes.ts";
import { CLIENTS } from "../../support/clients.ts";
import { within } from "../../support/waiting.ts";

const open: { close(): unknown }[] = [];
const owned = <T extends { close(): unknown }>(thing: T): T => {
  open.unshift(thing);
  return thing;
};

afterEach(async () => {
  for (const thing of open.splice(0)) await thing.close();
});

async function startSites(tags: readonly string[], options = {}): Promise<{ nodes: TestNode[]; url: string }> {
  const nodes = await startNodes(tags, options);
  for (const node of nodes) owned(node);
  for (const { engine } of nodes) {
    const io = new SocketIo();
    io.bind(engine);
    io.on("connection", (socket) => {
      let count = 0;
      socket.on("message", (n: number) => socket.emit("message", n, count++));
      socket.on("binary", (bytes: Buffer) => socket.emit("binary", bytes));
    });
  }
  const { url } = owned(await RoundRobin.over(nodes.map(({ port }) => port)));
  return { nodes, url };
}

const VERSIONS = ["socket.io-client 4.8", "socket.io-client 2.5", "@portage/client"] as const;

describe.each(VERSIONS)("%s, polling, each request at the next of three nodes", (version) => {
  test("every message arrives once and in order", async () => {
    const { nodes, url } = await startSites(["AAAA", "BBBB", "CCCC"], { allowEIO3: true });
    const client = CLIENTS[version]!(url, { transports: ["polling"] });
    owned(client as never);
    const got: [number, number][] = [];
    const done = new Promise<void>((resolve, reject) => {
      client.on("disconnect", (reason: string) => reject(new Error(reason)));
      client.on("message", (n: number, count: number) => {
        got.push([n, count]);
        if (n < 45 && n % 3 === 2) for (let i = 1; i <= 3; i++) client.emit("message", n + i);
        if (n === 44) resolve();
      });
    });
    for (let i = 0; i < 3; i++) client.emit("message", i);
    await within(done, "45 messages");
    expect(got.slice(0, 45)).toEqual(Array.from({ length: 45 }, (_, i) => [i, i]));
    expect(nodes.map(({ relay }) => relay.stats.forwarded).reduce((a, b) => a + b)).toBeGreaterThan(10);
    expect(nodes.map(({ relay }) => relay.stats.refused)).toEqual([{}, {}, {}]);
  });
});
