import { describe, expect, test } from "vitest";
import { createEvents } from "../../../packages/server/src/dashboard/events-view.ts";
import { createRooms } from "../../../packages/server/src/dashboard/rooms-view.ts";
import type { EventsView, RoomsView } from "../../../packages/server/src/dashboard/wire.ts";
import { Bench } from "../socketio/peer.ts";
import { FakeCore } from "./board-core.ts";

async function boardWith(clients: number) {
  const bench = new Bench();
  const joined = await Promise.all(Array.from({ length: clients }, () => bench.join()));
  const board = new FakeCore(bench.io);
  // A view is looked at with an open page.
  Object.assign(board.core, { isWatched: () => true });
  return { bench, joined, board };
}

describe("the view of events", () => {
  test("has rates, shares, sizes and times by direction and name", async () => {
    const { bench, joined, board } = await boardWith(4);
    const part = createEvents(board.core);
    part.start?.();
    bench.io.on("handler_error", () => undefined);
    const [{ socket, peer } = joined[0]!] = joined;
    socket.on("ask", (done: (answer: number) => void) => done(1));
    socket.on("bad", () => {
      throw new Error("mine");
    });
    await board.pass(10, async () => {
      await peer.say('21["ask"]', '2["bad"]', '2["bad"]');
      bench.io.emit("news", "x");
    });
    const view = (await part.views?.events?.({})) as EventsView;
    const { events, stride } = view;
    part.stop?.();
    expect(stride).toBe(1);
    const rows = events.map(({ direction, name, rate, share, failures }) => [direction, name, rate, share, failures]);
    expect(rows).toEqual([
      ["out", "news", 4, 4 / 5, 0],
      ["in", "bad", 2, 2 / 3, 20],
      ["in", "ask", 1, 1 / 3, 0],
      ["out", "(no event)", 1, 1 / 5, 0],
    ]);
    const [news, bad, ask] = events;
    expect(news?.receivers?.p50).toBeCloseTo(4, 0);
    expect(news?.handler).toBeNull();
    expect(bad?.handler?.p50).toBeGreaterThan(0);
    expect([bad?.ack, ask?.ack?.p50]).toEqual([null, expect.any(Number)]);
    expect(ask?.byteRate).toBe(9);
  });
});

describe("the view of rooms", () => {
  test("has the largest rooms and the busiest ones, without the own room of each socket", async () => {
    const { bench, joined, board } = await boardWith(10);
    const part = createRooms(board.core);
    part.start?.();
    for (const [i, { socket }] of joined.entries()) void socket.join(i < 3 ? ["all", "busy"] : "all");
    await board.pass(10, () => {
      bench.io.to("all").emit("a");
      for (let i = 0; i < 10; i++) bench.io.to("busy").emit("b");
    });
    bench.io.of("/admin");
    const view = (await part.views?.rooms?.({})) as RoomsView;
    part.stop?.();
    expect(view.namespaces).toEqual([
      { name: "/", sockets: 10, rooms: 2 },
      { name: "/admin", sockets: 0, rooms: 0 },
    ]);
    expect(view.byMembers).toEqual([
      { namespace: "/", room: "all", members: 10, share: 0.25, deliveries: 10 },
      { namespace: "/", room: "busy", members: 3, share: 0.75, deliveries: 30 },
    ]);
    expect(view.byDeliveries.map(({ room, members }) => [room, members])).toEqual([
      ["busy", 3],
      ["all", 10],
    ]);
  });

  test("leaves the rooms as they are stored", async () => {
    const { bench, joined, board } = await boardWith(5);
    const part = createRooms(board.core);
    part.start?.();
    const stored = (): unknown[] => {
      const { rooms, sids } = bench.io.sockets.adapter;
      return [...rooms.keys(), ...sids.keys()].map((key) => typeof Map.prototype.get.call(rooms, key));
    };
    const before = stored();
    await part.views?.rooms?.({});
    part.stop?.();
    expect(stored()).toEqual(before);
    expect(before).toEqual(joined.flatMap(() => ["string", "string"]));
  });
});
