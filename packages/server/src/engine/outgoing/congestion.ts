/*
 * What a session has yet to send: messages prepared for many, marks of events, the policy for slow readers.
 * Knows: packets, bytes, the clock.
 * Must not know: sockets, and how a transport sends.
 */
import type { EnginePacket } from "@portage/parser/engine";
import type { Clock } from "../../base/clock.ts";
import { nextTurn, soon } from "../../base/turn.ts";
import { type CloseReason, limitExceeded } from "../report/close-codes.ts";
import type { EventMark, SendOptions } from "./prepared-message.ts";
import type { AnyLimitCode } from "../report/limit-codes.ts";
import { POLL_GRACE, type SlowPolicy, type SlowReaderOptions, TIGHT } from "./slow-reader.ts";
import {
  kCarriedBy,
  kChargedFrom,
  kClock,
  kCongestion,
  kFail,
  kOnLimit,
  kQueuedBytes,
  kSlowReader,
  kStats,
} from "../keys.ts";

/** The queue of a session, as what watches over it sees it. */
export interface Waiting {
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
    readonly [kClock]: Clock;
    readonly [kSlowReader]: Required<SlowReaderOptions>;
    readonly [kStats]: { queued: number; slow: number };
    [kOnLimit](session: { readonly id: string }, code: AnyLimitCode, limit: number, actual: number): void;
  };
  /** Hands the queue to the transport, if it can take it. */
  flush(): void;
  /** Ends the session. */
  [kFail](reason: CloseReason): void;
}

/** What a packet that waits takes besides its data, in bytes, roughly: of very small ones, that is most of it. */
const PACKET_COST = 100;

/** What waits in this process for peers that can't take it; a message for many counts once. */
let processBytes = 0;
let processPackets = 0;

/** Bytes that wait in this process for peers that can't take them. A broadcast counts once, whoever it waits for. */
export function waitingBytes(): number {
  return processBytes;
}

/** Whether all that waits takes more than `budget` bytes. */
function isBeyond(budget: number): boolean {
  return processBytes + processPackets * PACKET_COST > budget;
}

/** What waits for one peer, as it counts while the process is beyond its budget. */
function costOf({ [kQueuedBytes]: queuedBytes, writeBuffer }: Waiting): number {
  return queuedBytes + writeBuffer.length * PACKET_COST;
}

function sizeOf(packet: EnginePacket): number {
  return packet.data === undefined ? 0 : packet.data.length;
}

function charge(packet: EnginePacket): void {
  const options = packet.options as SendOptions;
  if (options.shared !== undefined && options.holders++ > 0) return;
  processBytes += sizeOf(packet);
  processPackets += 1;
}

function release(packet: EnginePacket): void {
  const options = packet.options as SendOptions;
  if (options.shared !== undefined && --options.holders > 0) return;
  processBytes -= sizeOf(packet);
  processPackets -= 1;
}

/** Of packets that leave the queue, those from `from` on count no more. */
function releaseFrom(batch: readonly EnginePacket[], from: number): void {
  for (let index = from; index < batch.length; index++) release(batch[index] as EnginePacket);
}

/**
 * A packet has been queued that does not leave in this tick, or is one of many.
 *
 * @returns false, when the session ends for it
 */
export function onQueued(waiting: Waiting, packet: EnginePacket): boolean {
  if (waiting[kChargedFrom] === -1) waiting[kChargedFrom] = waiting.writeBuffer.length - 1;
  charge(packet);
  const { soft, process } = waiting.server[kSlowReader];
  if (waiting[kQueuedBytes] <= soft && (!isBeyond(process) || costOf(waiting) <= TIGHT)) return true;
  return (waiting[kCongestion] ??= new Congestion(waiting)).onCrowded(packet);
}

/** The queue, which was `queue`, has been handed to the transport, or is given up. What it could not take is in the new one. */
export function onTaken(waiting: Waiting, queue: readonly EnginePacket[]): void {
  const { writeBuffer } = waiting;
  const { [kStats]: stats } = waiting.server;
  stats.queued -= waiting[kQueuedBytes];
  waiting[kQueuedBytes] = 0;
  if (waiting[kChargedFrom] !== -1) releaseFrom(queue, waiting[kChargedFrom]);
  waiting[kChargedFrom] = -1;
  if (writeBuffer.length === 0) return waiting[kCongestion]?.onTaken();
  waiting[kChargedFrom] = 0;
  for (const packet of writeBuffer) {
    waiting[kQueuedBytes] += sizeOf(packet);
    charge(packet);
  }
  stats.queued += waiting[kQueuedBytes];
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
  readonly #waiting: Waiting;
  #state: State = "calm";
  /** What becomes of events while the peer is slow. */
  policy: SlowPolicy;
  /** Events that were dropped. */
  dropped = 0;
  #onReady: (() => void)[] = [];

  constructor(waiting: Waiting) {
    this.#waiting = waiting;
    this.policy = waiting.server[kSlowReader].policy;
  }

  /** Whether the peer has not taken what waits, for so long that the policy applies. */
  get isSlow(): boolean {
    return this.#state === "slow";
  }

  get isOver(): boolean {
    return this.#state === "over";
  }

  #become(state: State): void {
    const { [kStats]: stats } = this.#waiting.server;
    if (this.#state === "slow") stats.slow -= 1;
    if (state === "slow") stats.slow += 1;
    this.#state = state;
  }

  /** Too much waits. */
  onCrowded(packet: EnginePacket): boolean {
    if (this.#state === "over") return false;
    if (this.#waiting.transport.writable) return this.#pushOut();
    if (this.#state === "calm" || this.#state === "drained") {
      this.#become("burst");
      nextTurn(assess, this);
    }
    const limit = this.#limit;
    const { [kQueuedBytes]: queuedBytes, writeBuffer, server } = this.#waiting;
    const cost = isBeyond(server[kSlowReader].process) ? costOf(this.#waiting) : queuedBytes;
    // A heartbeat does not end what it is to keep alive, and one message is taken whatever its size.
    if (cost <= limit || packet.type !== "message" || writeBuffer.length === 1) return true;
    this.giveUp(limit);
    return false;
  }

  /** How much may wait: less for a peer that is known to be slow, and less for all while the process holds too much. */
  get #limit(): number {
    const { hard, burst, process } = this.#waiting.server[kSlowReader];
    if (!isBeyond(process)) return this.#state === "burst" ? burst : hard;
    return this.#state === "burst" ? hard : Math.min(hard, TIGHT);
  }

  /** Much is sent within one tick: as long as the system takes it, nothing has to wait in memory. */
  #pushOut(): boolean {
    this.#waiting.flush();
    return true;
  }

  /** I/O has had its chance. */
  assess(grace: number): void {
    const waiting = this.#waiting;
    if (this.#state !== "burst") return;
    if (waiting.transport.writable || waiting.readyState === "closed") {
      this.#become("calm");
      return;
    }
    // Between two requests nothing can be taken, so this is not slowness yet.
    if (grace > 0 && waiting[kCarriedBy] === "requests") {
      waiting.server[kClock].after(grace, () => this.assess(0));
      return;
    }
    this.#become("slow");
    const { soft, process } = waiting.server[kSlowReader];
    waiting.server[kOnLimit](waiting, "SLOW_READER", isBeyond(process) ? TIGHT : soft, waiting[kQueuedBytes]);
  }

  /** Ends the session, once the code that sends is done. */
  giveUp(limit: number = this.#waiting.server[kSlowReader].soft): void {
    if (this.#state === "over") return;
    const waiting = this.#waiting;
    this.#become("over");
    const budget = waiting.server[kSlowReader].process;
    const isForAll = isBeyond(budget);
    const cost = processBytes + processPackets * PACKET_COST;
    if (isForAll) waiting.server[kOnLimit](waiting, "PROCESS_BUDGET", budget, cost);
    const cause = isForAll ? { code: "PROCESS_BUDGET" } : undefined;
    const actual = isForAll ? costOf(waiting) : waiting[kQueuedBytes];
    soon(() => waiting[kFail](limitExceeded("SLOW_READER", limit, actual, cause)), undefined);
  }

  onTaken(): void {
    if (this.#state === "over") return this.#tellReady();
    this.#become(this.#state === "slow" ? "drained" : "calm");
    this.#tellReady();
  }

  /** Whether the peer was slow and has taken all since the last call. */
  takeDrained(): boolean {
    if (this.#state !== "drained") return false;
    this.#become("calm");
    return true;
  }

  #tellReady(): void {
    const onReady = this.#onReady;
    if (onReady.length === 0) return;
    this.#onReady = [];
    for (const resolve of onReady) resolve();
  }

  /** Resolves once no more than the soft limit waits, or the session has ended. */
  whenDrained(): Promise<void> {
    const { [kQueuedBytes]: queuedBytes, server, readyState } = this.#waiting;
    if (queuedBytes <= server[kSlowReader].soft || readyState === "closed") return Promise.resolve();
    return new Promise((resolve) => this.#onReady.push(resolve));
  }

  /** Drops marked events, the oldest first, until `bytes` more would be within the soft limit. */
  dropOldest(bytes: number): void {
    const waiting = this.#waiting;
    const room = waiting.server[kSlowReader].soft - bytes;
    let kept = waiting[kQueuedBytes];
    const doomed = new Set<EventMark>();
    for (const packet of waiting.writeBuffer) {
      const { mark } = packet.options as SendOptions;
      if (mark === undefined) continue;
      if (kept <= room && !doomed.has(mark)) break;
      doomed.add(mark);
      kept -= sizeOf(packet);
    }
    if (doomed.size === 0) return;
    this.#keep((mark) => mark === undefined || !doomed.has(mark));
    this.onDropped(doomed.size);
  }

  /** Removes the event with the same key that waits, if one does. */
  supersede(key: string): boolean {
    const isIt = (mark: EventMark | undefined): boolean => mark?.key === key;
    if (!this.#waiting.writeBuffer.some((packet) => isIt((packet.options as SendOptions).mark))) return false;
    this.#keep((mark) => !isIt(mark));
    // one event of a key may wait
    this.#waiting.server[kOnLimit](this.#waiting, "EVENT_CONFLATED", 1, 2);
    return true;
  }

  #keep(isKept: (mark: EventMark | undefined) => boolean): void {
    const waiting = this.#waiting;
    if (waiting[kChargedFrom] !== -1) releaseFrom(waiting.writeBuffer, waiting[kChargedFrom]);
    waiting.writeBuffer = waiting.writeBuffer.filter((packet) => isKept((packet.options as SendOptions).mark));
    const { [kStats]: stats } = waiting.server;
    stats.queued -= waiting[kQueuedBytes];
    waiting[kQueuedBytes] = 0;
    for (const packet of waiting.writeBuffer) {
      waiting[kQueuedBytes] += sizeOf(packet);
      charge(packet);
    }
    stats.queued += waiting[kQueuedBytes];
    waiting[kChargedFrom] = 0;
  }

  onDropped(events: number): void {
    const { server, [kQueuedBytes]: queuedBytes } = this.#waiting;
    this.dropped += events;
    server[kOnLimit](this.#waiting, "EVENT_DROPPED", server[kSlowReader].soft, queuedBytes);
  }
}

function assess(congestion: Congestion): void {
  congestion.assess(POLL_GRACE);
}
