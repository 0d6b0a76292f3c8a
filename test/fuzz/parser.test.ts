import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { Decoder, Encoder, PacketType, ParserError, SOCKET_PARSER_ERRORS, type SocketPacket } from "@portage/parser";
import {
  decodePacketV4,
  decodePayloadV4,
  encodePayloadV4,
  ENGINE_PARSER_ERRORS,
  EnginePacket,
} from "@portage/parser/engine";
import { decodePacketV3, decodePayloadV3, encodePayloadV3 } from "@portage/parser/engine-v3";

/**
 * Random damage to well-formed input: it is accepted, or refused with a documented code, and nothing else happens.
 * The seed is fixed; FUZZ_SEED chooses another and FUZZ_ROUNDS searches longer.
 */
const SEED = Number(process.env["FUZZ_SEED"] ?? 1);
const ROUNDS = Number(process.env["FUZZ_ROUNDS"] ?? 8_000);
const CODES = new Set<string>([...Object.keys(ENGINE_PARSER_ERRORS), ...Object.keys(SOCKET_PARSER_ERRORS)]);

/** Mulberry32: small, seeded, good enough to choose mutations. */
function randomSource(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

type Random = ReturnType<typeof randomSource>;

const TOKENS = [
  ...Array.from('0123456789-/,:[]{}"\\ bexn\x1e\u0000\u00ff\ud83d\ude00\ufffd'),
  "__proto__",
  '"_placeholder":true',
  '"num":',
  "null",
  "1e5",
  "99999999999",
  "Infinity",
  "[[[[[[[[",
  "}}}}",
  '"connect"',
];

function pick<T>(random: Random, list: readonly T[]): T {
  return list[random(list.length)] as T;
}

function mutateText(random: Random, text: string): string {
  let result = text;
  for (let i = random(4); i >= 0; i--) {
    const at = random(result.length + 1);
    const cut = random(3) === 0 ? random(8) : 0;
    const insert = random(4) === 0 ? result.slice(random(result.length + 1)).slice(0, 40) : pick(random, TOKENS);
    result = result.slice(0, at) + insert + result.slice(at + cut);
  }
  return result;
}

function mutateBytes(random: Random, bytes: Buffer): Buffer {
  const result = Buffer.from(bytes);
  for (let i = random(4); i >= 0 && result.length > 0; i--) {
    result[random(result.length)] = pick(random, [0, 1, 4, 9, 10, 52, 127, 128, 194, 237, 254, 255, random(256)]);
  }
  const [from, to] = [
    random(8) === 0 ? random(result.length + 1) : 0,
    result.length - (random(8) === 0 ? random(4) : 0),
  ];
  return result.subarray(from, Math.max(from, to));
}

/** Accepted (true) or refused with a documented code (false). */
function isAccepted(run: () => unknown): boolean {
  try {
    run();
    return true;
  } catch (error) {
    if (error instanceof ParserError && CODES.has(error.code)) return false;
    throw error;
  }
}

/** Runs the rounds and makes sure that the mutations neither break nor spare everything. */
function fuzz(run: (random: Random) => boolean): void {
  const random = randomSource(SEED);
  let accepted = 0;
  for (let round = 0; round < ROUNDS; round++) if (run(random)) accepted++;
  expect(accepted).toBeGreaterThan(ROUNDS / 1000);
  expect(accepted).toBeLessThan(ROUNDS);
}

const enginePackets = [
  new EnginePacket("open", '{"sid":"abc"}'),
  new EnginePacket("message", '2["hello",1]'),
  new EnginePacket("message", Buffer.from([1, 2, 3, 255])),
  new EnginePacket("ping", "probe"),
  new EnginePacket("message", "é€😀"),
  new EnginePacket("noop", undefined),
];
const socketChunks = [
  ['2["hello",{"a":[1,2,{"b":"c"}]}]'],
  ['2/chat?token=x,12["hello","wörld"]'],
  ['0/admin,{"token":"123"}'],
  ["1/chat,"],
  ['37["ok",null,true]'],
  ['4{"message":"no","data":{"x":1}}'],
  new Encoder().encode({
    type: PacketType.EVENT,
    nsp: "/",
    data: ["up", Buffer.alloc(3), { deep: [Buffer.alloc(1)] }],
  }),
  new Encoder().encode({ type: PacketType.ACK, nsp: "/n", id: 3, data: [Buffer.alloc(2)] }),
];

describe("damaged input", () => {
  test("packets and payloads of revision 4", () => {
    const payload = encodePayloadV4(enginePackets);
    fuzz((random) => {
      const text = mutateText(random, payload);
      isAccepted(() => decodePacketV4(text));
      return isAccepted(() => expect(decodePayloadV4(text, 10).length).toBeLessThanOrEqual(10));
    });
  });

  test("text payloads of revision 3", () => {
    const payload = encodePayloadV3(enginePackets, false) as string;
    fuzz((random) => {
      const text = random(50) === 0 ? payload : mutateText(random, payload);
      isAccepted(() => decodePacketV3(text));
      return isAccepted(() => expect(decodePayloadV3(text, 10).length).toBeLessThanOrEqual(10));
    });
  });

  test("binary payloads of revision 3", () => {
    const payload = encodePayloadV3(enginePackets, true) as Buffer;
    fuzz((random) => {
      const bytes = mutateBytes(random, payload);
      isAccepted(() => decodePacketV3(bytes));
      return isAccepted(() => expect(decodePayloadV3(bytes, 10).length).toBeLessThanOrEqual(10));
    });
  });

  test("Socket.IO packets, one decoder for a whole conversation", () => {
    const decoder = new Decoder({ maxAttachmentBytes: 64 });
    const encoder = new Encoder();
    fuzz((random) => {
      const chunks = pick(random, socketChunks);
      let accepted = true;
      for (const chunk of chunks) {
        const damaged = typeof chunk === "string" ? mutateText(random, chunk) : mutateBytes(random, chunk);
        accepted = isAccepted(() => check(decoder.decode(damaged))) && accepted;
      }
      return accepted;
    });

    /** Checks that an accepted packet satisfies the guarantees, and can be encoded again. */
    function check(packet: SocketPacket | undefined): void {
      if (packet === undefined) return;
      expect(packet.id === undefined || Number.isSafeInteger(packet.id)).toBe(true);
      expect(packet.nsp.startsWith("/")).toBe(true);
      const again = new Decoder({ maxAttachments: Infinity });
      let copy: SocketPacket | undefined;
      for (const part of encoder.encode(packet)) copy = again.decode(part);
      expect(copy?.type).toBe(packet.type);
    }
  });

  test("random bytes", () => {
    const random = randomSource(SEED);
    for (let round = 0; round < ROUNDS / 4; round++) {
      const bytes = Buffer.from(Array.from({ length: random(24) }, () => random(256)));
      const text = bytes.toString(pick(random, ["latin1", "utf8", "utf16le"] as const));
      isAccepted(() => decodePayloadV3(bytes));
      isAccepted(() => decodePayloadV3(text));
      isAccepted(() => decodePayloadV4(text));
      isAccepted(() => new Decoder().decode(text));
      isAccepted(() => new Decoder().decode("2" + text));
    }
  });
});

describe("hostile megabytes are refused without work that grows out of bounds", () => {
  const MEGABYTE = 2 ** 20;
  const fill = (unit: string): string => unit.repeat(MEGABYTE / unit.length);

  test.each<[string, () => unknown]>([
    ["separators", () => decodePayloadV4(fill("\x1e"), 1000)],
    ["pongs", () => decodePayloadV4(fill("3\x1e"), 1000)],
    ["pongs, revision 3", () => decodePayloadV3(fill("1:3"), 1000)],
    ["digits", () => decodePayloadV3(fill("1"))],
    ["binary digits", () => decodePayloadV3(Buffer.alloc(MEGABYTE, 1))],
    ["zero bytes", () => decodePayloadV3(Buffer.alloc(MEGABYTE))],
    ["base64 with a flaw at its end", () => decodePacketV4("b" + fill("AAAA") + "!AAA")],
    ["base64 of padding", () => decodePacketV4("b" + fill("="))],
    ["digits of an id", () => new Decoder().decode("2" + fill("1"))],
    ["digits of a number of attachments", () => new Decoder().decode("5" + fill("1"))],
    ["a namespace without end", () => new Decoder().decode("0/" + fill("a"))],
    ["open brackets", () => new Decoder().decode("2" + fill("["))],
    ["nested brackets", () => new Decoder().decode("2" + fill("[").slice(1) + fill("]"))],
    ["arguments", () => new Decoder().decode("2[1" + fill(",1") + "]")],
    ["an event name", () => new Decoder().decode('2["' + fill("a") + '"]')],
  ])("%s", (_name, run) => {
    const start = process.cpuUsage();
    expect(isAccepted(run)).toBe(false);
    const { user, system } = process.cpuUsage(start);
    // JSON.parse alone may take some hundred milliseconds for a megabyte; anything quadratic would take minutes
    expect((user + system) / 1000).toBeLessThan(3000);
  });
});

describe("memory", () => {
  setFlagsFromString("--expose-gc");
  const collectGarbage = runInNewContext("gc") as () => void;
  const heapAfter = (make: () => unknown): number => {
    collectGarbage();
    const before = process.memoryUsage().heapUsed;
    const kept = make();
    collectGarbage();
    const after = process.memoryUsage().heapUsed;
    expect(kept).toBeDefined();
    return after - before;
  };

  test("the namespace of a CONNECT does not keep its message alive", () => {
    const bytes = heapAfter(() =>
      Array.from({ length: 50 }, (_, i) => {
        const message = Buffer.from(`0/namespace-number-${i},{"a":"${"x".repeat(2 ** 20)}"}`).toString();
        return new Decoder().decode(message)?.nsp;
      }),
    );
    expect(bytes).toBeLessThan(5 * 2 ** 20);
  });

  test("an idle decoder costs next to nothing", () => {
    const count = 10_000;
    const options = { maxAttachments: 10 };
    const bytes = heapAfter(() => Array.from({ length: count }, () => new Decoder(options)));
    expect(bytes / count).toBeLessThan(100);
  });
});
