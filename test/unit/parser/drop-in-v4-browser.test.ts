import * as fc from "fast-check";
import { expect, test } from "vitest";
import * as node from "../../../packages/parser/src/engine/drop-in-v4.ts";
import * as browser from "../../../packages/parser/src/engine/drop-in-v4.browser.ts";

// The codec of browsers says the same as that of Node.js, with ArrayBuffers where that has Buffers.

const type = fc.constantFrom<node.PacketType>("open", "close", "ping", "pong", "message", "upgrade", "noop");
const bytes = fc.uint8Array({ maxLength: 40 }).map((value) => Uint8Array.from(value));
const data = fc.oneof(
  fc.string(),
  fc.constant(undefined),
  bytes,
  bytes.map(({ buffer }) => buffer),
);
const packet = fc.record({ type, data });

test("packets and payloads are encoded alike", () => {
  fc.assert(
    fc.property(fc.array(packet, { minLength: 1, maxLength: 5 }), fc.boolean(), (packets, supportsBinary) => {
      const encoded: unknown[] = [];
      for (const codec of [node, browser]) {
        const one: unknown[] = [];
        for (const item of packets) codec.encodePacket(item, supportsBinary, (result) => one.push(result));
        codec.encodePayload(packets, (result) => one.push(result));
        encoded.push(one);
      }
      expect(encoded[1]).toStrictEqual(encoded[0]);
    }),
  );
});

test("a Blob is handed over, or read and sent as base64, in its place", async () => {
  const blob = new Blob([new Uint8Array([1, 2, 3, 4])]);
  let handedOver: unknown;
  browser.encodePacket({ type: "message", data: blob }, true, (result) => (handedOver = result));
  expect(handedOver).toBe(blob);
  const packets: node.Packet[] = [{ type: "message", data: blob }, { type: "ping" }];
  expect(await new Promise((done) => browser.encodePayload(packets, done))).toBe("bAQIDBA==\x1e2");
});

test("large bytes are encoded in slices", () => {
  const large = new Uint8Array(100_001).fill(200);
  let text = "";
  browser.encodePacket({ type: "message", data: large }, false, (result) => (text = result as string));
  expect(text === "b" + Buffer.from(large).toString("base64")).toBe(true);
});

test.each(["4hello", "4", "2probe", "6", "bAQID", "", "9", "x4", "b!!!!", "bA", "0{}\x1e4a", "4a\x1e9\x1e4b", "\x1e"])(
  "%j is decoded alike",
  (text) => {
    expect(browser.decodePacket(text, "arraybuffer")).toStrictEqual(node.decodePacket(text, "arraybuffer"));
    expect(browser.decodePayload(text, "arraybuffer")).toStrictEqual(node.decodePayload(text, "arraybuffer"));
  },
);

test.each([undefined, null, 4, {}, true])("decodePacket of %j does not throw", (encoded) => {
  expect(() => browser.decodePacket(encoded as string)).not.toThrow();
});

test("bytes come as ArrayBuffer or Blob; part of a buffer is cut out", async () => {
  const memory = new Uint8Array([1, 2, 3]).buffer;
  expect(browser.decodePacket(memory).data).toBe(memory);
  expect(browser.decodePacket(new Uint8Array(memory, 1, 1)).data).toStrictEqual(new Uint8Array([2]).buffer);
  const blob = browser.decodePacket(memory, "blob").data as Blob;
  expect(await blob.arrayBuffer()).toStrictEqual(memory);
});
