/*
 * Backpressure: the outgoing queue of a session, its limits, and the policy for slow readers.
 * Knows: packets, bytes, the clock.
 * Must not know: sockets, and how a transport sends.
 *
 * Quantities: `queuedBytes` is the size of one session's `writeBuffer`. `processBytes` and `processPackets` count the queued
 * packets of all sessions; packets of a broadcast are counted once, by `holders` in their shared options. `chargedFrom` is
 * the index of the first packet in `writeBuffer` that counts for the process.
 *
 *   session   send -> writeBuffer ------------------ flush -> transport
 *                     |<- uncounted ->|<- charged ->|
 *                     0          chargedFrom      length
 *
 * Between calls, `queuedBytes` equals the size of `writeBuffer`. Packets before `chargedFrom` leave in this tick and are
 * not charged; at -1, none is. Each charged packet is discharged exactly once: when it is taken, dropped, or lost with its
 * session. A session within `soft` has no `Congestion`.
 *
 * Changing `writeBuffer` elsewhere, or changing a packet after it was charged, would break the sums for good: the process
 * would seem full, and slow readers would be ended too early.
 */
import type { EnginePacket } from "@portage/parser/engine";
import type { Clock } from "../../base/clock.ts";
import { nextTurn, runNextTick } from "../../base/turn.ts";
import { type CloseReason, limitExceeded } from "../report/close-codes.ts";
import type { EventMark, PacketSendOptions } from "./prepared-message.ts";
import type { AnyLayerLimitCode } from "../report/limit-codes.ts";
import { POLL_GRACE, type SlowPolicy, type SlowReaderOptions, TIGHT } from "./slow-reader.ts";
import {
  kCarriedBy,
  kChargedFrom,
  kEngineClock,
  kCongestion,
  kFailSession,
  kReportSessionLimit,
  kQueuedBytes,
  kSlowReader,
  kStats,
} from "../keys.ts";

/** The part of a session that holds its queue. */
export interface OutgoingQueue {
  readonly id: string;
  writeBuffer: EnginePacket[];
  /** Bytes and characters in `writeBuffer`. */
  [kQueuedBytes]: number;
  /** Index of the first packet that counts for the process, or -1. */
  [kChargedFrom]: number;
  [kCongestion]: Congestion | undefined;
  readonly readyState: string;
  readonly transport: { readonly writable: boolean };
  /** What carries its transport. Between two requests, nothing can be sent. */
  readonly [kCarriedBy]: "requests" | "answer" | "stream" | undefined;
  readonly server: {
    readonly [kEngineClock]: Clock;
    readonly [kSlowReader]: Required<SlowReaderOptions>;
    readonly [kStats]: { queued: number; slow: number };
    [kReportSessionLimit](
      session: { readonly id: string },
      code: AnyLayerLimitCode,
      limit: number,
      actual: number,
    ): void;
  };
  /** Passes the queue to the transport, if it is writable. */
  flush(): void;
  /** Ends the session. */
  [kFailSession](reason: CloseReason): void;
}

/** Approximate overhead of a queued packet, in bytes; most of the cost of very small packets. */
const PACKET_COST = 100;

/** Size of all queues in this process; a broadcast counts once. */
let processBytes = 0;
let processPackets = 0;

/** Returns the bytes queued in this process. A broadcast counts once. */
export function queuedProcessBytes(): number {
  return processBytes;
}

/** Whether all queues together exceed `budget` bytes. */
function isBeyond(budget: number): boolean {
  return processBytes + processPackets * PACKET_COST > budget;
}

/** Returns the size of one queue including overhead, as it counts while the process exceeds its budget. */
function costOf({ [kQueuedBytes]: queuedBytes, writeBuffer }: OutgoingQueue): number {
  return queuedBytes + writeBuffer.length * PACKET_COST;
}

function packetSize({ data }: EnginePacket): number {
  // A listener of `packetCreate` may put anything there, and the sum of the process must stay a number.
  return Number(data?.length) || 0;
}

function charge(packet: EnginePacket): void {
  const options = packet.options as PacketSendOptions;
  if (options.shared !== undefined && options.holders++ > 0) return;
  processBytes += packetSize(packet);
  processPackets += 1;
}

function discharge(packet: EnginePacket): void {
  const options = packet.options as PacketSendOptions;
  if (options.shared !== undefined && --options.holders > 0) return;
  processBytes -= packetSize(packet);
  processPackets -= 1;
}

/** Discharges the packets of a batch from index `from` on. */
function dischargeFrom(batch: readonly EnginePacket[], from: number): void {
  for (let index = from; index < batch.length; index++) discharge(batch[index] as EnginePacket);
}

/**
 * Counts a queued packet that does not leave in this tick, or is one of many.
 *
 * @returns false if the queue is too large and the session ends
 */
export function countQueued(queue: OutgoingQueue, packet: EnginePacket): boolean {
  if (queue[kChargedFrom] === -1) queue[kChargedFrom] = queue.writeBuffer.length - 1;
  charge(packet);
  const { soft, process } = queue.server[kSlowReader];
  if (queue[kQueuedBytes] <= soft && (!isBeyond(process) || costOf(queue) <= TIGHT)) return true;
  return (queue[kCongestion] ??= new Congestion(queue)).applyLimit(packet);
}

/** Updates the counters after packets of the queue `taken` were sent or lost. `writeBuffer` has the rest. */
export function countTaken(queue: OutgoingQueue, taken: readonly EnginePacket[]): void {
  const { writeBuffer } = queue;
  const { [kStats]: stats } = queue.server;
  stats.queued -= queue[kQueuedBytes];
  queue[kQueuedBytes] = 0;
  if (queue[kChargedFrom] !== -1) dischargeFrom(taken, queue[kChargedFrom]);
  queue[kChargedFrom] = -1;
  if (writeBuffer.length === 0) return queue[kCongestion]?.recordTaken();
  queue[kChargedFrom] = 0;
  for (const packet of writeBuffer) {
    queue[kQueuedBytes] += packetSize(packet);
    charge(packet);
  }
  stats.queued += queue[kQueuedBytes];
}

/** Queues packets again, in front of the others: a transport took them, and its client did not get them. */
export function requeue(queue: OutgoingQueue, packets: readonly EnginePacket[]): void {
  replaceQueue(queue, [...packets, ...queue.writeBuffer]);
}

/** Puts other packets into the queue, and counts them anew. */
function replaceQueue(queue: OutgoingQueue, packets: EnginePacket[]): void {
  if (queue[kChargedFrom] !== -1) dischargeFrom(queue.writeBuffer, queue[kChargedFrom]);
  queue.writeBuffer = packets;
  const { [kStats]: stats } = queue.server;
  stats.queued -= queue[kQueuedBytes];
  queue[kQueuedBytes] = 0;
  for (const packet of packets) {
    queue[kQueuedBytes] += packetSize(packet);
    charge(packet);
  }
  stats.queued += queue[kQueuedBytes];
  queue[kChargedFrom] = 0;
}

/**
 * - `calm`: the queue is within its limit
 * - `burst`: the queue exceeds `soft`, and I/O had no chance yet to send it
 * - `slow`: the queue exceeds `soft`, and the client does not read it
 * - `drained`: the client was slow, and has read the whole queue
 * - `over`: the queue exceeded its limit, and the session is about to end
 */
type State = "calm" | "burst" | "slow" | "drained" | "over";

/** Backpressure of one session; created when its queue first exceeds `soft`, or when a program sets a policy. */
export class Congestion {
  readonly #queue: OutgoingQueue;
  #state: State = "calm";
  /** The policy for events while the client is slow. */
  policy: SlowPolicy;
  /** Number of dropped events. */
  dropped = 0;
  #resolvers: (() => void)[] = [];

  constructor(queue: OutgoingQueue) {
    this.#queue = queue;
    this.policy = queue.server[kSlowReader].policy;
  }

  /** Whether the client is slow, so that the policy applies. */
  get isSlow(): boolean {
    return this.#state === "slow";
  }

  get isOver(): boolean {
    return this.#state === "over";
  }

  #become(state: State): void {
    const { [kStats]: stats } = this.#queue.server;
    if (this.#state === "slow") stats.slow -= 1;
    if (state === "slow") stats.slow += 1;
    this.#state = state;
  }

  /** Reacts to a queue above `soft`. Returns false if the session ends. */
  applyLimit(packet: EnginePacket): boolean {
    if (this.#state === "over") return false;
    if (this.#queue.transport.writable) return this.#pushOut();
    if (this.#state === "calm" || this.#state === "drained") {
      this.#become("burst");
      nextTurn(assess, this);
    }
    const limit = this.#limit;
    const { [kQueuedBytes]: queuedBytes, writeBuffer, server } = this.#queue;
    const cost = isBeyond(server[kSlowReader].process) ? costOf(this.#queue) : queuedBytes;
    // A heartbeat must not end its session, and a single message may have any size.
    if (cost <= limit || packet.type !== "message" || writeBuffer.length === 1) return true;
    this.endSession(limit);
    return false;
  }

  /** The queue's limit: lower for slow clients, and lower for all while the process exceeds its budget. */
  get #limit(): number {
    const { hard, burst, process } = this.#queue.server[kSlowReader];
    if (!isBeyond(process)) return this.#state === "burst" ? burst : hard;
    return this.#state === "burst" ? hard : Math.min(hard, TIGHT);
  }

  /** Flushes before the end of the tick, because a writable transport can take more than `soft` allows to queue. */
  #pushOut(): boolean {
    this.#queue.flush();
    return true;
  }

  /** Decides after a turn of I/O whether the client is slow. */
  assess(grace: number): void {
    const queue = this.#queue;
    if (this.#state !== "burst") return;
    if (queue.transport.writable || queue.readyState === "closed") {
      this.#become("calm");
      return;
    }
    // Between two requests nothing can be taken, so this is not slowness yet.
    if (grace > 0 && queue[kCarriedBy] === "requests") {
      queue.server[kEngineClock].after(grace, () => this.assess(0));
      return;
    }
    this.#become("slow");
    const { soft, process } = queue.server[kSlowReader];
    queue.server[kReportSessionLimit](queue, "SLOW_READER", isBeyond(process) ? TIGHT : soft, queue[kQueuedBytes]);
  }

  /** Ends the session after the sending code returns. */
  endSession(limit: number = this.#queue.server[kSlowReader].soft): void {
    if (this.#state === "over") return;
    const queue = this.#queue;
    this.#become("over");
    const budget = queue.server[kSlowReader].process;
    const isForAll = isBeyond(budget);
    const cost = processBytes + processPackets * PACKET_COST;
    if (isForAll) queue.server[kReportSessionLimit](queue, "PROCESS_BUDGET", budget, cost);
    const cause = isForAll ? { code: "PROCESS_BUDGET" } : undefined;
    const actual = isForAll ? costOf(queue) : queue[kQueuedBytes];
    runNextTick(() => queue[kFailSession](limitExceeded("SLOW_READER", limit, actual, cause)), undefined);
  }

  recordTaken(): void {
    if (this.#state === "over") return this.#resolveReady();
    this.#become(this.#state === "slow" ? "drained" : "calm");
    this.#resolveReady();
  }

  /** Returns whether a slow client has read the whole queue since the last call. */
  takeDrained(): boolean {
    if (this.#state !== "drained") return false;
    this.#become("calm");
    return true;
  }

  #resolveReady(): void {
    const resolvers = this.#resolvers;
    if (resolvers.length === 0) return;
    this.#resolvers = [];
    for (const resolve of resolvers) resolve();
  }

  /** Resolves when the queue is within `soft`, or the session has ended. */
  whenDrained(): Promise<void> {
    const { [kQueuedBytes]: queuedBytes, server, readyState } = this.#queue;
    if (queuedBytes <= server[kSlowReader].soft || readyState === "closed") return Promise.resolve();
    return new Promise((resolve) => this.#resolvers.push(resolve));
  }

  /** Drops marked events, oldest first, until `bytes` more fit within `soft`. */
  dropOldest(bytes: number): void {
    const queue = this.#queue;
    const room = queue.server[kSlowReader].soft - bytes;
    let kept = queue[kQueuedBytes];
    const doomed = new Set<EventMark>();
    for (const packet of queue.writeBuffer) {
      const { mark } = packet.options as PacketSendOptions;
      if (mark === undefined) continue;
      if (kept <= room && !doomed.has(mark)) break;
      doomed.add(mark);
      kept -= packetSize(packet);
    }
    if (doomed.size === 0) return;
    this.#keep((mark) => mark === undefined || !doomed.has(mark));
    this.recordDropped(doomed.size);
  }

  /** Removes a queued event with the same key. Returns false if there is none. */
  supersede(key: string): boolean {
    const isIt = (mark: EventMark | undefined): boolean => mark?.key === key;
    if (!this.#queue.writeBuffer.some((packet) => isIt((packet.options as PacketSendOptions).mark))) return false;
    this.#keep((mark) => !isIt(mark));
    // at most one event per key may be queued
    this.#queue.server[kReportSessionLimit](this.#queue, "EVENT_CONFLATED", 1, 2);
    return true;
  }

  #keep(isKept: (mark: EventMark | undefined) => boolean): void {
    const { writeBuffer } = this.#queue;
    const kept = writeBuffer.filter((packet) => isKept((packet.options as PacketSendOptions).mark));
    replaceQueue(this.#queue, kept);
  }

  recordDropped(events: number): void {
    const { server, [kQueuedBytes]: queuedBytes } = this.#queue;
    this.dropped += events;
    server[kReportSessionLimit](this.#queue, "EVENT_DROPPED", server[kSlowReader].soft, queuedBytes);
  }
}

function assess(congestion: Congestion): void {
  congestion.assess(POLL_GRACE);
}
