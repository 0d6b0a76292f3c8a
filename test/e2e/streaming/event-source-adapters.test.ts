/*
 * Pages on a server with an adapter or a parser of others: these pass on encoded packets, some with an offset as last argument.
 */
import type { ServerOptions } from "@portage/server";
import { Adapter, ClusterAdapter, MessageType, SessionAwareAdapter } from "socket.io-adapter";
import * as msgpack from "socket.io-msgpack-parser";
import { describe, expect, test } from "vitest";
import type { EventReader, StreamEvent } from "../../support/peers/event-source.ts";
import { station } from "./readers.ts";

/** An adapter as for a stream of Redis, without other nodes. */
class StreamAdapter extends ClusterAdapter {
  override doPublish(): Promise<string> {
    return Promise.resolve("1-0");
  }
  override doPublishResponse(): Promise<void> {
    return Promise.resolve();
  }
  /** Gets an event of another node. */
  hear(data: unknown[], offset: string): void {
    const packet = { type: 2, nsp: "/", data };
    const opts = { rooms: [], except: [], flags: {} };
    const message = { uid: "other", nsp: "/", type: MessageType.BROADCAST, data: { packet, opts } } as const;
    this.onMessage(message, offset);
  }
}

const withAdapter = (adapter: unknown): Partial<ServerOptions> => ({
  adapter: adapter as never,
  connectionStateRecovery: {},
});

/** Returns the next events, with what follows the dot in their ids. */
async function take(reader: EventReader, count: number): Promise<[string, unknown, string | undefined][]> {
  const events: StreamEvent[] = [];
  while (events.length < count) events.push((await reader.next()) as StreamEvent);
  return events.map(({ name, data, id }) => [name, JSON.parse(data), id?.replace(/^[^.]*\./, "")]);
}

describe("no argument is taken for an offset", () => {
  test("with an adapter that can't resume sessions", async () => {
    const { io, read } = await station(withAdapter(Adapter));
    io.on("connection", (socket) => socket.emit("to one", "text"));
    const reader = read();
    await reader.event("connect");
    io.emit("to all", 1, "text");
    io.local.emit("here", "text");
    expect(await take(reader, 3)).toEqual([
      ["to one", "text", undefined],
      ["to all", [1, "text"], undefined],
      ["here", "text", undefined],
    ]);
  });

  test("with one that can, if it appends none to local events", async () => {
    const { io, read } = await station(withAdapter(StreamAdapter));
    const reader = read();
    await reader.event("connect");
    io.local.emit("here", "text");
    expect(await take(reader, 1)).toEqual([["here", "text", undefined]]);
    io.emit("to all", "text");
    expect(await take(reader, 1)).toEqual([["to all", "text", "1-0"]]);
    const { adapter } = io.of("/") as unknown as { adapter: StreamAdapter };
    adapter.hear(["from elsewhere", "text"], "2-0");
    expect(await take(reader, 1)).toEqual([["from elsewhere", "text", "2-0"]]);
  });
});

test("a page resumes with the adapter of socket.io-adapter", async () => {
  const { io, read } = await station(withAdapter(SessionAwareAdapter));
  const first = read();
  await first.event("connect");
  io.emit("n", "one");
  expect(JSON.parse((await first.event("n")).data)).toBe("one");
  first.cut();
  await first.ended;
  io.emit("n", "two");
  const second = read("", { "last-event-id": first.parser.lastEventId });
  expect(JSON.parse((await second.event("n")).data)).toBe("two");
});

test("data of another parser is JSON: dates, bytes", async () => {
  const { io, read } = await station({ parser: msgpack as never });
  const reader = read();
  await reader.event("connect");
  io.emit("n", { at: new Date(0), bytes: Buffer.from("hi") });
  expect(JSON.parse((await reader.event("n")).data)).toEqual({
    at: "1970-01-01T00:00:00.000Z",
    bytes: { _bytes: "aGk=" },
  });
});
