import type { LogPosition, StoredEvent } from "./log.ts";

/** Milliseconds for which delivered events stay in memory. */
const RING_AGE = 10_000;
/** Bytes of the events in memory. */
const RING_BYTES = 8e6;

interface Kept<Event> {
  /** Undefined: a hole. */
  readonly stored: StoredEvent<Event> | undefined;
  readonly bytes: number;
  readonly at: number;
}

/** The events that this node has delivered lately, in the order of the log, without gaps. */
export class Ring<Event> {
  readonly #kept: Kept<Event>[] = [];
  #head = 0;
  #bytes = 0;
  #last: LogPosition;

  /** The ring is empty, and begins beyond a position. */
  constructor(last: LogPosition) {
    this.#last = last;
  }

  get size(): number {
    return this.#kept.length - this.#head;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Adds the event after the last one. `now`: the time, in milliseconds. */
  add(stored: StoredEvent<Event>, now: number): void {
    this.#push(stored, stored, now);
  }

  /** Adds a hole after the last event: events before it are not enough for a client. */
  addHole(position: LogPosition, now: number): void {
    this.#push(position, undefined, now);
  }

  /** Returns the events beyond a position; undefined if some of them are missing. */
  after({ epoch, number }: LogPosition): StoredEvent<Event>[] | undefined {
    const missing = this.#last.number - number;
    if (epoch !== this.#last.epoch || missing < 0 || missing > this.size) return undefined;
    const events: StoredEvent<Event>[] = [];
    for (let i = this.#kept.length - missing; i < this.#kept.length; i++) {
      const stored = this.#kept[i]?.stored;
      if (stored === undefined) return undefined;
      events.push(stored);
    }
    return events;
  }

  #push({ epoch, number }: LogPosition, stored: StoredEvent<Event> | undefined, now: number): void {
    if (epoch !== this.#last.epoch || number !== this.#last.number + 1) this.#clear();
    this.#last = { epoch, number };
    // An event without bytes takes memory as well.
    const bytes = (stored?.bytes ?? 0) + 100;
    this.#kept.push({ stored, bytes, at: now });
    this.#bytes += bytes;
    this.#trim(now);
  }

  #trim(now: number): void {
    for (let oldest = this.#kept[this.#head]; oldest !== undefined; oldest = this.#kept[this.#head]) {
      if (oldest.at > now - RING_AGE && this.#bytes <= RING_BYTES) break;
      this.#bytes -= oldest.bytes;
      this.#head += 1;
    }
    if (this.#head < 64 || this.#head * 2 < this.#kept.length) return;
    this.#kept.splice(0, this.#head);
    this.#head = 0;
  }

  #clear(): void {
    this.#kept.length = 0;
    this.#head = 0;
    this.#bytes = 0;
  }
}
