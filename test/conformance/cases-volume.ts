import { OPCODE, type FrameSpec } from "../support/raw/frames.ts";
import { fine, scaled, type ConformanceCase } from "./case.ts";
import type { RawDeflater } from "./raw-deflate.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const { text, binary, continuation } = OPCODE;
const KINDS = [
  { opcode: text, name: "text", fill: "*" },
  { opcode: binary, name: "binary", fill: "\u00fe" },
] as const;

function fragmentsOf(opcode: number, payload: Buffer, size: number, reserved = 0): FrameSpec[] {
  const specs: FrameSpec[] = [];
  for (let at = 0; at < payload.length || at === 0; at += size) {
    const isFirst = at === 0;
    const fin = at + size >= payload.length;
    specs.push({
      opcode: isFirst ? opcode : continuation,
      payload: payload.subarray(at, at + size),
      fin,
      reserved: isFirst ? reserved : 0,
    });
  }
  return specs;
}

/** 9.1 to 9.6: one large message, whole, in fragments, or in small writes. */
const large: ConformanceCase[] = KINDS.flatMap(({ opcode, name, fill }, kind) => [
  ...[64 * KIB, 256 * KIB, MIB, 4 * MIB, 8 * MIB, 16 * MIB].map((full, at): ConformanceCase => ({
    id: `9.${1 + kind}.${at + 1}`,
    what: `${name} of ${full / KIB} KiB`,
    run: (wire) =>
      fine(wire, async () => {
        const payload = Buffer.alloc(scaled(full, 512 * KIB), fill);
        wire.send({ opcode, payload });
        await wire.expectMessage(opcode, payload);
      }),
  })),
  ...[64, 256, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB].map((size, at): ConformanceCase => ({
    id: `9.${3 + kind}.${at + 1}`,
    what: `${name} of 4 MiB in fragments of ${size} bytes`,
    run: (wire) =>
      fine(wire, async () => {
        // The first case is about the number of fragments.
        const payload = Buffer.alloc(scaled(4 * MIB, at === 0 ? MIB : 512 * KIB), fill);
        wire.sendAll(fragmentsOf(opcode, payload, size));
        await wire.expectMessage(opcode, payload);
      }),
  })),
  ...[64, 128, 256, 512, KIB, 2 * KIB].map((size, at): ConformanceCase => ({
    id: `9.${5 + kind}.${at + 1}`,
    what: `${name} of 1 MiB in writes of ${size} bytes`,
    run: (wire) =>
      fine(wire, async () => {
        const payload = Buffer.alloc(scaled(MIB, 512 * size), fill);
        await wire.sendChopped(size, { opcode, payload });
        await wire.expectMessage(opcode, payload);
      }),
  })),
  ...[0, 16, 64, 256, KIB, 4 * KIB].map((size, at): ConformanceCase => ({
    id: `9.${7 + kind}.${at + 1}`,
    what: `1,000 times ${name} of ${size} bytes there and back`,
    run: (wire) =>
      fine(wire, async () => {
        const payload = Buffer.alloc(size, fill);
        for (let round = scaled(1000, 50); round > 0; round--) {
          wire.send({ opcode, payload });
          await wire.expectMessage(opcode, payload);
        }
      }),
  })),
]);

const automaticFragments: ConformanceCase = {
  id: "10.1.1",
  what: "text of 64 KiB in fragments of 1,300 bytes",
  run: (wire) =>
    fine(wire, async () => {
      const payload = Buffer.alloc(64 * KIB, "*");
      wire.sendAll(fragmentsOf(text, payload, 1300));
      await wire.expectMessage(text, payload);
    }),
};

/** Size of a message and of its fragments; 0 for a single frame. */
const SIZES: readonly (readonly [size: number, fragment: number])[] = [
  ...[16, 64, 256, KIB, 4 * KIB, 8 * KIB, 16 * KIB, 32 * KIB, 64 * KIB, 128 * KIB].map((size) => [size, 0] as const),
  ...[8, 16, 32, 64, 128].map((size) => [size * KIB, 256] as const),
  ...[128, 128, 128].map((size, at) => [size * KIB, 1024 * 4 ** at] as const),
] as const;

/** Contents that compress well, badly, not at all, and in between. */
const CONTENTS: readonly { name: string; opcode: number; make: (size: number, round: number) => Buffer }[] = [
  {
    name: "JSON",
    opcode: text,
    make: (size, round) => repeated(size, (at) => `{"id":${at * 7 + round},"name":"n${at % 13}"},`),
  },
  { name: "noise", opcode: binary, make: noise },
  {
    name: "prose",
    opcode: text,
    make: (size, round) => repeated(size, (at) => ["so ", "it ", "goes, ", "and "][(at * at + round) & 3]!),
  },
  {
    name: "characters of two and three bytes",
    opcode: text,
    make: (size, round) => repeated(size, (at) => (((at + round) & 1) === 0 ? "é" : "日")),
  },
  { name: "one byte repeated", opcode: binary, make: (size, round) => Buffer.alloc(size, round) },
];

/** About `size` bytes, cut at a character. */
function repeated(size: number, piece: (at: number) => string): Buffer {
  let content = "";
  for (let at = 0, length = 0; length < size; at++) {
    const next = piece(at);
    content += next;
    length += Buffer.byteLength(next);
  }
  return Buffer.from(content);
}

function noise(size: number, round: number): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  let state = size + round + 1;
  for (let at = 0; at < size; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) | 0;
    bytes[at] = state >>> 16;
  }
  return bytes;
}

/** Messages in both directions, each compressed by the test. */
function compressed(
  id: string,
  extensions: string,
  content: (typeof CONTENTS)[number],
  [size, fragment]: readonly [number, number],
): ConformanceCase {
  return {
    id,
    what: `${content.name} of ${size} bytes, ${fragment === 0 ? "one frame" : `fragments of ${fragment}`}, ${extensions}`,
    extensions,
    run: (wire) =>
      fine(wire, async () => {
        for (let round = scaled(size > 16 * KIB ? 20 : 200, size > 16 * KIB ? 1 : 3); round > 0; round--) {
          const payload = content.make(size, round);
          const coded = await (wire.deflater as RawDeflater).deflate(payload);
          wire.sendAll(fragmentsOf(content.opcode, coded, fragment === 0 ? coded.length : fragment, 4));
          await wire.expectMessage(content.opcode, payload);
        }
      }),
  };
}

const NAME = "permessage-deflate";
const OFFERS = [
  NAME,
  `${NAME}; server_no_context_takeover; client_no_context_takeover`,
  `${NAME}; server_max_window_bits=9; client_max_window_bits=9`,
  `${NAME}; server_max_window_bits=15; client_max_window_bits=15`,
  `${NAME}; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9; client_max_window_bits=9`,
  `${NAME}; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=8; client_max_window_bits=8`,
  `${NAME}; server_max_window_bits=8; client_max_window_bits=8`,
];

export const volumeCases: readonly ConformanceCase[] = [
  ...large,
  automaticFragments,
  ...CONTENTS.flatMap((content, kind) =>
    SIZES.map((size, at) => compressed(`12.${kind + 1}.${at + 1}`, NAME, content, size)),
  ),
  ...OFFERS.flatMap((offer, kind) =>
    SIZES.map((size, at) => compressed(`13.${kind + 1}.${at + 1}`, offer, CONTENTS[0]!, size)),
  ),
];
