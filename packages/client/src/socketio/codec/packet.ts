/*
 * Packets of Socket.IO, as text and attachments.
 * Knows: the protocol's numbers and shapes.
 * Must not know: connections and sockets.
 */
import type { Packet } from "@portage/parser/socket";
import { platform } from "../../engine/index.ts";
import { ClientError } from "../errors.ts";

/*
 * The numbers of the packets on the wire. @portage/parser has them with their names; its codec is written for servers,
 * with a table of errors and limits that would be half of this client in a browser. This one is written for its size.
 * A test holds both to the same packets.
 */
export const CONNECT = 0;
export const DISCONNECT = 1;
export const EVENT = 2;
export const ACK = 3;
export const CONNECT_ERROR = 4;
/** BINARY_EVENT and BINARY_ACK on the wire are EVENT and ACK and this. */
export const BINARY = 3;

/** How the engine is to send a packet. */
export interface PacketOptions {
  compress?: boolean;
}

/** A packet that waits to be sent. */
export interface OutgoingPacket extends Partial<Packet> {
  options?: PacketOptions;
}

/** Events that the library emits itself: neither side may send them. */
export const RESERVED = /^(connect(_error)?|disconnect(ing)?|(new|remove)Listener)$/;

const BlobClass = platform<typeof Blob>("Blob");

/** Whether a value is sent as an attachment. */
export const isBinary = (value: unknown): boolean =>
  value instanceof ArrayBuffer ||
  ArrayBuffer.isView(value) ||
  (typeof BlobClass === "function" && value instanceof BlobClass);

/** Encodes with this or another encoder. @throws ClientError `NOT_ENCODABLE` */
export function encodeWith(encoder: { encode(packet: unknown): unknown[] }, packet: Partial<Packet>): unknown[] {
  try {
    return encoder.encode(packet);
  } catch (cause) {
    throw new ClientError("NOT_ENCODABLE", "can't be encoded: " + String(cause), { cause });
  }
}
