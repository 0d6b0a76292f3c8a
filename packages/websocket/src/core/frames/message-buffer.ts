import { applyMask } from "./mask.ts";
import { EMPTY } from "./native-buffer.ts";
import { decodeText } from "./utf8.ts";

const FIRST_CAPACITY = 4096;
/**
 * Factor by which capacity may exceed the bytes received: room to grow, bounded by
 * what the peer really sent.
 */
const GROWTH = 4;

/**
 * Gathers a payload that arrives in pieces into one buffer. The buffer grows with the bytes
 * received, not with the announced length: it is at most four times their size (or 4 KiB),
 * however small the pieces.
 */
export class MessageBuffer {
  #bytes: Buffer = EMPTY;
  #size = 0;

  /** The gathered bytes end at `size`. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  get size(): number {
    return this.#size;
  }

  /** Bytes of memory in use. */
  get capacity(): number {
    return this.#bytes.length;
  }

  /** Appends bytes `start` to `end` of `chunk`. `expected` is the announced total size. */
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

  /** Returns the gathered bytes, copied if they fill less than half of their buffer. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#size);
    return this.#size * 2 < this.#bytes.length ? Buffer.from(taken) : taken;
  }

  /** Decodes the gathered bytes as text. Returns undefined if they are not valid UTF-8. */
  toText(): string | undefined {
    return decodeText(this.#bytes, 0, this.#size);
  }

  #grow(needed: number, expected: number): void {
    // At least doubles: otherwise each further fragment, of unknown size,
    // would copy everything again.
    const wanted = Math.max(expected, needed, this.#bytes.length * 2);
    const capacity = Math.min(wanted, Math.max(FIRST_CAPACITY, needed * GROWTH));
    const grown = Buffer.allocUnsafe(capacity);
    this.#bytes.copy(grown, 0, 0, this.#size);
    this.#bytes = grown;
  }
}
