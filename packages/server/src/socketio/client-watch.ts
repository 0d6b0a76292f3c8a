import { PacketType } from "@portage/parser/socket";
import type { Clock, Timer } from "../clock.ts";
import { type CloseReason, limitExceeded } from "../engine/index.ts";
import type { ResolvedLimits } from "./limits.ts";
import { TokenBucket } from "../token-bucket.ts";

/** What is watched about a client. */
interface Watched {
  readonly server: { readonly clock: Clock; readonly limits: ResolvedLimits };
  /** Ends the connection. */
  end(reason: CloseReason): void;
}

/**
 * Watches over what a client sends: how many events, and how long their attachments take. Made for clients that need it:
 * where events are limited, or once a packet with attachments comes in.
 */
export class ClientWatch {
  readonly #watched: Watched;
  readonly #bucket: TokenBucket | undefined;
  #timer: Timer | undefined;
  #attachments: "none" | "due" = "none";

  constructor(watched: Watched) {
    this.#watched = watched;
    const { clock, limits } = watched.server;
    const rate = limits.maxEventsPerSecond;
    if (rate !== undefined) this.#bucket = new TokenBucket(clock, rate.rate, rate.burst);
  }

  /** A packet is complete. @returns false, when it was one too many and the connection ends */
  // hot path
  onPacket(type: PacketType): boolean {
    // The timer is left alone: most clients that send attachments send them again and again.
    this.#attachments = "none";
    if (this.#bucket === undefined || type !== PacketType.EVENT || this.#bucket.take()) return true;
    const rate = this.#watched.server.limits.maxEventsPerSecond;
    this.#watched.end(limitExceeded("TOO_MANY_EVENTS", rate?.burst ?? 0, (rate?.burst ?? 0) + 1));
    return false;
  }

  /** A message came in that is not the end of a packet. */
  onAttachmentDue(): void {
    this.#attachments = "due";
    const { clock, limits } = this.#watched.server;
    if (this.#timer === undefined) this.#timer = clock.after(limits.attachmentTimeout, () => this.#onTimeout());
    else this.#timer.refresh();
  }

  #onTimeout(): void {
    if (this.#attachments === "none") return;
    const { attachmentTimeout } = this.#watched.server.limits;
    this.#watched.end(limitExceeded("ATTACHMENTS_LATE", attachmentTimeout, attachmentTimeout));
  }

  /** The connection is over. */
  stop(): void {
    this.#timer?.cancel();
  }
}
