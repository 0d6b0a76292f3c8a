import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import * as node from "../../../packages/parser/src/engine/drop-in-v4.ts";
import * as browser from "../../../packages/parser/src/engine/drop-in-v4.browser.ts";

// The codec of browsers must match the codec of Node.js, with ArrayBuffers instead of Buffers.

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

test("a Blob is passed on, or read and sent as base64, in its place", async () => {
  const blob = new Blob([new Uint8Array([1, 2, 3, 4])]);
  let handedOver: unknown;
  browser.encodePacket({ type: "message", data: blob }, true, (result) => (handedOver = result));
  expect(handedOver).toBe(blob);
  const packets: node.Packet[] = [{ type: "message", data: blob }, { type: "ping" }];
  expect(await new Promise((done) => browser.encodePayload(packets, done))).toBe("bAQIDBA==\x1e2");
});

/** Reads in a later turn, as browsers do. */
class FileReaderOfTest {
  result: unknown = null;
  onloadend = (): void => {};

  readAsDataURL(blob: Blob): void {
    void blob.arrayBuffer().then((bytes) => {
      this.result = "data:application/octet-stream;base64," + Buffer.from(bytes).toString("base64");
      this.onloadend();
    });
  }
}

function toBase64(this: Uint8Array): string {
  return Buffer.from(this.buffer, this.byteOffset, this.byteLength).toString("base64");
}

function fromBase64(text: string): Uint8Array {
  if (!/^[\w+/]*=*$/.test(text)) throw new SyntaxError("not base64");
  return Uint8Array.from(Buffer.from(text, "base64"));
}

/** As in React Native. */
function BlobOfText(): void {
  throw new Error("Creating blobs from 'ArrayBuffer' and 'ArrayBufferView' are not supported");
}

const WAYS = ["natively", "by FileReader", "in slices", "in slices, because Blobs take no bytes"];
describe.each(WAYS)("base64 %s", (way) => {
  beforeEach(() => {
    if (way === "natively") {
      Object.assign(Uint8Array, { fromBase64 });
      Object.assign(Uint8Array.prototype, { toBase64 });
    }
    vi.stubGlobal("FileReader", way === "in slices" ? undefined : FileReaderOfTest);
    if (way.endsWith("no bytes")) vi.stubGlobal("Blob", BlobOfText);
  });
  afterEach(() => {
    vi.unstubAllGlobals();
    Reflect.deleteProperty(Uint8Array, "fromBase64");
    Reflect.deleteProperty(Uint8Array.prototype, "toBase64");
  });

  test("round trip of bytes of all sizes, and of parts of a buffer, in order", async () => {
    const sizes = [0, 1, 2, 3, 8192, 8193, 65_536, 65_537, 200_001];
    const all = sizes.map((size) => Uint8Array.from({ length: size + 2 }, (_, i) => i * 7).subarray(1, size + 1));
    const packets: node.Packet[] = all.flatMap((bytes) => [{ type: "message", data: bytes }, { type: "ping" }]);
    const sent = new Promise<string>((done) => browser.encodePayload(packets, done));
    const expected = all.map((bytes) => "b" + Buffer.from(bytes).toString("base64"));
    // Changing the bytes now has no effect.
    for (const bytes of all) bytes.fill(0);
    expect((await sent) === expected.flatMap((text) => [text, "2"]).join("\x1e")).toBe(true);
    for (const text of expected) {
      expect(browser.decodePacket(text, "arraybuffer")).toStrictEqual(node.decodePacket(text, "arraybuffer"));
    }
    expect(browser.decodePacket("b!!!!")).toStrictEqual({ type: "error", data: "parser error" });
  });
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
