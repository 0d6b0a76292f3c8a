import { once } from "node:events";
import type { Server as HttpServer } from "node:http";
import { createSecureServer as createHttp2Server } from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { afterEach, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import { Context } from "../../../packages/server/src/doctor/context.ts";
import type { Finding } from "../../../packages/server/src/doctor/finding.ts";
import { http2 } from "../../../packages/server/src/doctor/steps/http2.ts";
import { TEST_CERTIFICATE, TEST_KEY } from "../../support/servers/certificate.ts";
import { type Running, serve } from "../../support/servers/host.ts";
import { portage } from "../../support/targets.ts";

// The step alone: an examination ends at the certificate of the tests, which nothing trusts.

const TLS = { key: TEST_KEY, cert: TEST_CERTIFICATE, allowHTTP1: true };
const settings = { enableConnectProtocol: true };

let running: Running | undefined;
afterEach(async () => {
  await running?.stop();
  running = undefined;
});

async function examine(http: object, options: object = {}): Promise<readonly Finding[]> {
  running = await serve(portage, options, http as HttpServer);
  return http2.run(new Context(`https://127.0.0.1:${running.port}`, { timeout: 3000 }));
}

test.each<[string, object, string]>([
  ["that carries WebSockets", createHttp2Server({ ...TLS, settings }), "HTTP2_WEBSOCKET_OK"],
  ["that does not", createHttp2Server(TLS), "HTTP2_OK"],
  ["that the server does not offer", createHttpsServer(TLS), "HTTP2_OFF"],
])("HTTP/2 %s is in order", async (_what, http, code) => {
  expect(await examine(http)).toMatchObject([{ code, level: "ok" }]);
});

test("a WebSocket that is refused there: browsers have none", async () => {
  const found = await examine(createHttp2Server({ ...TLS, settings }), { wsEngine: WebSocketServer });
  expect(found).toMatchObject([
    { code: "HTTP2_WEBSOCKET_REFUSED", level: "fail", breaks: ["websocket"], facts: { failure: "status 501" } },
  ]);
});

test("a WebSocket that is reset there", async () => {
  const http = createHttp2Server({ ...TLS, settings });
  http.prependListener("connect", ((_req: unknown, res: { stream: { close(code: number): void } }) =>
    res.stream.close(2)) as never);
  expect(await examine(http)).toMatchObject([{ code: "HTTP2_WEBSOCKET_REFUSED" }]);
});

test("a connection that breaks", async () => {
  const server = createTlsServer({ ...TLS, ALPNProtocols: ["h2"] }, (socket) => socket.destroy());
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const found = await http2.run(new Context(`https://127.0.0.1:${port}`, { timeout: 3000 }));
  expect(found).toMatchObject([{ code: "HTTP2_FAILED", level: "limit" }]);
  server.close();
});

test("plain HTTP is not examined", () => {
  expect(http2.applies?.(new Context("http://127.0.0.1"))).toBe(false);
});
