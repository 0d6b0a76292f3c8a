/*
 * What a session has yet to send: messages prepared for many, marks of events, the policy for slow readers.
 * Knows: packets, bytes, the clock.
 * Must not know: sockets, and how a transport sends.
 */
import type { EnginePacket } from "@portage/parser/engine";
import type { Clock } from "../../base/clock.ts";
import { nextTurn, runNextTick } from "../../base/turn.ts";
import { type CloseReason, limitExceeded } from "../report/close-codes.ts";
import type { EventMark, PacketSendOptions } from "./prepared-message.ts";
import type { AnyLimitCode } from "../report/limit-codes.ts";
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

/** The queue of a session, as what watches over it sees it. */
export interface OutgoingQueue {
  readonly id: string;
  writeBuffer: EnginePacket[];
  /** Bytes and characters in `writeBuffer`. */
  [kQueuedBytes]: number;
  /** Index of the first packet that counts for the process; -1: none does. */
  [kChargedFrom]: number;
  [kCongestion]: Congestion | undefined;
  readonly readyState: string;
  readonly transport: { readonly writable: boolean };
  /** What carries its transport: between two requests nothing can be taken. */
  readonly [kCarriedBy]: "requests" | "stream" | undefined;
  readonly server: {
    readonly [kEngineClock]: Clock;
    readonly [kSlowReader]: Required<SlowReaderOptions>;
    readonly [kStats]: { queued: number; slow: number };
    [kReportSessionLimit](session: { readonly id: string }, code: AnyLimitCode, limit: number, actual: number): void;
  };
  /** Hands the queue to the transport, if it can take it. */
  flush(): void;
  /** Ends the session. */
  [kFailSession](reason: CloseReason): void;
}

/** What a packet that waits takes besides its data, in bytes, roughly: of very small ones, that is most of it. */
const PACKET_COST = 100;

/** What waits in this process for peers that can't take it; a message for many counts once. */
let processBytes = 0;
let processPackets = 0;

/** Bytes that wait in this process for peers that can't take them. A broadcast counts once, whoever it waits for. */
export function queuedProcessBytes(): number {
  return processBytes;
}

/** Whether all that waits takes more than `budget` bytes. */
function isBeyond(budget: number): boolean {
  return processBytes + processPackets * PACKET_COST > budget;
}

/** What waits for one peer, as it counts while the process is beyond its budget. */
function costOf({ [kQueuedBytes]: queuedBytes, writeBuffer }: OutgoingQueue): number {
  return queuedBytes + writeBuffer.length * PACKET_COST;
}

function sizeOf(packet: EnginePacket): number {
  return packet.data === undefined ? 0 : packet.data.length;
}

function charge(packet: EnginePacket): void {
  const options = packet.options as PacketSendOptions;
  if (options.shared !== undefined && options.holders++ > 0) return;
  processBytes += sizeOf(packet);
  processPackets += 1;
}

function discharge(packet: EnginePacket): void {
  const options = packet.options as PacketSendOptions;
  if (options.shared !== undefined && --options.holders > 0) return;
  processBytes -= sizeOf(packet);
  processPackets -= 1;
}

/** Of packets that leave the queue, those from `from` on count no more. */
function dischargeFrom(batch: readonly EnginePacket[], from: number): void {
  for (let index = from; index < batch.length; index++) discharge(batch[index] as EnginePacket);
}

/**
 * A packet has been queued that does not leave in this tick, or is one of many.
 *
 * @returns false, when the session ends for it
 */
export function countQueued(queue: OutgoingQueue, packet: EnginePacket): boolean {
  if (queue[kChargedFrom] === -1) queue[kChargedFrom] = queue.writeBuffer.length - 1;
  charge(packet);
  const { soft, process } = queue.server[kSlowReader];
  if (queue[kQueuedBytes] <= soft && (!isBeyond(process) || costOf(queue) <= TIGHT)) return true;
  return (queue[kCongestion] ??= new Congestion(queue)).applyLimit(packet);
}

/** The queue, which was `queue`, has been handed to the transport, or is given up. What it could not take is in the new one. */
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
    queue[kQueuedBytes] += sizeOf(packet);
    charge(packet);
  }
  stats.queued += queue[kQueuedBytes];
}

/**
 * - `calm`: it is not too much
 * - `burst`: it is, and I/O has had no chance yet to take it
 * - `slow`: it is, and the peer does not take it
 * - `drained`: the peer was slow and has taken it all
 * - `over`: it was far too much, and the session is about to end
 */
type State = "calm" | "burst" | "slow" | "drained" | "over";

/** Watches over what waits for one peer, from the moment at which it was too much for the first time, or a policy was set. */
export class Congestion {
  readonly #queue: OutgoingQueue;
  #state: State = "calm";
  /** What becomes of events while the peer is slow. */
  policy: SlowPolicy;
  /** Events that were dropped. */
  dropped = 0;
  #resolvers: (() => void)[] = [];

  constructor(queue: OutgoingQueue) {
    this.#queue = queue;
    this.policy = queue.server[kSlowReader].policy;
  }

  /** Whether the peer has not taken what waits, for so long that the policy applies. */
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

  /** Too much waits. */
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
    // A heartbeat does not end what it is to keep alive, and one message is taken whatever its size.
    if (cost <= limit || packet.type !== "message" || writeBuffer.length === 1) return true;
    this.endSession(limit);
    return false;
  }

  /** How much may wait: less for a peer that is known to be slow, and less for all while the process holds too much. */
  get #limit(): number {
    const { hard, burst, process } = this.#queue.server[kSlowReader];
    if (!isBeyond(process)) return this.#state === "burst" ? burst : hard;
    return this.#state === "burst" ? hard : Math.min(hard, TIGHT);
  }

  /** Much is sent within one tick: as long as the system takes it, nothing has to wait in memory. */
  #pushOut(): boolean {
    this.#queue.flush();
    return true;
  }

  /** I/O has had its chance. */
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

  /** Ends the session, once the code that sends is done. */
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

  /** Whether the peer was slow and has taken all since the last call. */
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

  /** Resolves once no more than the soft limit waits, or the session has ended. */
  whenDrained(): Promise<void> {
    const { [kQueuedBytes]: queuedBytes, server, readyState } = this.#queue;
    if (queuedBytes <= server[kSlowReader].soft || readyState === "closed") return Promise.resolve();
    return new Promise((resolve) => this.#resolvers.push(resolve));
  }

  /** Drops marked events, the oldest first, until `bytes` more would be within the soft limit. */
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
      kept -= sizeOf(packet);
    }
    if (doomed.size === 0) return;
    this.#keep((mark) => mark === undefined || !doomed.has(mark));
    this.recordDropped(doomed.size);
  }

  /** Removes the event with the same key that waits, if one does. */
  supersede(key: string): boolean {
    const isIt = (mark: EventMark | undefined): boolean => mark?.key === key;
    if (!this.#queue.writeBuffer.some((packet) => isIt((packet.options as PacketSendOptions).mark))) return false;
    this.#keep((mark) => !isIt(mark));
    // one event of a key may wait
    this.#queue.server[kReportSessionLimit](this.#queue, "EVENT_CONFLATED", 1, 2);
    return true;
  }

  #keep(isKept: (mark: EventMark | undefined) => boolean): void {
    const queue = this.#queue;
    if (queue[kChargedFrom] !== -1) dischargeFrom(queue.writeBuffer, queue[kChargedFrom]);
    queue.writeBuffer = queue.writeBuffer.filter((packet) => isKept((packet.options as PacketSendOptions).mark));
    const { [kStats]: stats } = queue.server;
    stats.queued -= queue[kQueuedBytes];
    queue[kQueuedBytes] = 0;
    for (const packet of queue.writeBuffer) {
      queue[kQueuedBytes] += sizeOf(packet);
      charge(packet);
    }
    stats.queued += queue[kQueuedBytes];
    queue[kChargedFrom] = 0;
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
