import { EMPTY } from "./native-buffer.ts";

/** The close codes that this package sends or reports (RFC 6455, 7.4.1). */
export const CLOSE_CODE = {
  normal: 1000,
  protocolError: 1002,
  /** Never on the wire: the peer's close frame carried no code. */
  noStatus: 1005,
  /** Never on the wire: the stream ended without a close frame. */
  abnormal: 1006,
  invalidData: 1007,
  policy: 1008,
  tooBig: 1009,
} as const;

/**
 * Longest close reason, in UTF-8 bytes: 125 for a control frame minus 2 for
 * the code (RFC 6455, 5.5).
 */
export const MAX_REASON_BYTES = 123;

/**
 * Returns whether a close frame may carry `code` (RFC 6455, 7.4): a registered code except 1004,
 * 1005, 1006 and 1015, or one from the ranges for libraries and applications.
 */
export function isValidCloseCode(code: number): boolean {
  if (!Number.isInteger(code)) return false;
  if (code >= 3000) return code <= 4999;
  return code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006;
}

/** Makes the payload of a close frame. Cuts `reason` to `MAX_REASON_BYTES`, at a character. */
export function closePayload(code: number | undefined, reason: string): Buffer {
  if (code === undefined) return EMPTY;
  const text = Buffer.from(reason);
  const length = text.length <= MAX_REASON_BYTES ? text.length : cutAtCharacter(text, MAX_REASON_BYTES);
  const payload = Buffer.allocUnsafe(2 + length);
  payload.writeUInt16BE(code, 0);
  text.copy(payload, 2, 0, length);
  return payload;
}

/** Returns the largest offset up to `end` that does not split a UTF-8 character. */
function cutAtCharacter(text: Buffer, end: number): number {
  let at = end;
  while (at > 0 && (text[at]! & 0xc0) === 0x80) at--;
  return at;
}
