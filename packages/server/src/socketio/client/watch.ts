import { PacketType } from "@portage/parser/socket";
import type { Clock, PendingCall } from "../../base/clock.ts";
import {
  type BudgetHolder,
  CLOSE_CODES,
  closeError,
  type CloseReason,
  kEngineClock,
  kReceiving,
  type ReceiveBudget,
} from "../../engine/index.ts";
import type { ResolvedLimits } from "../limits.ts";
import { createLimitReason } from "../report/close-codes.ts";
import type { RawData } from "../packets/codec.ts";
import type { SessionPort } from "./session-port.ts";
import { TokenBucket } from "../../base/token-bucket.ts";
import { kEnd, kLimits, kPort } from "../keys.ts";

/** The members of a client that its watch needs. */
interface WatchedClient {
  readonly server: { readonly [kEngineClock]: Clock; readonly [kLimits]: ResolvedLimits };
  readonly [kPort]: SessionPort;
  /** Ends the connection. */
  [kEnd](reason: CloseReason): void;
}

/**
 * Limits what a client sends: the rate of events, the time between attachments, and the bytes of incomplete packets. Created
 * if events are limited, or when the first packet with attachments arrives.
 */
export class ClientWatch implements BudgetHolder {
  readonly #watched: WatchedClient;
  readonly #bucket: TokenBucket | undefined;
  #timer: PendingCall | undefined;
  /** Bytes and characters of the incomplete packet, or 0. */
  #held = 0;

  constructor(watched: WatchedClient) {
    this.#watched = watched;
    const { [kEngineClock]: clock, [kLimits]: limits } = watched.server;
    const rate = limits.maxEventsPerSecond;
    if (rate !== undefined) this.#bucket = new TokenBucket(clock, rate.rate, rate.burst);
  }

  /** Counts a complete packet. @returns false if it exceeds the rate, which ends the connection */
  countPacket(type: PacketType): boolean {
    // The timer keeps running: most clients that send attachments do so repeatedly.
    if (this.#held > 0) this.#release();
    if (this.#bucket === undefined || type !== PacketType.EVENT || this.#bucket.take()) return true;
    const rate = this.#watched.server[kLimits].maxEventsPerSecond;
    this.#watched[kEnd](createLimitReason("TOO_MANY_EVENTS", rate?.burst ?? 0, (rate?.burst ?? 0) + 1));
    return false;
  }

  /** Counts a message that does not complete its packet, and restarts the time limit. */
  countPart(data: RawData): void {
    this.#held += data.length;
    this.#receiving?.update(this, this.#held);
    const { [kEngineClock]: clock, [kLimits]: limits } = this.#watched.server;
    if (this.#timer === undefined) this.#timer = clock.after(limits.attachmentTimeout, () => this.#onTimeout());
    else this.#timer.refresh();
  }

  #onTimeout(): void {
    if (this.#held === 0) return;
    const { attachmentTimeout } = this.#watched.server[kLimits];
    this.#watched[kEnd](createLimitReason("ATTACHMENTS_LATE", attachmentTimeout, attachmentTimeout));
  }

  onEvicted(): void {
    const limit = this.#receiving?.limit;
    this.#watched[kEnd]({ ...closeError("RECEIVE_BUDGET", CLOSE_CODES.RECEIVE_BUDGET.message), limit });
  }

  #release(): void {
    this.#held = 0;
    this.#receiving?.remove(this);
  }

  /** The budget of all incomplete messages; undefined for sessions of another engine. */
  get #receiving(): ReceiveBudget | undefined {
    return this.#watched[kPort].server?.[kReceiving];
  }

  /** Stops the timer and releases the budget at the end of the connection. */
  stop(): void {
    this.#release();
    this.#timer?.cancel();
  }
}
