import { ParserError } from "./errors.ts";
import type { BinaryData, Bytes } from "./bytes.ts";
import { viewBytes } from "./bytes.ts";

/** Browsers take the arguments of `String.fromCharCode` from the stack: slices keep it small. */
const BROWSER_SLICE = 8192;

/** @returns standard base64 with padding (RFC 4648 section 4) */
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
 * Decodes base64, with or without padding, of either alphabet (RFC 4648 sections 4 and 5), and refuses what the platforms'
 * own decoders would silently skip: foreign characters, white space other than line breaks, characters behind the end.
 *
 * @throws ParserError `ENGINE_INVALID_BASE64`
 */
export function decodeBase64(text: string): Bytes {
  // some encoders wrap their lines, as MIME does (RFC 2045 section 6.8)
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

/** Padding may be missing, in whole or in part: how many bytes there are is known without. */
function isBase64(text: string): boolean {
  const end = text.indexOf("=");
  const length = end === -1 ? text.length : end;
  const over = length & 3;
  return over !== 1 && text.length - length <= ((4 - over) & 3) && BASE64.test(text);
}
