import { createServer } from "node:http";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Server, type ServerOptions } from "@portage/server";
import { expect, test } from "vitest";
import { gather } from "../dashboard/support/crowd.ts";
import { atEnd, openBoard, openPage } from "../dashboard/support/board.ts";
import { FakeClock } from "../../unit/support/fake-clock.ts";
import { turn } from "../../support/waiting.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** A server without a board, which ends with the test. */
function openServer(options: Partial<ServerOptions>): Server {
  const io = new Server(createServer(), { serveClient: false, ...options });
  atEnd(() => io.close());
  return io;
}

async function usedMemory(): Promise<NodeJS.MemoryUsage> {
  for (let round = 0; round < 4; round += 1) {
    collect();
    await turn();
  }
  return process.memoryUsage();
}

const usedHeap = async (): Promise<number> => (await usedMemory()).heapUsed;

const VIEWS = ["overview", "problems", "ended", "rooms", "events", "cluster"];
const ORDERS = ["natural", "age", "rtt", "queued", "dropped", "rooms", "in", "out"];

/** Opens each view, looks at a story and a room, and searches. */
async function lookAtAll(port: number): Promise<void> {
  const page = await openPage(port);
  await page.emitWithAck("hello", { build: "" });
  for (const view of VIEWS) await page.emitWithAck("watch", view, {});
  const question = { order: "natural", descending: true, filter: "", from: 0, count: 200 };
  for (const order of ORDERS) await page.emitWithAck("page", "connections", { ...question, order });
  for (const filter of ["room:lobby", "user-1", "stuck:yes", "rooms>2"])
    await page.emitWithAck("page", "connections", { ...question, filter });
  await page.emitWithAck("page", "members", { ...question, filter: "nsp:/ room:lobby" });
  const { rows } = await page.emitWithAck("page", "connections", question);
  for (const { handle } of rows.slice(0, 20)) await page.emitWithAck("watch", "connection", { handle });
  page.disconnect();
  while ((await turn(), page.connected)) await turn();
}

/** Returns the bytes that a server needs for its sockets, with a board or without. */
async function costOf(sockets: number, open: (clock: FakeClock) => Promise<Server>): Promise<number> {
  const before = await usedMemory();
  const clock = new FakeClock();
  const io = await open(clock);
  await gather(io, sockets);
  // Time for a look at all of them.
  for (let second = 0; second < 20; second += 1) clock.advance(1000);
  const { heapUsed, external } = await usedMemory();
  return heapUsed + external - before.heapUsed - before.external;
}

test("a board without a page costs at most 4 MB, and 16 bytes a socket", async () => {
  const withBoard = async (clock: FakeClock) => (await openBoard({}, { clock })).io;
  const without = async (clock: FakeClock) => openServer({ clock });
  // Compiles the code.
  for (const open of [withBoard, without]) await costOf(100, open);
  const cost = (await costOf(10_000, withBoard)) - (await costOf(10_000, without));
  expect(cost).toBeGreaterThan(0);
  expect(cost).toBeLessThan(4e6 + 16 * 10_000);
});

test("10,000 idle sockets cost the same after all views were open", async () => {
  // Compiles the code that looks at them.
  const small = await openBoard();
  await gather(small.io, 10);
  await lookAtAll(small.host.port);

  const { io, host } = await openBoard({ label: (socket) => socket.id.slice(0, 4) });
  await gather(io, 10_000);
  [...io.sockets.sockets.values()].slice(0, 50).forEach((socket) => void socket.join("lobby"));
  const before = await usedHeap();
  await lookAtAll(host.port);
  const grown = ((await usedHeap()) - before) / before;
  // What stays is the board's own and bounded: the names of the 4,096 sessions that it showed last.
  expect(Math.abs(grown)).toBeLessThan(0.02);
});
