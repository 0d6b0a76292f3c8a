import type { RecoveryLimit } from "../report/limit-codes.ts";
import type { BroadcastOptions } from "../adapter/adapter.ts";

/** Where a packet was sent: the node of a cluster, and the number of the packet there. */
export interface PacketOrigin {
  /** The tag of the node that sent it. */
  readonly node: string;
  /** Its number among the packets of that node. */
  readonly number: number;
}

/** A packet that a disconnected client may have missed. */
export interface KeptPacket {
  /** The event with its arguments and its offset. */
  readonly data: unknown[];
  /** Its receivers. */
  readonly opts: BroadcastOptions;
  /** Undefined for packets of this server alone. */
  readonly origin?: PacketOrigin | undefined;
  /** The time it was sent, by the server's clock, in milliseconds. */
  readonly sentAt: number;
  /** Its encoded length; 0 until it is known. */
  bytes: number;
}

/** The bounds of a log. */
export interface LogLimits {
  readonly maxPackets: number;
  readonly maxPacketBytes: number;
  /** Called when a full log drops a packet before its lifetime is over. */
  readonly onDropped?: ((limit: RecoveryLimit) => void) | undefined;
}

/** The array is compacted when at least this many packets at its front are gone, and they are half of it or more. */
const WORTH_CUTTING = 64;

/** The packets of a namespace in the order of sending, numbered from 1 without gaps. */
export class PacketLog {
  readonly #limits: LogLimits;
  readonly #packets: Array<KeptPacket | undefined> = [];
  /** The index of the oldest packet in the array. */
  #head = 0;
  /** The number of the oldest packet, or of the next one when the log is empty. */
  #first = 1;
  #bytes = 0;
  #crowdedOutThrough = 0;
  #expiredThrough = 0;
  /** The time at which the newest expired packet was sent. */
  #expiredSentAt = -Infinity;

  constructor(limits: LogLimits) {
    this.#limits = limits;
  }

  /** The number of the newest packet, dropped or not; 0 before the first. */
  get last(): number {
    return this.#first + this.size - 1;
  }

  get size(): number {
    return this.#packets.length - this.#head;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The oldest packet that is still stored. */
  get oldest(): KeptPacket | undefined {
    return this.#packets[this.#head];
  }

  /**
   * Returns whether the log may lack a packet for a client that received all packets up to `number`, and all that were sent
   * before `time`.
   */
  lacks(number: number, time: number): boolean {
    return number < this.#crowdedOutThrough || (number < this.#expiredThrough && time <= this.#expiredSentAt);
  }

  /** Adds a packet. Call {@link measured} once its length is known. */
  add(packet: KeptPacket): void {
    this.#packets.push(packet);
    if (this.size > this.#limits.maxPackets) this.#crowdOut("maxPackets");
  }

  /** Sets the length of an added packet, and drops the oldest packets if the log is too large. */
  measured(packet: KeptPacket, bytes: number): void {
    packet.bytes = bytes;
    this.#bytes += bytes;
    while (this.#bytes > this.#limits.maxPacketBytes && this.size > 0) this.#crowdOut("maxPacketBytes");
  }

  /** Notes that packets may have been lost before they were added: the log lacks them for all who have not got a later one. */
  breakHere(packet: KeptPacket): void {
    this.add(packet);
    this.#crowdedOutThrough = this.last;
  }

  /** Drops packets sent before `time`. */
  dropBefore(time: number): void {
    for (let { oldest } = this; oldest !== undefined && oldest.sentAt < time; { oldest } = this) {
      this.#expiredThrough = this.#first;
      this.#expiredSentAt = oldest.sentAt;
      this.#drop();
    }
  }

  /** Visits the stored packets with a higher number. */
  forEachAfter(number: number, visit: (packet: KeptPacket, number: number) => void): void {
    const { last } = this;
    for (let each = Math.max(number + 1, this.#first); each <= last; each++) {
      const packet = this.#packets[this.#head + each - this.#first];
      if (packet !== undefined) visit(packet, each);
    }
  }

  #crowdOut(limit: RecoveryLimit): void {
    this.#limits.onDropped?.(limit);
    this.#crowdedOutThrough = this.#first;
    this.#drop();
  }

  #drop(): void {
    this.#bytes -= this.oldest?.bytes ?? 0;
    this.#packets[this.#head++] = undefined;
    this.#first++;
    if (this.#head < WORTH_CUTTING || this.#head * 2 < this.#packets.length) return;
    this.#packets.splice(0, this.#head);
    this.#head = 0;
  }
}
