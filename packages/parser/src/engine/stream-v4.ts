import type { BinaryData, Bytes } from "../bytes.ts";
import { toBuffer, viewBytes } from "../bytes.ts";
import { ParserError } from "../errors.ts";

/*
 * Frames of a stream of bytes, as in a WebTransport session: the length of a packet, then the packet. The first byte is
 * the length up to 125; 126 and 127 announce a length of two or eight bytes. Its top bit is set for binary data.
 */

const BINARY_BIT = 0x80;
const SHORT_LENGTH = 0x7f;
/** Says that two bytes of length follow. */
const TWO_BYTES = 126;
/** Says that eight bytes of length follow. */
const EIGHT_BYTES = 127;
const LONGEST_HEADER = 9;

/** First size of the memory for a packet that arrives in pieces, in bytes. */
const FIRST_PIECE = 1024;

const UNREAD = new Uint8Array(0);

/** Decodes as the reference does: malformed UTF-8 becomes U+FFFD. Created on first use: some platforms lack it. */
let utf8Decoder: { decode(bytes: Uint8Array): string } | undefined;

/**
 * Finds packets in a stream of bytes. Pass it each chunk with {@link push}, then call {@link next} until it returns
 * undefined. Holds at most one chunk, and twice the bytes of an incomplete packet.
 *
 * @example
 * const reader = new PacketReader(1e6);
 * reader.push(Uint8Array.of(2, 0x34, 0x61));
 * console.log(reader.next()); // "4a"
 */
export class PacketReader {
  /** Most bytes of one packet. May be changed between packets. */
  limit: number;
  /** The last chunk, and how far it is read. */
  #chunk: Uint8Array = UNREAD;
  #at = 0;
  readonly #header = new Uint8Array(LONGEST_HEADER);
  #headerLength = 0;
  /** Bytes of the packet that is being read; -1 while its header is. */
  #length = -1;
  /** What has arrived of a packet in pieces. */
  #body: Uint8Array = UNREAD;
  #bodyLength = 0;

  /** @param limit most bytes of one packet */
  constructor(limit: number) {
    this.limit = limit;
  }

  /** Length of the packet that is being read, in bytes; 0 between packets. */
  get announced(): number {
    return Math.max(this.#length, 0);
  }

  /** Bytes of incomplete packets in memory. */
  get heldBytes(): number {
    return this.#body.length;
  }

  /** Takes a chunk. Call it only when {@link next} has returned undefined. */
  push(chunk: Uint8Array): void {
    this.#chunk = chunk;
    this.#at = 0;
  }

  /**
   * Returns the next packet, encoded: text, or bytes that the caller may keep. Returns undefined if the rest of it has not
   * arrived yet. After an error, the stream can't be read any further.
   *
   * @throws ParserError `ENGINE_EMPTY_PACKET`, `ENGINE_PACKET_TOO_LARGE`
   */
  next(): string | Bytes | undefined {
    if (this.#length === -1 && !this.#readHeader()) return undefined;
    const bytes = this.#readBody();
    if (bytes === undefined) return undefined;
    const isBinary = (this.#header[0]! & BINARY_BIT) !== 0;
    this.#length = -1;
    this.#headerLength = 0;
    if (isBinary) return toBuffer(isSmallPart(bytes) ? bytes.slice() : bytes);
    utf8Decoder ??= new TextDecoder();
    return utf8Decoder.decode(bytes);
  }

  /** Returns whether the header is complete. */
  #readHeader(): boolean {
    const header = this.#header;
    while (this.#at < this.#chunk.length) {
      header[this.#headerLength++] = this.#chunk[this.#at++]!;
      if (this.#headerLength < sizeOfHeader(header[0]!)) continue;
      this.#length = readLength(header);
      // The reference writes a message of no bytes so, and refuses it when it reads.
      if (this.#length === 0 && header[0] !== BINARY_BIT) throw new ParserError("ENGINE_EMPTY_PACKET");
      if (this.#length > this.limit) throw new ParserError("ENGINE_PACKET_TOO_LARGE");
      return true;
    }
    return false;
  }

  /** Returns the packet if it is complete. One that lies in a single chunk is not copied. */
  #readBody(): Uint8Array | undefined {
    const length = this.#length;
    const missing = length - this.#bodyLength;
    const piece = this.#chunk.subarray(this.#at, this.#at + missing);
    this.#at += piece.length;
    if (piece.length === length) return piece;
    this.#keep(piece);
    if (this.#bodyLength < length) return undefined;
    const body = this.#body.length === length ? this.#body : this.#body.subarray(0, length);
    this.#body = UNREAD;
    this.#bodyLength = 0;
    return body;
  }

  /** Memory grows with what has arrived, since a peer may announce more than it sends. */
  #keep(piece: Uint8Array): void {
    const total = this.#bodyLength + piece.length;
    if (total > this.#body.length) {
      const larger = new Uint8Array(Math.min(this.#length, Math.max(FIRST_PIECE, 2 * total)));
      larger.set(this.#body.subarray(0, this.#bodyLength));
      this.#body = larger;
    }
    this.#body.set(piece, this.#bodyLength);
    this.#bodyLength = total;
  }
}

/** Whether bytes would keep memory alive that is much larger than they are. */
function isSmallPart({ byteLength, buffer }: Uint8Array): boolean {
  return 2 * byteLength < buffer.byteLength;
}

function sizeOfHeader(first: number): number {
  const length = first & SHORT_LENGTH;
  if (length < TWO_BYTES) return 1;
  return length === TWO_BYTES ? 3 : LONGEST_HEADER;
}

function readLength(header: Uint8Array): number {
  const short = header[0]! & SHORT_LENGTH;
  if (short < TWO_BYTES) return short;
  let length = 0;
  for (let i = 1; i < (short === TWO_BYTES ? 3 : LONGEST_HEADER); i++) length = length * 256 + header[i]!;
  return length;
}

/**
 * Returns the bytes that precede an encoded packet in a stream.
 *
 * @param length of the packet in bytes
 * @example writePacketHeader(2, false) // Uint8Array [ 2 ]
 */
export function writePacketHeader(length: number, isBinary: boolean): Uint8Array {
  const mark = isBinary ? BINARY_BIT : 0;
  if (length < TWO_BYTES) return Uint8Array.of(mark | length);
  if (length < 65_536) return Uint8Array.of(mark | TWO_BYTES, length >> 8, length & 0xff);
  const header = new Uint8Array(LONGEST_HEADER);
  header[0] = mark | EIGHT_BYTES;
  let rest = length;
  for (let i = LONGEST_HEADER - 1; i > 0; i--, rest = Math.floor(rest / 256)) header[i] = rest % 256;
  return header;
}

let utf8Encoder: { encode(text: string): Uint8Array } | undefined;

/** A message of no bytes. Readers of the reference refuse empty packets, so it takes the form that it has in text. */
const EMPTY_BYTES = "b";

/**
 * Returns an encoded packet with its header, in one piece. Bytes without content become the text `b`, which decodes to them.
 *
 * @param packet text or bytes, as the packet codecs make them
 * @example framePacket("4a") // Uint8Array [ 2, 52, 97 ]
 */
export function framePacket(packet: string | BinaryData): Uint8Array {
  const isText = typeof packet === "string";
  const bytes = isText ? (utf8Encoder ??= new TextEncoder()).encode(packet) : viewBytes(packet);
  if (bytes.length === 0 && !isText) return framePacket(EMPTY_BYTES);
  const header = writePacketHeader(bytes.length, !isText);
  const framed = new Uint8Array(header.length + bytes.length);
  framed.set(header);
  framed.set(bytes, header.length);
  return framed;
}
