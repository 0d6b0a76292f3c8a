import { createServer } from "node:http";
import { createAdapter } from "@socket.io/redis-adapter";
import { io as connect } from "@portage/client";
import { Server, type ServerOptions } from "@portage/server";
import * as msgpack from "socket.io-msgpack-parser";
import { expect, test } from "vitest";
import { WebSocketServer } from "ws";
import { nextEvent, turn } from "../../support/waiting.ts";
import { atEnd, ask, boardOf, isLetIn, openBoard, openPage } from "./support/board.ts";

/** A connected client of the server itself. */
async function addClient(port: number): Promise<void> {
  const client = connect(`http://localhost:${port}`, { transports: ["websocket"], reconnection: false });
  atEnd(() => client.disconnect());
  await nextEvent(client, "connect");
}

/** A client of Redis that goes nowhere. */
const silentRedis = {
  psubscribe: () => undefined,
  subscribe: () => undefined,
  on: () => undefined,
  off: () => undefined,
  publish: () => undefined,
  punsubscribe: () => undefined,
  unsubscribe: () => undefined,
};

test("the page opens, and gets a figure for each series", async () => {
  const { host } = await openBoard({ gauges: { games: () => 7 } });
  const page = await openPage(host.port);
  const hello = await page.emitWithAck("hello", { build: "test" });
  expect(hello).toMatchObject({ role: "view", payloads: "shape", path: "/socket.io", gauges: ["games"] });
  const [tick] = await nextEvent<[number[]]>(page, "tick");
  expect(tick).toHaveLength(1 + hello.series.length + 1);
  expect(tick.at(-1)).toBe(7);
});

test("the files are served, with the headers that keep the page safe", async () => {
  const { host } = await openBoard();
  expect(await ask(host.port, "/dashboard")).toMatchObject({ status: 308, headers: { location: "dashboard/" } });
  const { status, headers, body } = await ask(host.port, "/dashboard/");
  expect([status, body]).toEqual([200, expect.stringContaining("<title>page</title>")]);
  expect({ ...headers, date: "" }).toMatchInlineSnapshot(`
    {
      "cache-control": "no-store",
      "connection": "close",
      "content-length": "34",
      "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; require-trusted-types-for 'script'; trusted-types 'none'",
      "content-type": "text/html; charset=utf-8",
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-resource-policy": "same-origin",
      "date": "",
      "referrer-policy": "no-referrer",
      "vary": "Accept-Encoding",
      "x-content-type-options": "nosniff",
      "x-frame-options": "DENY",
    }
  `);
  const asset = await ask(host.port, "/dashboard/assets/app-0123abcd.js", { headers: { "Accept-Encoding": "gzip" } });
  expect(asset.headers).toMatchObject({
    "content-encoding": "gzip",
    "cache-control": "public, max-age=31536000, immutable",
    "content-type": "text/javascript; charset=utf-8",
  });
  expect((await ask(host.port, "/dashboard/index.html")).status).toBe(404);
  expect((await ask(host.port, "/dashboard/../package.json")).status).toBe(404);
  expect((await ask(host.port, "/dashboard/", { method: "DELETE" })).status).toBe(405);
});

const REFUSES_ALL = (io: Server): void => {
  io.use((_socket, next) => next(new Error("refused")));
  io.engine.use((_req: unknown, _res: unknown, next: (error: Error) => void) => next(new Error("refused")));
};

test.each<[name: string, options: Partial<ServerOptions>, prepare?: (io: Server) => void]>([
  ["a refusing middleware", {}, REFUSES_ALL],
  ["a refusing allowRequest", { allowRequest: (_req, decide) => decide(null, false) }],
  ["the msgpack parser", { parser: msgpack }],
  ["the Redis adapter", { adapter: createAdapter(silentRedis, silentRedis) }],
  ["another WebSocket engine", { wsEngine: WebSocketServer as never }],
  ["long-polling alone", { transports: ["polling"] }],
  ["credentials of other origins", { cors: { origin: "https://example.com", credentials: true } }],
])("the page opens over both transports beside a server with %s", async (_name, options, prepare) => {
  const { io, host } = await openBoard({}, options);
  prepare?.(io);
  for (const transport of ["polling", "websocket"] as const) {
    const page = await openPage(host.port, { transports: [transport] });
    expect(await page.emitWithAck("hello", { build: "" })).toMatchObject({ role: "view" });
  }
});

test("the page opens beside a server that is full, or drains", async () => {
  const { io, host } = await openBoard({}, { maxConnections: 1 });
  await addClient(host.port);
  expect(await isLetIn(host.port)).toBe(true);
  await io.drain({ deadline: 10 });
  expect(await isLetIn(host.port)).toBe(true);
});

test("the server itself sees nothing of the page", async () => {
  const { io, host } = await openBoard();
  const seen: unknown[] = [];
  io.on("new_namespace", (nsp) => seen.push(nsp));
  io.on("connection", (socket) => seen.push(socket));
  io.engine.on("connection", (session: unknown) => seen.push(session));
  const before = io.stats();
  const page = await openPage(host.port, { transports: ["polling", "websocket"] });
  await page.emitWithAck("hello", { build: "" });
  await nextEvent(page, "tick");
  expect(seen).toEqual([]);
  expect(await io.fetchSockets()).toEqual([]);
  expect([...io._nsps.keys()]).toEqual(["/"]);
  expect({ ...io.stats(), loop: 0 }).toEqual({ ...before, loop: 0 });
});

test("at most 8 pages are open", async () => {
  const { host } = await openBoard();
  for (let count = 0; count < 8; count += 1) await openPage(host.port);
  expect(await isLetIn(host.port)).toBe(false);
});

test("malformed questions are answered, and the third one ends the page", async () => {
  const { host } = await openBoard();
  const page = await openPage(host.port);
  expect(await page.emitWithAck("watch", "nothing", {})).toEqual({ error: "BAD_QUESTION" });
  expect(await page.emitWithAck("constructor")).toEqual({ error: "BAD_QUESTION" });
  const bye = nextEvent(page, "bye");
  const gone = nextEvent(page, "disconnect");
  page.emit("page", "connections", { order: "natural" });
  expect(await bye).toEqual(["BAD_QUESTION"]);
  await gone;
});

test("a closed server does not wait for its pages, and serves them again when it is attached again", async () => {
  const { io, host } = await openBoard();
  const page = await openPage(host.port);
  const bye = nextEvent(page, "bye");
  await io.close();
  expect(await bye).toEqual(["CLOSED"]);
  io.attach(host.http);
  await host.listen();
  expect(await isLetIn(host.port)).toBe(true);
});

test("after close() the paths are free, and the server goes on", async () => {
  const { board, host } = await openBoard();
  host.http.on("request", (req, res) => req.url?.startsWith("/dashboard") && res.writeHead(404).end());
  await board.close();
  expect((await ask(host.port, "/dashboard/")).status).toBe(404);
  await addClient(host.port);
});

test("handle() and handleUpgrade() serve it on a server that is not attached", async () => {
  const io = new Server();
  const board = boardOf(io, { path: "/tools/live-page" });
  const http = createServer((req, res) => {
    if (!board.handle(req, res)) res.writeHead(404).end();
  });
  http.on("upgrade", (req, stream, head) => board.handleUpgrade(req, stream, head) || stream.destroy());
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  atEnd(() => http.close());
  const { port } = http.address() as { port: number };
  expect(board.url).toBe("/tools/live-page/");
  expect(await ask(port, "/tools/live-page/")).toMatchObject({ status: 200 });
  expect(await ask(port, "/tools/live-pages")).toMatchObject({ status: 404 });
  for (const transport of ["polling", "websocket"] as const) {
    await openPage(port, { transports: [transport], path: "/tools/live-page/live" });
  }
});

test("a board in the way of nothing: requests of the program and of the server arrive", async () => {
  const { host } = await openBoard();
  host.http.on("request", (req, res) => req.url === "/own" && res.end("own"));
  expect((await ask(host.port, "/own")).body).toBe("own");
  await addClient(host.port);
  await turn();
});
