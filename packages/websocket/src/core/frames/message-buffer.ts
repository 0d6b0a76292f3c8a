import { applyMask } from "./mask.ts";
import { EMPTY } from "./native-buffer.ts";
import { decodeText } from "./utf8.ts";

const FIRST_CAPACITY = 4096;
/** Capacity taken for the bytes that are here: room for the rest, yet never much more than the peer has really sent. */
const GROWTH = 4;

/**
 * Gathers a payload that arrives in pieces into one buffer. It grows with what has arrived, not with what was announced,
 * so it holds at most four times the bytes received (or 4 KiB), whatever the size of the pieces.
 */
export class MessageBuffer {
  #bytes: Buffer = EMPTY;
  #size = 0;

  /** The gathered bytes are those before `size`. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  get size(): number {
    return this.#size;
  }

  /** Bytes that it takes in memory. */
  get capacity(): number {
    return this.#bytes.length;
  }

  /** Copies in bytes `start` to `end` of `chunk`; `expected` is the size that is known to be reached. */
  append(chunk: Buffer, start: number, end: number, expected: number): void {
    const needed = this.#size + end - start;
    if (needed > this.#bytes.length) this.#grow(needed, expected);
    chunk.copy(this.#bytes, this.#size, start, end);
    this.#size = needed;
  }

  /** Unmasks the last `count` bytes, with the key aligned to the first of them. */
  unmaskLast(count: number, key: number): void {
    applyMask(this.#bytes, this.#size - count, this.#size, key);
  }

  /** The gathered bytes, in a buffer less than half of which is unused. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#size);
    return this.#size * 2 < this.#bytes.length ? Buffer.from(taken) : taken;
  }

  /** The gathered bytes as text, or undefined when they are not valid UTF-8. */
  toText(): string | undefined {
    return decodeText(this.#bytes, 0, this.#size);
  }

  #grow(needed: number, expected: number): void {
    // Doubled at least: further fragments, of which nothing is known, must not cost a copy of everything each.
    const wanted = Math.max(expected, needed, this.#bytes.length * 2);
    const capacity = Math.min(wanted, Math.max(FIRST_CAPACITY, needed * GROWTH));
    const grown = Buffer.allocUnsafe(capacity);
    this.#bytes.copy(grown, 0, 0, this.#size);
    this.#bytes = grown;
  }
}
