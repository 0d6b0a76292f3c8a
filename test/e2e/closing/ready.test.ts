import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { localCluster } from "@portage/cluster";
import { Server } from "@portage/server";
import { Host } from "../../support/servers/host.ts";
import { call } from "../../support/raw/http.ts";
import { RawWebSocket } from "../../support/raw/websocket.ts";
import { until } from "../cluster/nodes.ts";

test("a health check sees a server that is attached, drains, and is attached again", async () => {
  const host = new Host();
  const io = new Server();
  host.http.on("request", (req, res) => {
    if (req.url === "/ready") res.writeHead(io.isReady ? 200 : 503).end();
  });
  await host.listen();
  const check = async (): Promise<number> => (await call({ port: host.port, path: "/ready" })).status;
  expect(await check()).toBe(503);
  io.attach(host.http);
  expect(await check()).toBe(200);
  const client = await RawWebSocket.connect({ port: host.port, answersClose: false });
  const drained = io.drain();
  expect(await check()).toBe(503);
  client.cut();
  await drained;
  expect(await check()).toBe(503);
  const next = new Host();
  io.attach(next.http);
  expect(io.isReady).toBe(false);
  await io.close();
  expect(io.isReady).toBe(false);
  await host.drained();
});

test("a server is ready once it has joined its cluster", async () => {
  const directory = mkdtempSync(join(tmpdir(), "ready-"));
  const host = new Host();
  const io = new Server(host.http, { cluster: localCluster({ directory }) });
  expect(io.isReady).toBe(false);
  await host.listen();
  await until(() => io.cluster?.tag !== "", "the node to join");
  expect(io.isReady).toBe(true);
  await io.close();
  expect(io.isReady).toBe(false);
  rmSync(directory, { recursive: true, force: true });
});
