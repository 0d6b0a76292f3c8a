import { headerSize, MASKED, writeHeader } from "./frames/frame.ts";
import { applyMask, randomMaskKey, writeMaskKey } from "./frames/mask.ts";
import { writeText } from "./frames/native-buffer.ts";
import type { Role } from "./limits.ts";

/**
 * Smallest payload written from its own buffer, in bytes: copying costs more than a second
 * buffer in the same write.
 */
const JOIN_BELOW = 64 * 1024;
/** Size at which a joined buffer is complete, in bytes: a long queue needs no huge allocation. */
const JOINED_UP_TO = 1024 * 1024;
/**
 * Number of entries at which the queue is encoded. An entry takes about a hundred bytes of memory,
 * which `bytes` does not count: small frames for a slow peer must not multiply it.
 */
const COMPACT_AT = 1024;
/** First byte of an entry that consists of complete frames. */
const PREPARED = -1;
/** First byte of a reservation. */
const PENDING = -2;

/** One entry of the queue. */
class QueuedFrame {
  first: number;
  data: string | Buffer;
  /** Payload bytes. */
  length: number;
  /** Bytes on the wire. */
  size: number;
  /** Entries queued since the beginning, this one included. */
  order = 0;
  next: QueuedFrame | undefined = undefined;

  constructor(first: number, data: string | Buffer, length: number, size: number) {
    this.first = first;
    this.data = data;
    this.length = length;
    this.size = size;
  }
}

/** An entry whose frame is not known yet. */
export type Reservation = QueuedFrame;

/**
 * The queue of outgoing frames, in order. `take` encodes them all into as few buffers as it can,
 * header and payload side by side.
 *
 * Quantities: `bytes` is the size on the wire of all entries; `pending` counts the reservations
 * among them. `queued` and `taken` count entries since the beginning and never decrease.
 *
 * Between calls, `bytes` and `pending` match the list, and `taken` is the `order` of the last entry
 * returned: a callback for position n is due once `taken >= n`. No entry leaves before a
 * reservation ahead of it. `count` is never below the number of unencoded entries; once it reaches
 * `COMPACT_AT` with nothing reserved, the next entry has them encoded.
 *
 * `fill` after `clear`, or twice for one reservation, breaks the counts.
 */
export class FrameQueue {
  readonly #maskBit: number;
  readonly #maskKey: () => number;
  #first: QueuedFrame | undefined = undefined;
  #last: QueuedFrame | undefined = undefined;
  #bytes = 0;
  #count = 0;
  /** Reservations not filled yet. */
  #pending = 0;
  #queued = 0;
  #taken = 0;

  constructor(role: Role, maskKey: () => number = randomMaskKey) {
    this.#maskBit = role === "client" ? MASKED : 0;
    this.#maskKey = maskKey;
  }

  /** Bytes of the queued frames on the wire. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Frames and prepared buffers queued since the beginning. */
  get queued(): number {
    return this.#queued;
  }

  /** How many of the `queued` ones `take` has returned, in order. */
  get taken(): number {
    return this.#taken;
  }

  get hasPending(): boolean {
    return this.#pending > 0;
  }

  /** Queues one frame. `first` is its complete first byte. */
  push(first: number, data: string | Buffer): void {
    const length = typeof data === "string" ? Buffer.byteLength(data) : data.length;
    this.#append(new QueuedFrame(first, data, length, this.#frameSize(length)));
  }

  /**
   * Reserves the place of a frame. Nothing from here on leaves before `fill`. Counts as
   * `length` bytes until then.
   */
  reserve(length: number): Reservation {
    const entry = new QueuedFrame(PENDING, "", length, length);
    this.#pending++;
    this.#append(entry);
    return entry;
  }

  /** Fills a reservation. Must not be called after `clear`. */
  fill(entry: Reservation, first: number, data: Buffer): void {
    const size = this.#frameSize(data.length);
    this.#pending--;
    this.#bytes += size - entry.size;
    entry.first = first;
    entry.data = data;
    entry.length = data.length;
    entry.size = size;
  }

  /** Queues complete frames. */
  pushPrepared(frames: Buffer): void {
    this.#append(new QueuedFrame(PREPARED, frames, frames.length, frames.length));
  }

  /**
   * Encodes and removes the queued frames: usually into one buffer, into several if large
   * payloads are among them.
   */
  take(): Buffer | Buffer[] | undefined {
    const first = this.#first;
    if (first === undefined || first.first === PENDING) return undefined;
    if (this.#pending === 0) {
      this.#taken = this.#queued;
      this.clear();
    } else this.#cutAtPending(first);
    if (first.next !== undefined || this.#goesApart(first)) return this.#encodeAll(first);
    if (first.first === PREPARED) return first.data as Buffer;
    const target = Buffer.allocUnsafe(first.size);
    this.#encode(first, target, 0);
    return target;
  }

  /** Drops all entries. */
  clear(): void {
    this.#first = undefined;
    this.#last = undefined;
    this.#bytes = 0;
    this.#count = 0;
    this.#pending = 0;
  }

  #append(entry: QueuedFrame): void {
    entry.order = ++this.#queued;
    this.#link(entry);
    if (++this.#count >= COMPACT_AT && this.#pending === 0) this.#compact(this.#first!);
  }

  /** Leaves the first reservation, and everything after it, in the queue. */
  #cutAtPending(first: QueuedFrame): void {
    let last = first;
    this.#bytes -= first.size;
    while (last.next!.first !== PENDING) {
      last = last.next!;
      this.#bytes -= last.size;
    }
    this.#taken = last.order;
    this.#first = last.next;
    last.next = undefined;
  }

  #frameSize(length: number): number {
    return headerSize(length) + (this.#maskBit === 0 ? 0 : 4) + length;
  }

  #link(entry: QueuedFrame): void {
    this.#bytes += entry.size;
    if (this.#last === undefined) this.#first = entry;
    else this.#last.next = entry;
    this.#last = entry;
  }

  #compact(first: QueuedFrame): void {
    this.clear();
    const encoded = this.#encodeAll(first);
    for (const buffer of Array.isArray(encoded) ? encoded : [encoded]) {
      const entry = new QueuedFrame(PREPARED, buffer, buffer.length, buffer.length);
      entry.order = this.#queued;
      this.#link(entry);
    }
  }

  /**
   * Whether the entry's own buffer is written. A string has none yet, and masking copies anyway.
   */
  #goesApart(entry: QueuedFrame): boolean {
    if (entry.length < JOIN_BELOW || typeof entry.data === "string") return false;
    return entry.first === PREPARED || this.#maskBit === 0;
  }

  #encodeAll(first: QueuedFrame): Buffer | Buffer[] {
    const buffers: Buffer[] = [];
    let run: QueuedFrame | undefined = first;
    while (run !== undefined) run = this.#encodeRun(run, buffers);
    return buffers.length === 1 ? buffers[0]! : buffers;
  }

  /**
   * Encodes entries into one joined buffer, up to the first separate
   * payload. Returns the next entry.
   */
  #encodeRun(first: QueuedFrame, buffers: Buffer[]): QueuedFrame | undefined {
    let size = 0;
    let end: QueuedFrame | undefined = first;
    while (end !== undefined && size < JOINED_UP_TO && !this.#goesApart(end)) {
      size += end.size;
      end = end.next;
    }
    const apart = end !== undefined && this.#goesApart(end) ? end : undefined;
    const headerOfApart = apart === undefined ? 0 : apart.size - apart.length;
    if (size + headerOfApart > 0) {
      const joined = Buffer.allocUnsafe(size + headerOfApart);
      let offset = 0;
      for (let entry = first; entry !== end; entry = entry.next!) offset = this.#encode(entry, joined, offset);
      if (headerOfApart > 0) writeHeader(joined, offset, apart!.first, apart!.length, 0);
      buffers.push(joined);
    }
    if (apart === undefined) return end;
    buffers.push(apart.data as Buffer);
    return apart.next;
  }

  /** Writes one whole frame, and returns the offset after it. */
  #encode(entry: QueuedFrame, target: Buffer, offset: number): number {
    const { data, length } = entry;
    let at = offset;
    if (entry.first !== PREPARED) at = writeHeader(target, at, entry.first, length, this.#maskBit);
    const mustMask = this.#maskBit !== 0 && entry.first !== PREPARED;
    const key = mustMask ? this.#maskKey() : 0;
    if (mustMask) at = writeMaskKey(target, at, key);
    if (typeof data === "string") writeText(target, data, length, at);
    else target.set(data, at);
    if (mustMask) applyMask(target, at, at + length, key);
    return at + length;
  }
}
