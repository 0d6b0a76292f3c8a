/** Why a stream is reset, by its number on the wire. */
const RESETS = {
  /** the owner has destroyed the connection */
  destroyed: 1,
  /** the owner has too many streams */
  overloaded: 2,
} as const;

export type ResetCode = keyof typeof RESETS;

/** Encodes the body of RESET. */
export function encodeReset(code: ResetCode): Buffer {
  return Buffer.of(RESETS[code]);
}

/** Decodes the body of RESET; undefined if it is malformed. */
export function decodeReset(body: Buffer): ResetCode | undefined {
  if (body.length !== 1) return undefined;
  return (Object.keys(RESETS) as ResetCode[]).find((code) => RESETS[code] === body[0]);
}
