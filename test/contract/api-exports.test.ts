import { type EventEmitter, once } from "node:events";
import { createRequire } from "node:module";
import { firstValueFrom, fromEvent } from "rxjs";
import { io as connectClient } from "socket.io-client";
import { describe, expect, test } from "vitest";
import { exportsOf } from "../support/reference-names.ts";
import { serve } from "../support/servers/host.ts";
import { subject } from "../support/targets.ts";
import { nextEvent } from "../support/waiting.ts";

// Entry points and exports. `TEST_TARGET=reference` checks the rows against the reference.

const { resolve } = createRequire(import.meta.url);

describe("exports", () => {
  test.each([
    ["socket.io", ["Server", "Namespace", "Socket"]],
    ["engine.io", ["Server", "Socket", "Transport", "transports", "listen", "attach", "parser", "protocol"]],
    ["socket.io-parser", ["protocol", "PacketType", "Encoder", "Decoder", "isPacketValid"]],
    ["engine.io-parser", ["protocol", "encodePacket", "decodePacket", "encodePayload", "decodePayload"]],
    [
      "socket.io-adapter",
      ["Adapter", "SessionAwareAdapter", "ClusterAdapter", "ClusterAdapterWithHeartbeat", "MessageType"],
    ],
  ] as const)("of %s", (name, names) => {
    expect(Object.keys(exportsOf[name])).toEqual(expect.arrayContaining([...names]));
  });

  test("protocol numbers", () => {
    expect([exportsOf["engine.io"].protocol, exportsOf["engine.io-parser"].protocol]).toEqual([4, 4]);
    expect(exportsOf["socket.io-parser"].protocol).toBe(5);
  });

  test("package.json can be resolved", () => {
    expect(resolve(subject.name === "portage" ? "@portage/server/package.json" : "socket.io/package.json")).toMatch(
      /package\.json$/,
    );
  });

  test("MessageType of the cluster bus", () => {
    const { MessageType } = exportsOf["socket.io-adapter"];
    const names = Object.entries(MessageType).filter(([, value]) => typeof value === "number");
    expect(Object.fromEntries(names)).toEqual({
      INITIAL_HEARTBEAT: 1,
      HEARTBEAT: 2,
      BROADCAST: 3,
      SOCKETS_JOIN: 4,
      SOCKETS_LEAVE: 5,
      DISCONNECT_SOCKETS: 6,
      FETCH_SOCKETS: 7,
      FETCH_SOCKETS_RESPONSE: 8,
      SERVER_SIDE_EMIT: 9,
      SERVER_SIDE_EMIT_RESPONSE: 10,
      BROADCAST_CLIENT_COUNT: 11,
      BROADCAST_ACK: 12,
      ADAPTER_CLOSE: 13,
    });
  });

  test("PacketType, both ways", () => {
    const { PacketType } = exportsOf["socket.io-parser"];
    const names = ["CONNECT", "DISCONNECT", "EVENT", "ACK", "CONNECT_ERROR", "BINARY_EVENT", "BINARY_ACK"];
    expect(names.map((name) => PacketType[name as "EVENT"])).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect([0, 1, 2, 3, 4, 5, 6].map((value) => PacketType[value])).toEqual(names);
  });
});

test("everything that emits is an emitter of Node, for rxjs and events.once as well", async () => {
  const running = await serve(subject);
  const { io, url } = running;
  const client = connectClient(url, { transports: ["polling"], forceNew: true, reconnection: false });
  const session = firstValueFrom(fromEvent(io.engine as unknown as EventEmitter, "connection"));
  const joined = firstValueFrom(fromEvent(io.of("/").adapter as unknown as EventEmitter, "join-room"));
  const [socket] = await Promise.all([
    firstValueFrom(fromEvent(io as unknown as EventEmitter, "connection")),
    firstValueFrom(fromEvent(io.of("/") as unknown as EventEmitter, "connection")),
    nextEvent(client, "connect"),
  ]);
  const conn = (await session) as EventEmitter & { transport: EventEmitter };
  expect(await joined).toEqual([client.id, client.id]);
  for (const emitter of [io, io.of("/"), socket, io.of("/").adapter, io.engine, conn, conn.transport]) {
    for (const method of ["prependListener", "rawListeners", "setMaxListeners", "eventNames", "listenerCount"]) {
      expect(typeof (emitter as never)[method]).toBe("function");
    }
  }
  const drained = once(conn.transport, "drain");
  const order: string[] = [];
  (socket as EventEmitter).on("a", () => order.push("on"));
  (socket as EventEmitter).prependListener("a", () => order.push("prepended"));
  const arrived = once(socket as EventEmitter, "a");
  const message = firstValueFrom(fromEvent(conn, "message"));
  client.emit("a", 1);
  expect(await arrived).toEqual([1]);
  expect(await message).toBe('2["a",1]');
  io.emit("b");
  await drained;
  expect(order).toEqual(["prepended", "on"]);
  const gone = firstValueFrom(fromEvent(socket as EventEmitter, "disconnect"));
  client.disconnect();
  expect(await gone).toEqual(["client namespace disconnect", undefined]);
  await running.stop();
});

test("an unheard error does not throw", async () => {
  const running = await serve(subject);
  const { io, url } = running;
  const connection = nextEvent(io, "connection");
  const client = connectClient(url, { transports: ["websocket"], forceNew: true, reconnection: false });
  await connection;
  client.emit("error", "from a client");
  client.emit("after");
  const [socket] = [...io.of("/").sockets.values()];
  await nextEvent(socket as EventEmitter, "after");
  client.disconnect();
  await running.stop();
});
