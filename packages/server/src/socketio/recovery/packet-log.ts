import type { RecoveryLimit } from "../host/server-tally.ts";
import type { BroadcastOptions } from "../adapter/adapter.ts";

/** A packet that somebody may have missed. */
export interface KeptPacket {
  /** The event with its arguments and its offset. */
  readonly data: unknown[];
  readonly opts: BroadcastOptions;
  /** When it was sent, by the server's clock. */
  readonly sentAt: number;
  /** Its length as it was sent. */
  bytes: number;
}

/** How much a log may hold. */
export interface LogLimits {
  readonly maxPackets: number;
  readonly maxPacketBytes: number;
  /** A packet has to go before its time. */
  readonly onDropped?: ((limit: RecoveryLimit) => void) | undefined;
}

/** The array is cut when this many packets at its front are gone, and they are more than half of it. */
const WORTH_CUTTING = 64;

/** The packets of a namespace in the order in which they were sent, numbered from 1 without gaps. */
export class PacketLog {
  readonly #limits: LogLimits;
  readonly #packets: Array<KeptPacket | undefined> = [];
  /** Where the oldest packet is in the array. */
  #head = 0;
  /** The number of the oldest packet, or of the next one. */
  #first = 1;
  #bytes = 0;
  #crowdedOutThrough = 0;

  constructor(limits: LogLimits) {
    this.#limits = limits;
  }

  /** The number of the newest packet, whether it is still here or not; 0 before the first. */
  get last(): number {
    return this.#first + this.size - 1;
  }

  get size(): number {
    return this.#packets.length - this.#head;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The oldest packet. */
  get oldest(): KeptPacket | undefined {
    return this.#packets[this.#head];
  }

  /** The highest number of a packet that had to go before its time, because the log was full; 0 when none had to. */
  get crowdedOutThrough(): number {
    return this.#crowdedOutThrough;
  }

  /** Adds a packet. Its length is told by {@link measured}, once it is known. */
  add(packet: KeptPacket): void {
    this.#packets.push(packet);
    if (this.size > this.#limits.maxPackets) this.#crowdOut("maxPackets");
  }

  /** The length of a packet that was added is known now. */
  measured(packet: KeptPacket, bytes: number): void {
    packet.bytes = bytes;
    this.#bytes += bytes;
    while (this.#bytes > this.#limits.maxPacketBytes && this.size > 0) this.#crowdOut("maxPacketBytes");
  }

  /** Drops the packets that were sent before `time`. */
  dropBefore(time: number): void {
    while (this.oldest !== undefined && this.oldest.sentAt < time) this.#drop();
  }

  /** Visits the packets that were sent after the packet of a number. */
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
