import * as fc from "fast-check";
import * as reference from "socket.io-parser";
import { describe, expect, test } from "vitest";
import { Decoder, Encoder, type Packet, ParserError } from "@portage/parser";
import { anyText, expectSame, runs } from "./reference.ts";

type Chunk = string | Buffer;
type AnyDecoder = Decoder | reference.Decoder;

function encodeByReference(packet: object): Chunk[] {
  return new reference.Encoder().encode(packet as Parameters<reference.Encoder["encode"]>[0]) as Chunk[];
}

/** The packets decoded from chunks, and the error that ended them, if any. */
function run(decoder: AnyDecoder, chunks: readonly Chunk[]): { packets: unknown[]; error: unknown } {
  const packets: unknown[] = [];
  decoder.on("decoded", (packet: unknown) => void packets.push(packet));
  try {
    for (const chunk of chunks) decoder.add(chunk);
  } catch (error) {
    return { packets, error };
  }
  return { packets, error: undefined };
}

const bytes = fc.uint8Array({ maxLength: 8 });
const binary = fc.oneof(
  bytes.map((value) => Buffer.from(value)),
  bytes,
  bytes.map((value) => value.buffer.slice(0)),
);
const leaf = fc.oneof(fc.jsonValue({ maxDepth: 1 }), anyText(), fc.constant(undefined));
/** Arguments with objects, null-prototype objects, dates and, possibly, bytes anywhere. */
const tree = (withBinary: boolean): fc.Arbitrary<unknown> =>
  fc.letrec<{ node: unknown }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      withBinary ? fc.oneof(leaf, binary) : leaf,
      fc.array(tie("node"), { maxLength: 3 }),
      fc.dictionary(fc.oneof(fc.constantFrom("a", "__proto__", "num"), fc.string()), tie("node"), { maxKeys: 3 }),
      fc.constant(new Date(0)),
      fc.array(tie("node"), { maxLength: 2 }).map((value) => ({ toJSON: () => value })),
    ),
  })).node;

const nsp = fc.constantFrom("/", "/chat", "/chat?token=x", "/é", "/1");
const id = fc.option(fc.nat(), { nil: undefined });
const name = fc.oneof(fc.string({ maxLength: 6 }), fc.nat());
const args = fc.oneof(fc.array(tree(false), { maxLength: 4 }), fc.array(tree(true), { maxLength: 3 }));
const event = fc
  .tuple(nsp, id, name, args)
  .map(([namespace, ack, first, rest]): Packet => ({ type: 2, nsp: namespace, id: ack, data: [first, ...rest] }));
const ack = fc
  .tuple(nsp, fc.nat(), args)
  .map(([namespace, number, data]): Packet => ({ type: 3, nsp: namespace, id: number, data }));
const payload = fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 3 });
const other = fc.oneof(
  fc.tuple(nsp, fc.option(payload, { nil: undefined })).map(([n, data]): Packet => ({ type: 0, nsp: n, data })),
  nsp.map((n): Packet => ({ type: 1, nsp: n })),
  fc.tuple(nsp, fc.oneof(payload, fc.string())).map(([n, data]): Packet => ({ type: 4, nsp: n, data })),
);
const anyPacket = fc.oneof({ arbitrary: event, weight: 4 }, ack, other);

describe("beside socket.io-parser", () => {
  test("packets are encoded alike", () => {
    fc.assert(
      fc.property(anyPacket, (packet) => {
        // While extracting bytes, the reference turns a key __proto__ into a
        // prototype. Ours preserves it.
        fc.pre(!JSON.stringify(packet)?.includes("__proto__"));
        const theirs = encodeByReference(packet);
        const ours = new Encoder().encode(packet);
        expect(ours[0]).toBe(theirs[0]);
        expect(ours).toHaveLength(theirs.length);
        ours.forEach((part, i) => expect(part).toBe(theirs[i]));
      }),
      runs(400),
    );
  });

  test("each decodes what the other encoded, to the same packets", () => {
    const limits = { maxAttachments: 1000 };
    fc.assert(
      fc.property(fc.array(anyPacket, { minLength: 1, maxLength: 3 }), (packets) => {
        const chunks = packets.flatMap((packet) => new Encoder().encode(packet));
        const theirs = run(new reference.Decoder(limits), chunks);
        const ours = run(new Decoder(limits), chunks);
        expect(theirs.error).toBeUndefined();
        expect(ours.error).toBeUndefined();
        expectSame(ours.packets, theirs.packets);
      }),
      runs(300),
    );
  });

  test("damaged text that the reference refuses is refused, and the rest is decoded alike", () => {
    const text = anyPacket.map((packet) => new Encoder().encode(packet)[0] as string);
    const piece = fc.oneof(fc.constantFrom(...Array.from('0123456789-/,[]{}" e.x\n')), fc.string({ maxLength: 2 }));
    const damaged = fc
      .tuple(text, fc.nat(30), fc.nat(3), piece)
      .map(([whole, at, cut, insert]) => whole.slice(0, at) + insert + whole.slice(at + cut));
    fc.assert(
      fc.property(damaged, (chunk) => {
        const ours = run(new Decoder(), [chunk]);
        if (ours.error !== undefined) {
          expect(ours.error).toBeInstanceOf(ParserError);
          return;
        }
        // The reference reads white space as an acknowledgement id of 0.
        const plain = chunk.replace(/^(\d(?:\d*-)?(?:\/[^,]*,)?)\s+/, "$1");
        let theirs = run(new reference.Decoder(), [plain]);
        // The reference refuses data after DISCONNECT, which some clients send. Ours ignores it.
        if (theirs.error && plain.startsWith("1"))
          theirs = run(new reference.Decoder(), [plain.replace(/^(1(?:\/[^,]*,)?\d*).*$/s, "$1")]);
        expect(theirs.error).toBeUndefined();
        expectSame(ours.packets, theirs.packets);
      }),
      runs(1000),
    );
  });
});
