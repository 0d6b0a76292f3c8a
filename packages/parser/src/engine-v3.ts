/*
 * The Engine.IO codec of revision 3, and a drop-in for the reference's `parser-v3`.
 * Knows: engine packets and payloads in text, base64 and binary form. Node only.
 * Must not know: transports, sessions, HTTP; Socket.IO packets, which are plain messages here.
 */
export { ENGINE_PARSER_ERRORS, ParserError, type ParserErrorCode } from "./errors.ts";
export {
  DEFAULT_PACKET_OPTIONS,
  EnginePacket,
  type EnginePacketType,
  type PacketOptions,
  type RawData,
} from "./engine/packet.ts";
export { decodePacketV3, decodePayloadV3, encodePacketV3, encodePayloadV3, readPayloadV3 } from "./engine/v3.ts";
export {
  decodeBase64Packet,
  decodePacket,
  decodePayload,
  decodePayloadAsBinary,
  encodeBase64Packet,
  encodePacket,
  encodePayload,
  encodePayloadAsBinary,
  packets,
  protocol,
} from "./engine/drop-in-v3.ts";
export type { BinaryType, Packet } from "./engine/drop-in-v4.ts";
