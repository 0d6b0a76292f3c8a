import type { LogEntry, LogPosition, StoredEvent } from "./log.ts";

/** Milliseconds for which delivered events stay in memory, at least. */
const RING_AGE = 10_000;
/** Bytes of the events in memory. */
const RING_BYTES = 8e6;
/** Bytes of the first block, and of the largest that holds several entries. */
const BLOCK_BYTES = { first: 4096, largest: 65_536 };
/** The length of an entry stands before it. */
const LENGTH_SIZE = 4;
const HOLE = Buffer.alloc(0);
/** Bytes that a decoded event takes beside its own. */
const DECODED_SIZE = 100;

/** Entries in a row. An entry without bytes is a hole. */
interface Block<Event> {
  /** Number of the first entry. */
  readonly first: number;
  readonly bytes: Buffer;
  used: number;
  count: number;
  /** When the last entry was added. */
  at: number;
  /** What was decoded so far, and how far that is. Nothing is decoded before a client returns. */
  readonly decoded: (StoredEvent<Event> | undefined)[];
  decodedBytes: number;
  /** Bytes that it counts for: its own, and the bytes of decoded events. */
  size: number;
}

/**
 * The entries that this node has delivered lately, in the order of the log, without gaps.
 *
 * Their bytes are copied into blocks, for nearly all of them are never asked for: objects that live for seconds cost the garbage
 * collector more than the delivery costs.
 */
export class Ring<Event> {
  readonly #decode: (entry: LogEntry) => StoredEvent<Event> | undefined;
  #blocks: Block<Event>[] = [];
  #bytes = 0;
  #last: LogPosition;

  /** The ring is empty, and begins beyond a position. `decode`: returns the event of an entry, or undefined for a hole. */
  constructor(last: LogPosition, decode: (entry: LogEntry) => StoredEvent<Event> | undefined) {
    this.#last = last;
    this.#decode = decode;
  }

  get size(): number {
    return this.#blocks.reduce((sum, { count }) => sum + count, 0);
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Adds the entry after the last one. `now`: the time, in milliseconds. */
  add({ epoch, number, body }: LogEntry, now: number): void {
    if (epoch !== this.#last.epoch || number !== this.#last.number + 1) this.#clear();
    this.#last = { epoch, number };
    const block = this.#blockFor(LENGTH_SIZE + body.length, now);
    block.bytes.writeUInt32LE(body.length, block.used);
    body.copy(block.bytes, block.used + LENGTH_SIZE);
    block.used += LENGTH_SIZE + body.length;
    block.count += 1;
    block.at = now;
  }

  /** Adds a hole after the last event: events before it are not enough for a client. */
  addHole({ epoch, number }: LogPosition, now: number): void {
    this.add({ epoch, number, body: HOLE }, now);
  }

  /** Returns the events beyond a position; undefined if some of them are missing. */
  after({ epoch, number }: LogPosition): StoredEvent<Event>[] | undefined {
    const missing = this.#last.number - number;
    if (epoch !== this.#last.epoch || missing < 0 || missing > this.size) return undefined;
    const events: StoredEvent<Event>[] = [];
    for (const block of this.#blocks) {
      if (block.first + block.count <= number + 1) continue;
      this.#decodeAll(block);
      for (const stored of block.decoded.slice(Math.max(0, number + 1 - block.first))) {
        if (stored === undefined) return undefined;
        events.push(stored);
      }
    }
    return events;
  }

  #decodeAll(block: Block<Event>): void {
    const { bytes, decoded, first } = block;
    while (decoded.length < block.count) {
      const start = block.decodedBytes + LENGTH_SIZE;
      const end = start + bytes.readUInt32LE(block.decodedBytes);
      const position = { epoch: this.#last.epoch, number: first + decoded.length };
      decoded.push(start === end ? undefined : this.#decode({ ...position, body: bytes.subarray(start, end) }));
      block.decodedBytes = end;
      block.size += end - start + DECODED_SIZE;
      this.#bytes += end - start + DECODED_SIZE;
    }
  }

  /** Returns a block with room for the last entry, and makes room in the ring. */
  #blockFor(length: number, now: number): Block<Event> {
    const last = this.#blocks.at(-1);
    if (last !== undefined && last.used + length <= last.bytes.length) return last;
    const usual = Math.min(last === undefined ? BLOCK_BYTES.first : 2 * last.bytes.length, BLOCK_BYTES.largest);
    const bytes = Buffer.allocUnsafeSlow(Math.max(usual, length));
    const block: Block<Event> = {
      first: this.#last.number,
      bytes,
      used: 0,
      count: 0,
      at: now,
      decoded: [],
      decodedBytes: 0,
      size: bytes.length,
    };
    this.#blocks.push(block);
    this.#bytes += bytes.length;
    this.#trim(now);
    return block;
  }

  /** Leaves out old blocks, but not the last one. */
  #trim(now: number): void {
    let dropped = 0;
    for (const { at, size } of this.#blocks.slice(0, -1)) {
      if (at > now - RING_AGE && this.#bytes <= RING_BYTES) break;
      this.#bytes -= size;
      dropped += 1;
    }
    this.#blocks = this.#blocks.slice(dropped);
  }

  #clear(): void {
    this.#blocks = [];
    this.#bytes = 0;
  }
}
