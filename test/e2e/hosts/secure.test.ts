import { connect as connectHttp2, createSecureServer as createHttp2Server } from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import type { Server as HttpServer } from "node:http";
import { io as connectClient, type Socket as ClientSocket } from "socket.io-client";
import { afterEach, describe, expect, test } from "vitest";
import { TEST_CERTIFICATE, TEST_KEY } from "../../support/servers/certificate.ts";
import { type Running, serve } from "../../support/servers/host.ts";
import { subject } from "../../support/targets.ts";
import { nextEvent, within } from "../../support/waiting.ts";

// Encrypted hosts: certificates on both sides, and HTTP/2 beside the HTTP/1 that WebSocket needs.

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (let cleanup = cleanups.pop(); cleanup; cleanup = cleanups.pop()) await cleanup();
});

const IDENTITY = { key: TEST_KEY, cert: TEST_CERTIFICATE };
const WAYS = [["polling"], ["websocket"]] as const;

async function start(http: unknown): Promise<Running & { secureUrl: string }> {
  const running = await serve(subject, {}, http as HttpServer);
  cleanups.push(() => running.stop());
  running.io.on("connection", (socket) => socket.on("echo", (value, answer) => answer(value)));
  return { ...running, secureUrl: running.url.replace("http:", "https:") };
}

function connect(url: string, options: object): ClientSocket {
  const client = connectClient(url, { forceNew: true, reconnection: false, ca: TEST_CERTIFICATE, ...options });
  cleanups.push(() => client.disconnect());
  return client;
}

describe("certificates of both sides", () => {
  const mutual = { ...IDENTITY, ca: TEST_CERTIFICATE, requestCert: true, rejectUnauthorized: true };

  test.each(WAYS)("a client that has one connects by %s", async (transport) => {
    const { io, secureUrl } = await start(createHttpsServer(mutual));
    const joined = nextEvent<[{ request: { socket: { authorized: boolean } } }]>(io, "connection");
    const client = connect(secureUrl, { ...IDENTITY, transports: [transport] });
    const [socket] = await joined;
    expect(socket.request.socket.authorized).toBe(true);
    expect(await client.emitWithAck("echo", "hello")).toBe("hello");
  });

  test.each(WAYS)("a client without one is turned away by %s", async (transport) => {
    const { secureUrl } = await start(createHttpsServer(mutual));
    const [error] = await nextEvent(connect(secureUrl, { transports: [transport] }), "connect_error");
    expect(error).toBeInstanceOf(Error);
  });
});

describe("on HTTP/2 with HTTP/1 allowed", () => {
  const createHost = (): unknown =>
    createHttp2Server({ ...IDENTITY, allowHTTP1: true }, (_req, res) => res.end("from the application"));

  test.each(WAYS)("clients connect by %s", async (transport) => {
    const { secureUrl } = await start(createHost());
    expect(await connect(secureUrl, { transports: [transport] }).emitWithAck("echo", 1)).toBe(1);
  });

  test("requests over HTTP/2 still reach the application", async () => {
    const { secureUrl } = await start(createHost());
    const session = connectHttp2(secureUrl, { ca: TEST_CERTIFICATE });
    const get = (path: string): Promise<string> => {
      const stream = session.request({ ":path": path });
      let text = "";
      stream.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      return within(new Promise((resolve) => stream.once("end", () => resolve(text))), `an answer to ${path}`);
    };
    expect(await get("/")).toBe("from the application");
    // A browser polls over HTTP/2 if it may.
    expect(await get("/socket.io/?EIO=4&transport=polling")).toMatch(/^0\{"sid":/);
    await new Promise<void>((resolve) => session.close(resolve));
  });
});
