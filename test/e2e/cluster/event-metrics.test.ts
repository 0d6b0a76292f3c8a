import type { AddressInfo } from "node:net";
import { io as connect } from "@portage/client";
import type { Server, Socket } from "@portage/server";
import { afterEach, beforeEach, expect, test } from "vitest";
import { nextEvent } from "../../support/waiting.ts";
import { Nodes } from "./nodes.ts";

let nodes: Nodes;
beforeEach(() => {
  nodes = new Nodes();
});
afterEach(() => nodes.stop());

const portOf = ({ httpServer }: Server): number => (httpServer.address() as AddressInfo).port;
const out = (io: Server): number => io.stats().events!["/"]!["news"]!.out;

test.each([{}, { connectionStateRecovery: {} }])(
  "an emit counts once, on the node that emits it, with %j",
  async (options) => {
    const [one, two] = [
      await nodes.start({}, { eventMetrics: ["news"], ...options }),
      await nodes.start({}, { eventMetrics: ["news"], ...options }),
    ];
    await nodes.meet(1);
    const clients = [];
    const sockets: Socket[] = [];
    for (const { io } of [one, two]) {
      const connection = nextEvent<[Socket]>(io, "connection");
      const client = connect(`http://localhost:${portOf(io)}`, { forceNew: true, transports: ["websocket"] });
      // Without an acknowledgement, the last argument may be the offset for a recovery.
      client.on("news", (_number, answer: unknown) => typeof answer === "function" && void answer("read"));
      clients.push(client);
      sockets.push(...(await connection));
    }
    const received = clients.map((client) => nextEvent(client, "news"));
    one.io.emit("news", 1);
    await Promise.all(received);
    expect([out(one.io), out(two.io)]).toEqual([1, 0]);
    expect(await one.io.timeout(5000).emitWithAck("news", 2)).toEqual(["read", "read"]);
    expect([out(one.io), out(two.io)]).toEqual([2, 0]);
    expect(await sockets[1]!.timeout(5000).emitWithAck("news", 3)).toBe("read");
    expect([out(one.io), out(two.io)]).toEqual([2, 1]);
    for (const client of clients) client.disconnect();
  },
);
