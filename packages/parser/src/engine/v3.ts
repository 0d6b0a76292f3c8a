import { decodeBase64, encodeBase64 } from "../base64.ts";
import { type BinaryData, type Bytes, isBinaryData, toBuffer } from "../bytes.ts";
import { COLON, DIGIT_0, LETTER_B } from "../characters.ts";
import { ParserError } from "../errors.ts";
import { DEFAULT_PACKET_OPTIONS, EnginePacket, PACKET_DIGITS, PACKET_TYPES, type RawData } from "./packet.ts";
import { decodeUtf8 } from "./v3-utf8.ts";

/** Longest length field, in digits: the largest string or buffer of the platform needs ten. */
const MAX_LENGTH_DIGITS = 10;

/** A payload without packets. */
export const NO_PACKETS = "0:";

/**
 * Frames a binary payload: a mark, the decimal digits of the length as bytes 0 to
 * 9, this byte, the packet.
 */
const LENGTH_END = 255;
const TEXT_MARK = 0;
const BINARY_MARK = 1;

/**
 * Encodes one packet for a WebSocket message. Unlike in revision 4, a type
 * byte precedes binary data.
 *
 * @param supportsBinary false encodes bytes as `b` + type + base64
 * @example encodePacketV3(new EnginePacket("message", Buffer.of(1)), true) // <Buffer 04 01>
 */
export function encodePacketV3(packet: EnginePacket, supportsBinary: boolean): RawData {
  const data: RawData | BinaryData | number | undefined = packet.data;
  if (typeof data === "string") return PACKET_DIGITS[packet.type] + data;
  if (data === undefined) return PACKET_DIGITS[packet.type];
  // Untyped programs send numbers and the like.
  if (!isBinaryData(data)) return PACKET_DIGITS[packet.type] + String(data);
  if (!supportsBinary) return "b" + PACKET_DIGITS[packet.type] + encodeBase64(data);
  const bytes = toBuffer(data);
  const encoded = Buffer.allocUnsafe(bytes.length + 1);
  encoded[0] = Number(PACKET_DIGITS[packet.type]);
  encoded.set(bytes, 1);
  return encoded;
}

/**
 * Decodes one WebSocket message, or one packet of a payload.
 *
 * @returns a packet whose bytes are a view of the encoded buffer
 * @throws ParserError `ENGINE_EMPTY_PACKET`, `ENGINE_UNKNOWN_PACKET_TYPE`, `ENGINE_INVALID_BASE64`
 */
export function decodePacketV3(encoded: RawData): EnginePacket {
  if (encoded.length === 0) throw new ParserError("ENGINE_EMPTY_PACKET");
  if (typeof encoded !== "string") {
    return new EnginePacket(typeOf(encoded[0] as number), encoded.subarray(1), DEFAULT_PACKET_OPTIONS);
  }
  const first = encoded.charCodeAt(0);
  if (first === LETTER_B) {
    const type = typeOf(encoded.charCodeAt(1) - DIGIT_0);
    return new EnginePacket(type, decodeBase64(encoded.slice(2)), DEFAULT_PACKET_OPTIONS);
  }
  const data = encoded.length > 1 ? encoded.slice(1) : undefined;
  return new EnginePacket(typeOf(first - DIGIT_0), data, DEFAULT_PACKET_OPTIONS);
}

function typeOf(index: number): EnginePacket["type"] {
  const type = PACKET_TYPES[index];
  if (type === undefined) throw new ParserError("ENGINE_UNKNOWN_PACKET_TYPE");
  return type;
}

/**
 * Encodes packets for one HTTP body.
 *
 * @param supportsBinary whether the client reads binary bodies; used only
 * if a packet contains bytes
 * @returns text as `<length>:<packet>` each, the length in UTF-16 code units; `0:` without packets
 * @example encodePayloadV3([new EnginePacket("message", "hi")], true) // "3:4hi"
 */
export function encodePayloadV3(packets: readonly EnginePacket[], supportsBinary: boolean): RawData {
  if (supportsBinary && packets.some(holdsBytes)) return encodeBinaryPayloadV3(packets);
  if (packets.length === 0) return NO_PACKETS;
  let payload = "";
  for (const packet of packets) {
    const encoded = encodePacketV3(packet, false) as string;
    payload += encoded.length + ":" + encoded;
  }
  return payload;
}

function holdsBytes(packet: EnginePacket): boolean {
  return isBinaryData(packet.data);
}

/**
 * Encodes a payload in binary form even if all packets are text. Text is
 * UTF-8, its length in bytes.
 */
export function encodeBinaryPayloadV3(packets: readonly EnginePacket[]): Bytes {
  const chunks: Uint8Array[] = [];
  for (const packet of packets) {
    const encoded = encodePacketV3(packet, true);
    // Lone surrogates become U+FFFD, as in the reference.
    const bytes = typeof encoded === "string" ? Buffer.from(encoded) : encoded;
    chunks.push(binaryHeader(typeof encoded === "string" ? TEXT_MARK : BINARY_MARK, bytes.length), bytes);
  }
  return Buffer.concat(chunks);
}

function binaryHeader(mark: number, length: number): Buffer {
  const digits = String(length);
  const header = Buffer.allocUnsafe(digits.length + 2);
  header[0] = mark;
  for (let i = 0; i < digits.length; i++) header[i + 1] = digits.charCodeAt(i) - DIGIT_0;
  header[digits.length + 1] = LENGTH_END;
  return header;
}

/**
 * Decodes one HTTP body, text or binary.
 *
 * @param maxPackets most packets accepted. Default: unlimited
 * @throws ParserError `ENGINE_EMPTY_PAYLOAD`, `ENGINE_INVALID_LENGTH`, `ENGINE_INVALID_UTF8`,
 * `ENGINE_TOO_MANY_PACKETS`, and the errors of {@link decodePacketV3}
 */
export function decodePayloadV3(data: RawData, maxPackets?: number): EnginePacket[] {
  return [...readPayloadV3(data, maxPackets)];
}

/**
 * Decodes like {@link decodePayloadV3}, packet by packet. Lets callers process a huge body in
 * slices, and yields the packets before a malformed one.
 *
 * @example for (const packet of readPayloadV3("2:4a2:4b")) console.log(packet.data);
 */
export function readPayloadV3(data: RawData, maxPackets: number = Infinity): Generator<EnginePacket, void> {
  return typeof data === "string"
    ? readPackets(data, readTextPacket, maxPackets)
    : readPackets(data, readBinaryPacket, maxPackets);
}

/** @param readPacket returns the index after the packet */
function* readPackets<Payload extends RawData>(
  data: Payload,
  readPacket: (payload: Payload, start: number, packets: EnginePacket[]) => number,
  maxPackets: number,
): Generator<EnginePacket, void> {
  if (data.length === 0) throw new ParserError("ENGINE_EMPTY_PAYLOAD");
  if (data === NO_PACKETS) return;
  const packets: EnginePacket[] = [];
  let at = 0;
  for (let count = 0; at < data.length; count++) {
    if (count >= maxPackets) throw new ParserError("ENGINE_TOO_MANY_PACKETS");
    at = readPacket(data, at, packets);
    yield packets.pop() as EnginePacket;
  }
}

/** @returns the index after the packet */
export function readTextPacket(payload: string, start: number, packets: EnginePacket[]): number {
  let at = start;
  let length = 0;
  while (payload.charCodeAt(at) !== COLON) {
    length = length * 10 + lengthDigit(payload.charCodeAt(at) - DIGIT_0, at - start);
    at++;
  }
  const end = at + 1 + length;
  // A missing length reads as 0. Every packet has a type, so 0 is invalid.
  if (length === 0 || end > payload.length) throw new ParserError("ENGINE_INVALID_LENGTH");
  packets.push(decodePacketV3(payload.slice(at + 1, end)));
  return end;
}

/** @returns the index after the packet */
function readBinaryPacket(payload: Buffer, start: number, packets: EnginePacket[]): number {
  const mark = payload[start];
  if (mark !== TEXT_MARK && mark !== BINARY_MARK) throw new ParserError("ENGINE_UNKNOWN_PACKET_TYPE");
  let at = start + 1;
  let length = 0;
  while (payload[at] !== LENGTH_END) {
    length = length * 10 + lengthDigit(payload[at] ?? NaN, at - start - 1);
    at++;
  }
  const end = at + 1 + length;
  if (length === 0 || end > payload.length) throw new ParserError("ENGINE_INVALID_LENGTH");
  const bytes = payload.subarray(at + 1, end);
  packets.push(decodePacketV3(mark === TEXT_MARK ? decodeUtf8(bytes) : bytes));
  return end;
}

function lengthDigit(digit: number, position: number): number {
  if (digit >= 0 && digit <= 9 && position < MAX_LENGTH_DIGITS) return digit;
  throw new ParserError("ENGINE_INVALID_LENGTH");
}
