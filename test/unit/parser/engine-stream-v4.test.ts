import * as reference from "engine.io-parser";
import { describe, expect, test } from "vitest";
import {
  createPacketDecoderStream,
  createPacketEncoderStream,
  framePacket,
  type Packet,
  PacketReader,
  type ParserError,
  type RawData,
  writePacketHeader,
} from "@portage/parser/engine";
import { expectSame } from "./reference.ts";
import { Random } from "../../support/random.ts";

const LIMIT = 1e6;

/** All packets of chunks, and the code of the error at their end. */
function readAll(chunks: readonly Uint8Array[], limit = LIMIT): { packets: RawData[]; error?: unknown } {
  const reader = new PacketReader(limit);
  const packets: RawData[] = [];
  try {
    for (const chunk of chunks) {
      reader.push(chunk);
      for (let data = reader.next(); data !== undefined; data = reader.next()) packets.push(data);
    }
    return { packets };
  } catch (error) {
    return { packets, error: (error as ParserError).code };
  }
}

/** Writes to a stream, and returns its output. */
async function through<In, Out>(
  { readable, writable }: TransformStream<In, Out>,
  input: readonly In[],
): Promise<Out[]> {
  const output: Out[] = [];
  const reader = readable.getReader();
  const reading = (async () => {
    for (let { value, done } = await reader.read(); !done; { value, done } = await reader.read()) output.push(value!);
  })();
  const writer = writable.getWriter();
  for (const item of input) await writer.write(item);
  await writer.close();
  await reading;
  return output;
}

const PACKETS: readonly Packet[] = [
  { type: "open" },
  { type: "open", data: '{"sid":"lv_VI97HAXpY6yYWAAAB"}' },
  { type: "ping", data: "probe" },
  { type: "message", data: "€ 😀 \ud800" },
  { type: "message", data: Buffer.of(0, 1, 2, 255) },
  { type: "message", data: Buffer.alloc(125, 7) },
  { type: "message", data: Buffer.alloc(126, 7) },
  { type: "message", data: "x".repeat(65_534) },
  { type: "message", data: "x".repeat(65_535) },
  { type: "message", data: Buffer.alloc(70_000, 9) },
];

/** The bytes of packets on the wire, in one piece. */
const wire = async (packets: readonly Packet[] = PACKETS): Promise<Buffer> =>
  Buffer.concat(await through(createPacketEncoderStream(), packets));

describe("packets in a stream of bytes", () => {
  test.each([
    [1, false, [1]],
    [125, true, [0x80 | 125]],
    [126, false, [126, 0, 126]],
    [65_535, true, [0x80 | 126, 255, 255]],
    [65_536, false, [127, 0, 0, 0, 0, 0, 1, 0, 0]],
    [2 ** 40 + 1, true, [255, 0, 0, 1, 0, 0, 0, 0, 1]],
  ])("%d bytes, binary %s: the header is %j", (length, isBinary, header) => {
    expect([...writePacketHeader(length, isBinary)]).toEqual(header);
  });

  test("are written as the reference writes them, and both read both", async () => {
    const theirs = Buffer.concat(
      await through(reference.createPacketEncoderStream() as ReturnType<typeof createPacketEncoderStream>, PACKETS),
    );
    expect((await wire()).equals(theirs)).toBe(true);
    const decoders = [createPacketDecoderStream(LIMIT), reference.createPacketDecoderStream(LIMIT, "nodebuffer")];
    const [ours, his] = await Promise.all(
      decoders.map((stream) => through(stream as ReturnType<typeof createPacketDecoderStream>, [theirs])),
    );
    expectSame(ours, his);
    expect(ours).toHaveLength(PACKETS.length);
  });

  test("are read alike wherever the bytes are cut", async () => {
    const bytes = await wire(PACKETS.slice(0, 7));
    const { packets } = readAll([bytes]);
    expect(packets).toHaveLength(7);
    for (let at = 0; at <= bytes.length; at++) {
      expectSame(readAll([bytes.subarray(0, at), bytes.subarray(at)]), { packets });
    }
    expect(readAll(Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual({ packets });
  });

  test("of many sizes are read alike in random pieces", async () => {
    const bytes = await wire();
    const whole = readAll([bytes]);
    const random = new Random(7);
    for (let round = 0; round < 10; round++) {
      const chunks: Buffer[] = [];
      for (let at = 0; at < bytes.length; at += chunks.at(-1)!.length) {
        chunks.push(bytes.subarray(at, at + 1 + random.below(random.pick([3, 200, 9000, 70_000]))));
      }
      expectSame(readAll(chunks), whole);
    }
  });

  test("may have Blobs and any view of bytes as data", async () => {
    const data = new Blob([Uint8Array.of(1, 2)]);
    expect([...(await wire([{ type: "message", data }]))]).toEqual([0x82, 1, 2]);
    expect([...framePacket(new Uint16Array([513]))]).toEqual([0x82, 1, 2]);
  });

  test("of no bytes travel as text, since empty packets are refused", async () => {
    const packet: Packet = { type: "message", data: new Uint8Array(0) };
    const bytes = await wire([packet]);
    expect([...bytes]).toEqual([1, 0x62]);
    const decoders = [
      createPacketDecoderStream(LIMIT, "arraybuffer"),
      reference.createPacketDecoderStream(LIMIT, "arraybuffer"),
    ];
    for (const stream of decoders) {
      const read = await through(stream as ReturnType<typeof createPacketDecoderStream>, [bytes]);
      expect(read).toEqual([{ type: "message", data: new ArrayBuffer(0) }]);
    }
  });

  test("of no bytes are read as the reference writes them, too", async () => {
    const theirs = reference.createPacketEncoderStream() as ReturnType<typeof createPacketEncoderStream>;
    const bytes = Buffer.concat(await through(theirs, [{ type: "message", data: Buffer.alloc(0) }, { type: "ping" }]));
    expect(await through(createPacketDecoderStream(LIMIT), [bytes])).toEqual([
      { type: "message", data: Buffer.alloc(0) },
      { type: "ping" },
    ]);
  });

  test("without a byte are refused", () => {
    expect(readAll([Uint8Array.of(1, 50, 0, 1, 50)])).toMatchObject({
      packets: ["2"],
      error: "ENGINE_EMPTY_PACKET",
    });
    expect(readAll([Uint8Array.of(126, 0, 0)])).toMatchObject({ error: "ENGINE_EMPTY_PACKET" });
  });

  test.each([
    ["one byte more", writePacketHeader(101, false)],
    ["two bytes of length", Uint8Array.of(126, 255, 255)],
    ["more than a number can be", Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 255, 255)],
  ])("over the limit are refused by their header: %s", (_what, header) => {
    expect(readAll([header], 100)).toMatchObject({ packets: [], error: "ENGINE_PACKET_TOO_LARGE" });
    const full = framePacket("x".repeat(100));
    expect(readAll([full], 100).packets).toHaveLength(1);
  });

  test("take memory as they arrive, not as they are announced", () => {
    const reader = new PacketReader(1e9);
    reader.push(writePacketHeader(1e9, true));
    expect([reader.next(), reader.announced, reader.heldBytes]).toEqual([undefined, 1e9, 0]);
    reader.push(new Uint8Array(3000));
    expect(reader.next()).toBeUndefined();
    expect(reader.heldBytes).toBeLessThanOrEqual(6000);
  });

  test("in very many pieces are read in time that grows with their bytes", () => {
    const bytes = framePacket(new Uint8Array(200_000));
    const reader = new PacketReader(LIMIT);
    let read: RawData | undefined;
    for (let at = 0; at < bytes.length; at++) {
      reader.push(bytes.subarray(at, at + 1));
      read = reader.next();
    }
    expect(read).toHaveLength(200_000);
  });

  test("keep no large chunk in memory if they are small", () => {
    const reader = new PacketReader(LIMIT);
    const chunk = new Uint8Array(64 * 1024);
    chunk.set([0x81, 5]);
    reader.push(chunk);
    expect((reader.next() as Buffer).buffer.byteLength).toBeLessThan(chunk.length);
  });

  test.each([
    [
      "malformed",
      [Uint8Array.of(1, 57), Uint8Array.of(1, 50)],
      [{ type: "error", data: "parser error" }, { type: "ping" }],
    ],
    ["empty", [Uint8Array.of(0), Uint8Array.of(1, 50)], [{ type: "error", data: "parser error" }]],
    ["too large", [Uint8Array.of(126, 255, 255), Uint8Array.of(1, 50)], [{ type: "error", data: "parser error" }]],
  ])("become a packet of type error: %s", async (_what, chunks, packets) => {
    expect(await through(createPacketDecoderStream(1000), chunks)).toEqual(packets);
  });

  test.each([
    ["nodebuffer", Buffer],
    ["arraybuffer", ArrayBuffer],
    ["blob", Blob],
    [undefined, Buffer],
  ] as const)("have their bytes as %s", async (binaryType, Class) => {
    const [packet] = await through(createPacketDecoderStream(LIMIT, binaryType), [Uint8Array.of(0x82, 1, 2)]);
    expect(packet!.data).toBeInstanceOf(Class);
  });
});
