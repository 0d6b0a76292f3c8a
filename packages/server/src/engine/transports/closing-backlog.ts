import type { Clock, PendingCall } from "../../base/clock.ts";

/** Most milliseconds for the peer to answer a close frame. */
const CLOSE_REPLY_TIMEOUT = 5000;
/** Most WebSockets in the backlog. */
const MAX_BACKLOG = 100;

/** A WebSocket in the closing handshake. */
interface ClosingWebSocket {
  discard(): void;
}

/**
 * WebSockets that were closed before they carried a session, mostly failed upgrades. They belong to no session, so without
 * this bound a client could open any number and never answer their close frames.
 */
export class ClosingBacklog {
  readonly #clock: Clock;
  readonly #leaving: Map<ClosingWebSocket, PendingCall> = new Map();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Adds a closed WebSocket and starts its timer; cuts it at once if the backlog is full. */
  add(newest: ClosingWebSocket): void {
    if (this.#leaving.size >= MAX_BACKLOG) return newest.discard();
    const cut = (): void => {
      this.#leaving.delete(newest);
      newest.discard();
    };
    this.#leaving.set(newest, this.#clock.after(CLOSE_REPLY_TIMEOUT, cut));
  }

  /** Removes a WebSocket that has ended. */
  delete(leaving: ClosingWebSocket): void {
    this.#leaving.get(leaving)?.cancel();
    this.#leaving.delete(leaving);
  }
}
