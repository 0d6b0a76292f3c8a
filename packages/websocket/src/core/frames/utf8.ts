import { isAscii, isUtf8, transcode } from "node:buffer";
import { readLatin1, readUcs2, readUtf8 } from "./native-buffer.ts";

/** From this many bytes it pays to look first which decoder the text needs. */
const LONG_TEXT = 2048;

/** The text of a range, or undefined when it is not valid UTF-8. */
export function decodeText(bytes: Buffer, start: number, end: number): string | undefined {
  if (end - start >= LONG_TEXT) return decodeLongText(bytes.subarray(start, end));
  const text = readUtf8(bytes, start, end);
  // Invalid bytes decode to U+FFFD: only a text that holds one can be wrong, and most hold none.
  if (text.includes("\uFFFD") && !isUtf8(bytes.subarray(start, end))) return undefined;
  return text;
}

/** V8 decodes UTF-8 character by character; checking and Node's converters are vectorised, and two to five times as fast. */
function decodeLongText(bytes: Buffer): string | undefined {
  if (isAscii(bytes)) return readLatin1(bytes);
  if (!isUtf8(bytes)) return undefined;
  // Node built without ICU has no `transcode`.
  return transcode === undefined ? readUtf8(bytes, 0, bytes.length) : readUcs2(transcode(bytes, "utf8", "ucs2"));
}

/**
 * Checks bytes `from` to `to` of a text that goes on behind `to`. Returns the offset up to which they are whole valid
 * characters: `to`, or the start of a character cut by `to`. Returns -1 when no continuation could make them valid.
 */
export function checkTextSoFar(bytes: Buffer, from: number, to: number): number {
  const boundary = lastBoundary(bytes, from, to);
  if (boundary < to && !isValidPrefix(bytes, boundary, to)) return -1;
  return isUtf8(bytes.subarray(from, boundary)) ? boundary : -1;
}

/** Start of the character that `to` cuts, or `to` itself. */
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

/** Whether a lead byte, and the continuation byte behind it if there is one, can begin a character (Unicode, table 3-7). */
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
