/*
 * Packets of Socket.IO, as text and attachments.
 * Knows: the protocol's numbers and shapes.
 * Must not know: connections and sockets.
 */
import type { Packet } from "@portage/parser/socket";
import { readGlobal } from "../../engine/index.ts";
import { ClientError } from "../errors.ts";

/*
 * Packet types on the wire. The codec of @portage/parser is for servers; its error table and limits would take as much room
 * as half of this client. This one is small, and a test compares both on the same packets.
 */
export const CONNECT = 0;
export const DISCONNECT = 1;
export const EVENT = 2;
export const ACK = 3;
export const CONNECT_ERROR = 4;
/** Offset of BINARY_EVENT and BINARY_ACK from EVENT and ACK. */
export const BINARY = 3;

/** The engine's options for a packet. */
export interface SendingOptions {
  compress?: boolean;
}

/** A packet to send. */
export interface OutgoingPacket extends Partial<Packet> {
  options?: SendingOptions;
}

/** Names of the library's own events, which neither side may send. */
export const RESERVED = /^(connect(_error)?|disconnect(ing)?|(new|remove)Listener)$/;

const BlobClass = readGlobal<typeof Blob>("Blob");

/** Whether a value is sent as an attachment. */
export const isBinary = (value: unknown): boolean =>
  value instanceof ArrayBuffer ||
  ArrayBuffer.isView(value) ||
  (typeof BlobClass === "function" && value instanceof BlobClass);

/** Encodes a packet with any encoder. @throws ClientError `NOT_ENCODABLE` */
export function encodeWith(encoder: { encode(packet: unknown): unknown[] }, packet: Partial<Packet>): unknown[] {
  try {
    return encoder.encode(packet);
  } catch (cause) {
    throw new ClientError("NOT_ENCODABLE", "can't be encoded: " + String(cause), { cause });
  }
}
