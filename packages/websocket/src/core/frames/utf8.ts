import { isAscii, isUtf8, transcode } from "node:buffer";
import { readLatin1, readUcs2, readUtf8 } from "./native-buffer.ts";

/** Smallest text, in bytes, for which choosing a decoder first pays for itself. */
const LONG_TEXT = 2048;

/** Decodes a range. Returns undefined if it is not valid UTF-8. */
export function decodeText(bytes: Buffer, start: number, end: number): string | undefined {
  if (end - start >= LONG_TEXT) return decodeLongText(bytes.subarray(start, end));
  const text = readUtf8(bytes, start, end);
  // Malformed bytes decode to U+FFFD, so a text without U+FFFD is valid. Most texts contain none.
  if (text.includes("\uFFFD") && !isUtf8(bytes.subarray(start, end))) return undefined;
  return text;
}

/**
 * Decodes with Node's vectorised checks and converters: two to five times as fast as V8, which
 * decodes character by character.
 */
function decodeLongText(bytes: Buffer): string | undefined {
  if (isAscii(bytes)) return readLatin1(bytes);
  if (!isUtf8(bytes)) return undefined;
  // Node built without ICU lacks `transcode`.
  return transcode === undefined ? readUtf8(bytes, 0, bytes.length) : readUcs2(transcode(bytes, "utf8", "ucs2"));
}

/**
 * Checks bytes `from` to `to` of an incomplete text. Returns the end of the last whole
 * valid character: `to`, or less if `to` cuts a character. Returns -1 if the bytes are
 * malformed whatever follows.
 */
export function checkTextSoFar(bytes: Buffer, from: number, to: number): number {
  const boundary = lastBoundary(bytes, from, to);
  if (boundary < to && !isValidPrefix(bytes, boundary, to)) return -1;
  return isUtf8(bytes.subarray(from, boundary)) ? boundary : -1;
}

/** Returns the start of the character that `to` cuts, or `to` itself. */
function lastBoundary(bytes: Buffer, from: number, to: number): number {
  for (let back = 1; back <= 3 && to - back >= from; back++) {
    const byte = bytes[to - back]!;
    if (byte < 0x80) return to;
    if (byte >= 0xc0) {
      const size = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return size > back ? to - back : to;
    }
  }
  return to;
}

/**
 * Returns whether a lead byte, with its continuation byte if present, can begin a
 * character (Unicode, table 3-7).
 */
function isValidPrefix(bytes: Buffer, start: number, to: number): boolean {
  const lead = bytes[start]!;
  if (lead < 0xc2 || lead > 0xf4) return false;
  if (to - start < 2) return true;
  const second = bytes[start + 1]!;
  if (lead === 0xe0) return second >= 0xa0;
  if (lead === 0xed) return second <= 0x9f;
  if (lead === 0xf0) return second >= 0x90;
  return lead !== 0xf4 || second <= 0x8f;
}
