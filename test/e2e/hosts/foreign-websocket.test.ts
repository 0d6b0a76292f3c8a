import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { Server, type ServerOptions } from "@portage/server";
import { Server as Engine } from "@portage/server/engine";
import { io as connect, type Socket } from "socket.io-client";
import { WebSocketServer } from "ws";
import { RawWebSocket } from "../../support/raw/websocket.ts";
import { nextEvent } from "../../support/waiting.ts";

const ends: Array<() => Promise<unknown>> = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function serve(options: Partial<ServerOptions>): Promise<{ io: Server; port: number }> {
  const http = createServer();
  const io = new Server(http, { serveClient: false, ...options });
  ends.push(() => io.close());
  http.listen(0, "127.0.0.1");
  await nextEvent(http, "listening");
  return { io, port: (http.address() as AddressInfo).port };
}

async function exchange(port: number, transports: string[]): Promise<void> {
  const client: Socket = connect(`http://127.0.0.1:${port}`, { transports, forceNew: true });
  await nextEvent(client, "connect");
  const { engine } = client.io;
  if (engine.transport.name === "polling" && transports.length > 1) await nextEvent(engine, "upgrade");
  expect(await client.emitWithAck("echo", "héllo")).toBe("héllo");
  expect(await client.emitWithAck("echo", { bytes: Buffer.from([1, 2]) })).toEqual({ bytes: Buffer.from([1, 2]) });
  const large = "x".repeat(500_000);
  expect(await client.emitWithAck("echo", large)).toBe(large);
  client.disconnect();
}

function echo(io: Server): void {
  io.on("connection", (socket) => socket.on("echo", (data, done) => done(data)));
}

describe("the option wsEngine", () => {
  test("puts another WebSocket server in the place of ours", async () => {
    const { io, port } = await serve({ wsEngine: WebSocketServer as never, cors: { origin: "*" } });
    echo(io);
    io.engine.on("headers", (headers: Record<string, string>) => (headers["x-from"] = "the engine"));
    await exchange(port, ["websocket"]);
    await exchange(port, ["polling", "websocket"]);
    const raw = await RawWebSocket.connect({ port });
    raw.send("40");
    await raw.until((packet) => packet.startsWith("40"));
    const news = raw.until((packet) => packet === '42["news"]');
    io.emit("news");
    await news;
    raw.cut();
  });

  test("follows options that are set later", async () => {
    const { io, port } = await serve({ wsEngine: WebSocketServer as never, maxHttpBufferSize: 100 });
    echo(io);
    Object.assign(io.engine.opts, { maxHttpBufferSize: 1e6, perMessageDeflate: true });
    await exchange(port, ["websocket"]);
    const raw = await RawWebSocket.connect({ port, headers: { "Sec-WebSocket-Extensions": "permessage-deflate" } });
    expect(raw.headers).toHaveProperty("sec-websocket-extensions");
    raw.cut();
    io.engine.opts.maxHttpBufferSize = 100;
    const other = await RawWebSocket.connect({ port });
    other.send("4".repeat(200));
    expect((await other.ended()).code).toBe(1009);
  });

  test("knows the limits of the engine", async () => {
    const { port } = await serve({ wsEngine: WebSocketServer as never, maxHttpBufferSize: 100 });
    const raw = await RawWebSocket.connect({ port });
    raw.send("4".repeat(200));
    expect((await raw.ended()).code).toBe(1009);
  });
});

test("engine.onWebSocket accepts a WebSocket of another library", async () => {
  const http = createServer();
  const engine = new Engine();
  const io = new Server({ serveClient: false });
  io.bind(engine);
  echo(io);
  const wss = new WebSocketServer({ noServer: true });
  http.on("request", (req, res) => engine.handleRequest(req, res));
  http.on("upgrade", (req, stream, head) => {
    wss.handleUpgrade(req, stream, head, (websocket) => engine.onWebSocket(req, stream, websocket as never));
  });
  http.listen(0, "127.0.0.1");
  await nextEvent(http, "listening");
  ends.push(async () => {
    await io.close();
    http.close();
  });
  const { port } = http.address() as AddressInfo;
  await exchange(port, ["websocket"]);
  await exchange(port, ["polling", "websocket"]);
});
