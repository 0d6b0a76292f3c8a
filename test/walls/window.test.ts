import { Server } from "@portage/server";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { nextEvent, within } from "../support/waiting.ts";
import { hasLanded } from "./cells.ts";
import { CLIENTS, type ClientName } from "./clients.ts";
import { type Line, Road } from "./line.ts";

/** Milliseconds for which the server keeps a session whose transport has died. */
const WINDOW = 300;
/** A session whose client left between two polls ends by its heartbeat. */
const PING = { pingInterval: 500, pingTimeout: 1000 };
const KINDS = ["default", "race", "websocket", "polling"] as const satisfies readonly ClientName[];

test.skipIf(!hasLanded("carry"))("a session to which its client does not return ends after the window", async () => {
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
    return connect(url, { forceNew: true, reconnection: false, ...options });
  });
  const ended: Promise<[reason: string, after: number]>[] = [];
  let cutAt = 0;
  io.on("connection", (socket) => {
    ended.push(
      new Promise((resolve) => {
        socket.on("disconnect", (reason) => resolve([reason, performance.now() - cutAt]));
      }),
    );
  });
  try {
    await Promise.all(clients.map((client) => nextEvent(client as never, "connect")));
    isClosed = true;
    cutAt = performance.now();
    for (const line of lines) line.cut("reset");
    const ends = await within(Promise.all(ended), "all sessions to end");
    expect(ends.map(([reason]) => reason)).toEqual(
      KINDS.map(() => expect.stringMatching(/^(transport (close|error)|ping timeout)$/)),
    );
    // timers are never early; the machine may be late
    for (const [, after] of ends) expect(after).toBeGreaterThan(WINDOW * 0.95);
    expect(io.engine.clientsCount).toBe(0);
  } finally {
    for (const client of clients) client.disconnect();
    await road.stop();
    await io.close();
  }
});
