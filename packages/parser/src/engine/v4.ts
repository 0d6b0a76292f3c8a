import { decodeBase64, encodeBase64 } from "../base64.ts";
import { type BinaryData, isBinaryData, toBuffer } from "../bytes.ts";
import { DIGIT_0, LETTER_B, SEPARATOR } from "../characters.ts";
import { ParserError } from "../errors.ts";
import { DEFAULT_PACKET_OPTIONS, EnginePacket, PACKET_DIGITS, PACKET_TYPES, type RawData } from "./packet.ts";

/**
 * Encodes one packet for a WebSocket message or one record of a polling payload. Revision 4 writes
 * bytes without a type: a binary WebSocket message is always a "message".
 *
 * @param supportsBinary false encodes bytes as `b` + base64
 * @returns text, or the packet's own bytes (not copied)
 * @example encodePacketV4(new EnginePacket("message", "hi"), true) // "4hi"
 */
export function encodePacketV4(packet: EnginePacket, supportsBinary: boolean): RawData {
  const data: RawData | BinaryData | number | undefined = packet.data;
  if (typeof data === "string") return PACKET_DIGITS[packet.type] + data;
  if (data === undefined) return PACKET_DIGITS[packet.type];
  if (isBinaryData(data)) return supportsBinary ? toBuffer(data) : "b" + encodeBase64(data);
  // Untyped programs send numbers and booleans; falsy ones encode as empty, as in the reference.
  return PACKET_DIGITS[packet.type] + String(data || "");
}

/**
 * Decodes one WebSocket message or one record of a polling payload.
 *
 * @throws ParserError `ENGINE_EMPTY_PACKET`, `ENGINE_UNKNOWN_PACKET_TYPE`, `ENGINE_INVALID_BASE64`
 * @example decodePacketV4("4hi") // EnginePacket { type: "message", data: "hi" }
 */
export function decodePacketV4(encoded: RawData): EnginePacket {
  if (typeof encoded !== "string") return new EnginePacket("message", encoded, DEFAULT_PACKET_OPTIONS);
  const first = encoded.charCodeAt(0);
  const type = PACKET_TYPES[first - DIGIT_0];
  if (type !== undefined) {
    return new EnginePacket(type, encoded.length > 1 ? encoded.slice(1) : undefined, DEFAULT_PACKET_OPTIONS);
  }
  if (first === LETTER_B) return new EnginePacket("message", decodeBase64(encoded.slice(1)), DEFAULT_PACKET_OPTIONS);
  throw new ParserError(encoded.length === 0 ? "ENGINE_EMPTY_PACKET" : "ENGINE_UNKNOWN_PACKET_TYPE");
}

/**
 * Encodes packets for one HTTP body: text records, bytes as base64.
 *
 * @example encodePayloadV4([new EnginePacket("message", "a"), new EnginePacket("ping", undefined)]) // "4a\x1e2"
 */
export function encodePayloadV4(packets: readonly EnginePacket[]): string {
  let payload = "";
  for (const packet of packets) {
    if (payload !== "") payload += SEPARATOR;
    payload += encodePacketV4(packet, false) as string;
  }
  return payload;
}

/**
 * Decodes one HTTP body. An empty body contains one empty packet.
 *
 * @param maxPackets most packets accepted. Default: unlimited
 * @throws ParserError `ENGINE_TOO_MANY_PACKETS`, and the errors of {@link decodePacketV4}
 */
export function decodePayloadV4(payload: string, maxPackets?: number): EnginePacket[] {
  return [...readPayloadV4(payload, maxPackets)];
}

/**
 * Decodes like {@link decodePayloadV4}, packet by packet. Lets callers process a huge body in
 * slices, and yields the packets before a malformed one.
 *
 * @example for (const packet of readPayloadV4("4a\x1e4b")) console.log(packet.data);
 */
export function* readPayloadV4(payload: string, maxPackets: number = Infinity): Generator<EnginePacket, void> {
  let start = 0;
  for (let count = 1; count <= maxPackets; count++) {
    const end = payload.indexOf(SEPARATOR, start);
    yield decodePacketV4(payload.slice(start, end === -1 ? undefined : end));
    if (end === -1) return;
    start = end + 1;
  }
  throw new ParserError("ENGINE_TOO_MANY_PACKETS");
}
