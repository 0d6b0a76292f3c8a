import { createServer, request, type Server as HttpServer } from "node:http";
import * as fs from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Cluster, localCluster } from "@portage/cluster";
import { Server } from "@portage/server";
import { Server as Engine } from "@portage/server/engine";
import { afterEach, beforeEach, expect, test } from "vitest";
import { nextEvent } from "../../support/waiting.ts";
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

test("sessions of both HTTP servers are reached by those of another node", async () => {
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
