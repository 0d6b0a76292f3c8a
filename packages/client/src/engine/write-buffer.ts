import type { Packet } from "@portage/parser/engine";

/**
 * Bytes of a packet on the wire: its type, and text as UTF-8 or bytes.
 *
 * @param asBase64 whether bytes are written as base64, as in HTTP bodies
 */
export function encodedSize(data: unknown, asBase64: boolean): number {
  if (!data) return 1;
  if (typeof data === "string") return 1 + new TextEncoder().encode(data).length;
  const { byteLength, size = byteLength } = data as { byteLength: number; size?: number };
  return asBase64 ? 1 + Math.ceil(size / 3) * 4 : size;
}

/** @returns the first packets that fit into one HTTP body of `limit` bytes, one of them at least */
export function takeFitting(packets: Packet[], limit: number): Packet[] {
  let size = 0;
  // one more for the separator
  const end = packets.findIndex(({ data }, i) => (size += encodedSize(data, true) + (i && 1)) > limit && i > 0);
  return end < 0 ? packets : packets.slice(0, end);
}

/** A message that was refused because the server would not take it. Nothing of it was sent. */
export class MessageTooLargeError extends Error {
  readonly code = "MESSAGE_TOO_LARGE";
  /** Bytes of the message on the wire. */
  readonly size: number;
  /** Most bytes that the server accepts. */
  readonly limit: number;

  constructor(size: number, limit: number) {
    super("message too large");
    this.size = size;
    this.limit = limit;
  }
}
