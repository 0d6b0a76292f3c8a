import { describe, expect, it } from "vitest";
import {
  applyMask,
  randomMaskKey,
  readMaskKey,
  turnMaskKey,
  writeMaskKey,
} from "../../../../packages/websocket/src/core/frames/mask.ts";
import { Random } from "../../../support/random.ts";

const KEY = Buffer.from([0x37, 0xfa, 0x21, 0x9d]);

function reference(bytes: Buffer, phase = 0): Buffer {
  return Buffer.from(bytes.map((byte, at) => byte ^ KEY[(at + phase) & 3]!));
}

describe("masking", () => {
  it("gives the example of RFC 6455, 5.7", () => {
    const payload = Buffer.from("7f9f4d5158", "hex");
    applyMask(payload, 0, 5, readMaskKey(Buffer.from("37fa213d", "hex"), 0));
    expect(payload.toString()).toBe("Hello");
  });

  it("is exact at every length and alignment, and changes nothing around", () => {
    const random = new Random(1);
    for (const length of [0, 1, 2, 3, 4, 5, 7, 8, 127, 128, 129, 191, 192, 193, 194, 195, 196, 197, 1000, 65536]) {
      for (let start = 0; start < 8; start++) {
        const bytes = random.bytes(start + length + 8);
        const expected = Buffer.concat([
          bytes.subarray(0, start),
          reference(bytes.subarray(start, start + length)),
          bytes.subarray(start + length),
        ]);
        applyMask(bytes, start, start + length, readMaskKey(KEY, 0));
        expect(bytes.equals(expected), `length ${length} at ${start}`).toBe(true);
      }
    }
  });

  it("continues inside a payload with the rotated key", () => {
    const bytes = Buffer.from("a payload in several pieces");
    for (let done = 0; done < 9; done++) {
      const rest = Buffer.from(bytes);
      applyMask(rest, 0, rest.length, turnMaskKey(readMaskKey(KEY, 0), done));
      expect(rest.equals(reference(bytes, done))).toBe(true);
    }
  });

  it("writes keys as it reads them, even above 2^31", () => {
    const target = Buffer.alloc(6);
    expect(writeMaskKey(target, 1, readMaskKey(KEY, 0))).toBe(5);
    expect(target.subarray(1, 5).equals(KEY)).toBe(true);
  });

  it("draws keys that do not repeat (RFC 6455, 5.3)", () => {
    const keys = new Set(Array.from({ length: 3000 }, () => randomMaskKey()));
    expect(keys.size).toBeGreaterThan(2990);
  });
});
