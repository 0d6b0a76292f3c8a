import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodePayloadV3, encodePayloadV3, EnginePacket } from "@portage/parser/engine-v3";
import { referenceV3, refusal, runs } from "./reference.ts";

const fromHex = (hex: string): Buffer => Buffer.from(hex, "hex");

/** Decodes bytes as the text of one message within a binary payload. */
function decodeUtf8(bytes: Buffer): string {
  const digits = Array.from(String(bytes.length + 1), Number);
  const payload = Buffer.concat([Buffer.from([0, ...digits, 255, 0x34]), bytes]);
  return (decodePayloadV3(payload)[0]?.data as string | undefined) ?? "";
}

/** The decoded text of one message within a binary payload. */
function roundTrip(text: string): string {
  const marker = new EnginePacket("message", Buffer.of(0));
  const payload = encodePayloadV3([new EnginePacket("message", text), marker], true);
  return decodePayloadV3(payload)[0]?.data as string;
}

describe("UTF-8 of revision 3", () => {
  test.each([
    ["24", "$"],
    ["c2a2", "¢"],
    ["e282ac", "€"],
    ["f09f9880", "😀"],
    ["f48fbfbf", "\u{10ffff}"],
    ["7f", "\x7f"],
    ["c280", "\x80"],
    ["dfbf", "\u07ff"],
    ["e0a080", "\u0800"],
    ["ed9fbf", "\ud7ff"],
    ["ee8080", "\ue000"],
    ["efbfbf", "\uffff"],
    ["f0908080", "\u{10000}"],
    ["efbbbf41", "\ufeffA"],
    ["efbfbd", "\ufffd"],
    ["", ""],
    // A lone encoded surrogate decodes to one replacement character, as in the reference.
    ["eda080", "\ufffd"],
    ["edbfbf", "\ufffd"],
    ["eda0bdedb880", "\ufffd\ufffd"],
    ["61eda08062", "a\ufffdb"],
  ])("%s is %j", (hex, text) => {
    expect(decodeUtf8(fromHex(hex))).toBe(text);
  });

  test.each([
    "80",
    "bf",
    "c2",
    "c241",
    "c080",
    "c1bf",
    "e0",
    "e282",
    "e28241",
    "e08080",
    "e09fbf",
    "f0",
    "f09f98",
    "f0808080",
    "f08fbfbf",
    "f4908080",
    "f5808080",
    "f888808080",
    "fe",
    "ff",
    "41ff",
    "e282ace2",
  ])("%s is refused", (hex) => {
    expect(refusal(() => decodeUtf8(fromHex(hex)))).toBe("ENGINE_INVALID_UTF8");
  });

  test.each([
    ["astral", "😀𝒳", "😀𝒳"],
    ["lone high surrogate", "a\ud83d", "a\ufffd"],
    ["lone low surrogate", "\ude00a", "\ufffda"],
    ["swapped pair", "\ude00\ud83d", "\ufffd\ufffd"],
    ["two high surrogates and a low one", "\ud83d\ud83d\ude00", "\ufffd😀"],
    ["replacement character", "\ufffd", "\ufffd"],
  ])("%s through a binary payload", (_name, sent, read) => {
    expect(roundTrip(sent)).toBe(read);
  });

  test("any bytes: the reference's text, or refused where it fails", () => {
    const anyBytes = fc.oneof(
      fc.uint8Array({ maxLength: 12 }),
      fc.array(fc.constantFrom(0x41, 0x80, 0xbf, 0xc2, 0xe0, 0xa0, 0xed, 0x9f, 0xf0, 0x90, 0xf4, 0x8f), {
        maxLength: 9,
      }),
    );
    fc.assert(
      fc.property(anyBytes, (values) => {
        const bytes = Buffer.from(values);
        const theirs = referenceV3.decodePacket("4" + bytes.toString("latin1"), null, true);
        if (theirs.type === "error") expect(refusal(() => decodeUtf8(bytes))).toBe("ENGINE_INVALID_UTF8");
        else expect(decodeUtf8(bytes)).toBe(theirs.data ?? "");
      }),
      runs(500),
    );
  });
});
