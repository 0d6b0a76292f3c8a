import { PacketType } from "@portage/parser/socket";
import type { Clock, Timer } from "../../base/clock.ts";
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
import { limitExceeded } from "../report/close-codes.ts";
import type { RawData } from "../packets/codec.ts";
import type { SessionPort } from "./session-port.ts";
import { TokenBucket } from "../../base/token-bucket.ts";
import { kEnd, kLimits, kPort } from "../keys.ts";

/** What is watched about a client. */
interface Watched {
  readonly server: { readonly [kEngineClock]: Clock; readonly [kLimits]: ResolvedLimits };
  readonly [kPort]: SessionPort;
  /** Ends the connection. */
  [kEnd](reason: CloseReason): void;
}

/**
 * Watches over what a client sends: how many events, how long their attachments take, and what packets hold that wait for
 * some. Made for clients that need it: where events are limited, or once a packet with attachments comes in.
 */
export class ClientWatch implements BudgetHolder {
  readonly #watched: Watched;
  readonly #bucket: TokenBucket | undefined;
  #timer: Timer | undefined;
  /** Bytes and characters of a packet whose attachments are due, or 0. */
  #held = 0;

  constructor(watched: Watched) {
    this.#watched = watched;
    const { [kEngineClock]: clock, [kLimits]: limits } = watched.server;
    const rate = limits.maxEventsPerSecond;
    if (rate !== undefined) this.#bucket = new TokenBucket(clock, rate.rate, rate.burst);
  }

  /** A packet is complete. @returns false, when it was one too many and the connection ends */
  onPacket(type: PacketType): boolean {
    // The timer is left alone: most clients that send attachments send them again and again.
    if (this.#held > 0) this.#release();
    if (this.#bucket === undefined || type !== PacketType.EVENT || this.#bucket.take()) return true;
    const rate = this.#watched.server[kLimits].maxEventsPerSecond;
    this.#watched[kEnd](limitExceeded("TOO_MANY_EVENTS", rate?.burst ?? 0, (rate?.burst ?? 0) + 1));
    return false;
  }

  /** A message came in that is not the end of a packet. */
  onAttachmentDue(data: RawData): void {
    this.#held += data.length;
    this.#receiving?.update(this, this.#held);
    const { [kEngineClock]: clock, [kLimits]: limits } = this.#watched.server;
    if (this.#timer === undefined) this.#timer = clock.after(limits.attachmentTimeout, () => this.#onTimeout());
    else this.#timer.refresh();
  }

  #onTimeout(): void {
    if (this.#held === 0) return;
    const { attachmentTimeout } = this.#watched.server[kLimits];
    this.#watched[kEnd](limitExceeded("ATTACHMENTS_LATE", attachmentTimeout, attachmentTimeout));
  }

  onEvicted(): void {
    const limit = this.#receiving?.limit;
    this.#watched[kEnd]({ ...closeError("RECEIVE_BUDGET", CLOSE_CODES.RECEIVE_BUDGET.message), limit });
  }

  #release(): void {
    this.#held = 0;
    this.#receiving?.remove(this);
  }

  /** What all unfinished messages hold together; undefined for sessions of another engine. */
  get #receiving(): ReceiveBudget | undefined {
    return this.#watched[kPort].server?.[kReceiving];
  }

  /** The connection is over. */
  stop(): void {
    this.#release();
    this.#timer?.cancel();
  }
}
