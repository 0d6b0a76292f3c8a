import { createServer } from "node:http";
import { describe, expect, test } from "vitest";
import { Server } from "@portage/server/engine";
import { upgradeRequest } from "../../support/raw/websocket.ts";
import { RawTcp } from "../../support/raw/tcp.ts";
import { nextEvent } from "../../support/waiting.ts";
import { badInputServer, joinPolling } from "./server.ts";

describe("an upgrade behind a poll that waits, on one TCP connection", () => {
  for (const [what, options] of [
    ["with middlewares", { cors: { origin: "*" } }],
    ["without middlewares", {}],
  ] as const) {
    describe(what, () => {
      const server = badInputServer(options);

      test("does not affect other clients", async () => {
        const client = await joinPolling(server);
        const tcp = await RawTcp.open(server.running.port);
        const poll = `GET ${client.path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
        const arrived = nextEvent(server.running.host.http, "upgrade");
        await tcp.write(poll + upgradeRequest({ port: server.running.port, sid: client.sid }));
        await arrived;
        tcp.reset();
      });
    });
  }
});

test("the engine handles a reset of an upgrade for another path if the program has no listener", async () => {
  const http = createServer();
  new Server().attach(http, { destroyUpgrade: false });
  http.listen(0, "127.0.0.1");
  await nextEvent(http, "listening");
  const { port } = http.address() as { port: number };
  const upgrading = nextEvent<[unknown, { once(event: string, listener: () => void): unknown }]>(http, "upgrade");
  const tcp = await RawTcp.open(port);
  await tcp.write("GET /other HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  const [, stream] = await upgrading;
  const closed = nextEvent(stream, "close");
  tcp.reset();
  // Without a listener for `error` the process would end here.
  await expect(closed).resolves.toBeDefined();
  http.close();
});
