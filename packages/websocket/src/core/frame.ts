import { writeText } from "./native-buffer.ts";

/** Opcodes of RFC 6455, 5.2. */
export const OPCODE = { continuation: 0x0, text: 0x1, binary: 0x2, close: 0x8, ping: 0x9, pong: 0xa } as const;
export type DataOpcode = typeof OPCODE.text | typeof OPCODE.binary;
export type ControlOpcode = typeof OPCODE.close | typeof OPCODE.ping | typeof OPCODE.pong;

export const FIN = 0x80;
export const RSV1 = 0x40;
export const RSV2_3 = 0x30;
export const OPCODE_BITS = 0x0f;
/** Set in every control opcode (RFC 6455, 5.5). */
export const CONTROL_BIT = 0x08;
export const MASKED = 0x80;
export const LENGTH_BITS = 0x7f;
/** Longest payload of a control frame, and the longest that needs no extended length. */
export const MAX_CONTROL_PAYLOAD = 125;
/** First byte, second byte, eight of length, four of mask. */
export const MAX_HEADER_SIZE = 14;
/** What `readPayloadLength` returns for a length that RFC 6455, 5.2 forbids. */
export const INVALID_LENGTH = -1;

const TWO_BYTE_LENGTH = 126;
const EIGHT_BYTE_LENGTH = 127;
const MAX_TWO_BYTE_LENGTH = 0xffff;
const TWO_TO_32 = 0x1_0000_0000;

/** Bytes of the header of an unmasked frame with a payload of `length` bytes. */
export function headerSize(length: number): number {
  return length <= MAX_CONTROL_PAYLOAD ? 2 : length <= MAX_TWO_BYTE_LENGTH ? 4 : 10;
}

/**
 * Writes the header of a frame but its mask key, and returns the offset behind it.
 * `first` is the complete first byte (FIN, RSV bits, opcode), `maskBit` is `MASKED` or 0.
 */
export function writeHeader(target: Buffer, offset: number, first: number, length: number, maskBit: number): number {
  target[offset] = first;
  if (length <= MAX_CONTROL_PAYLOAD) {
    target[offset + 1] = maskBit | length;
    return offset + 2;
  }
  if (length <= MAX_TWO_BYTE_LENGTH) {
    target[offset + 1] = maskBit | TWO_BYTE_LENGTH;
    target[offset + 2] = length >>> 8;
    target[offset + 3] = length;
    return offset + 4;
  }
  target[offset + 1] = maskBit | EIGHT_BYTE_LENGTH;
  target.writeUInt32BE(Math.floor(length / TWO_TO_32), offset + 2);
  target.writeUInt32BE(length % TWO_TO_32, offset + 6);
  return offset + 10;
}

/** Bytes of the whole header, mask key included, as the second byte of a frame announces it. */
export function announcedHeaderSize(second: number): number {
  const bits = second & LENGTH_BITS;
  const size = bits < TWO_BYTE_LENGTH ? 2 : bits === TWO_BYTE_LENGTH ? 4 : 10;
  return (second & MASKED) === 0 ? size : size + 4;
}

/**
 * The payload length of the complete header at `offset`; `INVALID_LENGTH` when it is not in the shortest form or has its
 * highest bit set. Above 2^53 it is rounded, which no limit can notice.
 */
export function readPayloadLength(source: Buffer, offset: number): number {
  const bits = source[offset + 1]! & LENGTH_BITS;
  if (bits < TWO_BYTE_LENGTH) return bits;
  if (bits === TWO_BYTE_LENGTH) {
    const length = (source[offset + 2]! << 8) | source[offset + 3]!;
    return length < TWO_BYTE_LENGTH ? INVALID_LENGTH : length;
  }
  const high = source.readUInt32BE(offset + 2);
  const length = high * TWO_TO_32 + source.readUInt32BE(offset + 6);
  return high > 0x7fffffff || length <= MAX_TWO_BYTE_LENGTH ? INVALID_LENGTH : length;
}

/**
 * A complete unmasked text frame, to be sent as it is to any number of clients with `sendFrame`.
 *
 * @example
 * const frame = frameText("hello");
 * for (const link of links) link.sendFrame(frame);
 */
export function frameText(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const frame = Buffer.allocUnsafe(headerSize(length) + length);
  writeText(frame, text, length, writeHeader(frame, 0, FIN | OPCODE.text, length, 0));
  return frame;
}

/** Like `frameText` for bytes. With `prefix`, that one byte goes before `data` inside the message. */
export function frameBinary(data: Buffer, prefix?: number): Buffer {
  const length = prefix === undefined ? data.length : data.length + 1;
  const frame = Buffer.allocUnsafe(headerSize(length) + length);
  let offset = writeHeader(frame, 0, FIN | OPCODE.binary, length, 0);
  if (prefix !== undefined) frame[offset++] = prefix;
  frame.set(data, offset);
  return frame;
}
