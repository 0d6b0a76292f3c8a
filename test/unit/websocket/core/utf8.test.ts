import { isUtf8 } from "node:buffer";
import { describe, expect, it } from "vitest";
import { checkTextSoFar, decodeText } from "../../../../packages/websocket/src/core/frames/utf8.ts";
import { Random } from "../../../support/random.ts";

const VALID = ["", "ascii", "κόσμε", "日本語", "😀 and \u{10FFFF}", "\uFFFD itself", "\uFEFFmark", "\0"];
const INVALID = [
  "ff",
  "fe",
  "c0af",
  "c1bf",
  "e080af",
  "eda080",
  "edbfbf",
  "f08080af",
  "f4908080",
  "f5808080",
  "80",
  "bf",
  "c3",
  "e0a0",
  "f09f98",
  "61e282",
  "c328",
  "e28228",
  "f0288cbc",
  "cebae1bdb9cf83cebcceb5eda080656469746564",
];

describe("decodeText", () => {
  it.each(VALID)("reads %j", (text) => {
    const bytes = Buffer.from(`<${text}>`);
    expect(decodeText(bytes, 1, bytes.length - 1)).toBe(text);
  });

  it.each(INVALID)("refuses %s", (hex) => {
    const bytes = Buffer.from(hex, "hex");
    expect(decodeText(bytes, 0, bytes.length)).toBeUndefined();
  });

  it.each(VALID)("reads long texts of %j", (text) => {
    const long = `${text}x`.repeat(5000);
    const bytes = Buffer.from(`--${long}`);
    expect(decodeText(bytes, 2, bytes.length)).toBe(long);
  });

  it.each(INVALID)("refuses %s far inside a long text", (hex) => {
    const bytes = Buffer.concat([Buffer.alloc(5000, "a"), Buffer.from(hex, "hex"), Buffer.alloc(5000, "a")]);
    expect(decodeText(bytes, 0, bytes.length)).toBeUndefined();
  });
});

/**
 * Passes `bytes` in pieces of `size`. Returns the offset of the refusal, or of
 * an unfinished character.
 */
function check(bytes: Buffer, size: number): { refusedAt: number } | { checked: number } {
  let checked = 0;
  for (let to = size; ; to += size) {
    const end = Math.min(to, bytes.length);
    checked = checkTextSoFar(bytes, checked, end);
    if (checked < 0) return { refusedAt: end };
    if (end === bytes.length) return { checked };
  }
}

describe("checkTextSoFar", () => {
  it("accepts valid text cut anywhere", () => {
    const bytes = Buffer.from(VALID.join("|"));
    for (let size = 1; size <= bytes.length; size++) expect(check(bytes, size)).toEqual({ checked: bytes.length });
  });

  it.each([
    ["ff61", 1],
    ["c0", 1],
    ["f5", 1],
    ["e09f", 2],
    ["eda0", 2],
    ["f08f", 2],
    ["f490", 2],
    ["c341", 2],
    ["80", 1],
    ["f09f9841", 4],
  ])("refuses %s as soon as byte %i has arrived", (hex, refusedAt) => {
    expect(check(Buffer.from(hex, "hex"), 1)).toEqual({ refusedAt });
  });

  it("agrees with Node about random bytes, wherever they are cut", () => {
    const random = new Random(2);
    const alphabet = [0x41, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc2, 0xc3, 0xe0, 0xe2, 0xed, 0xef, 0xf0, 0xf4, 0xf5];
    for (let round = 0; round < 5000; round++) {
      const bytes = Buffer.from(Array.from({ length: 1 + random.below(7) }, () => random.pick(alphabet)));
      const result = check(bytes, 1 + random.below(4));
      const isWhole = "checked" in result && result.checked === bytes.length;
      expect(isWhole, bytes.toString("hex")).toBe(isUtf8(bytes));
    }
  });
});
