import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { type AddressInfo, connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { expect, test } from "vitest";
import { endIdle, IdleConnections } from "../../../packages/server/src/engine/http/idle-connections.ts";
import { TEST_CERTIFICATE, TEST_KEY } from "../../support/servers/certificate.ts";

// e2e/closing-idle.test.ts tests which connections are cut; this file tests the cost.

test("has one entry for an open connection, and none for an ended or upgraded one", async () => {
  const server = createServer((_req, res) => res.end("hello"));
  const idle = IdleConnections.of(server);
  expect(IdleConnections.of(server)).toBe(idle);
  idle.watchUpgrades("upgrade");
  idle.watchUpgrades("upgrade");
  expect(server.listenerCount("upgrade")).toBe(1);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  for (let round = 0; round < 3; round++) {
    client.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await once(client, "data");
    expect(idle.size).toBe(1);
  }
  const upgrade = once(server, "upgrade");
  client.write("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n");
  const [{ socket: upgraded }] = await upgrade;
  expect(idle.size).toBe(0);
  expect(upgraded.listenerCount("close")).toBe(0);

  const other = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [stream] = await once(server, "connection");
  expect(idle.size).toBe(1);
  other.destroy();
  await once(stream, "close");
  expect(idle.size).toBe(0);
  upgraded.destroy();
  server.close();
  await once(server, "close");
});

test("keeps no response that is over", async () => {
  const server = createServer((_req, res) => res.end("hello"));
  const idle = IdleConnections.of(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  for (let round = 1; round <= 3; round++) {
    const request = once(server, "request") as Promise<[unknown, ServerResponse]>;
    client.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const [[, response]] = await Promise.all([request, once(client, "data")]);
    if (!response.writableFinished) await once(response, "finish");
    expect([...idle.list(() => false).values()]).toEqual([round]);
  }
  client.destroy();
  server.close();
  await once(server, "close");
});

test("ends connections that were idle before, and had no request since", () => {
  const idle = IdleConnections.of(createServer());
  const ended: string[] = [];
  const connection = (name: string) =>
    ({ name, on: () => undefined, destroy: () => ended.push(name), bytesRead: 1 }) as never;
  const response = (writableFinished: boolean) => ({ writableFinished, req: { complete: true } }) as never;
  const [quiet, busy, active] = [connection("quiet"), connection("busy"), connection("active")];
  idle.onRequest(quiet, response(true));
  idle.onRequest(busy, response(false));
  idle.onRequest(active, response(true));
  const earlier = idle.list(() => false);
  expect([...earlier.keys()]).toEqual([quiet, active]);
  idle.onRequest(active, response(true));
  const list = idle.list(() => false);
  expect([...list.keys()]).toEqual([quiet, active]);
  endIdle(list, earlier);
  expect(ended).toEqual(["quiet"]);
});

test("keeps an entry of a TLS handshake, and one of the connection that it has led to", async () => {
  const server = createSecureServer({ key: TEST_KEY, cert: TEST_CERTIFICATE });
  const idle = IdleConnections.of(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;

  const begun = once(server, "connection");
  const good = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false });
  const [raw] = await begun;
  expect(idle.size).toBe(1);
  const [secure] = await once(server, "secureConnection");
  expect(idle.size).toBe(1);
  const over = [once(raw, "close"), once(secure, "close")];
  good.destroy();
  await Promise.all(over);
  expect(idle.size).toBe(0);

  const bad = connect(port, "127.0.0.1").on("error", () => undefined);
  bad.write("no TLS");
  const [failed] = await once(server, "connection");
  expect(idle.size).toBe(1);
  await once(failed, "close");
  expect(idle.size).toBe(0);
  server.close();
});
