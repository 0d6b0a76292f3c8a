import { Server } from "@portage/server";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { nextEvent, within } from "../support/waiting.ts";
import { CLIENTS, type ClientName } from "./clients.ts";
import { type Line, Road } from "./line.ts";

/** Milliseconds for which the server keeps a session whose transport has died. */
const WINDOW = 300;
/** A session whose client left between two polls ends by its heartbeat. */
const PING = { pingInterval: 500, pingTimeout: 1000 };
const KINDS = ["default", "race", "websocket", "polling"] as const satisfies readonly ClientName[];

test("a session to which its client does not return ends after the window, for the first reason", async () => {
  const http = createServer();
  const io = new Server(http, { ...PING, carry: { window: WINDOW } });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const lines = new Set<Line>();
  let isClosed = false;
  const road = new Road((http.address() as AddressInfo).port, (line) => {
    lines.add(line);
    return { request: ({ bytes }) => (isClosed ? (line.cut("reset") as undefined) : bytes) };
  });
  const url = await road.listen();
  const clients = KINDS.map((kind) => {
    const { connect, options } = CLIENTS[kind];
    return connect(url, { forceNew: true, reconnection: false, ...options, auth: { kind } } as object);
  });
  const ended: Promise<readonly [kind: string, reason: string, after: number]>[] = [];
  let cutAt = 0;
  io.on("connection", (socket) => {
    const { kind } = socket.handshake.auth as { kind: string };
    const end = new Promise<string>((resolve) => socket.on("disconnect", resolve));
    ended.push(end.then((reason) => [kind, reason, performance.now() - cutAt]));
  });
  try {
    await Promise.all(clients.map((client) => nextEvent(client as never, "connect")));
    isClosed = true;
    cutAt = performance.now();
    for (const line of lines) line.cut("reset");
    const ends = await within(Promise.all(ended), "all sessions to end");
    expect(new Set(ends.map(([kind]) => kind))).toEqual(new Set(KINDS));
    for (const [kind, reason, after] of ends) {
      // between two polls there is no connection to cut
      const isPolling = kind === "polling" || kind === "default";
      expect(["transport close", "transport error", ...(isPolling ? ["ping timeout"] : [])], kind).toContain(reason);
      // timers are never early; the machine may be late
      expect(after, kind).toBeGreaterThan(WINDOW * 0.95);
    }
    expect(io.engine.clientsCount).toBe(0);
    expect(io.stats().sessions.adrift).toBe(0);
  } finally {
    for (const client of clients) client.disconnect();
    await road.stop();
    await io.close();
  }
});
