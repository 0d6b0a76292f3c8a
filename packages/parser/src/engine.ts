/*
 * The Engine.IO codec of revision 4, and a drop-in for `engine.io-parser`.
 * Knows: engine packets and payloads, as text and bytes.
 * Must not know: transports, sessions, HTTP; Socket.IO packets, which are plain messages here.
 */
export { encodeBase64, decodeBase64 } from "./base64.ts";
export { type BinaryData, isBinaryData, toBuffer } from "./bytes.ts";
export {
  type CloseText,
  readClosePacket,
  readCloseCode,
  readRetry,
  readRetryAfter,
  writeClosePacket,
  writeCloseText,
} from "./engine/close-text.ts";
export { asksForCount, Ledger, type LedgerLimits, readCount } from "./engine/ledger.ts";
export { ENGINE_PARSER_ERRORS, ParserError, type ParserErrorCode } from "./errors.ts";
export {
  DEFAULT_PACKET_OPTIONS,
  EnginePacket,
  type EnginePacketType,
  type PacketOptions,
  type RawData,
} from "./engine/packet.ts";
export { createPacketDecoderStream, createPacketEncoderStream } from "./engine/packet-streams.ts";
export { isTraceparent } from "./engine/trace-context.ts";
export { framePacket, PacketReader, writePacketHeader } from "./engine/stream-v4.ts";
export { decodePacketV4, decodePayloadV4, encodePacketV4, encodePayloadV4, readPayloadV4 } from "./engine/v4.ts";
export {
  type BinaryType,
  decodePacket,
  decodePayload,
  type Encoded,
  encodePacket,
  encodePackets,
  encodePayload,
  type Packet,
  type PacketType,
  protocol,
} from "./engine/drop-in-v4.ts";
