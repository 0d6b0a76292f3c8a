import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "socket.io";
import { io as connectClient } from "socket.io-client";
import { afterEach, describe, expect, test } from "vitest";
import { type Running, serve } from "../../support/servers/host.ts";
import { subject } from "../../support/targets.ts";
import { nextEvent } from "../../support/waiting.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (let cleanup = cleanups.pop(); cleanup; cleanup = cleanups.pop()) await cleanup();
});

async function start(prepare: (running: Running) => void = () => {}): Promise<Running> {
  const running = await serve(subject);
  cleanups.push(() => running.stop());
  prepare(running);
  return running;
}

async function connect({ io, url }: Running, transport: string): Promise<Socket> {
  const connected = nextEvent<[Socket]>(io, "connection");
  const client = connectClient(`${url}?room=a%20b`, {
    forceNew: true,
    transports: [transport],
    extraHeaders: { "x-token": "secret" },
  });
  cleanups.push(() => client.disconnect());
  const [socket] = await connected;
  return socket;
}

describe.each(["polling", "websocket"])("the request that opened the connection, over %s", (transport) => {
  test("can be asked for at any time, and is the same each time", async () => {
    const socket = await connect(await start(), transport);
    const { request } = socket;
    expect(request.headers["x-token"]).toBe("secret");
    expect(request.method).toBe("GET");
    expect(request.url).toContain("room=a%20b");
    expect(request.socket.remoteAddress).toBe("127.0.0.1");
    Object.assign(request, { user: "ada" });
    expect(socket.request).toBe(request);
    expect(socket.conn.request).toBe(request);
    expect(socket.client.request).toHaveProperty("user", "ada");
  });

  test("has its answer, as with engine.io, where it began by polling: middlewares of Express take both", async () => {
    const { request } = await connect(await start(), transport);
    const { res } = request as IncomingMessage & { res?: ServerResponse };
    expect([res?.req === request, typeof res?.setHeader]).toEqual(
      transport === "polling" ? [true, "function"] : [false, "undefined"],
    );
    res?.setHeader("x-later", "1");
    res?.end();
  });

  test("is where a handshake gets its headers and query from", async () => {
    const socket = await connect(await start(), transport);
    const { handshake } = socket;
    expect(handshake.headers["x-token"]).toBe("secret");
    expect(handshake.query).toMatchObject({ room: "a b", EIO: "4", transport });
    expect(handshake.url).toBe(socket.request.url);
    expect(handshake.secure).toBe(false);
    expect(handshake.auth).toEqual({});
    expect(socket.handshake).toBe(handshake);
    expect(socket.handshake.headers).toEqual(socket.request.headers);
  });

  test("keeps properties added by a middleware of the engine", async () => {
    let seen: IncomingMessage | undefined;
    const running = await start(({ io }) => {
      io.engine.use((req: IncomingMessage, _res: unknown, next: () => void) => {
        seen = Object.assign(req, { user: "ada" });
        next();
      });
    });
    const socket = await connect(running, transport);
    expect(socket.request).toHaveProperty("user", "ada");
    if (transport === "websocket") expect(socket.request).toBe(seen);
  });

  test("keeps properties added by a listener of the HTTP server", async () => {
    const running = await start(({ host }) => {
      const mark = (req: IncomingMessage): unknown => Object.assign(req, { user: "ada" });
      host.http.prependListener("request", mark);
      host.http.prependListener("upgrade", mark);
    });
    expect((await connect(running, transport)).request).toHaveProperty("user", "ada");
  });

  test("may be dropped by the program, to save memory", async () => {
    const running = await start(({ io }) => {
      io.engine.on("connection", (session: { request: unknown }) => {
        session.request = null;
      });
    });
    const socket = await connect(running, transport);
    expect(socket.request).toBeNull();
    expect(socket.handshake).toMatchObject({ headers: {}, query: {}, address: "127.0.0.1" });
  });
});
