import type { Packet } from "@portage/parser/engine";

/**
 * Returns the size of a packet on the wire in bytes.
 *
 * @param asBase64 whether bytes are encoded as base64, as in HTTP bodies
 */
export function encodedSize(data: unknown, asBase64: boolean): number {
  const { size, byteLength = size } = Object(data) as { byteLength?: number; size?: number };
  if (byteLength == null) return 1 + textSize((data as string | undefined)?.toString() ?? "");
  return asBase64 ? 1 + Math.ceil(byteLength / 3) * 4 : byteLength;
}

/** Returns the UTF-8 size of a text in bytes, as some platforms have no TextEncoder. */
function textSize(text: string): number {
  // each half of a pair counts as two bytes
  return text.replace(/[\u0800-\uffff]/gu, "aaa").replace(/[\u0080-\uffff]/g, "aa").length;
}

/** Returns the first packets that fit into one HTTP body of `limit` bytes, at least one. */
export function takeFitting(packets: readonly Packet[], limit: number): Packet[] {
  // the first has no separator before it
  let size = -1;
  // stops at the limit, as the queue may be long
  const end =
    packets.length < 2 ? -1 : packets.findIndex(({ data }, i) => (size += 1 + encodedSize(data, true)) > limit && i);
  return packets.slice(0, end < 0 ? packets.length : end);
}
