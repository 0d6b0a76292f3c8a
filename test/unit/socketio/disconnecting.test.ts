import { expect, test, vi } from "vitest";
import { Bench, settle } from "./peer.ts";

test("disconnecting comes while the rooms are still there, disconnect when they are gone", async () => {
  const bench = new Bench();
  const { peer, socket } = await bench.join();
  await socket.join("room");
  const seen: unknown[] = [];
  socket.on("disconnecting", (reason) => seen.push(["disconnecting", reason, [...socket.rooms], socket.connected]));
  socket.on("disconnect", (reason) => seen.push(["disconnect", reason, [...socket.rooms], socket.connected]));
  await peer.say("1");
  expect(seen).toEqual([
    ["disconnecting", "client namespace disconnect", [socket.id, "room"], true],
    ["disconnect", "client namespace disconnect", [], false],
  ]);
  expect(socket.disconnected).toBe(true);
  expect(bench.io.sockets.adapter.rooms.size).toBe(0);
  expect(bench.io.sockets.adapter.sids.size).toBe(0);
});

test("the server may put a client out of one namespace, or close the connection", async () => {
  const bench = new Bench();
  bench.io.of("/a");
  const { peer, socket } = await bench.join();
  await peer.say("0/a,");
  await peer.hear();
  const reasons: string[] = [];
  for (const { sockets } of [bench.io.sockets, bench.io.of("/a")]) {
    for (const each of sockets.values()) each.on("disconnect", (reason) => reasons.push(each.nsp.name + reason));
  }
  expect(socket.disconnect()).toBe(socket);
  expect(await peer.hear()).toEqual(["1"]);
  expect(peer.isConnected).toBe(true);
  const [other] = bench.io.of("/a").sockets.values();
  other?.disconnect(true);
  expect(await peer.hear()).toEqual(["1/a,"]);
  expect(peer.isConnected).toBe(false);
  expect(reasons).toEqual(["/server namespace disconnect", "/aserver namespace disconnect"]);
});

test("the end of the connection is reported with its reason, once", async () => {
  const bench = new Bench();
  const { peer, socket } = await bench.join();
  const listener = vi.fn();
  socket.on("disconnect", listener);
  peer.transport.lose();
  await settle();
  socket.disconnect();
  expect(listener).toHaveBeenCalledTimes(1);
  expect(listener.mock.calls[0]?.[0]).toBe("transport close");
});

test("a socket that is gone joins no rooms", async () => {
  const bench = new Bench();
  const { socket } = await bench.join();
  socket.disconnect();
  await socket.join("room");
  expect(socket.rooms.size).toBe(0);
  expect(bench.io.sockets.adapter.rooms.size).toBe(0);
  expect(socket.disconnect(true)).toBe(socket);
});

test("a listener of disconnecting may disconnect again", async () => {
  const bench = new Bench();
  const { peer, socket } = await bench.join();
  const reasons: string[] = [];
  socket.on("disconnect", (reason) => reasons.push(reason));
  socket.once("disconnecting", () => socket.disconnect());
  await peer.say("1");
  expect(reasons).toHaveLength(1);
});

test("closing the server disconnects all clients, with a reason", async () => {
  const bench = new Bench();
  const { peer, socket } = await bench.join();
  const reasons: string[] = [];
  socket.on("disconnect", (reason) => reasons.push(reason));
  const closed = vi.fn();
  bench.io.sockets.adapter.close = closed;
  await bench.io.close();
  expect(reasons).toEqual(["server shutting down"]);
  expect(peer.isConnected).toBe(false);
  expect(closed).toHaveBeenCalledTimes(1);
});
