import { OPCODE, type FrameSpec } from "../support/raw/frames.ts";
import { fine, type ConformanceCase } from "./case.ts";
import { NotStrict, Unexpected, type Wire } from "./wire.ts";

const { text, binary, continuation, ping, pong } = OPCODE;
const HELLO = "Hello, world!";

/** How to split bytes: not at all, by frame, or by byte. */
type Cut = "whole" | "frames" | "bytes";

async function send(wire: Wire, cut: Cut, ...specs: FrameSpec[]): Promise<void> {
  if (cut === "whole") wire.send(...specs);
  else if (cut === "bytes") await wire.sendChopped(1, ...specs);
  else for (const spec of specs) wire.send(spec);
}

/** 1.1 and 1.2: echo of payloads around the length forms. */
function echoes(group: string, opcode: number, fill: string): ConformanceCase[] {
  const sizes = [0, 125, 126, 127, 128, 65_535, 65_536, 65_536];
  return sizes.map((size, at) => ({
    id: `${group}.${at + 1}`,
    what: `${opcode === text ? "text" : "binary"} of ${size} bytes${at === 7 ? " in pieces of 997" : ""}`,
    run: (wire) =>
      fine(wire, async () => {
        const payload = Buffer.alloc(size, fill);
        if (at === 7) await wire.sendChopped(997, { opcode, payload });
        else wire.send({ opcode, payload });
        await wire.expectMessage(opcode, payload);
      }),
  }));
}

const ODD = Buffer.from("00ff fe fd fc fb 00 ff".replaceAll(" ", ""), "hex");

const pinged = (id: string, what: string, payload: Buffer | string, cut: Cut = "whole"): ConformanceCase => ({
  id,
  what,
  run: (wire) =>
    fine(wire, async () => {
      await send(wire, cut, { opcode: ping, payload });
      await wire.expectPong(payload);
    }),
});

const tenPings = (id: string, cut: Cut): ConformanceCase => ({
  id,
  what: `ten pings, ${cut}`,
  run: (wire) =>
    fine(wire, async () => {
      const payloads = Array.from({ length: 10 }, (_, at) => `payload-${at}`);
      await send(wire, cut, ...payloads.map((payload) => ({ opcode: ping, payload })));
      for (const payload of payloads) await wire.expectPong(payload);
    }),
});

const pings: ConformanceCase[] = [
  pinged("2.1", "a ping without payload", ""),
  pinged("2.2", "a ping with text", HELLO),
  pinged("2.3", "a ping with bytes that are not text", ODD),
  pinged("2.4", "a ping of 125 bytes", Buffer.alloc(125, 0xfe)),
  failing("2.5", "a ping of 126 bytes", "whole", { opcode: ping, payload: Buffer.alloc(126, 0xfe) }),
  pinged("2.6", "a ping of 125 bytes, byte by byte", Buffer.alloc(125, 0xfe), "bytes"),
  {
    id: "2.7",
    what: "an unasked pong",
    run: (wire) => fine(wire, async () => wire.send({ opcode: pong })),
  },
  {
    id: "2.8",
    what: "an unasked pong with a payload",
    run: (wire) => fine(wire, async () => wire.send({ opcode: pong, payload: "unasked" })),
  },
  {
    id: "2.9",
    what: "an unasked pong, then a ping",
    run: (wire) =>
      fine(wire, async () => {
        wire.send({ opcode: pong, payload: "unasked" }, { opcode: ping, payload: "ping" });
        await wire.expectPong("ping");
      }),
  },
  tenPings("2.10", "whole"),
  tenPings("2.11", "bytes"),
];

/**
 * The subject must fail the connection at once: 1002 or the end of the stream, and nothing else.
 */
function failing(id: string, what: string, cut: Cut, ...specs: FrameSpec[]): ConformanceCase {
  return {
    id,
    what,
    async run(wire) {
      await send(wire, cut, ...specs);
      await wire.expectClose(1002);
    },
  };
}

/**
 * A valid message, a frame that must fail the connection, then a ping that must not be answered.
 */
function failingBehindText(id: string, what: string, cut: Cut, bad: FrameSpec): ConformanceCase {
  return {
    id,
    what: `a text, then ${what}, ${cut}`,
    async run(wire) {
      await send(wire, cut, { opcode: text, payload: HELLO }, bad, { opcode: ping });
      try {
        await wire.expectMessage(text, HELLO);
      } catch (error) {
        if (!(error instanceof Unexpected)) throw error;
        throw new NotStrict("the message before was not answered");
      }
      await wire.expectClose(1002);
    },
  };
}

const reservedBits: ConformanceCase[] = [
  failing("3.1", "a text with RSV 1", "whole", { opcode: text, payload: HELLO, reserved: 1 }),
  failingBehindText("3.2", "one with RSV 2", "whole", { opcode: text, payload: HELLO, reserved: 2 }),
  failingBehindText("3.3", "one with RSV 3", "frames", { opcode: text, payload: HELLO, reserved: 3 }),
  failingBehindText("3.4", "one with RSV 4", "bytes", { opcode: text, payload: HELLO, reserved: 4 }),
  failing("3.5", "a binary with RSV 5", "whole", { opcode: binary, payload: ODD, reserved: 5 }),
  failing("3.6", "a ping with RSV 6", "whole", { opcode: ping, payload: HELLO, reserved: 6 }),
  failing("3.7", "a close frame with RSV 7", "whole", { opcode: OPCODE.close, reserved: 7 }),
];

function reservedOpcodes(group: string, first: number): ConformanceCase[] {
  return [
    failing(`${group}.1`, `opcode ${first}`, "whole", { opcode: first }),
    failing(`${group}.2`, `opcode ${first + 1} with a payload`, "whole", { opcode: first + 1, payload: "reserved" }),
    failingBehindText(`${group}.3`, `opcode ${first + 2}`, "whole", { opcode: first + 2 }),
    failingBehindText(`${group}.4`, `opcode ${first + 3} with a payload`, "frames", {
      opcode: first + 3,
      payload: "x",
    }),
    failingBehindText(`${group}.5`, `opcode ${first + 4} with a payload`, "bytes", { opcode: first + 4, payload: "x" }),
  ];
}

const parts = (...payloads: string[]): FrameSpec[] =>
  payloads.map((payload, at) => ({ opcode: at === 0 ? text : continuation, payload, fin: at === payloads.length - 1 }));

function fragmented(id: string, cut: Cut, specs: readonly FrameSpec[]): ConformanceCase {
  const pingsInside = specs.filter(({ opcode }) => opcode === ping);
  const content = specs
    .filter(({ opcode }) => opcode !== ping)
    .map(({ payload }) => String(payload))
    .join("");
  return {
    id,
    what: `a text of ${specs.length - pingsInside.length} fragments, ${pingsInside.length} pings between, ${cut}`,
    run: (wire) =>
      fine(wire, async () => {
        await send(wire, cut, ...specs);
        for (const { payload } of pingsInside) await wire.expectPong(String(payload));
        await wire.expectMessage(text, content);
      }),
  };
}

const TWO = parts("fragment1", "fragment2");
const TWO_AND_PING = [TWO[0]!, { opcode: ping, payload: "ping payload" }, TWO[1]!];
const FIVE = parts("fragment1", "fragment2", "fragment3", "fragment4", "fragment5");
const FIVE_AND_PINGS = [
  FIVE[0]!,
  FIVE[1]!,
  { opcode: ping, payload: "pongme 1!" },
  FIVE[2]!,
  FIVE[3]!,
  { opcode: ping, payload: "pongme 2!" },
  FIVE[4]!,
];
const CUTS: readonly Cut[] = ["whole", "frames", "bytes"];
const stray = (fin: boolean): FrameSpec => ({ opcode: continuation, payload: "non-continuation", fin });
const strayParts = (fin: boolean): FrameSpec[] => [stray(fin), ...TWO, stray(fin), ...TWO];

const fragments: ConformanceCase[] = [
  failing("5.1", "a fragmented ping", "whole", { opcode: ping, payload: "a", fin: false }, { opcode: 0, payload: "b" }),
  failing("5.2", "a fragmented pong", "whole", { opcode: pong, payload: "a", fin: false }, { opcode: 0, payload: "b" }),
  ...CUTS.map((cut, at) => fragmented(`5.${3 + at}`, cut, TWO)),
  ...CUTS.map((cut, at) => fragmented(`5.${6 + at}`, cut, TWO_AND_PING)),
  ...[true, false].flatMap((fin, group) =>
    CUTS.map((cut, at) =>
      failing(`5.${9 + group * 3 + at}`, `a stray continuation, fin ${fin}, ${cut}`, cut, stray(fin), {
        opcode: text,
        payload: HELLO,
      }),
    ),
  ),
  {
    id: "5.15",
    what: "a text of two fragments, then a stray continuation",
    async run(wire) {
      wire.send(...TWO, stray(false), { opcode: text, payload: HELLO });
      await wire.expectMessage(text, "fragment1fragment2");
      await wire.expectClose(1002);
    },
  },
  failing("5.16", "stray continuations, fin false, between texts", "whole", ...strayParts(false)),
  failing("5.17", "stray continuations, fin true, between texts", "whole", ...strayParts(true)),
  failing("5.18", "a text inside a text", "whole", TWO[0]!, { opcode: text, payload: "fragment2" }),
  fragmented("5.19", "frames", FIVE_AND_PINGS),
  fragmented("5.20", "bytes", FIVE_AND_PINGS),
];

export const frameCases: readonly ConformanceCase[] = [
  ...echoes("1.1", text, "*"),
  ...echoes("1.2", binary, "\u00fe"),
  ...pings,
  ...reservedBits,
  ...reservedOpcodes("4.1", 3),
  ...reservedOpcodes("4.2", 11),
  ...fragments,
];
