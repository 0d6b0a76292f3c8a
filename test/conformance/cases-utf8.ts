import { isUtf8 } from "node:buffer";
import { OPCODE, type FrameSpec } from "../support/raw/frames.ts";
import { fine, type ConformanceCase } from "./case.ts";
import { Unexpected, type Wire } from "./wire.ts";

const { text, continuation } = OPCODE;
const GREEK = "κόσμε";
const MIXED = "Hello-µ@ßöäüàá-UTF-8!!";

/** Frames of one text, split every `size` bytes. */
function pieces(payload: Buffer, size: number): FrameSpec[] {
  const specs: FrameSpec[] = [];
  for (let at = 0; at < payload.length; at += size) {
    const end = Math.min(at + size, payload.length);
    specs.push({
      opcode: at === 0 ? text : continuation,
      payload: payload.subarray(at, end),
      fin: end === payload.length,
    });
  }
  return specs;
}

function good(id: string, what: string, ...specs: FrameSpec[]): ConformanceCase {
  return {
    id,
    what,
    run: (wire) =>
      fine(wire, async () => {
        wire.send(...specs);
        await wire.expectMessage(text, Buffer.concat(specs.map(({ payload = "" }) => Buffer.from(payload))));
      }),
  };
}

function bad(id: string, what: string, ...specs: FrameSpec[]): ConformanceCase {
  return {
    id,
    what,
    async run(wire) {
      wire.send(...specs);
      await wire.expectClose(1007);
    },
  };
}

/** Two valid words around invalid UTF-8: a surrogate, or a code point out of range. */
const SURROGATE = Buffer.concat([Buffer.from(GREEK), Buffer.from("eda080", "hex"), Buffer.from("edited")]);
const TOO_HIGH = [Buffer.from(GREEK), Buffer.from("f4908080", "hex"), Buffer.from("edited")] as const;

/** The subject must fail the connection on the bytes received, without the rest. */
async function expectFailureNow(wire: Wire): Promise<void> {
  try {
    await wire.expectClose(1007);
  } catch (error) {
    throw error instanceof Unexpected
      ? error
      : new Unexpected("it waits for the rest of an invalid text", { cause: error });
  }
}

/** 6.4: the text turns invalid in the middle, and its end is never sent. */
function failFast(id: string, start: readonly Buffer[], within: "frames" | "frame"): ConformanceCase {
  return {
    id,
    what: `invalid UTF-8 found in an unfinished ${within === "frames" ? "message" : "frame"}, ${start.length} parts`,
    async run(wire) {
      if (within === "frames") {
        for (const [at, payload] of start.entries())
          wire.send({ opcode: at === 0 ? text : continuation, payload, fin: false });
      } else {
        const whole = wire.bytes([{ opcode: text, payload: Buffer.concat([...start, Buffer.from("edited")]) }]);
        const rest = "edited".length;
        wire.write(whole.subarray(0, whole.length - rest));
      }
      await expectFailureNow(wire);
    },
  };
}

const [GOOD_START, INVALID] = TOO_HIGH;
const special: ConformanceCase[] = [
  good("6.1.1", "an empty text", { opcode: text }),
  good("6.1.2", "three empty fragments", { opcode: text, fin: false }, { opcode: 0, fin: false }, { opcode: 0 }),
  good(
    "6.1.3",
    "empty fragments around one",
    { opcode: text, fin: false },
    { opcode: 0, payload: "middle", fin: false },
    { opcode: 0 },
  ),
  good("6.2.1", "a valid text", { opcode: text, payload: MIXED }),
  good(
    "6.2.2",
    "a valid text, cut between characters",
    { opcode: text, payload: "Hello-µ@ßöä", fin: false },
    { opcode: 0, payload: "üàá-UTF-8!!" },
  ),
  good("6.2.3", "a valid text in fragments of one byte", ...pieces(Buffer.from(MIXED), 1)),
  good("6.2.4", "characters cut by fragments of one byte", ...pieces(Buffer.from(GREEK), 1)),
  bad("6.3.1", "an invalid text", { opcode: text, payload: SURROGATE }),
  bad("6.3.2", "an invalid text in fragments of one byte", ...pieces(SURROGATE, 1)),
  failFast("6.4.1", [GOOD_START, INVALID], "frames"),
  failFast("6.4.2", [GOOD_START, INVALID.subarray(0, 2)], "frames"),
  failFast("6.4.3", [GOOD_START, INVALID], "frame"),
  failFast("6.4.4", [GOOD_START, INVALID.subarray(0, 2)], "frame"),
];

/** The bytes of each group of 6.5 to 6.23, in hexadecimal. Node decides whether they are valid. */
const SEQUENCES: readonly [group: string, what: string, sequences: readonly string[]][] = [
  ["6.5", "all prefixes of a text at characters", prefixesAtCharacters(GREEK)],
  ["6.6", "all prefixes of a text at bytes", prefixesAtBytes(GREEK)],
  ["6.7", "the first character of each length", ["00", "c280", "e0a080", "f0908080"]],
  ["6.8", "the first sequence of five and six bytes", ["f888808080", "fc8480808080"]],
  ["6.9", "the last character of each length", ["7f", "dfbf", "efbfbf", "f48fbfbf"]],
  ["6.10", "the last sequence of four, five and six bytes", ["f7bfbfbf", "fbbfbfbfbf", "fdbfbfbfbfbf"]],
  ["6.11", "other limits", ["ed9fbf", "ee8080", "efbfbd", "f48fbfbf", "f4908080"]],
  [
    "6.12",
    "continuation bytes alone",
    ["80", "bf", "80bf", "80bf80", "80bf80bf", "80bf80bf80", "80bf80bf80bf", allBytes(0x80, 0xbf, "")],
  ],
  [
    "6.13",
    "first bytes alone",
    [
      allBytes(0xc0, 0xdf, "20"),
      allBytes(0xe0, 0xef, "20"),
      allBytes(0xf0, 0xf7, "20"),
      allBytes(0xf8, 0xfb, "20"),
      allBytes(0xfc, 0xfd, "20"),
    ],
  ],
  [
    "6.14",
    "the last byte missing",
    ["c0", "e080", "f08080", "f8808080", "fc80808080", "df", "efbf", "f7bfbf", "fbbfbfbf", "fdbfbfbfbf"],
  ],
  ["6.15", "incomplete sequences in a row", ["c0e080f08080f8808080fc80808080dfefbff7bfbffbbfbfbffdbfbfbfbf"]],
  ["6.16", "bytes that never occur", ["fe", "ff", "fefeffff"]],
  ["6.17", "a slash, too long", ["c0af", "e080af", "f08080af", "f8808080af", "fc80808080af"]],
  ["6.18", "the highest that is too long", ["c1bf", "e09fbf", "f08fbfbf", "f887bfbfbf", "fc83bfbfbfbf"]],
  ["6.19", "a zero, too long", ["c080", "e08080", "f0808080", "f880808080", "fc8080808080"]],
  ["6.20", "surrogates", ["eda080", "edadbf", "edae80", "edafbf", "edb080", "edbe80", "edbfbf"]],
  [
    "6.21",
    "pairs of surrogates",
    [
      "eda080edb080",
      "eda080edbfbf",
      "edadbfedb080",
      "edadbfedbfbf",
      "edae80edb080",
      "edae80edbfbf",
      "edafbfedb080",
      "edafbfedbfbf",
    ],
  ],
  ["6.22", "noncharacter code points", ["efbfbe", "efbfbf", ...planeEnds()]],
  ["6.23", "replacement characters", ["efbfb9", "efbfba", "efbfbb", "efbfbc", "efbfbd", "efbfbe", "efbfbf"]],
];

function prefixesAtCharacters(source: string): string[] {
  return Array.from(source, (_character, at) => Buffer.from(source.slice(0, at + 1)).toString("hex"));
}

function prefixesAtBytes(source: string): string[] {
  const bytes = Buffer.from(source);
  return Array.from(bytes, (_byte, at) => bytes.subarray(0, at + 1).toString("hex"));
}

function allBytes(first: number, last: number, between: string): string {
  let hex = "";
  for (let byte = first; byte <= last; byte++) hex += byte.toString(16) + between;
  return hex;
}

/** U+nFFFE and U+nFFFF of the planes 1 to 16. */
function planeEnds(): string[] {
  const ends: string[] = [];
  for (let plane = 1; plane <= 16; plane++) {
    for (const end of [0xfffe, 0xffff])
      ends.push(Buffer.from(String.fromCodePoint(plane * 0x10000 + end)).toString("hex"));
  }
  return ends;
}

export const utf8Cases: readonly ConformanceCase[] = [
  ...special,
  ...SEQUENCES.flatMap(([group, what, sequences]) =>
    sequences.map((hex, at) => {
      const payload = Buffer.from(hex, "hex");
      const make = isUtf8(payload) ? good : bad;
      return make(`${group}.${at + 1}`, what, { opcode: text, payload });
    }),
  ),
];
