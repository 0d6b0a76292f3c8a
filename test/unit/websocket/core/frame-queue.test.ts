import { describe, expect, it } from "vitest";
import { frameBinary, frameText, OPCODE } from "../../../../packages/websocket/src/core/frames/frame.ts";
import { FrameQueue } from "../../../../packages/websocket/src/core/frame-queue.ts";
import { frame, FrameReader } from "../../../support/raw/frames.ts";

const TEXT = 0x80 | OPCODE.text;
const BINARY = 0x80 | OPCODE.binary;
const BIG = Buffer.alloc(64 * 1024, 7);

function taken(queue: FrameQueue): Buffer[] {
  const output = queue.take();
  return Array.isArray(output) ? output : output === undefined ? [] : [output];
}

describe("FrameQueue of a server", () => {
  it("is empty at first", () => {
    expect(new FrameQueue("server").take()).toBeUndefined();
  });

  it("joins queued frames into one buffer, in order", () => {
    const queue = new FrameQueue("server");
    queue.push(TEXT, "é");
    queue.push(BINARY, Buffer.from([1]));
    queue.pushPrepared(frameText("p"));
    expect(queue.bytes).toBe(4 + 3 + 3);
    expect(taken(queue).map((buffer) => buffer.toString("hex"))).toEqual(["8102c3a9820101810170"]);
    expect(queue.bytes).toBe(0);
    expect(queue.take()).toBeUndefined();
  });

  it("returns a lone prepared frame unchanged, to be shared", () => {
    const queue = new FrameQueue("server");
    const frame = frameText("shared");
    queue.pushPrepared(frame);
    expect(queue.take()).toBe(frame);
  });

  it("does not copy large payloads", () => {
    const queue = new FrameQueue("server");
    queue.push(TEXT, "a");
    queue.push(BINARY, BIG);
    queue.push(TEXT, "b");
    const buffers = taken(queue);
    expect(buffers).toHaveLength(3);
    expect(buffers[1]).toBe(BIG);
    expect(buffers[0]!.toString("hex")).toBe("810161827f0000000000010000");
    expect(buffers[2]!.toString("hex")).toBe("810162");
  });

  it("counts and writes large texts", () => {
    const queue = new FrameQueue("server");
    const text = "日本".repeat(20_000);
    queue.push(TEXT, text);
    expect(queue.bytes).toBe(10 + 120_000);
    expect(new FrameReader().push(Buffer.concat(taken(queue)))[0]!.payload.toString()).toBe(text);
  });

  it("keeps the order of very many frames", () => {
    const queue = new FrameQueue("server");
    const reader = new FrameReader();
    let bytes = 0;
    for (let at = 0; at < 5000; at++) {
      queue.push(TEXT, String(at));
      bytes += 2 + String(at).length;
    }
    expect(queue.bytes).toBe(bytes);
    const texts = reader.push(Buffer.concat(taken(queue))).map(({ payload }) => payload.toString());
    expect(texts).toEqual(Array.from({ length: 5000 }, (_, at) => String(at)));
  });

  it("accepts any number of large payloads", () => {
    const queue = new FrameQueue("server");
    const prepared = frameBinary(BIG);
    for (let at = 0; at < 3000; at++) queue.pushPrepared(prepared);
    expect(queue.bytes).toBe(3000 * prepared.length);
    expect(taken(queue)).toHaveLength(3000);
  });

  it("drops queued frames", () => {
    const queue = new FrameQueue("server");
    queue.push(TEXT, "a");
    queue.clear();
    expect(queue.bytes).toBe(0);
    expect(queue.take()).toBeUndefined();
  });
});

describe("FrameQueue of a client", () => {
  it("masks a copy, and leaves the data of the sender alone (RFC 6455, 5.1 and 6.1)", () => {
    for (const data of [Buffer.from("data"), Buffer.from(BIG)]) {
      const before = Buffer.from(data);
      const queue = new FrameQueue("client");
      queue.push(BINARY, data);
      expect(queue.bytes).toBe(data.length + (data.length > 125 ? 14 : 6));
      const wire = Buffer.concat(taken(queue));
      expect(wire[1]! & 0x80).toBe(0x80);
      const keyAt = wire.length - data.length - 4;
      const payload = Buffer.from(wire.subarray(keyAt + 4).map((byte, at) => byte ^ wire[keyAt + (at & 3)]!));
      expect(payload.equals(before)).toBe(true);
      expect(data.equals(before)).toBe(true);
    }
  });
});

describe("FrameQueue with a reservation", () => {
  const text = (data: string): Buffer => frame({ opcode: 1, payload: data, masked: false });

  it("returns earlier frames at once, and the rest in order when it is filled", () => {
    const queue = new FrameQueue("server");
    queue.push(TEXT, "a");
    const reservation = queue.reserve(100);
    queue.push(TEXT, "c");
    expect(queue).toMatchObject({ bytes: 3 + 100 + 3, queued: 3, taken: 0, hasPending: true });
    expect(Buffer.concat(taken(queue))).toEqual(text("a"));
    expect(queue).toMatchObject({ bytes: 100 + 3, taken: 1 });
    expect(queue.take()).toBeUndefined();
    queue.fill(reservation, TEXT, Buffer.from("bb"));
    expect(queue).toMatchObject({ bytes: 4 + 3, hasPending: false });
    expect(Buffer.concat(taken(queue))).toEqual(Buffer.concat([text("bb"), text("c")]));
    expect(queue).toMatchObject({ bytes: 0, queued: 3, taken: 3 });
  });

  it("stops at the first unfilled one of several", () => {
    const queue = new FrameQueue("server");
    const [first, second] = [queue.reserve(10), queue.reserve(10)];
    queue.fill(second, TEXT, Buffer.from("2"));
    expect(queue.take()).toBeUndefined();
    queue.fill(first, TEXT, Buffer.from("1"));
    expect(Buffer.concat(taken(queue))).toEqual(Buffer.concat([text("1"), text("2")]));
  });

  it("keeps the order of thousands of frames around it", () => {
    const queue = new FrameQueue("server");
    const reservation = queue.reserve(1);
    for (let at = 0; at < 3000; at++) queue.push(TEXT, "x");
    queue.fill(reservation, TEXT, Buffer.from("first"));
    for (let at = 0; at < 3000; at++) queue.push(TEXT, "y");
    const sent = new FrameReader().push(Buffer.concat(taken(queue))).map(({ payload }) => payload.toString());
    expect([sent.length, sent[0], sent[1], sent[3000], sent[3001]]).toEqual([6001, "first", "x", "x", "y"]);
    expect(queue).toMatchObject({ bytes: 0, queued: 6001, taken: 6001 });
  });
});
