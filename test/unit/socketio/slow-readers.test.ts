import { describe, expect, test } from "vitest";
import type { ServerOptions } from "@portage/server";
import { resolveSlowReader } from "../../../packages/server/src/engine/outgoing/slow-reader.ts";
import { Bench, settle } from "./peer.ts";

/** A server with a client that has stopped reading, with `soft` bytes queued. */
async function stalled(options: Partial<ServerOptions> = {}) {
  const bench = new Bench(options);
  bench.engine.slowReader = resolveSlowReader({ soft: 20, hard: 1000, ...options.slowReader });
  const { peer, socket } = await bench.join();
  peer.transport.writable = false;
  socket.emit("first", "x".repeat(30));
  await settle();
  return { bench, peer, socket };
}

/** Reads again; returns the client's events except the first one. */
async function wake({ peer }: Awaited<ReturnType<typeof stalled>>): Promise<unknown[]> {
  peer.transport.writable = true;
  peer.session.onDrain();
  return (await peer.hear()).filter((message) => !String(message).includes("first"));
}

describe("events for a client that reads too slowly", () => {
  test("wait, by default", async () => {
    const state = await stalled();
    state.socket.emit("a");
    state.socket.emit("b");
    expect(await wake(state)).toEqual(['2["a"]', '2["b"]']);
  });

  test("are dropped, the newest or the oldest first, by the socket's policy", async () => {
    const newest = await stalled();
    newest.socket.slowPolicy = "drop-newest";
    newest.socket.emit("a");
    newest.bench.io.emit("b");
    expect(await wake(newest)).toEqual([]);
    expect(newest.socket.droppedEvents).toBe(2);

    const oldest = await stalled();
    oldest.socket.slowPolicy = "drop-oldest";
    for (const name of ["a", "b", "c", "d"]) oldest.bench.io.emit(name);
    expect(await wake(oldest)).toEqual(['2["b"]', '2["c"]', '2["d"]']);
    expect(oldest.socket.droppedEvents).toBe(2);
  });

  test("or by an event's own policy, and acknowledgements never are", async () => {
    const state = await stalled();
    state.socket.on("question", (done: (answer: string) => void) => done("answer"));
    state.socket.slowPolicy = "drop-newest";
    state.socket.ifSlow("keep").emit("kept");
    state.socket.emit("dropped");
    state.bench.io.to(state.socket.id).ifSlow("keep").emit("kept, too");
    state.bench.io.ifSlow("keep").emit("kept as well");
    await state.peer.say('27["question"]');
    expect(await wake(state)).toEqual(['2["kept"]', '2["kept, too"]', '2["kept as well"]', '37["answer"]']);
  });

  test("or end the connection", async () => {
    const { socket } = await stalled();
    const ended = new Promise((resolve) => socket.on("disconnect", resolve));
    socket.ifSlow("disconnect").emit("too much");
    expect(await ended).toBe("transport error");
    expect(socket.closeReason).toMatchObject({ code: "SLOW_READER", side: "client", limit: 20 });
  });

  test("take each other's place by key, whether sent to one or to many", async () => {
    const state = await stalled();
    state.socket.conflate("EUR").emit("price", 1);
    state.bench.io.conflate("USD").emit("price", 2);
    state.bench.io.conflate("EUR").emit("price", 3);
    state.socket.conflate("USD").emit("price", 4);
    expect(state.bench.engine.stats.limits).toMatchObject({ EVENT_CONFLATED: 2 });
    expect(await wake(state)).toEqual(['2["price",3]', '2["price",4]']);
  });

  test("that are volatile are not sent", async () => {
    const state = await stalled();
    state.socket.volatile.emit("a");
    expect(await wake(state)).toEqual([]);
  });
});

describe("a program that waits for its client", () => {
  test("emits `drain`, and its whenDrained() is true", async () => {
    const state = await stalled();
    const events: string[] = [];
    state.socket.on("drain", () => events.push("drain"));
    void state.socket.whenDrained().then((isThere) => events.push(`ready ${isThere}`));
    await settle();
    expect(events).toEqual([]);
    expect(state.socket.bufferedBytes).toBeGreaterThan(30);
    await wake(state);
    expect(events).toEqual(["drain", "ready true"]);
    expect(state.socket.bufferedBytes).toBe(0);
    expect(await state.socket.whenDrained()).toBe(true);
  });

  test("emits no `drain` if it was never slow, and whenDrained() is false once it has gone", async () => {
    const bench = new Bench();
    const { peer, socket } = await bench.join();
    socket.on("drain", () => expect.unreachable());
    socket.emit("a");
    await settle();
    peer.transport.lose();
    expect(await socket.whenDrained()).toBe(false);
  });
});

test("a broadcast reaches all others if one client does not read", async () => {
  const state = await stalled();
  const others = await Promise.all(Array.from({ length: 20 }, () => state.bench.join()));
  const text = "x".repeat(100);
  for (let index = 0; index < 20; index++) {
    state.bench.io.emit("news", index, text);
    await settle();
  }
  expect(state.socket.closeReason).toMatchObject({ code: "SLOW_READER" });
  expect(state.bench.io.sockets.sockets.size).toBe(20);
  for (const { peer } of others) expect(await peer.hear()).toHaveLength(20);
});
