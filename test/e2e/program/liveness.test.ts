import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { expect, test } from "vitest";
import { Server, type Socket } from "@portage/server";
import { Host } from "../../support/servers/host.ts";
import { RawPolling } from "../../support/raw/polling.ts";
import { RawWebSocket } from "../../support/raw/websocket.ts";
import { nextEvent, turn } from "../../support/waiting.ts";

test("stats, metrics and diagnostics report events", async () => {
  const host = new Host();
  const io = new Server(host.http, { allowEIO3: true });
  await host.listen();
  const published: unknown[] = [];
  const onClose = (message: unknown): void =>
    void published.push((message as { reason: { code: string } }).reason.code);
  subscribe("portage.session.close", onClose);
  const { port } = host;

  const websocket = await RawWebSocket.connect({ port });
  websocket.send("40");
  await websocket.until((packet) => packet.startsWith("40{"));
  const polling = await RawPolling.open({ port });
  const old = await RawWebSocket.connect({ port, revision: 3 });
  const stray = await RawWebSocket.connect({ port, sid: polling.sid });
  stray.send("4out of place");
  await stray.ended();

  const stats = io.stats();
  expect(stats.sessions).toMatchObject({
    open: 3,
    opened: 3,
    byTransport: { websocket: 2, polling: 1 },
    byRevision: { 3: 1, 4: 2 },
    slow: 0,
  });
  expect(stats.upgrades).toMatchObject({ completed: 0, failed: { stray: 1 } });
  expect(stats.packets.in).toBe(1);
  expect(stats.bytes.in).toBe(1);
  expect(stats.bytes.queued).toBe(0);

  const text = io.metrics();
  expect(text).toContain('portage_sessions{transport="websocket"} 2\n');
  expect(text).toContain("# TYPE portage_sessions_opened counter\n");
  expect(text).toContain("portage_sessions_opened_total 3\n");
  expect(text).toMatch(/# EOF\n$/);

  const [socket] = [...io.sockets.sockets.values()] as [Socket];
  const left = nextEvent(socket, "disconnect");
  websocket.send("4not a packet");
  await left;
  expect(socket.closeReason).toMatchObject({
    reason: "forced close",
    code: "INVALID_MESSAGE",
    side: "client",
    cause: "SOCKET_UNKNOWN_PACKET_TYPE",
    transport: "websocket",
  });
  expect(socket.closeReason?.heartbeatAge).toBeGreaterThanOrEqual(0);
  expect(await websocket.ended()).toEqual({ code: 1002, reason: "INVALID_MESSAGE: SOCKET_UNKNOWN_PACKET_TYPE" });
  expect(published).toEqual(["INVALID_MESSAGE"]);
  expect(io.stats().sessions).toMatchObject({
    closed: { INVALID_MESSAGE: 1 },
    broken: { SOCKET_UNKNOWN_PACKET_TYPE: 1 },
  });
  unsubscribe("portage.session.close", onClose);
  await old.close();
  await polling.post("1");
  await io.close();
  await host.drained();
});

test("a session without a poll to report its end stays open, and is counted as closing", async () => {
  const host = new Host();
  const io = new Server(host.http);
  await host.listen();
  const connection = nextEvent<[Socket]>(io, "connection");
  const client = await RawPolling.open({ port: host.port });
  await client.post("40");
  const [socket] = await connection;
  await client.until((packet) => packet.startsWith("40{"));
  socket.disconnect(true);
  await turn();
  expect(io.stats().sessions).toMatchObject({ open: 1, closing: 1, closed: {} });
  // Earlier events first, then the end of the session, and every client is gone.
  expect(await client.next()).toBe("41");
  expect(await client.next()).toBe("1");
  expect(io.stats().sessions).toMatchObject({ open: 0, closing: 0, closed: { SERVER_CLOSED: 1 } });
  await io.close();
  await host.drained();
});
