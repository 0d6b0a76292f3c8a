import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import express from "express";
import { io as connectClient } from "socket.io-client";
import { afterEach, expect, test } from "vitest";
import { TEST_CERTIFICATE, TEST_KEY } from "../../support/servers/certificate.ts";
import { Host, serve } from "../../support/servers/host.ts";
import { call } from "../../support/raw/http.ts";
import { subject } from "../../support/targets.ts";
import { nextEvent } from "../../support/waiting.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (let cleanup = cleanups.pop(); cleanup; cleanup = cleanups.pop()) await cleanup();
});

/** Connects, sends an event, and returns the name of the final transport. */
async function useIt(url: string, options: object = {}): Promise<string | undefined> {
  const client = connectClient(url, { forceNew: true, reconnection: false, ...options });
  cleanups.push(() => client.disconnect());
  await nextEvent(client, "connect");
  expect(await client.emitWithAck("echo", "hello")).toBe("hello");
  const { engine } = client.io;
  if (engine.transport.name === "polling") await nextEvent(engine, "upgrade");
  return engine.transport.name;
}

function answerEchoes(io: { on(event: "connection", listener: (socket: never) => void): unknown }): void {
  io.on("connection", (socket: { on(event: string, listener: (...args: never[]) => void): void }) => {
    socket.on("echo", (value: unknown, answer: (value: unknown) => void) => answer(value));
  });
}

test("beside an Express application", async () => {
  const app = express();
  app.get("/hello", (_req, res) => res.send("from Express"));
  const running = await serve(subject, {}, createServer(app));
  cleanups.push(() => running.stop());
  answerEchoes(running.io);
  expect(await useIt(running.url)).toBe("websocket");
  expect((await call({ port: running.port, path: "/hello" })).text).toBe("from Express");
  expect((await call({ port: running.port, path: "/missing" })).status).toBe(404);
});

test("beside a plain handler, under a path of its own", async () => {
  const plain = createServer((_req, res) => res.end("plain"));
  const running = await serve(subject, { path: "/live" }, plain);
  cleanups.push(() => running.stop());
  answerEchoes(running.io);
  expect(await useIt(running.url, { path: "/live" })).toBe("websocket");
  expect((await call({ port: running.port, path: "/socket.io/" })).text).toBe("plain");
});

test("on https", async () => {
  const secure = createSecureServer({ key: TEST_KEY, cert: TEST_CERTIFICATE });
  const running = await serve(subject, {}, secure);
  cleanups.push(() => running.stop());
  answerEchoes(running.io);
  const secured = nextEvent<[{ handshake: { secure: boolean } }]>(running.io, "connection");
  expect(await useIt(running.url.replace("http:", "https:"), { ca: TEST_CERTIFICATE })).toBe("websocket");
  expect((await secured)[0].handshake.secure).toBe(true);
});

test("two servers on one HTTP server", async () => {
  const host = new Host();
  const servers = ["/one", "/two"].map((path) => new subject.socketio.Server(host.http, { path }));
  await host.listen();
  cleanups.push(async () => {
    await Promise.all(servers.map((io) => io.close()));
    await host.drained();
  });
  for (const io of servers) answerEchoes(io);
  expect(await useIt(host.url, { path: "/one" })).toBe("websocket");
  expect(await useIt(host.url, { path: "/two" })).toBe("websocket");
});

test("on a port of its own", async () => {
  const io = new subject.socketio.Server();
  io.listen(0);
  answerEchoes(io);
  if (!io.httpServer.listening) await nextEvent(io.httpServer, "listening");
  const address = io.httpServer.address() as { port: number };
  cleanups.push(() => io.close());
  expect(await useIt(`http://127.0.0.1:${address.port}`)).toBe("websocket");
  expect((await call({ port: address.port, path: "/elsewhere" })).status).toBe(404);
});

test("closed, and listening again", async () => {
  const running = await serve(subject);
  answerEchoes(running.io);
  const client = connectClient(running.url, { reconnection: false, forceNew: true });
  await nextEvent(client, "connect");
  const gone = nextEvent(client, "disconnect");
  await running.stop();
  await gone;
  const host = new Host();
  running.io.listen(host.http);
  await host.listen();
  cleanups.push(async () => {
    await running.io.close();
    await host.drained();
  });
  expect(await useIt(host.url)).toBe("websocket");
});
