import type { Packet } from "@portage/parser/engine";

/**
 * Bytes of a packet on the wire: its type, and text as UTF-8 or bytes.
 *
 * @param asBase64 whether bytes are written as base64, as in HTTP bodies
 */
export function encodedSize(data: unknown, asBase64: boolean): number {
  if (typeof data === "string") return 1 + new TextEncoder().encode(data).length;
  const { size = 0, byteLength = size } = (data ?? {}) as { byteLength?: number; size?: number };
  return asBase64 ? 1 + Math.ceil(byteLength / 3) * 4 : byteLength;
}

/** @returns the first packets that fit into one HTTP body of `limit` bytes, one of them at least */
export function takeFitting(packets: readonly Packet[], limit: number): Packet[] {
  // the first has no separator before it
  let size = -1;
  const end = packets.findIndex(({ data }, i) => (size += 1 + encodedSize(data, true)) > limit && i > 0);
  return packets.slice(0, end < 0 ? Infinity : end);
}
