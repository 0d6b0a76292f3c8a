/*
 * The Socket.IO packet codec: a drop-in for `socket.io-parser`. Protocols 4 and
 * 5 have the same packets.
 * Knows: packets, their text and attachments, the limits for peers; as types, which events a program declares.
 * Must not know: sessions, transports, the meaning of an event.
 */
export { Decoder } from "./socket/decoder.ts";
export type { DecoderLimits, DecoderOptions, JsonReviver } from "./socket/decoder-options.ts";
export { Encoder, type JsonReplacer } from "./socket/encoder.ts";
export { isPacketValid, type Packet, PacketType, RESERVED_EVENTS, SocketPacket } from "./socket/packet.ts";
export type {
  AllButLast,
  DefaultEventsMap,
  EventNames,
  EventParams,
  EventsMap,
  ReservedOrUserEventNames,
  ReservedOrUserListener,
} from "./socket/typed-events.ts";
export { ParserError, type ParserErrorCode, SOCKET_PARSER_ERRORS } from "./errors.ts";

/** Revision of the Socket.IO protocol. */
export const protocol = 5 as const;
