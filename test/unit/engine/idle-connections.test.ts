import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { expect, test } from "vitest";
import { IdleConnections } from "../../../packages/server/src/engine/idle-connections.ts";

// What is cut and what is not is told by e2e/closing-idle.test.ts; here is what it costs.

test("keeps one entry of a connection that is open, and none of one that is over or was upgraded", async () => {
  const server = createServer((_req, res) => res.end("hello"));
  const idle = IdleConnections.of(server);
  expect(IdleConnections.of(server)).toBe(idle);
  idle.watchUpgrades();
  idle.watchUpgrades();
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

test("keeps the response to the latest request of a connection alone", () => {
  const server = createServer();
  const idle = IdleConnections.of(server);
  const taken: unknown[] = [];
  const connection = { once: () => undefined, destroy: () => taken.push("cut"), bytesRead: 1 } as never;
  const response = (writableFinished: boolean) => ({ writableFinished, req: { complete: true } }) as never;
  idle.onRequest(connection, response(false));
  idle.end(() => false);
  expect(taken).toEqual([]);
  idle.onRequest(connection, response(true));
  idle.end(() => false);
  expect([taken, idle.size]).toEqual([["cut"], 1]);
});
