import { expect, test } from "vitest";
import { Server as NetServer } from "node:net";
import { Server } from "@portage/server";
import { Host } from "../../support/servers/host.ts";
import { RawPolling } from "../../support/raw/polling.ts";
import { nextEvent } from "../../support/waiting.ts";

/** The session of a client that has no connection at this moment. */
async function start() {
  const host = new Host();
  const io = new Server(host.http);
  await host.listen();
  const polling = await RawPolling.open({ port: host.port, query: { reasons: "1" } });
  await polling.post("40");
  await polling.until((packet) => packet.startsWith("40{"));
  return { host, io };
}

test("an HTTP server that closes while its engine drains leaves the sessions their time", async () => {
  const { host, io } = await start();
  const [session] = Object.values(io.engine.clients);
  io.emit("queued");
  const drained = io.drain({ deadline: 300 });
  const closed = nextEvent(host.http, "close");
  NetServer.prototype.close.call(host.http);
  host.http.closeAllConnections();
  await closed;
  expect(session?.readyState).toBe("closing");
  await drained;
  expect(io.engine.clientsCount).toBe(0);
});

test("without a drain, it ends them", async () => {
  const { host, io } = await start();
  const closed = nextEvent(host.http, "close");
  NetServer.prototype.close.call(host.http);
  host.http.closeAllConnections();
  await closed;
  expect(io.engine.clientsCount).toBe(0);
});
