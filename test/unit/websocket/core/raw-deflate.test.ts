import { deflateRawSync, inflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { isZlibUsable, RawCodec } from "../../../../packages/websocket/src/core/raw-deflate.ts";
import type { CodecFailure } from "../../../../packages/websocket/src/core/raw-deflate.ts";
import { Random } from "../../../support/random.ts";

const NOISE = new Random(7).bytes(300_000);
const deflater = (windowBits = 15): RawCodec => new RawCodec({ kind: "deflate", windowBits });
const inflater = (windowBits = 15): RawCodec => new RawCodec({ kind: "inflate", windowBits });
const later = (codec: RawCodec, input: Buffer, limit = Infinity): Promise<Buffer | CodecFailure> =>
  new Promise((resolve) => codec.code(input, limit, resolve));

describe("RawCodec", () => {
  it("can be used with this Node", () => expect(isZlibUsable()).toBe(true));

  it.each([8, 9, 12, 15])("codes with a window of %i bits what the other side can read with it", async (bits) => {
    const [compress, decompress] = [deflater(bits), inflater(bits)];
    for (const data of [Buffer.from("Hello"), NOISE, Buffer.alloc(200_000, "abc"), Buffer.from("Hello")]) {
      const now = compress.codeNow(data, Infinity) as Buffer;
      expect(Buffer.compare(decompress.codeNow(now, Infinity) as Buffer, data)).toBe(0);
      const threaded = (await later(compress, data)) as Buffer;
      expect(Buffer.compare((await later(decompress, threaded)) as Buffer, data)).toBe(0);
    }
  });

  it("fills its scratch buffer exactly", () => {
    for (const size of [65_535, 65_536, 65_537, 131_072]) {
      const coded = deflateRawSync(Buffer.alloc(size, "ab"), { finishFlush: 2 });
      expect(inflater().codeNow(coded, Infinity)).toHaveLength(size);
    }
  });

  it("gives up above the limit", async () => {
    const bomb = deflateRawSync(Buffer.alloc(5_000_000), { finishFlush: 2 });
    expect(inflater().codeNow(bomb, 100_000)).toBe("too big");
    expect(await later(inflater(), bomb, 100_000)).toBe("too big");
    expect(inflater().codeNow(deflateRawSync(Buffer.alloc(100), { finishFlush: 2 }), 100)).toHaveLength(100);
  });

  it("says when the data are bad, and is of no more use", async () => {
    for (const isThreaded of [false, true]) {
      const codec = inflater();
      const input = Buffer.alloc(50, 255);
      expect(isThreaded ? await later(codec, input) : codec.codeNow(input, Infinity)).toBe("bad data");
      expect(codec.isReusable).toBe(false);
      codec.close();
    }
  });

  it("notices that the stream ends, and reads the next one after a reset", () => {
    const codec = inflater();
    const ended = Buffer.concat([deflateRawSync(Buffer.from("one")), Buffer.alloc(5)]);
    expect(String(codec.codeNow(ended, Infinity))).toBe("one");
    expect(codec.isEnded).toBe(true);
    codec.reset();
    expect(String(codec.codeNow(ended, Infinity))).toBe("one");
  });

  it("forgets by a reset what it has seen", () => {
    const codec = deflater();
    const first = codec.codeNow(Buffer.from("Hello Hello"), Infinity) as Buffer;
    codec.reset();
    const second = codec.codeNow(Buffer.from("Hello Hello"), Infinity) as Buffer;
    expect(second.equals(first)).toBe(true);
    expect(inflateRawSync(second, { finishFlush: 2 }).toString()).toBe("Hello Hello");
  });

  it("answers a call under way when it is closed", async () => {
    const codec = deflater();
    const answer = later(codec, NOISE);
    codec.close();
    codec.close();
    expect(await answer).toBe("bad data");
  });
});
