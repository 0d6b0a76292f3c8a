import { PacketType } from "@portage/parser/socket";
import { decodePacket, type RawData, ServerEncoder } from "./codec.ts";

/** An event needs a name. */
const VALUE_NAME = "values";

const encoder = new ServerEncoder();

/**
 * Encodes values as a client would get them: JSON, and bytes at any depth.
 *
 * @throws SocketIoError `NOT_ENCODABLE`, and what `JSON.stringify` or a `toJSON` throws
 */
export function encodeValues(values: readonly unknown[]): RawData[] {
  return encoder.encode({ type: PacketType.EVENT, nsp: "/", data: [VALUE_NAME, ...values] });
}

/**
 * Decodes values. Undefined: they are incomplete.
 *
 * @throws ParserError when they are malformed
 */
export function decodeValues(parts: readonly RawData[]): unknown[] | undefined {
  const packet = decodePacket(parts, undefined);
  return packet?.type === PacketType.EVENT ? (packet.data as unknown[]).slice(1) : undefined;
}
