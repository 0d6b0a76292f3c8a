import { afterEach, describe, expect, test } from "vitest";
import { createFindings } from "../../../packages/server/src/dashboard/findings/part.ts";
import { Bench } from "../socketio/peer.ts";
import { FakeCore } from "./board-core.ts";

const stops: Array<() => void> = [];

afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

/** A server with so many clients and a board; `load` runs in each second. */
async function watched(clients: number) {
  const bench = new Bench();
  bench.io.on("handler_error", () => undefined);
  const joined = [];
  for (let i = 0; i < clients; i++) {
    const client = await bench.join();
    client.socket.data = { name: `client ${i}` };
    joined.push(client);
  }
  const board = new FakeCore(bench.io, (socket) => (socket.data as { name: string }).name);
  const part = createFindings(board.core);
  part.start?.();
  stops.push(() => part.stop?.());
  return { bench, joined, board };
}

describe("within a minute, the board names", () => {
  test("a room that grows hot", async () => {
    const { bench, joined, board } = await watched(20);
    for (const [i, { socket }] of joined.entries()) void socket.join([`small ${i % 5}`, "hot"]);
    await board.pass(40, () => {
      for (let i = 0; i < 5; i++) bench.io.to(`small ${i}`).emit("news", 1);
      for (let i = 0; i < 30; i++) bench.io.to("hot").emit("news", 1);
    });
    expect(board.shown).toEqual(["HOT_ROOM: hot"]);
  });

  test("a client that sends too much", async () => {
    const { joined, board } = await watched(20);
    await board.pass(40, async () => {
      for (const { peer } of joined) await peer.say('2["move"]');
      await joined[7]?.peer.say(...Array.from({ length: 100 }, () => '2["move"]'));
    });
    expect(board.shown).toEqual(["HOT_CLIENT: client 7"]);
  });

  test("rooms that are never left", async () => {
    const { joined, board } = await watched(10);
    await board.pass(50, (second) => {
      for (const [i, { socket }] of joined.entries()) void socket.join(`${second} ${i}`);
    });
    expect(board.shown).toEqual(["GROWS: rooms"]);
  });

  test("acknowledgements that never come", async () => {
    const { joined, board } = await watched(10);
    await board.pass(50, () => {
      for (const { socket } of joined) socket.emit("ask", () => undefined);
    });
    expect(board.shown.sort()).toEqual(["ACKS_UNANSWERED: ask", "GROWS: pending acknowledgements"]);
  });

  test("listeners that pile up, at a socket and at the server", async () => {
    const { bench, joined, board } = await watched(10);
    bench.io.sockets.setMaxListeners(0);
    await board.pass(50, () => {
      for (const { socket } of joined) socket.setMaxListeners(0).on("move", () => undefined);
      for (let i = 0; i < 5; i++) bench.io.on("connection", () => undefined);
    });
    expect(board.shown.sort()).toEqual(["GROWS: listeners of sockets", "GROWS: listeners of the server"]);
  });

  test("a listener that fails", async () => {
    const { joined, board } = await watched(5);
    joined[0]?.socket.on("bad", () => {
      throw new Error("mine");
    });
    await board.pass(10, () => joined[0]?.peer.say('2["bad"]'));
    expect(board.shown).toEqual(["HANDLERS_FAIL: bad"]);
  });
});

describe("a board", () => {
  test("finds nothing where a few clients talk", async () => {
    const { bench, joined, board } = await watched(3);
    joined[0]?.socket.on("chat", (text: string) => bench.io.emit("chat", text));
    await board.pass(60, () => joined[0]?.peer.say('2["chat","hi"]'));
    expect(board.shown).toEqual([]);
  });

  test("looks at nothing once it has stopped", async () => {
    const { joined, board } = await watched(5);
    for (const stop of stops.splice(0)) stop();
    await board.pass(20, (second) => {
      for (const { socket } of joined) socket.emit("x", second);
    });
    expect(board.shown).toEqual([]);
  });
});
