import * as fc from "fast-check";
import * as reference from "engine.io-parser";
import { describe, expect, test, vi } from "vitest";
import * as own from "@portage/parser/engine";
import { expectSame, received, runs } from "./reference.ts";

type ReferencePacket = Parameters<typeof reference.encodePacket>[0];

const ERROR = { type: "error", data: "parser error" };
const source = new Uint8Array([1, 2, 3, 4]);

describe("drop-in for engine.io-parser", () => {
  test("the protocol is 4", () => {
    expect(own.protocol).toBe(reference.protocol);
  });

  test.each([
    ["text", "hello"],
    ["no data", undefined],
    ["Buffer", Buffer.from([1, 2, 3])],
    ["ArrayBuffer", source.buffer],
    ["part of a typed array", source.subarray(1, 3)],
    ["DataView", new DataView(source.buffer, 1, 2)],
  ])("encodePacket with %s", (_name, data) => {
    for (const supportsBinary of [true, false]) {
      const packet = { type: "message", data } as ReferencePacket;
      const theirs = received((done) => reference.encodePacket(packet, supportsBinary, done));
      const ours = received((done) => own.encodePacket(packet, supportsBinary, done));
      expect(ours).toStrictEqual(theirs);
      if (supportsBinary && typeof data === "object") expect(ours).toBe(data);
    }
  });

  test("a Blob is passed on, or read and sent as base64", async () => {
    const blob = new Blob([source]);
    expect(received((done) => own.encodePacket({ type: "message", data: blob }, true, done))).toBe(blob);
    const read = new Promise((done) => own.encodePacket({ type: "message", data: blob }, false, done));
    expect(await read).toBe("bAQIDBA==");
    const packets: own.Packet[] = [{ type: "message", data: blob }, { type: "ping" }];
    expect(await new Promise((done) => own.encodePayload(packets, done))).toBe("bAQIDBA==\x1e2");
  });

  test.each(["4hello", "4", "2probe", "6", "bAQID"])("decodePacket of %j", (encoded) => {
    expect(own.decodePacket(encoded)).toStrictEqual(reference.decodePacket(encoded));
    expect(own.decodePacket(encoded, "arraybuffer")).toStrictEqual(reference.decodePacket(encoded, "arraybuffer"));
  });

  test.each(["", "9", "x4", "bA", "b!!!!"])("decodePacket of %j is the error packet", (encoded) => {
    expect(own.decodePacket(encoded)).toStrictEqual(ERROR);
  });

  test.each([undefined, null, 4, {}, true])("decodePacket of %j does not throw", (encoded) => {
    expect(own.decodePacket(encoded as string)).toStrictEqual(ERROR);
  });

  test("bytes are returned in the requested type", async () => {
    const buffer = Buffer.from([1, 2, 3]);
    expect(own.decodePacket(buffer).data).toBe(buffer);
    expect(own.decodePacket(buffer, "nodebuffer").data).toBe(buffer);
    expect(own.decodePacket(buffer, "arraybuffer").data).toStrictEqual(new Uint8Array([1, 2, 3]).buffer);
    const blob = own.decodePacket(buffer, "blob").data as Blob;
    expect(await blob.arrayBuffer()).toStrictEqual(new Uint8Array([1, 2, 3]).buffer);
    const memory = new Uint8Array([1, 2, 3]).buffer;
    expect(own.decodePacket(memory, "arraybuffer").data).toBe(memory);
    expect(own.decodePacket(source.subarray(1, 3)).data).toStrictEqual(Buffer.from([2, 3]));
  });

  test("payloads are encoded and decoded alike", () => {
    const data = fc.oneof(
      fc.string(),
      fc.constant(undefined),
      fc.uint8Array({ maxLength: 30 }).map((value) => Buffer.from(value)),
    );
    const type = fc.constantFrom<own.EnginePacketType>("open", "close", "ping", "pong", "message", "upgrade", "noop");
    const packet = fc.tuple(type, data).map(([name, content]) => ({ type: name, data: content }));
    fc.assert(
      fc.property(fc.array(packet, { minLength: 1, maxLength: 6 }), (packets) => {
        const theirs = received((done) => reference.encodePayload(packets, done)) as string;
        expect(received((done) => own.encodePayload(packets, done))).toBe(theirs);
        expectSame(own.decodePayload(theirs), reference.decodePayload(theirs));
      }),
      runs(100),
    );
  });

  test("decodePayload ends with the first malformed record", () => {
    for (const payload of ["", "4a\x1e", "4a\x1e9\x1e4b"]) {
      expect(own.decodePayload(payload)).toStrictEqual(reference.decodePayload(payload));
    }
  });
});

describe("without Buffer", () => {
  /** Runs code as in a browser. */
  function withoutBuffer<T>(run: () => T): T {
    vi.stubGlobal("Buffer", undefined);
    try {
      return run();
    } finally {
      vi.unstubAllGlobals();
    }
  }
  const large = new Uint8Array(20_000).map((_, i) => i);

  test("bytes are encoded to base64 and back", () => {
    for (const data of [new Uint8Array(0), source, source.subarray(1, 3), large]) {
      const expected = "b" + Buffer.from(data).toString("base64");
      const encoded = withoutBuffer(() => own.encodePacketV4(new own.EnginePacket("message", data as Buffer), false));
      expect(encoded).toBe(expected);
      const decoded = withoutBuffer(() => own.decodePacket(expected).data as ArrayBuffer);
      expectSame(decoded, data.slice().buffer);
    }
    expect(withoutBuffer(() => own.decodePacket("bA"))).toStrictEqual(ERROR);
    expectSame(
      withoutBuffer(() => own.decodePacket("b-_8").data as ArrayBuffer),
      new Uint8Array([251, 255]).buffer,
    );
  });

  test("bytes are passed on", () => {
    const packet = new own.EnginePacket("message", source.buffer as unknown as Buffer);
    expectSame(
      withoutBuffer(() => own.encodePacketV4(packet, true)),
      source,
    );
    expect(withoutBuffer(() => own.decodePacket(source.buffer).data)).toBe(source.buffer);
  });
});
