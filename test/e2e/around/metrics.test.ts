import prometheus from "prom-client";
import { io as connectClient } from "socket.io-client";
import countMetrics from "socket.io-prometheus";
import { afterEach, expect, test } from "vitest";
import { serve } from "../../support/servers/host.ts";
import { subject } from "../../support/targets.ts";
import { nextEvent } from "../../support/waiting.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (let cleanup = cleanups.pop(); cleanup; cleanup = cleanups.pop()) await cleanup();
});

test("socket.io-prometheus counts by replacing the methods of each socket", async () => {
  const running = await serve(subject);
  cleanups.push(() => running.stop());
  countMetrics(running.io);
  running.io.on("connection", (socket) => {
    socket.on("ask", (answer: (value: number) => void) => answer(1));
    socket.emit("welcome", "12345");
  });
  const client = connectClient(running.url, { forceNew: true, reconnection: false });
  cleanups.push(() => client.disconnect());
  await nextEvent(client, "welcome");
  await client.emitWithAck("ask");
  await client.emitWithAck("ask");
  const text = await prometheus.register.metrics();
  expect(text).toContain("socket_io_connected 1");
  expect(text).toContain('socket_io_events_received_total{event="ask"} 2');
  expect(text).toContain('socket_io_events_sent_total{event="welcome"} 1');
  expect(text).toContain('socket_io_transmit_bytes{event="welcome"} 5');
  const gone = new Promise((resolve) => running.io.sockets.sockets.get(client.id ?? "")?.once("disconnect", resolve));
  client.disconnect();
  await gone;
  expect(await prometheus.register.metrics()).toContain("socket_io_disconnect_total 1");
});
