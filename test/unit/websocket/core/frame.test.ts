import { describe, expect, it } from "vitest";
import {
  announcedHeaderSize,
  frameBinary,
  frameText,
  headerSize,
  INVALID_LENGTH,
  MASKED,
  readPayloadLength,
  writeHeader,
} from "../../../../packages/websocket/src/core/frames/frame.ts";

const LENGTHS: readonly [length: number, header: string][] = [
  [0, "8200"],
  [1, "8201"],
  [124, "827c"],
  [125, "827d"],
  [126, "827e007e"],
  [127, "827e007f"],
  [65534, "827efffe"],
  [65535, "827effff"],
  [65536, "827f0000000000010000"],
  [65537, "827f0000000000010001"],
  [2 ** 32, "827f0000000100000000"],
  [2 ** 32 + 5, "827f0000000100000005"],
];

describe("frame header", () => {
  it.each(LENGTHS)("of a payload of %i bytes is %s", (length, header) => {
    const target = Buffer.alloc(16);
    const end = writeHeader(target, 0, 0x82, length, 0);
    expect(target.toString("hex", 0, end)).toBe(header);
    expect(headerSize(length)).toBe(end);
    expect(announcedHeaderSize(target[1]!)).toBe(end);
    expect(readPayloadLength(target, 0)).toBe(length);
  });

  it("has room for the key when the mask bit is set", () => {
    expect(announcedHeaderSize(MASKED | 5)).toBe(6);
    expect(announcedHeaderSize(MASKED | 126)).toBe(8);
    expect(announcedHeaderSize(MASKED | 127)).toBe(14);
  });

  it.each([
    "827e0000",
    "827e007d",
    "827f0000000000000000",
    "827f000000000000ffff",
    "827f8000000000000000",
    "827fffffffffffffffff",
  ])("with the length of %s is invalid", (header) =>
    expect(readPayloadLength(Buffer.from(header, "hex"), 0)).toBe(INVALID_LENGTH),
  );

  it("announces lengths above 2^53 without failing", () => {
    expect(readPayloadLength(Buffer.from("827f7fffffffffffffff", "hex"), 0)).toBeGreaterThan(Number.MAX_SAFE_INTEGER);
  });
});

describe("prepared frames", () => {
  it("contain a text as UTF-8", () => {
    expect(frameText("Hello").toString("hex")).toBe("810548656c6c6f");
    expect(frameText("é").toString("hex")).toBe("8102c3a9");
    expect(frameText("").toString("hex")).toBe("8100");
  });

  it("replace lone surrogates, which UTF-8 cannot encode", () => {
    expect(frameText("\ud800").toString("hex")).toBe("8103efbfbd");
  });

  it.each([16, 17, 125, 126, 65535, 65536])("contain ASCII texts of %i bytes", (length) => {
    const text = "a".repeat(length);
    const frame = frameText(text);
    expect(readPayloadLength(frame, 0)).toBe(length);
    expect(frame.subarray(headerSize(length)).toString()).toBe(text);
  });

  it("contain bytes, after an optional prefix", () => {
    expect(frameBinary(Buffer.from([1, 2, 3])).toString("hex")).toBe("8203010203");
    expect(frameBinary(Buffer.from([1, 2, 3]), 4).toString("hex")).toBe("820404010203");
    expect(frameBinary(Buffer.alloc(125), 4).subarray(0, 5).toString("hex")).toBe("827e007e04");
  });
});
