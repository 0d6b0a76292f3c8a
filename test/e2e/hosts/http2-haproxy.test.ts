import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { Server as HttpServer } from "node:http";
import { connect, createSecureServer } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { io as connectClient } from "@portage/client";
import type { Socket } from "socket.io";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Http2WebSocket } from "../../support/raw/http2-websocket.ts";
import { TEST_CERTIFICATE, TEST_KEY } from "../../support/servers/certificate.ts";
import { type Running, serve } from "../../support/servers/host.ts";
import { findProxy } from "../../support/servers/real-proxies.ts";
import type { TestServer } from "../../support/servers/server-process.ts";
import { portage } from "../../support/targets.ts";
import { nextEvent, within } from "../../support/waiting.ts";

// HAProxy with HTTP/2 on both sides: the lines of docs/deploy/haproxy.md.

const haproxy = await findProxy("haproxy");
const WS = "/socket.io/?EIO=4&transport=websocket";

describe.skipIf(!haproxy)("behind HAProxy that speaks HTTP/2 up to the server", () => {
  let running: Running;
  let proxy: TestServer;
  let port: string;
  let folder: string;

  beforeEach(async () => {
    const settings = { enableConnectProtocol: true };
    const http = createSecureServer({ key: TEST_KEY, cert: TEST_CERTIFICATE, settings });
    running = await serve(portage, {}, http as unknown as HttpServer);
    folder = await mkdtemp(join(tmpdir(), "portage-http2-"));
    const certificate = join(folder, "site.pem");
    await writeFile(certificate, `${TEST_CERTIFICATE}\n${TEST_KEY}`);
    proxy = await haproxy!.start(
      (port) => `
global
defaults
  mode http
  timeout connect 1s
  timeout client 30s
  timeout server 30s
  timeout tunnel 1h
frontend front
  bind 127.0.0.1:${port} ssl crt ${certificate} alpn h2,http/1.1
  default_backend up
backend up
  server a 127.0.0.1:${running.port} ssl verify none alpn h2 ws h2
`,
    );
    ({ port } = new URL(proxy.url));
  });
  afterEach(async () => {
    await proxy.stop();
    await running.stop();
    await rm(folder, { recursive: true });
  });

  test("a browser's WebSocket arrives as CONNECT", async () => {
    const session = connect(`https://localhost:${port}`, { ca: TEST_CERTIFICATE, rejectUnauthorized: false });
    session.on("error", () => undefined);
    await within(once(session, "remoteSettings"), "the settings of HAProxy");
    const connection = nextEvent<[Socket]>(running.io, "connection");
    const ws = await Http2WebSocket.open(session, WS);
    expect(await ws.next()).toMatch(/^0\{"sid"/);
    ws.send("40");
    const [socket] = await connection;
    expect(await ws.next()).toMatch(/^40/);
    expect(socket.request.method).toBe("CONNECT");
    const text = "x".repeat(300_000);
    socket.emit("large", text);
    expect(await ws.next()).toBe(`42["large","${text}"]`);
    session.destroy();
  });

  test.each([["websocket"], ["polling"]])("a client with HTTP/1.1 is served over %s", async (transport) => {
    running.io.on("connection", (socket) =>
      socket.on("echo", (value, answer: (value: unknown) => void) => answer(value)),
    );
    const client = connectClient(`https://localhost:${port}`, {
      transports: [transport],
      rejectUnauthorized: false,
      forceNew: true,
    });
    await nextEvent(client, "connect");
    expect(await client.timeout(5000).emitWithAck("echo", "hello")).toBe("hello");
    expect([...running.io.sockets.sockets.values()][0]!.request.httpVersion).toBe("2.0");
    client.disconnect();
  });
});
