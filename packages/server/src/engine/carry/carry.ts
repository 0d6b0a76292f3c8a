/*
 * How a session survives the death of its transport.
 * Knows: a session by `CarriedSession`, transports by their contract, the count of messages (`Ledger` of the parser).
 * Must not know: requests and sockets, and what a message means.
 *
 * Both ends count the messages (packets of type `message`) of a session, and each keeps what the other has not confirmed:
 *
 *   client                                         server
 *   GET|WS ...&carry=1                      ->
 *                                           <-     0{...,"carry":{"key":K,"window":10000}}
 *   4... 4...                               ->     counts 2
 *                                           <-     2<2>                     a ping with the count
 *   3<n>                                    ->                              a pong with the client's count
 *   X the connection breaks                        adrift: queued, not sent; no heartbeat; ends after `window`
 *   GET|WS ...&sid=S&carry=<n>&key=K&turn=1 ->     steady: what the client lacks goes back into the queue
 *                                           <-     6<2> 4... 4...
 *   sends again what the server lacks
 *
 * What holds between calls:
 * - While `adrift` the session's transport has ended, its heartbeat is stopped, and a timer is set.
 * - A message is in the session's queue until a transport takes it, then in the ledger until the client confirms it.
 * - `turn` only grows. A request of an earlier turn belongs to a transport that was left: taking it would deliver its messages
 *   twice, since the client sends them again.
 */
import { timingSafeEqual } from "node:crypto";
import { asksForCount, EnginePacket, type EnginePacketType, Ledger, readCount } from "@portage/parser/engine";
import type { Clock, PendingCall } from "../../base/clock.ts";
import {
  kAdrift,
  kEngineClock,
  kEnqueue,
  kFailSession,
  kReportSessionLimit,
  kSlowReader,
  kTransportOwner,
} from "../keys.ts";
import { COMPRESS } from "../outgoing/prepared-message.ts";
import { TIGHT } from "../outgoing/slow-reader.ts";
import { randomId } from "../random-id.ts";
import type { AnyLayerCloseCode, CloseReason } from "../report/close-codes.ts";
import type { AnyLayerLimitCode } from "../report/limit-codes.ts";
import type { RefusalName } from "../report/refusals.ts";
import { NO_OWNER, type Transport } from "../transports/transport.ts";
import type { CarryLimits } from "./options.ts";

/**
 * - `steady`: a transport carries the session
 * - `adrift`: the transport has died, and the client may return
 * - `ended`: the session is over
 */
export type CarryPhase = "steady" | "adrift" | "ended";

/** What can happen: the transport dies, the client returns, the time to wait is up, the session ends. */
export type CarrySignal = "lost" | "returned" | "expired" | "ended";

type Action =
  /** Drops the transport and waits for the client. */
  | "wait"
  /** Goes on over the new transport. */
  | "resume"
  /** Ends the session, for the reason for which the transport died. */
  | "give up"
  /** Stops waiting. */
  | "stop"
  | "ignore";

type Cell = readonly [next: CarryPhase, action: Action];

/** What each signal does in each phase. Walked cell by cell in the tests. */
export const CARRY_TABLE: Readonly<Record<CarryPhase, Readonly<Record<CarrySignal, Cell>>>> = {
  steady: {
    lost: ["adrift", "wait"],
    returned: ["steady", "resume"], // the client has lost a transport that looks alive here
    expired: ["steady", "ignore"],
    ended: ["ended", "ignore"],
  },
  adrift: {
    lost: ["adrift", "ignore"],
    returned: ["steady", "resume"],
    expired: ["ended", "give up"],
    ended: ["ended", "stop"],
  },
  ended: {
    lost: ["ended", "ignore"],
    returned: ["ended", "ignore"],
    expired: ["ended", "ignore"],
    ended: ["ended", "ignore"],
  },
};

/** The ways in which a transport dies by accident. All other ends are final. */
const ACCIDENTS: ReadonlySet<AnyLayerCloseCode> = new Set<AnyLayerCloseCode>([
  "CONNECTION_CLOSED",
  "CONNECTION_FAILED",
  "POLL_ABORTED",
  "POLL_LOST",
  "POST_ABORTED",
  "PING_TIMEOUT",
  "PROTOCOL_VIOLATION", // a proxy or a scanner may alter frames
  // browsers and proxies repeat a request whose connection broke, maybe before its end is seen here
  "OVERLAPPING_POLL",
  "OVERLAPPING_POST",
]);

/** A session, as its carry sees it. */
export interface CarriedSession {
  readonly id: string;
  readonly remoteAddress: string;
  readonly server: {
    readonly [kEngineClock]: Clock;
    readonly [kAdrift]: Set<Carry>;
    readonly [kSlowReader]: { readonly process: number };
    [kReportSessionLimit](
      session: { readonly id: string },
      code: AnyLayerLimitCode,
      limit: number,
      actual: number,
    ): void;
  };
  readonly transport: Transport;
  readonly writeBuffer: EnginePacket[];
  [kEnqueue](type: EnginePacketType, data: string): unknown;
  [kFailSession](reason: CloseReason): void;
}

/** What a request says of the session's carry. */
export interface CarryQuery {
  readonly carry?: string | undefined;
  readonly key?: string | undefined;
  readonly turn?: string | undefined;
  /** The stamp of the request. */
  readonly t?: string | undefined;
}

/** Whether a request asks to take its session up again. One parameter alone may be the program's own. */
export const isReturn = ({ carry, key }: CarryQuery): boolean => carry !== undefined && key !== undefined;

const turnOf = ({ turn = "0" }: CarryQuery): number => readCount(turn);

const sizeOf = ({ data }: EnginePacket): number => (data === undefined ? 0 : data.length);

/** Bytes that the carries of this process keep; those of a broadcast count for each client. */
let keptBytes = 0;

/** The carry of one session whose client has asked for it. */
export class Carry {
  /** What the client must know to return: it is not in any URL before. */
  readonly key: string = randomId();
  readonly limits: CarryLimits;
  /** How often the session has changed its transport after a death. */
  times = 0;
  readonly session: CarriedSession;
  readonly #ledger: Ledger<EnginePacket>;
  #phase: CarryPhase = "steady";
  #turn = 0;
  /** The stamp of the request with which the client returned last. */
  #returnStamp: string | undefined;
  #reason: CloseReason | undefined;
  #timer: PendingCall | undefined;
  /** Whether messages had to go since the client's last count. */
  #isFull = false;
  /** Bytes of this carry in `keptBytes`. */
  #counted = 0;
  /** The stamps of the last GET and of the last POST, and of the first of either. */
  readonly #stamps: { GET?: string; POST?: string; first?: string } = {};
  /** A transport that the session has been upgraded from, while its last POST is still read. */
  retiring: Transport | undefined;

  constructor(session: CarriedSession, limits: CarryLimits) {
    this.session = session;
    this.limits = limits;
    this.#ledger = new Ledger(limits, sizeOf);
  }

  get phase(): CarryPhase {
    return this.#phase;
  }

  // ---- counting ----------------------------------------------------------------------------------------------------

  /** The number of messages received, for the client. */
  report(): string {
    return String(this.#ledger.report());
  }

  /** A message has come in. */
  countReceived(packet: EnginePacket): void {
    if (this.#ledger.received(sizeOf(packet))) this.#enqueueCount();
  }

  /** Queues the count. Replaces one at the end of the queue: a client that asks and does not read must not fill it. */
  #enqueueCount(): void {
    const { writeBuffer } = this.session;
    const count = this.report();
    const last = writeBuffer.at(-1);
    // One of the same length, so that the sizes of the queue stay right.
    if (last?.type === "noop" && last.data?.length === count.length)
      writeBuffer[writeBuffer.length - 1] = new EnginePacket("noop", count, COMPRESS);
    else this.session[kEnqueue]("noop", count);
  }

  /** The client reports how many messages it has; it may ask for the same. */
  confirm(data: unknown): void {
    if (this.#ledger.confirm(readCount(data))) {
      this.#isFull = false;
      this.#recount();
    }
    if (asksForCount(data)) this.#enqueueCount();
  }

  /** A transport has taken packets. */
  countSent(batch: readonly EnginePacket[]): void {
    const { maxPackets, maxBytes } = this.limits;
    for (const packet of batch) {
      if (packet.type !== "message" || this.#ledger.sent(packet)) continue;
      const { unconfirmed, unconfirmedBytes } = this.#ledger;
      if (unconfirmed >= maxPackets) this.#reportFull(maxPackets, unconfirmed + 1);
      else this.#reportFull(maxBytes, unconfirmedBytes);
    }
    this.#recount();
    const { process } = this.session.server[kSlowReader];
    if (keptBytes > process && this.#counted > TIGHT) this.#forgetAll(process);
  }

  /** Makes room in a process that keeps too much. Clients that confirm often enough are never concerned. */
  #forgetAll(budget: number): void {
    this.#reportFull(budget, keptBytes);
    this.#ledger.confirm(this.#ledger.total);
    this.#recount();
  }

  #recount(): void {
    const bytes = this.#phase === "ended" ? 0 : this.#ledger.unconfirmedBytes;
    keptBytes += bytes - this.#counted;
    this.#counted = bytes;
  }

  #reportFull(limit: number, actual: number): void {
    if (this.#isFull) return;
    this.#isFull = true;
    this.session.server[kReportSessionLimit](this.session, "CARRY_FULL", limit, actual);
  }

  // ---- requests ----------------------------------------------------------------------------------------------------

  /**
   * Records the stamp (`t`) of a GET or POST.
   *
   * @returns whether a browser or a proxy has sent the request again. The client does not know that the first one broke: taking
   *   the second would lose the answer of a poll, or deliver a POST twice.
   */
  recordStamp(method: "GET" | "POST", stamp: string): boolean {
    const last = this.#stamps[method];
    this.#stamps[method] = stamp;
    this.#stamps.first ??= stamp;
    // A program's own `t` is the same in all requests.
    return last === stamp && stamp !== this.#stamps.first;
  }

  /** Why a request of this session can't be taken; undefined if it can. */
  refusalOf(query: CarryQuery): RefusalName | undefined {
    const turn = turnOf(query);
    if (!isReturn(query)) {
      if (turn !== this.#turn) return "CARRY_TURN";
      return this.#phase === "adrift" ? "CARRY_ADRIFT" : undefined;
    }
    if (!isSame(query.key, this.key)) return "CARRY_KEY";
    // a browser repeats the request of a return, too
    const isRepeated = turn === this.#turn && turn > 0 && query.t !== undefined && query.t === this.#returnStamp;
    if (!(turn > this.#turn) && !isRepeated) return "CARRY_TURN";
    return this.#ledger.reaches(readCount(query.carry)) ? undefined : "CARRY_COUNT";
  }

  // ---- phases ------------------------------------------------------------------------------------------------------

  /**
   * The transport has died.
   *
   * @returns false if the session has to end for it
   */
  lose(reason: CloseReason): boolean {
    if (!ACCIDENTS.has(reason.code)) return false;
    // The first reason is the one that counts.
    if (this.#phase === "steady") this.#reason = reason;
    this.#signal("lost");
    return true;
  }

  /**
   * The client has returned, and is there again.
   *
   * @returns what it has to get first: the count, then the messages that it lacks
   */
  resume(query: CarryQuery): { readonly count: string; readonly lost: readonly EnginePacket[] } {
    this.#signal("returned");
    this.#turn = turnOf(query);
    this.#returnStamp = query.t;
    this.times += 1;
    this.#isFull = false;
    const answer = { count: this.report(), lost: this.#ledger.rewind(readCount(query.carry)) ?? [] };
    this.#recount();
    return answer;
  }

  /** Ends a session adrift before its time, in favour of another client. */
  expire(): void {
    this.#signal("expired");
  }

  /** The session is over. */
  end(): void {
    this.#signal("ended");
    this.#recount();
  }

  #signal(signal: CarrySignal): void {
    const [next, action] = CARRY_TABLE[this.#phase][signal];
    this.#phase = next;
    switch (action) {
      case "wait":
        this.#wait();
        return this.#drop();
      case "resume":
        this.#stop();
        return this.#drop();
      case "give up":
        this.#stop();
        return this.session[kFailSession](this.#reason as CloseReason);
      case "stop":
        return this.#stop();
      case "ignore":
        return;
    }
  }

  /**
   * Leaves what has carried the session without a word: a goodbye would end the session at the client. A listener of the
   * program may end the session meanwhile.
   */
  #drop(): void {
    const { transport } = this.session;
    // It must not deliver what follows a POST that is cut.
    transport[kTransportOwner] = NO_OWNER;
    this.retiring?.drop();
    transport.drop();
  }

  #wait(): void {
    const { [kEngineClock]: clock, [kAdrift]: adrift } = this.session.server;
    adrift.add(this);
    this.#timer = clock.after(this.limits.window, () => this.#signal("expired"));
  }

  #stop(): void {
    this.session.server[kAdrift].delete(this);
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}

function isSame(given: string | undefined, key: string): boolean {
  return given?.length === key.length && timingSafeEqual(Buffer.from(given, "latin1"), Buffer.from(key, "latin1"));
}
