import { describe, expect, it } from "vitest";
import { frameBinary, frameText, OPCODE } from "../../../../packages/websocket/src/core/frames/frame.ts";
import { Outbox } from "../../../../packages/websocket/src/core/outbox.ts";
import { frame, FrameReader } from "../../../support/raw/frames.ts";

const TEXT = 0x80 | OPCODE.text;
const BINARY = 0x80 | OPCODE.binary;
const BIG = Buffer.alloc(64 * 1024, 7);

function taken(outbox: Outbox): Buffer[] {
  const output = outbox.take();
  return Array.isArray(output) ? output : output === undefined ? [] : [output];
}

describe("Outbox of a server", () => {
  it("has nothing to take at first", () => {
    expect(new Outbox("server").take()).toBeUndefined();
  });

  it("joins the frames that wait into one buffer, in order", () => {
    const outbox = new Outbox("server");
    outbox.push(TEXT, "é");
    outbox.push(BINARY, Buffer.from([1]));
    outbox.pushPrepared(frameText("p"));
    expect(outbox.bytes).toBe(4 + 3 + 3);
    expect(taken(outbox).map((buffer) => buffer.toString("hex"))).toEqual(["8102c3a9820101810170"]);
    expect(outbox.bytes).toBe(0);
    expect(outbox.take()).toBeUndefined();
  });

  it("hands on a lone prepared frame as it is, to be shared", () => {
    const outbox = new Outbox("server");
    const frame = frameText("shared");
    outbox.pushPrepared(frame);
    expect(outbox.take()).toBe(frame);
  });

  it("does not copy large payloads", () => {
    const outbox = new Outbox("server");
    outbox.push(TEXT, "a");
    outbox.push(BINARY, BIG);
    outbox.push(TEXT, "b");
    const buffers = taken(outbox);
    expect(buffers).toHaveLength(3);
    expect(buffers[1]).toBe(BIG);
    expect(buffers[0]!.toString("hex")).toBe("810161827f0000000000010000");
    expect(buffers[2]!.toString("hex")).toBe("810162");
  });

  it("counts and writes large texts", () => {
    const outbox = new Outbox("server");
    const text = "日本".repeat(20_000);
    outbox.push(TEXT, text);
    expect(outbox.bytes).toBe(10 + 120_000);
    expect(new FrameReader().push(Buffer.concat(taken(outbox)))[0]!.payload.toString()).toBe(text);
  });

  it("keeps the order of very many frames", () => {
    const outbox = new Outbox("server");
    const reader = new FrameReader();
    let bytes = 0;
    for (let at = 0; at < 5000; at++) {
      outbox.push(TEXT, String(at));
      bytes += 2 + String(at).length;
    }
    expect(outbox.bytes).toBe(bytes);
    const texts = reader.push(Buffer.concat(taken(outbox))).map(({ payload }) => payload.toString());
    expect(texts).toEqual(Array.from({ length: 5000 }, (_, at) => String(at)));
  });

  it("takes any number of large payloads", () => {
    const outbox = new Outbox("server");
    const prepared = frameBinary(BIG);
    for (let at = 0; at < 3000; at++) outbox.pushPrepared(prepared);
    expect(outbox.bytes).toBe(3000 * prepared.length);
    expect(taken(outbox)).toHaveLength(3000);
  });

  it("forgets what waits", () => {
    const outbox = new Outbox("server");
    outbox.push(TEXT, "a");
    outbox.clear();
    expect(outbox.bytes).toBe(0);
    expect(outbox.take()).toBeUndefined();
  });
});

describe("Outbox of a client", () => {
  it("masks a copy, and leaves the data of the sender alone (RFC 6455, 5.1 and 6.1)", () => {
    for (const data of [Buffer.from("data"), Buffer.from(BIG)]) {
      const before = Buffer.from(data);
      const outbox = new Outbox("client");
      outbox.push(BINARY, data);
      expect(outbox.bytes).toBe(data.length + (data.length > 125 ? 14 : 6));
      const wire = Buffer.concat(taken(outbox));
      expect(wire[1]! & 0x80).toBe(0x80);
      const keyAt = wire.length - data.length - 4;
      const payload = Buffer.from(wire.subarray(keyAt + 4).map((byte, at) => byte ^ wire[keyAt + (at & 3)]!));
      expect(payload.equals(before)).toBe(true);
      expect(data.equals(before)).toBe(true);
    }
  });
});

describe("Outbox with a reservation", () => {
  const text = (data: string): Buffer => frame({ opcode: 1, payload: data, masked: false });

  it("gives what is before it at once, and the rest in order when it is filled", () => {
    const outbox = new Outbox("server");
    outbox.push(TEXT, "a");
    const reservation = outbox.reserve(100);
    outbox.push(TEXT, "c");
    expect(outbox).toMatchObject({ bytes: 3 + 100 + 3, queued: 3, taken: 0, hasPending: true });
    expect(Buffer.concat(taken(outbox))).toEqual(text("a"));
    expect(outbox).toMatchObject({ bytes: 100 + 3, taken: 1 });
    expect(outbox.take()).toBeUndefined();
    outbox.fill(reservation, TEXT, Buffer.from("bb"));
    expect(outbox).toMatchObject({ bytes: 4 + 3, hasPending: false });
    expect(Buffer.concat(taken(outbox))).toEqual(Buffer.concat([text("bb"), text("c")]));
    expect(outbox).toMatchObject({ bytes: 0, queued: 3, taken: 3 });
  });

  it("stops at the first of several that is not filled", () => {
    const outbox = new Outbox("server");
    const [first, second] = [outbox.reserve(10), outbox.reserve(10)];
    outbox.fill(second, TEXT, Buffer.from("2"));
    expect(outbox.take()).toBeUndefined();
    outbox.fill(first, TEXT, Buffer.from("1"));
    expect(Buffer.concat(taken(outbox))).toEqual(Buffer.concat([text("1"), text("2")]));
  });

  it("keeps the order of thousands of frames around it", () => {
    const outbox = new Outbox("server");
    const reservation = outbox.reserve(1);
    for (let at = 0; at < 3000; at++) outbox.push(TEXT, "x");
    outbox.fill(reservation, TEXT, Buffer.from("first"));
    for (let at = 0; at < 3000; at++) outbox.push(TEXT, "y");
    const sent = new FrameReader().push(Buffer.concat(taken(outbox))).map(({ payload }) => payload.toString());
    expect([sent.length, sent[0], sent[1], sent[3000], sent[3001]]).toEqual([6001, "first", "x", "x", "y"]);
    expect(outbox).toMatchObject({ bytes: 0, queued: 6001, taken: 6001 });
  });
});
