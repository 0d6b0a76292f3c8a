import type { Clock, Timer } from "../../base/clock.ts";

/** How long those that were turned away may take to answer their close frame, in milliseconds. */
const CLOSE_REPLY_TIMEOUT = 5000;
/** How many may do so at once. */
const MAX_BACKLOG = 100;

/** A WebSocket that was closed and has not ended yet. */
interface ClosingWebSocket {
  discard(): void;
}

/**
 * WebSockets of an engine that stood and were closed before they carried a session, candidates of upgrades above all. They
 * count for no session, so that nothing else bounds how many a peer can open that never answer their close frame.
 */
export class ClosingBacklog {
  readonly #clock: Clock;
  readonly #leaving: Map<ClosingWebSocket, Timer> = new Map();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** One has been closed: it gets a while to answer, or is cut at once where too many do. */
  add(newest: ClosingWebSocket): void {
    if (this.#leaving.size >= MAX_BACKLOG) return newest.discard();
    const cut = (): void => {
      this.#leaving.delete(newest);
      newest.discard();
    };
    this.#leaving.set(newest, this.#clock.after(CLOSE_REPLY_TIMEOUT, cut));
  }

  /** One has ended. */
  delete(leaving: ClosingWebSocket): void {
    this.#leaving.get(leaving)?.cancel();
    this.#leaving.delete(leaving);
  }
}
