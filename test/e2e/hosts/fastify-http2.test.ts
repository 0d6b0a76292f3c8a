import { once } from "node:events";
import { type ClientHttp2Session, connect } from "node:http2";
import type { AddressInfo } from "node:net";
import { connect as connectTls } from "node:tls";
import { portage, type PortageOptions } from "@portage/server/fastify";
import Fastify, { type FastifyInstance } from "fastify";
import Fastify4 from "fastify-4";
import { afterEach, describe, expect, test } from "vitest";
import { CONNECT, Http2WebSocket } from "../../support/raw/http2-websocket.ts";
import { TEST_CERTIFICATE, TEST_KEY } from "../../support/servers/certificate.ts";
import { nextEvent, within } from "../../support/waiting.ts";

// WebSocket over HTTP/2 through the plugin of Fastify.

const WS = "/socket.io/?EIO=4&transport=websocket";
const SETTINGS = {
  http2: true,
  https: {
    key: TEST_KEY,
    cert: TEST_CERTIFICATE,
    allowHTTP1: true,
    settings: { enableConnectProtocol: true },
  },
} as const;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (let cleanup = cleanups.pop(); cleanup; cleanup = cleanups.pop()) await cleanup();
});

const VERSIONS = [
  ["5", () => Fastify(structuredClone(SETTINGS)) as unknown as FastifyInstance],
  ["4", () => Fastify4(structuredClone(SETTINGS)) as unknown as FastifyInstance],
] as const;

async function listen(app: FastifyInstance, ...plugins: PortageOptions[]): Promise<ClientHttp2Session> {
  cleanups.push(() => app.close());
  for (const options of plugins) await app.register(portage, options);
  await app.listen({ port: 0, host: "127.0.0.1" });
  const session = connect(`https://localhost:${(app.server.address() as AddressInfo).port}`, {
    ca: TEST_CERTIFICATE,
    rejectUnauthorized: false,
  });
  session.on("error", () => undefined);
  cleanups.push(() => session.destroy());
  await within(once(session, "remoteSettings"), "the settings of the server");
  return session;
}

describe.each(VERSIONS)("Fastify %s with HTTP/2", (_version, make) => {
  test("carries packets both ways, and app.close() ends the session and the connection", async () => {
    const app = make();
    const session = await listen(app, {});
    const connection = once(app.io, "connection");
    const ws = await Http2WebSocket.open(session, WS);
    expect(ws.status).toBe(200);
    expect(await ws.next()).toMatch(/^0\{"sid"/);
    ws.send("40");
    expect(await ws.next()).toMatch(/^40/);
    const [socket] = (await connection) as [
      { on(name: string, fn: (...args: unknown[]) => void): void; emit(...args: unknown[]): void; request: object },
    ];
    expect(socket.request).toMatchObject({ method: "CONNECT", url: WS });
    socket.on("echo", (text) => socket.emit("echo", text));
    ws.send('42["echo","hello"]');
    expect(await ws.next()).toBe('42["echo","hello"]');
    const closed = once(session, "close");
    await within(app.close(), "app.close()");
    await within(closed, "the connection to end");
  });

  test("passes the hooks first, which see a GET", async () => {
    const app = make();
    const seen: string[] = [];
    app.addHook("onRequest", async ({ method, headers }, reply) => {
      seen.push(method);
      await new Promise((resolve) => setImmediate(resolve));
      if (headers["x-token"] !== "right") await reply.code(401).send({ error: "who are you?" });
    });
    const session = await listen(app, {});
    const refused = await Http2WebSocket.open(session, WS);
    expect([refused.status, JSON.parse(await refused.body())]).toEqual([401, { error: "who are you?" }]);
    expect((await Http2WebSocket.open(session, WS, { "x-token": "right" })).status).toBe(200);
    expect(seen).toEqual(["GET", "GET"]);
  });

  test("answers the CONNECTs of others", async () => {
    const session = await listen(make(), { path: "/a" });
    expect((await Http2WebSocket.open(session, "/elsewhere")).status).toBe(404);
    const stream = session.request({ ":method": "CONNECT", ":authority": "elsewhere.example:443" });
    const [headers] = await nextEvent<[Record<string, unknown>]>(stream, "response");
    expect(headers[":status"]).toBe(405);
  });

  test("leaves them to other listeners", async () => {
    const app = make();
    app.server.on("connect", (({ url }: { url: string }, res: { writeHead(status: number): { end(): void } }) => {
      if (url === "/own") res.writeHead(418).end();
    }) as never);
    const session = await listen(app, {});
    expect((await Http2WebSocket.open(session, "/own")).status).toBe(418);
    expect((await Http2WebSocket.open(session, WS)).status).toBe(200);
  });
});

test("a client of HTTP/1.1 that takes the server for a proxy loses its connection", async () => {
  const app = VERSIONS[0][1]();
  await listen(app, {});
  const { port } = app.server.address() as AddressInfo;
  const tls = connectTls({ port, host: "127.0.0.1", ca: TEST_CERTIFICATE, rejectUnauthorized: false });
  tls.on("error", () => undefined);
  cleanups.push(() => tls.destroy());
  await once(tls, "secureConnect");
  tls.write("CONNECT elsewhere.example:443 HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n");
  await nextEvent(tls.resume(), "close");
});

test("two plugins: each takes the WebSockets below its path", async () => {
  const app = VERSIONS[0][1]();
  await app.register(async (scope) => {
    await scope.register(portage, { path: "/a" });
  });
  const session = await listen(app, { path: "/b" });
  for (const path of ["/a", "/b"]) {
    const ws = await Http2WebSocket.open(session, WS.replace("/socket.io", path));
    expect([ws.status, (await ws.next()).slice(0, 6)]).toEqual([200, '0{"sid']);
  }
  const stream = session.request({ ...CONNECT, ":path": "/c" });
  const [headers] = await nextEvent<[Record<string, unknown>]>(stream, "response");
  expect(headers[":status"]).toBe(404);
});
