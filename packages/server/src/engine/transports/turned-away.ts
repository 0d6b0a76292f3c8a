import type { Clock, Timer } from "../../base/clock.ts";

/** How long those that were turned away may take to answer their close frame, in milliseconds. */
const PATIENCE = 5000;
/** How many may do so at once. */
const LIMIT = 100;

/** A WebSocket that was closed and has not ended yet. */
interface Leaving {
  discard(): void;
}

/**
 * WebSockets of an engine that stood and were closed before they carried a session, candidates of upgrades above all. They
 * count for no session, so that nothing else bounds how many a peer can open that never answer their close frame.
 */
export class TurnedAway {
  readonly #clock: Clock;
  readonly #leaving: Map<Leaving, Timer> = new Map();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** One has been closed: it gets a while to answer, or is cut at once where too many do. */
  add(newest: Leaving): void {
    if (this.#leaving.size >= LIMIT) return newest.discard();
    const cut = (): void => {
      this.#leaving.delete(newest);
      newest.discard();
    };
    this.#leaving.set(newest, this.#clock.after(PATIENCE, cut));
  }

  /** One has ended. */
  delete(leaving: Leaving): void {
    this.#leaving.get(leaving)?.cancel();
    this.#leaving.delete(leaving);
  }
}
