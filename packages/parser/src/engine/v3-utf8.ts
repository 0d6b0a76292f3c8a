import type { Bytes } from "../bytes.ts";
import { ParserError } from "../errors.ts";

/**
 * Decodes the text of a revision 3 binary payload.
 *
 * Differs from the platform's decoder in two ways. It rejects malformed UTF-8 instead of replacing
 * it, and it decodes a lone encoded surrogate (three bytes, ED A0..BF xx) to one U+FFFD, not three.
 *
 * @throws ParserError `ENGINE_INVALID_UTF8`
 */
export function decodeUtf8(bytes: Bytes): string {
  const text = bytes.toString("utf8");
  // The platform marks each fault with U+FFFD: a text without one is valid.
  return text.includes("\ufffd") ? decodeBySymbol(bytes) : text;
}

function decodeBySymbol(bytes: Bytes): string {
  let text = "";
  let at = 0;
  while (at < bytes.length) {
    const length = symbolLength(bytes[at] as number);
    const codePoint = readSymbol(bytes, at, length);
    text += codePoint >= 0xd800 && codePoint <= 0xdfff ? "\ufffd" : String.fromCodePoint(codePoint);
    at += length;
  }
  return text;
}

function symbolLength(lead: number): number {
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  if (lead >= 0xf0 && lead <= 0xf4) return 4;
  throw new ParserError("ENGINE_INVALID_UTF8");
}

/** Smallest code point for each encoded length; a smaller one is overlong (RFC 3629 section 3). */
const SMALLEST = [0, 0, 0x80, 0x800, 0x10000];
const LEAD_BITS = [0, 0x7f, 0x1f, 0x0f, 0x07];

function readSymbol(bytes: Bytes, at: number, length: number): number {
  let codePoint = (bytes[at] as number) & (LEAD_BITS[length] as number);
  for (let i = 1; i < length; i++) {
    const byte = bytes[at + i];
    if (byte === undefined || (byte & 0xc0) !== 0x80) throw new ParserError("ENGINE_INVALID_UTF8");
    codePoint = (codePoint << 6) | (byte & 0x3f);
  }
  if (codePoint < (SMALLEST[length] as number) || codePoint > 0x10ffff) throw new ParserError("ENGINE_INVALID_UTF8");
  return codePoint;
}
