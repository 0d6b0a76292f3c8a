import { headerSize, MASKED, writeHeader } from "./frame.ts";
import { applyMask, randomMaskKey, writeMaskKey } from "./mask.ts";
import { writeText } from "./native-buffer.ts";
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

/** One entry of the queue. */
class Outgoing {
  readonly first: number;
  readonly data: string | Buffer;
  /** Payload bytes. */
  readonly length: number;
  /** Bytes on the wire. */
  readonly size: number;
  next: Outgoing | undefined = undefined;

  constructor(first: number, data: string | Buffer, length: number, size: number) {
    this.first = first;
    this.data = data;
    this.length = length;
    this.size = size;
  }
}

/**
 * Frames waiting to leave, in order, unencoded until `take` encodes all of them into as few buffers as it can:
 * header and payload side by side in one.
 */
export class Outbox {
  readonly #maskBit: number;
  #first: Outgoing | undefined = undefined;
  #last: Outgoing | undefined = undefined;
  #bytes = 0;
  #count = 0;

  constructor(role: Role) {
    this.#maskBit = role === "client" ? MASKED : 0;
  }

  /** Bytes that the waiting frames will take on the wire. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Queues one frame; `first` is its complete first byte. */
  // hot path
  push(first: number, data: string | Buffer): void {
    const length = typeof data === "string" ? Buffer.byteLength(data) : data.length;
    const maskSize = this.#maskBit === 0 ? 0 : 4;
    this.#append(new Outgoing(first, data, length, headerSize(length) + maskSize + length));
  }

  /** Queues bytes that are complete frames already. */
  // hot path
  pushPrepared(frames: Buffer): void {
    this.#append(new Outgoing(PREPARED, frames, frames.length, frames.length));
  }

  /** Everything that waits, encoded: one buffer mostly, several in order when large payloads are among it. */
  // hot path
  take(): Buffer | Buffer[] | undefined {
    const first = this.#first;
    if (first === undefined) return undefined;
    this.clear();
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
  }

  // hot path
  #append(entry: Outgoing): void {
    this.#link(entry);
    if (++this.#count === COMPACT_AT) this.#compact(this.#first!);
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
      this.#link(new Outgoing(PREPARED, buffer, buffer.length, buffer.length));
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
  // hot path
  #encode(entry: Outgoing, target: Buffer, offset: number): number {
    const { data, length } = entry;
    let at = offset;
    if (entry.first !== PREPARED) at = writeHeader(target, at, entry.first, length, this.#maskBit);
    const mustMask = this.#maskBit !== 0 && entry.first !== PREPARED;
    const key = mustMask ? randomMaskKey() : 0;
    if (mustMask) at = writeMaskKey(target, at, key);
    if (typeof data === "string") writeText(target, data, length, at);
    else target.set(data, at);
    if (mustMask) applyMask(target, at, at + length, key);
    return at + length;
  }
}
