/** How much of what was sent a {@link Ledger} keeps. Beyond that the oldest messages go first; the last one stays. */
export interface LedgerLimits {
  /** Bytes of the messages kept. */
  readonly maxBytes: number;
  /** Messages kept. */
  readonly maxPackets: number;
}

/** A receiver reports its count after this many messages, or this many bytes, without a report. */
const REPORT_AFTER_MESSAGES = 256;
const REPORT_AFTER_BYTES = 65_536;

/**
 * Counts the messages of one session in both directions, and keeps those that the peer has not confirmed. With it a session
 * survives the death of a transport: the peer reports how many messages it has, and the rest is sent again. Both ends use
 * this class; it knows nothing of transports and time.
 *
 * What holds between calls: `#base` messages are confirmed or no longer kept, and `#kept` are the messages after them, in
 * the order in which they were sent. A message is kept from the moment a transport takes it.
 *
 * @example
 * const ledger = new Ledger({ maxBytes: 262_144, maxPackets: 512 }, (text: string) => text.length);
 * ledger.sent("a");
 * ledger.sent("b");
 * ledger.confirm(1);
 * ledger.rewind(1); // ["b"]
 */
export class Ledger<Packet> {
  readonly #limits: LedgerLimits;
  readonly #sizeOf: (packet: Packet) => number;
  #base = 0;
  #kept: Packet[] = [];
  #bytes = 0;
  #received = 0;
  /** Infinity if the next message is reported at once: it shows the peer that the transport works. */
  #unreported = Infinity;
  #unreportedBytes = 0;

  /** @param sizeOf bytes or characters of a message */
  constructor(limits: LedgerLimits, sizeOf: (packet: Packet) => number) {
    this.#limits = limits;
    this.#sizeOf = sizeOf;
  }

  /** How many messages were sent; those that were taken back do not count. */
  get total(): number {
    return this.#base + this.#kept.length;
  }

  /** How many messages are kept: sent, and not confirmed. */
  get unconfirmed(): number {
    return this.#kept.length;
  }

  /** Bytes or characters of the messages that are kept. */
  get unconfirmedBytes(): number {
    return this.#bytes;
  }

  /**
   * Keeps a message that a transport has taken.
   *
   * @returns false if older messages had to go: a peer without them can't be served any more
   */
  sent(packet: Packet): boolean {
    const { maxBytes, maxPackets } = this.#limits;
    this.#kept.push(packet);
    this.#bytes += this.#sizeOf(packet);
    const base = this.#base;
    while (this.#kept.length > maxPackets || (this.#bytes > maxBytes && this.#kept.length > 1)) this.#forget(1);
    return this.#base === base;
  }

  /**
   * Counts a message that came in.
   *
   * @returns whether it is time to {@link report}
   */
  received(size: number): boolean {
    this.#received += 1;
    this.#unreported += 1;
    this.#unreportedBytes += size;
    return this.#unreported >= REPORT_AFTER_MESSAGES || this.#unreportedBytes >= REPORT_AFTER_BYTES;
  }

  /** The number of messages received so far, to be reported to the peer. */
  report(): number {
    this.#unreported = this.#received ? 0 : Infinity;
    this.#unreportedBytes = 0;
    return this.#received;
  }

  /**
   * Forgets the messages that the peer has: the first `count`. Ignores a count that is malformed, out of date, or beyond what was
   * sent.
   *
   * @returns whether the peer has received messages since its last count
   */
  confirm(count: number): boolean {
    const confirmed = count - this.#base;
    if (!(confirmed > 0 && confirmed <= this.#kept.length)) return false;
    this.#forget(confirmed);
    return true;
  }

  /** Whether a peer that has received `count` messages can be served: none of those after them is missing. */
  reaches(count: number): boolean {
    return count >= this.#base && count <= this.total;
  }

  /**
   * Takes back the messages after the first `count`, to be queued and sent again: they count as not sent from now on.
   *
   * @returns undefined if {@link reaches} does not hold
   */
  rewind(count: number): Packet[] | undefined {
    if (!this.reaches(count)) return undefined;
    const lost = this.#kept.slice(count - this.#base);
    this.#unreported = Infinity;
    this.#base = count;
    this.#kept = [];
    this.#bytes = 0;
    return lost;
  }

  #forget(count: number): void {
    for (const packet of this.#kept.splice(0, count)) this.#bytes -= this.#sizeOf(packet);
    this.#base += count;
  }
}

/**
 * Reads the count of a ping, pong or noop packet (`2<n>`, `3<n>`, `6<n>`, `6<n>?`). NaN if there is none.
 *
 * @example readCount("12?") // 12
 */
export function readCount(data: unknown): number {
  return +(/^(\d{1,15})\??$/.exec(data as string)?.[1] ?? NaN);
}

/** Whether the peer asks for a count in answer to its own (`6<n>?`). */
export function asksForCount(data: unknown): boolean {
  return String(data).endsWith("?");
}
