import * as fs from "node:fs";
import { request } from "node:http";
import { connect as connectTcp, createServer } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { localCluster } from "@portage/cluster";
import { Server } from "@portage/server";
import { io as connect } from "socket.io-client";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { nextEvent, within } from "../../support/waiting.ts";
import { Nodes, until } from "./nodes.ts";

let nodes: Nodes;
beforeEach(() => {
  nodes = new Nodes();
});
afterEach(() => nodes.stop());

/** Leaves a socket without a process that listens, as a process does that is killed. */
async function stale(directory: string, tag: string): Promise<void> {
  const server = createServer().listen(join(directory, "draft"));
  await nextEvent(server, "listening");
  fs.linkSync(join(directory, "draft"), join(directory, `${tag}.sock`));
  fs.writeFileSync(join(directory, tag), "");
  await new Promise((resolve) => server.close(resolve));
}

describe("nodes in one directory", () => {
  test("five nodes start at once and get one link for each pair", async () => {
    const all = Array.from({ length: 5 }, () => nodes.begin());
    await Promise.all(all.map((node) => nodes.joined(node)));
    await nodes.meet(4);
    for (const { io, cluster } of all) {
      const { links, states, ends, refused } = io.stats().nodes!;
      expect(Object.keys(links).sort()).toEqual(
        all
          .map((node) => node.cluster.tag)
          .filter((tag) => tag !== cluster.tag)
          .sort(),
      );
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

  test("a closed node is lost at once, and leaves nothing behind", async () => {
    const first = await nodes.start();
    const second = await nodes.start();
    const { tag } = second.cluster;
    await nodes.meet(1);
    await second.io.close();
    const lost = await first.heard.find(({ name }) => name === "lost");
    expect(lost).toMatchObject({ tag, reason: "it has left", state: "draining" });
    expect(second.cluster.tag).toBe("");
    expect(fs.readdirSync(nodes.directory).sort()).toEqual(
      [first.cluster.tag, `${first.cluster.tag}.sock`, "secret"].sort(),
    );
    expect(second.all.filter(({ state }) => state === "silent")).toEqual([]);
    await first.io.close();
    expect(fs.existsSync(nodes.directory)).toBe(false);
  });

  test("a client may reset its WebSocket handshake while that waits for a silent node", async () => {
    const options = { heartbeatInterval: 50, heartbeatTimeout: 200 };
    const first = await nodes.start(options);
    const second = await nodes.fork(options);
    await nodes.meet(1);
    second.child.kill("SIGSTOP");
    await first.heard.find(({ state }) => state === "silent");
    const { httpServer } = first.io;
    const client = connectTcp((httpServer.address() as { port: number }).port, "127.0.0.1");
    const handshake = nextEvent<[unknown, Duplex]>(httpServer as never, "upgrade");
    client.write(
      `GET /socket.io/?EIO=4&transport=websocket&sid=${second.tag}${"x".repeat(16)} HTTP/1.1\r\nHost: a\r\n` +
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    const [, stream] = await handshake;
    const closed = nextEvent(stream, "close");
    client.resetAndDestroy();
    // Without a listener, the error ends the process.
    await closed;
    expect(stream.errored).toMatchObject({ code: "ECONNRESET" });
  });

  test("a node that drains says so", async () => {
    const first = await nodes.start();
    const second = await nodes.start();
    await nodes.meet(1);
    await second.io.drain();
    await first.heard.find(({ state }) => state === "draining");
    expect(first.cluster.nodes()[1]).toMatchObject({ tag: second.cluster.tag, state: "draining" });
  });

  test("a server that is attached again joins again, with another tag", async () => {
    const first = await nodes.start();
    const second = await nodes.start();
    const { tag } = second.cluster;
    await second.io.close();
    second.io.listen(0);
    await nodes.joined(second);
    await nodes.meet(1);
    expect(second.cluster.tag).not.toBe(tag);
    expect(first.cluster.nodes()[1]!.tag).toBe(second.cluster.tag);
  });

  test.each([{}, { connectionStateRecovery: {} }])("and gets the broadcasts of the others: %j", async (server) => {
    const first = await nodes.start({}, server);
    const second = await nodes.start({}, server);
    await second.io.close();
    second.io.listen(0);
    await nodes.joined(second);
    await nodes.meet(1);
    const { port } = second.io.httpServer.address() as { port: number };
    const client = connect(`http://127.0.0.1:${port}`, { transports: ["websocket"], forceNew: true });
    await nextEvent(client, "connect");
    const heard = nextEvent(client, "news");
    first.io.emit("news", 1);
    expect((await heard)[0]).toBe(1);
    client.disconnect();
  });

  test("files of a process that was killed are removed", async () => {
    const first = await nodes.start();
    await stale(nodes.directory, "dead");
    const second = await nodes.start();
    await nodes.meet(1);
    const tags = [first.cluster.tag, second.cluster.tag];
    const files = [...tags, ...tags.map((tag) => `${tag}.sock`), "secret"];
    expect(fs.readdirSync(nodes.directory).sort()).toEqual(files.sort());
  });

  test("a secret that can't be read any more refuses newcomers, and ends nothing", async () => {
    const first = await nodes.start();
    fs.rmSync(join(nodes.directory, "secret"));
    fs.mkdirSync(join(nodes.directory, "secret"));
    const second = await nodes.start({ secret: "a secret of its own" });
    expect(second.cluster.tag).not.toBe("");
    expect(first.io.stats().nodes).toMatchObject({ links: {}, refused: {} });
    fs.rmdirSync(join(nodes.directory, "secret"));
  });

  test("a socket that accepts and never answers does not keep a node from joining", async () => {
    const silent = await nodes.start();
    const server = createServer(() => undefined).listen(join(nodes.directory, "mute.sock"));
    await nextEvent(server, "listening");
    fs.writeFileSync(join(nodes.directory, "mute"), "");
    const before = performance.now();
    const second = await nodes.start();
    expect(performance.now() - before).toBeLessThan(3000);
    expect(second.cluster.nodes().map(({ tag }) => tag)).toContain(silent.cluster.tag);
    server.close();
  });

  test("processes whose event loop was blocked do not blame their peers", async () => {
    const options = { heartbeatInterval: 20, heartbeatTimeout: 80 };
    const first = await nodes.start(options);
    await nodes.start(options);
    await nodes.meet(1);
    const end = performance.now() + 400;
    while (performance.now() < end);
    await until(() => Object.values(first.io.stats().nodes!.links)[0]?.roundTrip !== undefined, "a ping");
    expect(first.io.stats().nodes!.ends).toEqual({});
  });
});

describe("processes", () => {
  test("a process that is killed is lost before it would be silent", async () => {
    const first = await nodes.start();
    const second = await nodes.fork();
    await nodes.meet(1);
    const before = performance.now();
    second.child.kill("SIGKILL");
    const lost = await first.heard.find(({ name }) => name === "lost");
    expect(lost).toMatchObject({ tag: second.tag, reason: "its process has ended" });
    // A quiet machine needs less than 200 ms, and the timeout of the heartbeat is 4 s.
    expect(lost.at - before).toBeLessThan(1000);
    expect(first.all.filter(({ state, name }) => name === "node" && state === "silent")).toEqual([]);
    expect(first.io.stats().nodes!.ends).toEqual({ gone: 1 });
    await until(() => fs.readdirSync(nodes.directory).length === 3, "the files of the process to be removed");
  });

  test("a process that is stopped is silent after the timeout, and joins again when it goes on", async () => {
    const options = { heartbeatInterval: 50, heartbeatTimeout: 200 };
    const first = await nodes.start(options);
    const second = await nodes.fork(options);
    await nodes.meet(1);
    const before = performance.now();
    second.child.kill("SIGSTOP");
    const silent = await first.heard.find(({ state }) => state === "silent");
    expect(silent.at - before).toBeGreaterThan(100);
    expect(silent.at - before).toBeLessThan(1500);
    expect(first.io.stats().nodes!).toMatchObject({ states: { up: 0, silent: 1 }, links: {}, ends: { silent: 1 } });
    second.child.kill("SIGCONT");
    await first.heard.find(({ state }) => state === "up");
    expect(first.cluster.nodes()[1]).toMatchObject({ tag: second.tag, state: "up" });
    expect(Object.keys(first.io.stats().nodes!.links)).toEqual([second.tag]);
  });

  test("a process that is stopped and then killed is lost", async () => {
    const options = { heartbeatInterval: 20, heartbeatTimeout: 40 };
    const first = await nodes.start(options);
    const second = await nodes.fork(options);
    await nodes.meet(1);
    second.child.kill("SIGSTOP");
    await first.heard.find(({ state }) => state === "silent");
    second.child.kill("SIGKILL");
    const lost = await first.heard.find(({ name }) => name === "lost");
    expect(lost).toMatchObject({ tag: second.tag, reason: "its process has ended" });
  });
});

describe("strangers", () => {
  interface Answer {
    readonly status: number | undefined;
    readonly headers: NodeJS.Dict<string | string[]>;
  }

  /** Sends a request to the socket of a node. */
  function ask(socketPath: string, headers: Record<string, string>): Promise<Answer> {
    const answered = new Promise<Answer>((resolve, reject) => {
      const req = request({ socketPath, headers, agent: false }, (res) => {
        res.resume();
        resolve({ status: res.statusCode, headers: res.headers });
      });
      req.on("upgrade", (res, socket) => {
        socket.destroy();
        resolve({ status: res.statusCode, headers: res.headers });
      });
      req.on("error", reject);
      req.end();
    });
    return within(answered, "an answer");
  }

  const IDENTITY = { "portage-version": "1", "portage-tag": "aaaa", "portage-life": "a".repeat(22) };
  const UPGRADE = {
    connection: "upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  };

  test.each([
    ["no name", {}, 401, "LINK_MALFORMED"],
    ["a tag that is a path", { ...IDENTITY, "portage-tag": "../a" }, 401, "LINK_MALFORMED"],
    ["another version", { ...IDENTITY, "portage-version": "2" }, 426, "LINK_VERSION"],
    ["a handshake without a name", UPGRADE, 401, "LINK_MALFORMED"],
    ["a handshake of another version", { ...UPGRADE, ...IDENTITY, "portage-version": "2" }, 426, "LINK_VERSION"],
    ["a handshake without a proof", { ...UPGRADE, ...IDENTITY, "portage-nonce": "b".repeat(22) }, 401, "LINK_SECRET"],
    [
      "a proof for no challenge",
      { ...UPGRADE, ...IDENTITY, "portage-nonce": "b".repeat(22), "portage-proof": "c".repeat(43) },
      401,
      "LINK_SECRET",
    ],
  ])("%s is refused and counted", async (_what, headers, status, code) => {
    const { cluster, io } = await nodes.start();
    const refused = nextEvent(cluster as never, "refused");
    const answer = await ask(join(nodes.directory, `${cluster.tag}.sock`), headers);
    expect(answer.status).toBe(status);
    expect(await refused).toMatchObject([{ code }]);
    expect(io.stats().nodes!.refused).toEqual({ [code]: 1 });
    expect(cluster.nodes()).toHaveLength(1);
  });

  test("a node with another secret is refused, and both say why", async () => {
    const first = nodes.begin({ secret: "one secret of many characters" });
    const heard = nextEvent(first.cluster as never, "refused");
    await nodes.joined(first);
    const second = await nodes.start({ secret: "another secret, also long enough" });
    expect(await heard).toMatchObject([{ code: "LINK_SECRET", tag: second.cluster.tag }]);
    expect(second.io.stats().nodes!.refused).toEqual({ LINK_SECRET: 1 });
    expect([first.cluster.nodes().length, second.cluster.nodes().length]).toEqual([1, 1]);
  });

  test("secrets are replaced one after the other", async () => {
    const [before, after] = ["the secret before today!", "the secret from today on!"];
    await nodes.start({ secret: before });
    await nodes.start({ secret: [before, after] });
    await nodes.meet(1);
    const third = await nodes.start({}, { clusterSecret: [before, after] });
    await nodes.meet(2);
    expect(third.io.stats().nodes!.refused).toEqual({});
  });
});

describe("what goes wrong at the start", () => {
  test("a directory that can't be made is an error of the constructor, with a code", () => {
    const cluster = localCluster({ directory: "/proc/nodes" });
    const expected = { code: "CLUSTER_DIRECTORY_FAILED", message: expect.stringContaining("/proc/nodes") };
    expect(() => new Server({ cluster }).listen(0)).toThrow(expect.objectContaining(expected));
  });

  test("a program may listen for the error", () => {
    const cluster = localCluster({ directory: "/proc/nodes" });
    const errors: Error[] = [];
    cluster.on("error", (error) => errors.push(error));
    const io = new Server({ cluster });
    io.attach(0);
    expect(errors).toMatchObject([{ code: "CLUSTER_DIRECTORY_FAILED" }]);
    return io.close();
  });

  test("a server that could not be attached, or is attached twice, leaves nothing behind", async () => {
    const { cluster, io } = nodes.begin();
    const { httpServer } = io;
    expect(() => io.attach((() => undefined) as never)).toThrow(
      expect.objectContaining({ code: "NOT_AN_HTTP_SERVER" }),
    );
    io.attach(httpServer);
    await until(() => cluster.tag !== "", "a node to join");
    await io.close();
    expect(cluster.tag).toBe("");
  });

  test("two servers with one cluster are a mistake", async () => {
    const { cluster } = await nodes.start();
    const second = new Server({ cluster });
    expect(() => second.attach(0)).toThrow(expect.objectContaining({ code: "CLUSTER_IN_USE" }));
  });

  test.each([
    [{ name: "a/b" }],
    [{ name: "" }],
    [{ directory: "relative" }],
    [{ secret: "short" }],
    [{ secret: [] }],
    [{ heartbeatInterval: 0 }],
    [{ heartbeatTimeout: "1" }],
    [{ maxLinkBytes: NaN }],
    [{ upgrades: "pass" }],
  ])("an option that is invalid: %j", (options) => {
    const expected = { code: "OPTION_INVALID", message: expect.stringContaining(Object.keys(options)[0]!) };
    expect(() => localCluster(options as never)).toThrow(expect.objectContaining(expected));
  });
});
