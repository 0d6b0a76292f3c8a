import type { ReadFrame } from "../support/raw/frames.ts";

/** Splits a byte stream into frames, masked ones too. Joins incomplete data at most once. */
export class MaskedFrameReader {
  #chunks: Buffer[] = [];
  #size = 0;
  /** Bytes that the next frame needs. */
  #needed = 2;

  push(chunk: Buffer): ReadFrame[] {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    const frames: ReadFrame[] = [];
    while (this.#size >= this.#needed) {
      const bytes = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
      const end = frameEnd(bytes);
      if (bytes.length >= end.needed && end.isKnown) {
        frames.push(readFrame(bytes, end.needed));
        this.#chunks = [bytes.subarray(end.needed)];
        this.#needed = 2;
      } else {
        this.#chunks = [bytes];
        this.#needed = end.needed;
      }
      this.#size = this.#chunks[0]!.length;
    }
    return frames;
  }
}

/** Returns the end of the first frame of `bytes`, or how many bytes are needed to find it. */
function frameEnd(bytes: Buffer): { needed: number; isKnown: boolean } {
  const second = bytes[1]!;
  const code = second & 0x7f;
  const head = 2 + (code === 126 ? 2 : code === 127 ? 8 : 0);
  if (bytes.length < head) return { needed: head, isKnown: false };
  const length = code === 126 ? bytes.readUInt16BE(2) : code === 127 ? Number(bytes.readBigUInt64BE(2)) : code;
  return { needed: head + (second >= 0x80 ? 4 : 0) + length, isKnown: true };
}

function readFrame(bytes: Buffer, end: number): ReadFrame {
  const [first, second] = [bytes[0]!, bytes[1]!];
  const code = second & 0x7f;
  const start = 2 + (code === 126 ? 2 : code === 127 ? 8 : 0);
  const masked = second >= 0x80;
  const payload = Buffer.from(bytes.subarray(masked ? start + 4 : start, end));
  if (masked) for (let at = 0; at < payload.length; at++) payload[at]! ^= bytes[start + (at & 3)]!;
  return { fin: first >= 0x80, reserved: (first >> 4) & 7, opcode: first & 15, masked, payload };
}
