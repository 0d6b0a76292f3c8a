import { ParserError } from "./errors.ts";
import type { BinaryData, Bytes } from "./bytes.ts";
import { viewBytes } from "./bytes.ts";

/** Slice size: browsers pass the arguments of `String.fromCharCode` on the stack. */
const BROWSER_SLICE = 8192;

/** Encodes as standard base64 with padding (RFC 4648 section 4). */
export function encodeBase64(data: BinaryData): string {
  const bytes = viewBytes(data);
  if (typeof Buffer === "function") {
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
  }
  let binary = "";
  for (let at = 0; at < bytes.length; at += BROWSER_SLICE) {
    binary += String.fromCharCode(...bytes.subarray(at, at + BROWSER_SLICE));
  }
  return btoa(binary);
}

/**
 * Decodes base64 of either alphabet, padded or not (RFC 4648 sections 4 and 5). Rejects input
 * that the platforms' decoders skip: foreign characters, white space other than line breaks,
 * characters after the padding.
 *
 * @throws ParserError `ENGINE_INVALID_BASE64`
 */
export function decodeBase64(text: string): Bytes {
  // Some encoders wrap their lines, as MIME does (RFC 2045 section 6.8).
  const base64 = isBase64(text) ? text : text.replaceAll(LINE_BREAK, "");
  if (!isBase64(base64)) throw new ParserError("ENGINE_INVALID_BASE64");
  if (typeof Buffer === "function") return Buffer.from(base64, "base64");
  const binary = atob(base64.replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = binary.charCodeAt(at);
  return bytes as Bytes;
}

const LINE_BREAK = /\r?\n/g;
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;

/**
 * Returns whether `text` is base64. Padding may be missing, wholly or partly: the
 * length is known without it.
 */
function isBase64(text: string): boolean {
  const end = text.indexOf("=");
  const length = end === -1 ? text.length : end;
  const over = length & 3;
  return over !== 1 && text.length - length <= ((4 - over) & 3) && BASE64.test(text);
}
