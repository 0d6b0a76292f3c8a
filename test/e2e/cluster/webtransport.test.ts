import { Fetch, io as connect, NodeWebSocket } from "@portage/client";
import { WebTransport } from "@portage/client/webtransport";
import type { Server, Socket } from "@portage/server";
import { afterEach, expect, test, vi } from "vitest";
import type { TestNode } from "../../support/cluster/engine-nodes.ts";
import { UpgradeElsewhere } from "../../support/cluster/upgrade-elsewhere.ts";
import { platformClass, SessionPair, WebTransportPeer } from "../../support/peers/webtransport.ts";
import { nextEvent, turn, within } from "../../support/waiting.ts";

// Sessions of WebTransport, in memory, at a node that does not have the session.

let site: UpgradeElsewhere;
let io: Server;
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  vi.unstubAllGlobals();
  for (let cleanup = cleanups.pop(); cleanup; cleanup = cleanups.pop()) await cleanup();
  await site.close();
});

type Client = ReturnType<typeof connect>;
type Classes = (typeof Fetch | typeof NodeWebSocket | typeof WebTransport)[];

/** Opens a connection whose sessions of WebTransport go to these nodes in turn; the last one takes all others. */
async function open(transports: Classes, ...places: ("owner" | "front")[]) {
  site = await UpgradeElsewhere.start({ engine: { transports: ["polling", "websocket", "webtransport"] } });
  io = site.bind();
  const sessions: SessionPair[] = [];
  const take = (session: SessionPair): void => {
    const place = places[Math.min(sessions.length, places.length - 1)]!;
    sessions.push(session);
    void site[place].engine.onWebTransportSession(session);
  };
  vi.stubGlobal("WebTransport", platformClass(take));
  const client: Client = connect(site.url, { transports, forceNew: true, reconnection: false });
  cleanups.push(() => client.disconnect());
  const [[socket]] = await Promise.all([nextEvent<[Socket]>(io, "connection"), nextEvent(client as never, "connect")]);
  const disconnects: string[] = [];
  client.on("disconnect", (reason) => disconnects.push(reason));
  const received: number[] = [];
  socket.on("number", (number: number, answer: () => void) => {
    received.push(number);
    answer();
  });
  let sent = 0;
  const send = (): Promise<unknown> => client.emitWithAck("number", sent++);
  return { client, socket, sessions, disconnects, received, send };
}

test.each([
  ["goes on to a WebSocket", [Fetch, WebTransport, NodeWebSocket], "websocket"],
  ["stays on polling without one", [Fetch, WebTransport], "polling"],
] as [string, Classes, string][])("a client that can't be upgraded there %s", async (_what, transports, name) => {
  const { client, socket, sessions, disconnects, received, send } = await open(transports, "front");
  const answers = Array.from({ length: 20 }, send);
  const { engine } = client.io;
  while (sessions[0]?.closes.length !== 1) await turn();
  if (name === "websocket" && engine.transport.name !== name) await nextEvent(engine as never, "upgrade");
  await within(Promise.all([...answers, ...Array.from({ length: 20 }, send)]), "all answers");
  expect(received).toEqual(Array.from({ length: 40 }, (_, number) => number));
  expect([socket.conn.transport.name, disconnects]).toEqual([name, []]);
  expect(sessions[0]?.closes).toEqual([{ closeCode: 400, reason: "UPGRADES_REFUSED" }]);
  expect(site.front.relay.stats.refused).toEqual({ UPGRADES_REFUSED: 1 });
});

test("a return that arrives there is refused, and the next one is carried", async () => {
  const { socket, sessions, disconnects, received, send } = await open([WebTransport], "owner", "front", "owner");
  const first = send();
  sessions[0]!.end(new Error("lost"));
  await within(Promise.all([first, send()]), "all answers");
  expect([received, disconnects, socket.conn.carried]).toEqual([[0, 1], [], 1]);
  expect(sessions[1]?.closes).toEqual([{ closeCode: 400, reason: "UPGRADES_REFUSED" }]);
});

test.each<[string, (front: TestNode) => void, object]>([
  [
    "is gone",
    ({ peers, engine }) => peers.standings.set("AAAA", { lostAt: engine.opts.clock.now() }),
    { closeCode: 1008, reason: "OWNER_LOST" },
  ],
  [
    "can't be reached",
    ({ peers }) => peers.standings.set("AAAA", "unreachable"),
    { closeCode: 503, reason: "OWNER_UNREACHABLE retry-after=1000" },
  ],
  ["is unknown", () => undefined, { closeCode: 1008, reason: "UNKNOWN_SID" }],
  [
    "is unknown to a node that starts",
    ({ peers }) => (peers.tag = ""),
    { closeCode: 503, reason: "SERVER_STARTING retry-after=1000" },
  ],
])("a return whose owner %s is refused with a code", async (_what, prepare, close) => {
  site = await UpgradeElsewhere.start({ engine: { transports: ["polling", "webtransport"] } });
  site.front.peers.links.clear();
  prepare(site.front);
  const session = new SessionPair();
  const peer = new WebTransportPeer(session);
  void site.front.engine.onWebTransportSession(session);
  await peer.send('0{"sid":"AAAA-a-session-of-it","carry":0,"key":"k","turn":1}');
  while (session.closes.length === 0) await turn();
  expect(session.closes).toEqual([close]);
});
