/*
 * Frames of RFC 6455 as bytes: headers, masks, UTF-8, close codes, the parts of one message.
 * Knows: Buffers and Node's native functions for them.
 * Must not know: connections, compression, the meaning of a frame.
 */
import { writeText } from "./native-buffer.ts";
import { UsageError } from "../usage-error.ts";

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
/** Longest payload of a control frame. Also the longest without an extended length. */
export const MAX_CONTROL_PAYLOAD = 125;
/** Two fixed bytes, eight of length, four of mask key. */
export const MAX_HEADER_SIZE = 14;
/** Returned by `readPayloadLength` for a length that RFC 6455, 5.2 forbids. */
export const INVALID_LENGTH = -1;

const TWO_BYTE_LENGTH = 126;
const EIGHT_BYTE_LENGTH = 127;
const MAX_TWO_BYTE_LENGTH = 0xffff;
const TWO_TO_32 = 0x1_0000_0000;

/** Returns the header size of an unmasked frame whose payload has `length` bytes. */
export function headerSize(length: number): number {
  return length <= MAX_CONTROL_PAYLOAD ? 2 : length <= MAX_TWO_BYTE_LENGTH ? 4 : 10;
}

/**
 * Writes a frame's header without its mask key, and returns the offset after it. `first` is the
 * complete first byte (FIN, RSV bits, opcode); `maskBit` is `MASKED` or 0.
 */
// oxlint-disable-next-line eslint/max-params -- called for every frame: a record would be garbage each time
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

/** Returns the size of the whole header, mask key included, from a frame's second byte. */
export function announcedHeaderSize(second: number): number {
  const bits = second & LENGTH_BITS;
  const size = bits < TWO_BYTE_LENGTH ? 2 : bits === TWO_BYTE_LENGTH ? 4 : 10;
  return (second & MASKED) === 0 ? size : size + 4;
}

/**
 * Reads the payload length of the complete header at `offset`. Returns `INVALID_LENGTH` if it
 * is not minimal or has its highest bit set. Above 2^53 the result is rounded, which is
 * beyond every limit anyway.
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
 * Makes a complete unmasked text frame, to be sent to many clients with `sendFrame`.
 *
 * @throws UsageError `WS_ERR_INVALID_FRAME` for any value but a string
 * @example
 * const frame = frameText("hello");
 * for (const link of links) link.sendFrame(frame);
 */
export function frameText(text: string): Buffer {
  if (typeof text !== "string") throw new UsageError("WS_ERR_INVALID_FRAME");
  const length = Buffer.byteLength(text);
  const frame = Buffer.allocUnsafe(headerSize(length) + length);
  writeText(frame, text, length, writeHeader(frame, 0, FIN | OPCODE.text, length, 0));
  return frame;
}

/**
 * Makes a complete unmasked binary frame, like `frameText`. `prefix` is one byte put before
 * `data`, inside the message.
 *
 * @throws UsageError `WS_ERR_INVALID_FRAME` for a value that is not bytes, or a prefix that is not
 * an integer from 0 to 255
 */
export function frameBinary(data: Buffer, prefix?: number): Buffer {
  const bytes = Buffer.isBuffer(data) ? data : bytesOf(data);
  const hasPrefix = prefix !== undefined && prefix !== null;
  if (hasPrefix && !isByte(prefix)) throw new UsageError("WS_ERR_INVALID_FRAME");
  const length = hasPrefix ? bytes.length + 1 : bytes.length;
  const frame = Buffer.allocUnsafe(headerSize(length) + length);
  let offset = writeHeader(frame, 0, FIN | OPCODE.binary, length, 0);
  if (hasPrefix) frame[offset++] = prefix;
  frame.set(bytes, offset);
  return frame;
}

function isByte(value: unknown): boolean {
  return typeof value === "number" && (value & 0xff) === value;
}

/**
 * Returns the bytes of a view or ArrayBuffer. A view of 16-bit numbers has
 * more bytes than elements.
 */
function bytesOf(data: unknown): Buffer {
  if (ArrayBuffer.isView(data)) return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  if (isAnyArrayBuffer(data)) return Buffer.from(data);
  throw new UsageError("WS_ERR_INVALID_FRAME");
}

function isAnyArrayBuffer(data: unknown): data is ArrayBuffer {
  return /^\[object (Shared)?ArrayBuffer\]$/.test(Object.prototype.toString.call(data));
}
