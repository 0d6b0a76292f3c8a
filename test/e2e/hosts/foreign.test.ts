import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { io as connectClient, type Socket as ClientSocket } from "socket.io-client";
import { afterEach, describe, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import { Host, serve } from "../../support/servers/host.ts";
import { subject } from "../../support/targets.ts";
import { nextEvent } from "../../support/waiting.ts";

// WebSockets accepted by another library: the package `ws`, as an option or by hand.

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (let cleanup = cleanups.pop(); cleanup; cleanup = cleanups.pop()) await cleanup();
});

const WAYS = { "a new session": { transports: ["websocket"] }, "an upgrade": {} };

function connect(url: string, options: object): ClientSocket {
  const client = connectClient(url, { forceNew: true, reconnection: false, ...options });
  cleanups.push(() => client.disconnect());
  return client;
}

/** Text, bytes and a large message there and back, at last over WebSocket; then the server sees the client leave. */
async function expectService(io: object, url: string, options: object): Promise<void> {
  const server = io as { once(event: "connection", listener: (socket: never) => void): unknown };
  const gone = new Promise((resolve) => {
    server.once("connection", (socket: { on(event: string, listener: (...args: never[]) => void): void }) => {
      socket.on("echo", (value: unknown, answer: (value: unknown) => void) => answer(value));
      socket.on("disconnect", resolve);
    });
  });
  const client = connect(url, options);
  await nextEvent(client, "connect");
  const { engine } = client.io;
  if (engine.transport.name === "polling") await nextEvent(engine, "upgrade");
  expect(await client.emitWithAck("echo", "hellö")).toBe("hellö");
  expect(await client.emitWithAck("echo", { bytes: Buffer.from([0, 255]) })).toEqual({ bytes: Buffer.from([0, 255]) });
  expect(await client.emitWithAck("echo", "x".repeat(200_000))).toHaveLength(200_000);
  client.disconnect();
  expect(await gone).toMatch(/client namespace disconnect|transport close/);
}

describe.each(Object.entries(WAYS))("%s", (_name, options) => {
  test("through the wsEngine option", async () => {
    let accepted = 0;
    class Counting extends WebSocketServer {
      override handleUpgrade(...args: Parameters<WebSocketServer["handleUpgrade"]>): void {
        accepted += 1;
        super.handleUpgrade(...args);
      }
    }
    const running = await serve(subject, { wsEngine: Counting as never });
    cleanups.push(() => running.stop());
    running.io.engine.on("headers", (headers: Record<string, string>) => (headers["x-test"] = "1"));
    await expectService(running.io, running.url, options);
    expect(accepted).toBe(1);
  });

  test("by engine.onWebSocket(), below the path that a router has", async () => {
    const host = new Host();
    const engine = new subject.engine.Server();
    const io = new subject.socketio.Server();
    const sockets = new WebSocketServer({ noServer: true });
    io.bind(engine);
    host.http.on("request", (req, res) => engine.handleRequest(req, res));
    host.http.on("upgrade", (req: IncomingMessage, stream: Duplex, head: Buffer) => {
      sockets.handleUpgrade(req, stream, head, (websocket) => {
        const open = engine as unknown as { prepare(req: unknown): void; onWebSocket(...args: unknown[]): void };
        open.prepare(req);
        open.onWebSocket(req, req.socket, websocket);
      });
    });
    await host.listen();
    cleanups.push(async () => {
      await io.close();
      engine.close();
      host.http.close();
      await host.drained();
    });
    await expectService(io, host.url, options);
  });
});

test.each([[undefined], [null], ["ws"]])("a wsEngine that is not a class (%j) is ignored", async (wsEngine) => {
  const running = await serve(subject, { wsEngine: wsEngine as never });
  cleanups.push(() => running.stop());
  await expectService(running.io, running.url, { transports: ["websocket"] });
});
