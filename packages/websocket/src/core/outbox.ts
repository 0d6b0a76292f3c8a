import { headerSize, MASKED, writeHeader } from "./frames/frame.ts";
import { applyMask, randomMaskKey, writeMaskKey } from "./frames/mask.ts";
import { writeText } from "./frames/native-buffer.ts";
import type { Role } from "./limits.ts";

/** From this size a payload is handed on as it is: copying it costs more than a second buffer in the same write. */
const JOIN_BELOW = 64 * 1024;
/** Bytes from which a joined buffer is closed and another begun, so that a long queue needs no huge allocation. */
const JOINED_UP_TO = 1024 * 1024;
/**
 * With this many frames waiting, those before are encoded: an entry takes a hundred bytes, which a peer that does not read
 * must not have multiplied by small frames that `bytes` hardly counts.
 */
const COMPACT_AT = 1024;
/** First byte of an entry whose data are complete frames already. */
const PREPARED = -1;
/** First byte of an entry whose data come later. */
const PENDING = -2;

/** One entry of the queue. */
class Outgoing {
  first: number;
  data: string | Buffer;
  /** Payload bytes. */
  length: number;
  /** Bytes on the wire. */
  size: number;
  /** Entries queued up to this one, since the beginning. */
  order = 0;
  next: Outgoing | undefined = undefined;

  constructor(first: number, data: string | Buffer, length: number, size: number) {
    this.first = first;
    this.data = data;
    this.length = length;
    this.size = size;
  }
}

/** A place in the queue whose frame is not known yet. */
export type Reservation = Outgoing;

/**
 * Frames waiting to leave, in order, unencoded until `take` encodes all of them into as few buffers as it can:
 * header and payload side by side in one.
 */
export class Outbox {
  readonly #maskBit: number;
  readonly #maskKey: () => number;
  #first: Outgoing | undefined = undefined;
  #last: Outgoing | undefined = undefined;
  #bytes = 0;
  #count = 0;
  /** Reservations that were not filled yet. */
  #pending = 0;
  #queued = 0;
  #taken = 0;

  constructor(role: Role, maskKey: () => number = randomMaskKey) {
    this.#maskBit = role === "client" ? MASKED : 0;
    this.#maskKey = maskKey;
  }

  /** Bytes that the waiting frames will take on the wire. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Frames, and runs of prepared ones, queued since the beginning. */
  get queued(): number {
    return this.#queued;
  }

  /** How many of those `take` has given out, in order. */
  get taken(): number {
    return this.#taken;
  }

  get hasPending(): boolean {
    return this.#pending > 0;
  }

  /** Queues one frame; `first` is its complete first byte. */
  push(first: number, data: string | Buffer): void {
    const length = typeof data === "string" ? Buffer.byteLength(data) : data.length;
    this.#append(new Outgoing(first, data, length, this.#frameSize(length)));
  }

  /** Keeps a place for a frame; neither it nor what is queued behind it leaves before `fill`. `length` counts until then. */
  reserve(length: number): Reservation {
    const entry = new Outgoing(PENDING, "", length, length);
    this.#pending++;
    this.#append(entry);
    return entry;
  }

  /** Gives the frame of a reservation; not after `clear`. */
  fill(entry: Reservation, first: number, data: Buffer): void {
    const size = this.#frameSize(data.length);
    this.#pending--;
    this.#bytes += size - entry.size;
    entry.first = first;
    entry.data = data;
    entry.length = data.length;
    entry.size = size;
  }

  /** Queues bytes that are complete frames already. */
  pushPrepared(frames: Buffer): void {
    this.#append(new Outgoing(PREPARED, frames, frames.length, frames.length));
  }

  /** Everything that waits, encoded: one buffer mostly, several in order when large payloads are among it. */
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

  /** Forgets all that waits. */
  clear(): void {
    this.#first = undefined;
    this.#last = undefined;
    this.#bytes = 0;
    this.#count = 0;
    this.#pending = 0;
  }

  #append(entry: Outgoing): void {
    entry.order = ++this.#queued;
    this.#link(entry);
    if (++this.#count >= COMPACT_AT && this.#pending === 0) this.#compact(this.#first!);
  }

  /** Leaves the first reservation and all behind it in the queue. */
  #cutAtPending(first: Outgoing): void {
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

  #link(entry: Outgoing): void {
    this.#bytes += entry.size;
    if (this.#last === undefined) this.#first = entry;
    else this.#last.next = entry;
    this.#last = entry;
  }

  #compact(first: Outgoing): void {
    this.clear();
    const encoded = this.#encodeAll(first);
    for (const buffer of Array.isArray(encoded) ? encoded : [encoded]) {
      const entry = new Outgoing(PREPARED, buffer, buffer.length, buffer.length);
      entry.order = this.#queued;
      this.#link(entry);
    }
  }

  /** Whether the entry's own buffer is handed on. A text has none yet, and masking needs a copy in any case. */
  #goesApart(entry: Outgoing): boolean {
    if (entry.length < JOIN_BELOW || typeof entry.data === "string") return false;
    return entry.first === PREPARED || this.#maskBit === 0;
  }

  #encodeAll(first: Outgoing): Buffer | Buffer[] {
    const buffers: Buffer[] = [];
    let run: Outgoing | undefined = first;
    while (run !== undefined) run = this.#encodeRun(run, buffers);
    return buffers.length === 1 ? buffers[0]! : buffers;
  }

  /** Encodes entries into one joined buffer up to a payload that goes apart; returns the first entry that is left. */
  #encodeRun(first: Outgoing, buffers: Buffer[]): Outgoing | undefined {
    let size = 0;
    let end: Outgoing | undefined = first;
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

  /** Writes one whole frame and returns the offset behind it. */
  #encode(entry: Outgoing, target: Buffer, offset: number): number {
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
