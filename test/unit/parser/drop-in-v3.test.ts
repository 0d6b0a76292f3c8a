import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as own from "@portage/parser/engine-v3";
import { received, referenceV3, runs } from "./reference.ts";

const ERROR = { type: "error", data: "parser error" };
const message = (data?: unknown): own.Packet => (data === undefined ? { type: "message" } : { type: "message", data });
const PACKETS: own.Packet[] = [
  message("é😀"),
  message(Buffer.from([1, 2, 3])),
  message(),
  { type: "ping", data: "probe" },
];

/** All calls of decodePayload's callback. */
function calls(run: (callback: (...args: never[]) => unknown) => void): unknown[][] {
  const list: unknown[][] = [];
  run((...args) => void list.push(args));
  return list;
}

describe("drop-in for the parser of revision 3", () => {
  test("protocol and packet table", () => {
    expect(own.protocol).toBe(referenceV3.protocol);
    expect(own.packets).toStrictEqual(referenceV3.packets);
  });

  test("encodePacket: every combination of the optional arguments", () => {
    for (const packet of [...PACKETS, message("\ud800"), message(new Uint8Array([7, 8]).buffer), message(12)]) {
      for (const supportsBinary of [true, false]) {
        for (const utf8encode of [true, false]) {
          const theirs = received((done) => referenceV3.encodePacket(packet, supportsBinary, utf8encode, done));
          expect(received((done) => own.encodePacket(packet, supportsBinary, utf8encode, done))).toStrictEqual(theirs);
        }
      }
      const bare = received((done) => referenceV3.encodePacket(packet, false, false, done));
      expect(received((done) => own.encodePacket(packet, done))).toStrictEqual(bare);
    }
    expect(own.encodePacket(message("a"), () => "result")).toBe("result");
  });

  test("base64 packets", () => {
    const packet = message(Buffer.from([1, 2, 3]));
    const encoded = received((done) => own.encodeBase64Packet(packet, done)) as string;
    expect(encoded).toBe(received((done) => referenceV3.encodeBase64Packet(packet, done)));
    expect(own.decodeBase64Packet(encoded.slice(1))).toStrictEqual(packet);
    expect(own.decodeBase64Packet(encoded.slice(1), "arraybuffer").data).toStrictEqual(
      new Uint8Array([1, 2, 3]).buffer,
    );
  });

  test("decodePacket", () => {
    for (const encoded of ["4hello", "4", "2probe", "b4AQID", Buffer.from([4, 1, 2])]) {
      expect(own.decodePacket(encoded)).toStrictEqual(referenceV3.decodePacket(encoded));
    }
    expect(own.decodePacket("4Ã©", null, true)).toStrictEqual({ type: "message", data: "é" });
    expect(own.decodePacket(new Uint8Array([4, 1]).buffer)).toStrictEqual(message(Buffer.from([1])));
    for (const encoded of ["", "9", "b4A", "4Ã", Buffer.from([9]), Buffer.alloc(0), undefined]) {
      expect(own.decodePacket(encoded, null, true)).toStrictEqual(ERROR);
    }
  });

  test("payloads: the same calls with the same positions", () => {
    for (const supportsBinary of [true, false]) {
      const theirs = received((done) => referenceV3.encodePayload(PACKETS, supportsBinary, done)) as string;
      expect(received((done) => own.encodePayload(PACKETS, supportsBinary, done))).toStrictEqual(theirs);
      const expected = calls((callback) => referenceV3.decodePayload(theirs, callback));
      expect(calls((callback) => own.decodePayload(theirs, callback))).toStrictEqual(expected);
      expect(calls((callback) => own.decodePayload(theirs, null, callback))).toStrictEqual(expected);
    }
    expect(received((done) => own.encodePayload(PACKETS, done))).toMatch(/^4:4é😀6:b4AQID/);
    expect(received((done) => own.encodePayload([], done))).toBe("0:");
  });

  test("payloads in binary form, even of text only", () => {
    for (const packets of [[message("a")], PACKETS, []]) {
      const theirs = received((done) => referenceV3.encodePayloadAsBinary(packets, done)) as Buffer;
      expect(received((done) => own.encodePayloadAsBinary(packets, done))).toStrictEqual(theirs);
      const decoded = calls((callback) => own.decodePayloadAsBinary(theirs, callback));
      expect(decoded.map(([packet]) => packet)).toStrictEqual(packets);
    }
  });

  test("returning false ends the decoding of a text payload", () => {
    const seen: unknown[] = [];
    own.decodePayload("2:4a2:4b", (packet: own.Packet) => {
      seen.push(packet.data);
      return false;
    });
    expect(seen).toStrictEqual(["a"]);
  });

  test.each(["", "4a", "2:4a1", "2:4ax:", "1:9", "2:4a1:9", ":", "0:"])("malformed text %j ends alike", (payload) => {
    const expected = calls((callback) => referenceV3.decodePayload(payload, callback));
    expect(calls((callback) => own.decodePayload(payload, callback))).toStrictEqual(expected);
  });

  test.each(["00", "0002ff34", "0001ff39", "02"])("malformed binary %s is one call with the error packet", (hex) => {
    const got = calls((callback) => own.decodePayload(Buffer.from(hex, "hex"), callback));
    expect(got).toStrictEqual([[ERROR, 0, 1]]);
  });

  test("any bytes end in calls, never in an exception", () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 20 }), fc.string()), (data) => {
        own.decodePayload(typeof data === "string" ? data : Buffer.from(data), () => undefined);
      }),
      runs(100),
    );
  });
});
