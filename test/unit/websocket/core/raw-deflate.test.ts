import { deflateRawSync, inflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { type CodecFailure, codeNow, RawCodec } from "../../../../packages/websocket/src/core/deflate/raw-deflate.ts";
import { Random } from "../../../support/random.ts";

const NOISE = new Random(7).bytes(300_000);
const HELLO = Buffer.from("Hello Hello");
const DEFLATE = { kind: "deflate", windowBits: 15 } as const;
const INFLATE = { kind: "inflate", windowBits: 15 } as const;
/** A stream that ends (BFINAL), with bytes after its end. */
const ENDED = Buffer.concat([deflateRawSync(Buffer.from("one")), Buffer.alloc(5)]);
const BAD = Buffer.alloc(50, 255);

const flushed = (data: Buffer): Buffer => deflateRawSync(data, { finishFlush: 2 });
const later = (codec: RawCodec, input: Buffer, limit = Infinity): Promise<Buffer | CodecFailure> =>
  new Promise((resolve) => codec.code(input, limit, resolve));
const inflateLater = (input: Buffer, limit?: number): Promise<Buffer | CodecFailure> =>
  later(new RawCodec(INFLATE), input, limit);

describe("codeNow", () => {
  it.each([8, 9, 12, 15])("writes data with a window of %i bits that the other side can read with it", (windowBits) => {
    for (const data of [HELLO, NOISE, Buffer.alloc(200_000, "abc")]) {
      const coded = codeNow({ ...DEFLATE, windowBits }, data, Infinity) as Buffer;
      expect(coded.subarray(-4).toString("hex")).toBe("0000ffff");
      expect(Buffer.compare(codeNow({ ...INFLATE, windowBits }, coded, Infinity) as Buffer, data)).toBe(0);
    }
  });

  it("returns all data that fills zlib's chunks exactly", () => {
    for (const size of [16_384, 65_535, 65_536, 65_537]) {
      expect(codeNow(INFLATE, flushed(Buffer.alloc(size, "ab")), Infinity)).toHaveLength(size);
    }
  });

  it("fails above the limit", () => {
    expect(codeNow(INFLATE, flushed(Buffer.alloc(5_000_000)), 100_000)).toBe("too big");
    expect(codeNow(INFLATE, flushed(Buffer.alloc(101)), 100)).toBe("too big");
    expect(codeNow(INFLATE, flushed(Buffer.alloc(100)), 100)).toHaveLength(100);
  });

  it("reports malformed data", () => expect(codeNow(INFLATE, BAD, Infinity)).toBe("bad data"));

  it("reads up to the end of the stream", () => expect(String(codeNow(INFLATE, ENDED, Infinity))).toBe("one"));
});

describe("RawCodec", () => {
  it.each([8, 9, 12, 15])(
    "writes data with a window of %i bits that the other side can read with it",
    async (windowBits) => {
      const compress = new RawCodec({ ...DEFLATE, windowBits });
      const decompress = new RawCodec({ ...INFLATE, windowBits });
      for (const data of [HELLO, NOISE, Buffer.alloc(200_000, "abc"), HELLO]) {
        const coded = (await later(compress, data)) as Buffer;
        expect(coded.subarray(-4).toString("hex")).toBe("0000ffff");
        expect(Buffer.compare((await later(decompress, coded)) as Buffer, data)).toBe(0);
      }
    },
  );

  it("returns all data that fills zlib's chunks exactly", async () => {
    for (const size of [16_384, 65_535, 65_536, 65_537]) {
      expect(await inflateLater(flushed(Buffer.alloc(size, "ab")))).toHaveLength(size);
    }
  });

  it("fails above the limit", async () => {
    expect(await inflateLater(flushed(Buffer.alloc(5_000_000)), 100_000)).toBe("too big");
    expect(await inflateLater(flushed(Buffer.alloc(101)), 100)).toBe("too big");
    expect(await inflateLater(flushed(Buffer.alloc(100)), 100)).toHaveLength(100);
  });

  it("reports malformed data, however much was valid before, and is unusable then", async () => {
    for (const good of [0, 50_000]) {
      const codec = new RawCodec(INFLATE);
      expect(await later(codec, Buffer.concat([flushed(Buffer.alloc(good)), BAD]))).toBe("bad data");
      expect(codec.isReusable).toBe(false);
      codec.close();
    }
  });

  it("returns the data before the end of the stream, and is unusable then", async () => {
    const codec = new RawCodec(INFLATE);
    expect(String(await later(codec, ENDED))).toBe("one");
    expect(codec.isReusable).toBe(false);
    codec.close();
  });

  it("remembers earlier data, and forgets it on reset", async () => {
    const codec = new RawCodec(DEFLATE);
    const first = (await later(codec, HELLO)) as Buffer;
    const short = (await later(codec, HELLO)) as Buffer;
    expect(short.length).toBeLessThan(first.length);
    codec.reset();
    const again = (await later(codec, HELLO)) as Buffer;
    expect(again.equals(first)).toBe(true);
    expect(inflateRawSync(again, { finishFlush: 2 }).toString()).toBe("Hello Hello");
  });

  it("ends a call in progress when it is closed", async () => {
    const codec = new RawCodec(DEFLATE);
    const answer = later(codec, NOISE);
    codec.close();
    codec.close();
    expect(await answer).toBe("bad data");
  });
});
