import { createServer } from "node:http";
import Koa from "koa";
import { io as connectClient, type Socket as ClientSocket } from "socket.io-client";
import { afterEach, expect, test } from "vitest";
import { WebSocket as ForeignWebSocket, WebSocketServer } from "ws";
import { Host, serve } from "../../support/servers/host.ts";
import { call } from "../../support/raw/http.ts";
import { subject } from "../../support/targets.ts";
import { nextEvent } from "../../support/waiting.ts";

// HTTP servers with more on them than one Socket.IO server.

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (let cleanup = cleanups.pop(); cleanup; cleanup = cleanups.pop()) await cleanup();
});

function connect(url: string, options: object = {}): ClientSocket {
  const client = connectClient(url, { forceNew: true, reconnection: false, ...options });
  cleanups.push(() => client.disconnect());
  return client;
}

/** Asks by polling and then by WebSocket. */
async function expectEcho(url: string, path: string): Promise<void> {
  for (const transport of ["polling", "websocket"]) {
    expect(await connect(url, { path, transports: [transport] }).emitWithAck("echo", transport)).toBe(transport);
  }
}

function answerEchoes(io: { on(event: "connection", listener: (socket: never) => void): unknown }): void {
  io.on("connection", (socket: { on(event: string, listener: (...args: never[]) => void): void }) => {
    socket.on("echo", (value: unknown, answer: (value: unknown) => void) => answer(value));
  });
}

test("a Koa application keeps its requests", async () => {
  const app = new Koa();
  app.use((context) => void (context.body = `from Koa: ${context.path}`));
  const running = await serve(subject, {}, createServer(app.callback()));
  cleanups.push(() => running.stop());
  answerEchoes(running.io);
  await expectEcho(running.url, "/socket.io");
  expect((await call({ port: running.port, path: "/hello" })).text).toBe("from Koa: /hello");
});

test("request listeners added before and after the engine both see other requests", async () => {
  const host = new Host();
  const seen: string[] = [];
  host.http.on("request", (req) => seen.push(`before ${req.url}`));
  const io = new subject.socketio.Server(host.http, { serveClient: false });
  host.http.on("request", (req, res) => {
    seen.push(`after ${req.url}`);
    if (!req.url?.startsWith("/socket.io")) res.end("answered");
  });
  await host.listen();
  cleanups.push(async () => {
    await io.close();
    await host.drained();
  });
  answerEchoes(io);
  await call({ port: host.port, path: "/other" });
  expect(seen).toEqual(["before /other", "after /other"]);
  seen.length = 0;
  await call({ port: host.port, path: "/socket.io/?EIO=4&transport=polling" });
  expect(seen).toEqual(["after /socket.io/?EIO=4&transport=polling"]);
});

test("three engines with paths of their own, one of them below another's name", async () => {
  const host = new Host(createServer((_req, res) => res.end("plain")));
  const paths = ["/live", "/live2", "/live/admin-tools"];
  // The engine attached first is asked last: the longer path comes after its own prefix.
  const servers = paths.map((path) => new subject.socketio.Server(host.http, { path }));
  await host.listen();
  cleanups.push(async () => {
    await Promise.all(servers.map((io) => io.close()));
    await host.drained();
  });
  for (const [index, io] of servers.entries()) {
    io.on("connection", (socket) => socket.on("which", (answer: (index: number) => void) => answer(index)));
  }
  for (const path of ["/live", "/live2"]) {
    for (const transport of ["polling", "websocket"]) {
      const client = connect(host.url, { path, transports: [transport] });
      expect(await client.emitWithAck("which")).toBe(paths.indexOf(path));
    }
  }
  expect((await call({ port: host.port, path: "/elsewhere" })).text).toBe("plain");
});

test("one server attached to several HTTP servers serves them all", async () => {
  const hosts = [new Host(), new Host()];
  const io = new subject.socketio.Server();
  for (const host of hosts) {
    io.attach(host.http);
    await host.listen();
  }
  cleanups.push(async () => {
    io.disconnectSockets(true);
    await io.close();
    for (const host of hosts) if (host.http.listening) host.http.close();
    await Promise.all(hosts.map((host) => host.drained()));
  });
  answerEchoes(io);
  for (const host of hosts) await expectEcho(host.url, "/socket.io");
  expect(io.sockets.sockets.size).toBe(4);
});

test("another WebSocket server on the same HTTP server gets its upgrades", async () => {
  const running = await serve(subject, {});
  const others = new WebSocketServer({ noServer: true });
  running.host.http.on("upgrade", (req, stream, head) => {
    if (req.url === "/other") others.handleUpgrade(req, stream, head, (socket) => socket.send("not Socket.IO"));
  });
  cleanups.push(() => running.stop());
  answerEchoes(running.io);
  const other = new ForeignWebSocket(`${running.url.replace("http", "ws")}/other`);
  const [message] = await nextEvent(other, "message");
  expect(String(message)).toBe("not Socket.IO");
  await expectEcho(running.url, "/socket.io");
  const closed = nextEvent(other, "close");
  other.close();
  await closed;
});
