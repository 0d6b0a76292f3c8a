import { isUtf8 } from "node:buffer";
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { isValidCloseCode, VIOLATIONS } from "@portage/websocket";
import {
  checkDeflateAnswer,
  negotiateDeflate,
  offerDeflate,
} from "../../packages/websocket/src/core/deflate/deflate-params.ts";
import type { DeflateOptions } from "../../packages/websocket/src/core/deflate/deflate-params.ts";
import { parseExtensions } from "../../packages/websocket/src/core/handshake/extensions.ts";
import type { Role } from "../../packages/websocket/src/core/limits.ts";
import { frame } from "../support/raw/frames.ts";
import { Random } from "../support/random.ts";
import { turn } from "../support/waiting.ts";
import { MaskedFrameReader } from "../conformance/reader.ts";
import { Recorder } from "../unit/websocket/recorder.ts";

/**
 * The core in both roles, with and without compression, against seeds of `corpus/websocket` as they are, joined and changed.
 * Always the same rounds; FUZZ_SEED chooses others and FUZZ_ROUNDS searches longer.
 */
const SEED = Number(process.env["FUZZ_SEED"] ?? 1);
const ROUNDS = Number(process.env["FUZZ_ROUNDS"] ?? 2_000);
const MAX_PAYLOAD = 20_000;
/** Bytes of heap and buffers that all rounds together may leave behind. */
const MAX_GROWTH = 64 * 1024 * 1024;

const CORPUS = new URL("corpus/websocket/", import.meta.url);
const SEEDS = readdirSync(CORPUS)
  .filter((name) => name.endsWith(".hex"))
  .map((name) => Buffer.from(readFileSync(new URL(name, CORPUS), "utf8").replaceAll("\n", ""), "hex"));

interface Subject {
  readonly role: Role;
  readonly deflate: DeflateOptions | undefined;
}

function subject(random: Random): Subject {
  const noContext = { serverNoContextTakeover: true, clientNoContextTakeover: true };
  const deflate = random.pick([
    undefined,
    {},
    noContext,
    { ...noContext, clientMaxWindowBits: 8, serverMaxWindowBits: 8 },
  ]);
  return { role: random.pick(["server", "client"]), deflate: deflate && { ...deflate, threshold: random.below(40) } };
}

function recorder({ role, deflate }: Subject, maxPayload = MAX_PAYLOAD): Recorder {
  const agreement = deflate && negotiateDeflate(offerDeflate(deflate), deflate);
  const settings = agreement && { params: agreement.params, options: deflate };
  return new Recorder(role, { maxPayload }, settings === undefined ? {} : { deflate: settings });
}

/** A seed as the peer of `role` sends it. A header that is wrong in itself stays as it is. */
function sentTo(role: Role, seed: Buffer): Buffer {
  if (role === "client") return Buffer.from(seed);
  const masked = new MaskedFrameReader().push(seed).map((read) => frame({ ...read, masked: true }));
  return masked.length > 0 ? Buffer.concat(masked) : Buffer.from(seed);
}

function changed(random: Random, bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  for (let count = random.below(4); count > 0 && copy.length > 0; count--) {
    const at = random.below(copy.length);
    if (random.below(2) === 0) copy[at] = random.below(256);
    else copy[at]! ^= 1 << random.below(8);
  }
  return random.below(5) === 0 ? copy.subarray(0, random.below(copy.length + 1)) : copy;
}

/** Returns the subject's results for `bytes`, split into pieces of at most `longest`. */
function outcome(who: Subject, bytes: Buffer, random: Random, longest: number): Recorder {
  const end = recorder(who);
  for (let at = 0; at < bytes.length;) {
    const size = 1 + random.below(longest);
    end.connection.receive(Buffer.from(bytes.subarray(at, at + size)));
    at += size;
  }
  return end;
}

function expectDocumented(who: Subject, end: Recorder): void {
  const { phase, closeCode, error } = end.connection;
  if (error !== undefined) expect(VIOLATIONS[error.code].closeCode).toBe(closeCode);
  if (phase === "closed") expect(closeCode === 1005 || isValidCloseCode(closeCode)).toBe(true);
  for (const binary of end.binaries) expect(binary.length).toBeLessThanOrEqual(MAX_PAYLOAD);
  for (const read of new MaskedFrameReader().push(end.bytes())) {
    expect([8, 10]).toContain(read.opcode);
    expect([read.masked, read.reserved, read.fin]).toEqual([who.role === "client", 0, true]);
    expect(read.payload.length).toBeLessThanOrEqual(125);
  }
}

async function rounds(count: number, round: (random: Random) => Promise<void> | void): Promise<void> {
  for (let seed = SEED; seed < SEED + count; seed++) {
    try {
      await round(new Random(seed));
    } catch (error) {
      throw new Error(`FUZZ_SEED=${seed}`, { cause: error });
    }
    if (seed % 200 === 0) await turn();
  }
}

describe("the fuzzed core", () => {
  it("accepts or refuses with a documented code, the same wherever the bytes are cut, in bounded memory", async () => {
    const before = process.memoryUsage();
    await rounds(ROUNDS, (random) => {
      const who = subject(random);
      const seeds = Array.from({ length: 1 + random.below(3) }, () => sentTo(who.role, random.pick(SEEDS)));
      const bytes = random.below(6) === 0 ? Buffer.concat(seeds) : changed(random, Buffer.concat(seeds));
      const whole = outcome(who, bytes, random, Number.MAX_SAFE_INTEGER);
      const cut = outcome(who, bytes, random, random.pick([1, 2, 7, 60]));
      expect(cut.take()).toEqual(whole.take());
      expectDocumented(who, whole);
      for (const end of [whole, cut]) end.connection.abort();
    });
    const after = process.memoryUsage();
    expect(after.heapUsed + after.external - before.heapUsed - before.external).toBeLessThan(MAX_GROWTH);
  });

  it("delivers the messages of its other role, in order", () =>
    rounds(ROUNDS / 20, async (random) => {
      const who = subject(random);
      const sender = recorder(who, 1e6);
      const receiver = recorder({ ...who, role: who.role === "server" ? "client" : "server" }, 1e6);
      const received: (string | Buffer)[] = [];
      receiver.onText = (text) => received.push(text);
      receiver.onBinary = (data) => received.push(data);
      receiver.onReadable = () => receiver.connection.resume();
      const sent = Array.from({ length: 1 + random.below(8) }, () => message(random));
      for (const data of sent) sender.connection.send(data, typeof data === "string" ? 1 : 2, random.below(5) > 0);
      sender.connection.close(1000);
      while (receiver.connection.phase === "open") {
        const bytes = sender.bytes();
        if (bytes.length > 0) receiver.connection.receive(bytes);
        await turn();
      }
      expect(receiver.connection).toMatchObject({ phase: "closed", closeCode: 1000 });
      expect(received.map(String)).toEqual(sent.map(String));
    }));

  it("negotiates valid parameters only, for any header", () =>
    rounds(ROUNDS, (random) => {
      const header = Array.from({ length: random.below(12) }, () => random.pick(PIECES)).join(
        random.pick(["", "; ", ", "]),
      );
      const options = random.pick<DeflateOptions>([{}, { serverMaxWindowBits: 9 }, { clientMaxWindowBits: 10 }]);
      const agreement = negotiateDeflate(header, options);
      if (agreement === undefined) return;
      expect(parseExtensions(header)).toBeDefined();
      for (const bits of [agreement.params.serverMaxWindowBits, agreement.params.clientMaxWindowBits]) {
        expect(bits >= 8 && bits <= 15).toBe(true);
      }
      expect(checkDeflateAnswer(agreement.answer, {})).toMatchObject(agreement.params);
    }));
});

const PIECES = [
  "permessage-deflate",
  "server_no_context_takeover",
  "client_no_context_takeover",
  "server_max_window_bits=10",
  'client_max_window_bits="9"',
  "client_max_window_bits",
  "server_max_window_bits=16",
  "__proto__",
  "constructor=1",
  "; ",
  ", ",
  '"',
  "=",
  " ",
  "\\",
  "\u0000",
];

function message(random: Random): string | Buffer {
  const size = random.pick([0, 1, 20, 125, 126, 1000, 17_000, 70_000]);
  if (random.below(2) === 0) return random.bytes(size);
  const text = Array.from({ length: Math.ceil(size / 4) }, () =>
    random.pick(["a", "é", "日", "😀", "the ", "\0"]),
  ).join("");
  expect(isUtf8(Buffer.from(text))).toBe(true);
  return text;
}
