import { isUtf8 } from "node:buffer";
import { acceptUpgrade, isValidCloseCode, VIOLATIONS } from "@portage/websocket";
import type { LinkClose } from "@portage/websocket";
import type { IncomingMessage } from "node:http";
import { describe, expect, it } from "vitest";
import { closeBody, frame, FrameReader, type FrameSpec } from "../support/raw/frames.ts";
import { Random } from "../support/random.ts";
import { turn } from "../support/waiting.ts";
import { MemoryStream } from "../unit/websocket/memory-stream.ts";

/** Milliseconds of work; the seeds are always the same ones, a slow machine only gets to fewer of them. */
const BUDGET = 3000;
const MAX_PAYLOAD = 3000;

const REQUEST = { headers: { "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==" } } as unknown as IncomingMessage;

interface Outcome {
  readonly messages: (string | Buffer)[];
  readonly close: LinkClose;
  readonly sent: Buffer;
}

/** Feeds `bytes` to a fresh link, cut at random, and ends the stream. */
async function run(bytes: Buffer, random: Random): Promise<Outcome> {
  const stream = new MemoryStream();
  const messages: (string | Buffer)[] = [];
  const closes: LinkClose[] = [];
  const limits = { maxPayload: MAX_PAYLOAD, maxFragments: 20 };
  const link = acceptUpgrade(REQUEST, stream, Buffer.alloc(0), limits);
  link.open({
    onText: (text) => messages.push(text),
    onBinary: (data) => messages.push(data),
    onDrain() {},
    onClose: (close) => closes.push(close),
  });
  const longest = random.pick([1, 3, 20, 500, 70_000]);
  for (let at = 0; at < bytes.length;) {
    const size = 1 + random.below(longest);
    stream.push(Buffer.from(bytes.subarray(at, at + size)));
    at += size;
    if (random.below(30) === 0) await turn();
  }
  stream.push(null);
  await turn();
  await turn();
  expect(closes).toHaveLength(1);
  return { messages, close: closes[0]!, sent: stream.taken() };
}

function text(random: Random): Buffer {
  const alphabet = ["a", "é", "日", "😀", "\uFFFD", "\0"];
  return Buffer.from(Array.from({ length: random.below(60) }, () => random.pick(alphabet)).join(""));
}

/** A message cut into fragments, with control frames between. */
function message(random: Random): { specs: FrameSpec[]; content: string | Buffer } {
  const opcode = random.pick([1, 2]);
  const payload = opcode === 1 ? text(random) : random.bytes(random.pick([0, 5, 125, 126, 400]));
  const count = random.pick([1, 1, 1, 2, 5]);
  const cuts = Array.from({ length: count - 1 }, () => random.below(payload.length + 1)).sort((a, b) => a - b);
  const specs: FrameSpec[] = [];
  [...cuts, payload.length].forEach((end, at) => {
    const start = at === 0 ? 0 : cuts[at - 1]!;
    specs.push({ opcode: at === 0 ? opcode : 0, payload: payload.subarray(start, end), fin: at === count - 1 });
    if (random.below(6) === 0) specs.push({ opcode: random.pick([9, 10]), payload: random.bytes(random.below(126)) });
  });
  return { specs, content: opcode === 1 ? payload.toString() : payload };
}

function randomSpec(random: Random): FrameSpec {
  return {
    opcode: random.pick([0, 1, 2, 3, 8, 9, 10, 15]),
    payload: random.pick([
      text(random),
      random.bytes(random.below(200)),
      closeBody(random.below(5100)),
      Buffer.alloc(0),
    ]),
    fin: random.below(4) > 0,
    masked: random.below(20) > 0,
    reserved: random.below(15) === 0 ? random.below(8) : 0,
    ...(random.below(15) === 0 ? { claim: random.pick([0, 126, 65536, 2 ** 40, 2n ** 63n]) } : {}),
    ...(random.below(15) === 0 ? { lengthBytes: random.pick([2, 8] as const) } : {}),
  };
}

function expectDocumented({ close, messages, sent }: Outcome): void {
  const { code, error } = close;
  if (error === undefined) expect(code === 1005 || code === 1006 || isValidCloseCode(code)).toBe(true);
  else {
    const name = (error as { code?: string }).code as keyof typeof VIOLATIONS;
    expect(VIOLATIONS[name]?.closeCode, String(error.stack)).toBe(code);
  }
  for (const content of messages) {
    expect(content.length).toBeLessThanOrEqual(MAX_PAYLOAD);
    if (typeof content === "string") expect(isUtf8(Buffer.from(content))).toBe(true);
  }
  for (const { opcode, masked, reserved } of new FrameReader().push(sent.subarray(sent.indexOf("\r\n\r\n") + 4))) {
    expect([8, 10]).toContain(opcode);
    expect([masked, reserved]).toEqual([false, 0]);
  }
}

async function rounds(round: (random: Random) => Promise<void>): Promise<void> {
  const end = performance.now() + BUDGET / 3;
  for (let seed = 1; performance.now() < end; seed++) {
    try {
      await round(new Random(seed));
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
}

describe("fuzzed WebSocket input", () => {
  it("is delivered message by message when it is good, however it is cut", () =>
    rounds(async (random) => {
      const messages = Array.from({ length: 1 + random.below(6) }, () => message(random));
      const specs = messages.flatMap((one) => one.specs);
      specs.push({ opcode: 8, payload: closeBody(1000, "end") });
      const outcome = await run(Buffer.concat(specs.map(frame)), random);
      expectDocumented(outcome);
      expect(outcome.close).toEqual({ code: 1000, reason: "end", wasClean: true, error: undefined });
      expect(outcome.messages).toEqual(messages.map(({ content }) => content));
    }));

  it("is accepted or refused with a documented code when its frames are random", () =>
    rounds(async (random) => {
      const specs = Array.from({ length: 1 + random.below(8) }, () => randomSpec(random));
      expectDocumented(await run(Buffer.concat(specs.map(frame)), random));
    }));

  it("is accepted or refused with a documented code when its bytes are changed", () =>
    rounds(async (random) => {
      const bytes = Buffer.concat(
        message(random)
          .specs.map(frame)
          .concat(random.bytes(random.below(30))),
      );
      for (let at = random.below(4); at >= 0; at--) bytes[random.below(bytes.length)] = random.below(256);
      expectDocumented(await run(bytes, random));
    }));
});
