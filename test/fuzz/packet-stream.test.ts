import { describe, expect, test } from "vitest";
import {
  decodePacketV4,
  ENGINE_PARSER_ERRORS,
  framePacket,
  PacketReader,
  ParserError,
  type RawData,
} from "@portage/parser/engine";
import { Random } from "../support/random.ts";

/**
 * Packets in a stream of bytes, whole and damaged: they are read alike wherever the stream is cut, or refused with a documented
 * code. Always the same rounds; FUZZ_SEED chooses others and FUZZ_ROUNDS searches longer.
 */
const SEED = Number(process.env["FUZZ_SEED"] ?? 1);
const ROUNDS = Number(process.env["FUZZ_ROUNDS"] ?? 20_000);
const LIMIT = 300;

const TEXTS = ["0", '0{"sid":"a"}', "2probe", "4€ 😀", "4" + "x".repeat(130), "b!", "9", "bAQID"];

/** The bytes of some packets, partly changed. */
function damaged(random: Random): Buffer {
  const packets = Array.from({ length: 1 + random.below(4) }, () =>
    framePacket(random.below(3) === 0 ? random.bytes(1 + random.below(140)) : random.pick(TEXTS)),
  );
  const bytes = Buffer.concat(packets);
  for (let changes = random.below(4); changes > 0; changes--) {
    bytes[random.below(bytes.length)] = random.pick([0, 126, 127, 128, 254, 255, random.below(256)]);
  }
  return random.below(4) === 0 ? bytes.subarray(0, random.below(bytes.length + 1)) : bytes;
}

/** The packets in pieces of at most `longest` bytes, and the code of the refusal. */
function outcome(bytes: Buffer, random: Random, longest: number): string {
  const reader = new PacketReader(LIMIT);
  const seen: string[] = [];
  try {
    for (let at = 0, size = 0; at < bytes.length; at += size) {
      size = 1 + random.below(longest);
      reader.push(bytes.subarray(at, at + size));
      for (let data = reader.next(); data !== undefined; data = reader.next()) seen.push(decoded(data));
      if (reader.heldBytes > 2 * LIMIT + 1024) throw new Error(`${reader.heldBytes} bytes held`);
    }
  } catch (error) {
    if (!(error instanceof ParserError) || !(error.code in ENGINE_PARSER_ERRORS)) throw error;
    seen.push(error.code);
  }
  return seen.join("\n");
}

function decoded(data: RawData): string {
  const packet = decodePacketV4(data);
  return packet.type + (typeof packet.data === "string" ? packet.data : (packet.data?.toString("base64") ?? ""));
}

describe("the fuzzed packet stream", () => {
  test("reads alike wherever it is cut, or refuses with a documented code", () => {
    for (let seed = SEED; seed < SEED + ROUNDS; seed++) {
      const random = new Random(seed);
      const bytes = damaged(random);
      const whole = outcome(bytes, random, Number.MAX_SAFE_INTEGER);
      const cut = outcome(bytes, random, random.pick([1, 2, 7, 60]));
      if (cut !== whole) expect.fail(`FUZZ_SEED=${seed}: ${JSON.stringify(whole)} is not ${JSON.stringify(cut)}`);
    }
  });
});
