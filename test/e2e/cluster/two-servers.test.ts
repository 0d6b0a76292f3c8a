import nodeCluster from "node:cluster";
import { createServer, request, type Server as HttpServer } from "node:http";
import * as fs from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Cluster, localCluster } from "@portage/cluster";
import { Server } from "@portage/server";
import { Server as Engine } from "@portage/server/engine";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FakeClock } from "../../unit/support/fake-clock.ts";
import { nextEvent, turn } from "../../support/waiting.ts";
import { until } from "./nodes.ts";

/*
 * A node whose program has several engines, or does not attach its engine.
 */

let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), "p2-"));
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

interface Answer {
  readonly status: number | undefined;
  readonly text: string;
  readonly retryAfter: string | undefined;
}

/** Sends a poll, or a POST if there is a body, over a connection of its own. */
function ask(server: HttpServer, query: string, { path = "/socket.io/", body = "" } = {}): Promise<Answer> {
  const address = server.address() as AddressInfo | string;
  const place = typeof address === "string" ? { socketPath: address } : { port: address.port };
  return new Promise((resolve, reject) => {
    const method = body === "" ? "GET" : "POST";
    const req = request({ ...place, method, agent: false, path: `${path}?EIO=4&transport=polling${query}` }, (res) => {
      let text = "";
      res.setEncoding("utf8").on("data", (part: string) => (text += part));
      res.on("end", () => resolve({ status: res.statusCode, text, retryAfter: res.headers["retry-after"] }));
    });
    req.on("error", reject).end(body);
  });
}

const sidOf = ({ text }: Answer): string => (JSON.parse(text.slice(1)) as { sid: string }).sid;

/** Starts a server that is attached to two HTTP servers, under two paths. */
async function startTwice(): Promise<{ io: Server; cluster: Cluster; servers: readonly [HttpServer, HttpServer] }> {
  const cluster = localCluster({ directory: join(folder, "n") });
  const io = new Server({ cluster });
  const servers = [createServer(), createServer()] as const;
  io.attach(servers[0]).attach(servers[1]);
  for (const server of servers) await nextEvent(server.listen(0), "listening");
  await until(() => cluster.tag !== "", "a node to join");
  return { io, cluster, servers };
}

test("sessions of both HTTP servers are reached by clients of another node", async () => {
  const first = await startTwice();
  const second = await startTwice();
  await until(() => first.cluster.nodes().length === 2 && second.cluster.nodes().length === 2, "the link");
  for (const [index, server] of first.servers.entries()) {
    const sid = sidOf(await ask(server, ""));
    expect(sid.slice(0, 4)).toBe(first.cluster.tag);
    expect(await ask(second.servers[0], `&sid=${sid}`, { body: "40" })).toMatchObject({ status: 200, text: "ok" });
    expect((await ask(second.servers[1], `&sid=${sid}`)).text).toMatch(/^40\{"sid"/);
    expect(first.io.stats().nodes!.exchanges.received).toBe((index + 1) * 2);
  }
  // The first one to close leaves the node to the other one.
  const sid = sidOf(await ask(first.servers[1], ""));
  first.servers[0].closeAllConnections();
  await new Promise((resolve) => first.servers[0].close(resolve));
  expect(await ask(second.servers[0], `&sid=${sid}`, { body: "40" })).toMatchObject({ status: 200, text: "ok" });
  await Promise.all([first.io.close(), second.io.close()]);
  expect([first.cluster.tag, second.cluster.tag]).toEqual(["", ""]);
  expect(fs.readdirSync(folder)).toEqual([]);
});

test("a request that waits for the node goes back to its engine", async () => {
  const cluster = localCluster({ directory: join(folder, "n") });
  const engines = [new Engine({ cluster }), new Engine({ cluster })];
  const heard = new Set<number>();
  const answers = engines.map(async (engine, index) => {
    engine.on("connection", () => heard.add(index));
    const server = createServer((req, res) => engine.handleRequest(req, res)).listen(0);
    await nextEvent(server, "listening");
    const answer = await ask(server, "");
    server.close();
    return answer.status;
  });
  expect(await Promise.all(answers)).toEqual([200, 200]);
  expect(heard.size).toBe(2);
  for (const engine of engines) engine.close();
  expect(cluster.tag).toBe("");
});

test("an engine that is not attached joins with its first request, over a unix socket too", async () => {
  const cluster = localCluster();
  const engine = new Engine({ cluster });
  const server = createServer((req, res) => engine.handleRequest(req, res)).listen(join(folder, "http.sock"));
  await nextEvent(server, "listening");
  expect((await ask(server, "")).status).toBe(200);
  expect(cluster.tag).not.toBe("");
  engine.close();
  server.close();
});

test("an engine that has closed refuses requests for sessions of others in a way that can be retried", async () => {
  const cluster = localCluster();
  const engine = new Engine({ cluster });
  const server = createServer((req, res) => engine.handleRequest(req, res)).listen(0);
  await nextEvent(server, "listening");
  const own = sidOf(await ask(server, ""));
  expect(own.slice(0, 4)).toBe(cluster.tag);
  const other = `${cluster.tag === "AAAA" ? "BBBB" : "AAAA"}0123456789abcdef`;
  engine.close().close();
  for (const body of ["", "4x"]) {
    const { status, text, retryAfter } = await ask(server, `&sid=${other}`, { body });
    expect([status, retryAfter, JSON.parse(text)]).toEqual([
      503,
      "1",
      { code: 1, message: "Server of the session can't be reached", retryAfter: 1000 },
    ]);
  }
  expect((await ask(server, `&sid=${own}`)).status).toBe(400);
  server.close();
});

test("a server that has drained and listens again serves the others' sessions as before", async () => {
  const directory = join(folder, "n");
  const clusters = [localCluster({ directory }), localCluster({ directory })] as const;
  const engines = clusters.map((cluster) => new Engine({ cluster }));
  const servers = [createServer(), createServer()] as const;
  for (const [index, server] of servers.entries()) {
    engines[index]!.attach(server, { path: "/socket.io" });
    await nextEvent(server.listen(0), "listening");
  }
  const states = (): string[] =>
    clusters.map((cluster) =>
      cluster
        .nodes()
        .map(({ state }) => state)
        .join(),
    );
  await until(() => states().join() === "up,up,up,up", "the link");
  const sid = sidOf(await ask(servers[1], ""));
  await engines[0]!.drain();
  await until(() => states()[1] === "up,draining", "the drain");
  await new Promise((resolve) => servers[0].close(resolve));
  await nextEvent(servers[0].listen(0), "listening");
  await until(() => states().join() === "up,up,up,up", "the return");
  const poll = ask(servers[0], `&sid=${sid}`);
  expect(await ask(servers[0], `&sid=${sid}`, { body: "4x" })).toMatchObject({ status: 200, text: "ok" });
  (engines[1]!.clients[sid] as { send(text: string): unknown }).send("hello");
  expect(await poll).toMatchObject({ status: 200, text: "4hello" });
  for (const engine of engines) engine.close();
  for (const server of servers) server.close();
});

test("a node that can't join tries again, and reports it once", async () => {
  const clock = new FakeClock();
  const parent = join(folder, "later");
  const cluster = localCluster({ directory: join(parent, "n") });
  const errors: unknown[] = [];
  cluster.on("error", (error) => errors.push(error));
  const engine = new Engine({ cluster, clock });
  const server = createServer((req, res) => engine.handleRequest(req, res)).listen(0);
  await nextEvent(server, "listening");
  for (const delay of [0, 1000, 2000, 4000]) clock.advance(delay);
  expect(errors).toMatchObject([{ code: "CLUSTER_DIRECTORY_FAILED" }]);
  fs.mkdirSync(parent);
  const answer = ask(server, "");
  clock.advance(7999);
  expect(cluster.tag).toBe("");
  clock.advance(1);
  await until(() => cluster.tag !== "", "a node to join");
  expect((await ask(server, "")).status).toBe(200);
  void answer;
  engine.close();
  expect(clock.pending).toBe(0);
  server.close();
});

test("a node that can't join stops to try once it is closed", async () => {
  const clock = new FakeClock();
  const cluster = localCluster({ directory: join(folder, "never", "n") });
  cluster.on("error", () => undefined);
  const engine = new Engine({ cluster, clock });
  expect(clock.pending).toBeGreaterThan(0);
  engine.close();
  expect(clock.pending).toBe(0);
});

test("a worker whose server listens on several ports warns, unless the cluster has a name", async () => {
  Object.assign(nodeCluster, { isWorker: true });
  const warnings: unknown[] = [];
  const listen = (warning: Error): void => void warnings.push("code" in warning && warning.code);
  process.on("warning", listen);
  try {
    for (const name of [undefined, `several-${process.pid}`]) {
      const engine = new Engine({ cluster: localCluster(name === undefined ? {} : { name }) });
      const servers = [createServer(), createServer(), createServer()];
      for (const server of servers) {
        engine.attach(server, { path: "/socket.io" });
        await nextEvent(server.listen(0), "listening");
      }
      engine.close();
      for (const server of servers) server.close();
    }
    await turn();
    expect(warnings).toEqual(["CLUSTER_SEVERAL_PORTS"]);
  } finally {
    process.off("warning", listen);
    Object.assign(nodeCluster, { isWorker: false });
  }
});
