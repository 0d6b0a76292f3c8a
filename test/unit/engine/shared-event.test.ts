import { describe, expect, test } from "vitest";
import {
  chunkOf,
  EventMessage,
  OWN_ID,
  SharedEvent,
} from "../../../packages/server/src/engine/outgoing/shared-event.ts";

const withId = `id: ${OWN_ID}.7\nevent: n\ndata: "ü"\n`;

describe("a shared event", () => {
  test("is encoded once, as bytes and as a chunk", () => {
    const event = new SharedEvent("data: ü\n");
    expect(event.bytes.toString()).toBe("data: ü\n\n");
    expect(event.chunk.toString()).toBe("a\r\ndata: ü\n\n\r\n");
    expect([event.bytes === event.bytes, event.chunk === event.chunk, event.hasOwnId]).toEqual([true, true, false]);
  });

  test("says where each stream writes its own id", () => {
    const event = new SharedEvent(withId);
    for (const data of [event.bytes, event.chunk]) {
      const ids = event.idsIn(data).map((at) => data.subarray(at, at + OWN_ID.length).toString());
      expect(ids).toEqual([OWN_ID]);
    }
    expect(event.hasOwnId).toBe(true);
  });

  test("serves ids of another length, and streams without an id", () => {
    const event = new SharedEvent(withId);
    expect(event.bytesFor("short").toString()).toBe('id: short.7\nevent: n\ndata: "ü"\n\n');
    expect(event.bytesFor(undefined).toString()).toBe('event: n\ndata: "ü"\n\n');
  });

  test("is one packet for all streams", () => {
    const message = new EventMessage(withId);
    expect(message.packets()).toBe(message.packets());
    expect(message.packets()).toHaveLength(1);
  });
});

describe("events of a batch", () => {
  const plain = new SharedEvent("data: 1\n");
  const batch = [plain, new SharedEvent(withId), new SharedEvent(withId)];
  const joined = SharedEvent.join(batch)!;

  test("are one after the other, with a place for each id", () => {
    expect(joined.bytes.toString()).toBe(batch.map(({ bytes }) => bytes.toString()).join(""));
    for (const data of [joined.bytes, joined.chunk]) {
      const ids = joined.idsIn(data).map((at) => data.subarray(at, at + OWN_ID.length).toString());
      expect(ids).toEqual([OWN_ID, OWN_ID]);
    }
    expect(joined.bytesFor("x").toString()).toBe(batch.map((event) => event.bytesFor("x").toString()).join(""));
  });

  test("are joined once for all streams with the same batch", () => {
    expect(SharedEvent.join([...batch])).toBe(joined);
    expect(SharedEvent.join(batch.slice(0, 2))?.bytes.length).toBeLessThan(joined.bytes.length);
    expect(SharedEvent.join([plain, plain])?.hasOwnId).toBe(false);
  });

  test("are not copied if they are long", () => {
    expect(SharedEvent.join([plain, new SharedEvent(`data: ${"x".repeat(20_000)}\n`)])).toBeUndefined();
  });
});

test("a chunk counts bytes, not characters", () => {
  expect(chunkOf(Buffer.from("€")).toString("latin1")).toBe(`3\r\n${Buffer.from("€").toString("latin1")}\r\n`);
});
