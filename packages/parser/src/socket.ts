/*
 * The Socket.IO packet codec (protocol 5, and 4, whose packets are the same): a drop-in for `socket.io-parser`.
 * Knows: packets, their text and attachments, the limits of what a peer may send.
 * Must not know: sessions, transports, what an event means.
 */
export { Decoder } from "./socket/decoder.ts";
export type { DecoderLimits, DecoderOptions, JsonReviver } from "./socket/decoder-options.ts";
export { Encoder, type JsonReplacer } from "./socket/encoder.ts";
export { isPacketValid, type Packet, PacketType, RESERVED_EVENTS, SocketPacket } from "./socket/packet.ts";
export { ParserError, type ParserErrorCode, SOCKET_PARSER_ERRORS } from "./errors.ts";

/** Revision of the Socket.IO protocol. */
export const protocol = 5 as const;
