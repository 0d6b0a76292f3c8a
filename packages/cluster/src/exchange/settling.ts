import type { Clock } from "@portage/server/relay";

/** Most milliseconds that a closing node waits for answers under way. */
const SETTLE_LIMIT = 1000;

/** Waits until nothing is under way, so that a node does not cut answers when its links close. */
export class Settling {
  readonly #clock: Clock;
  readonly #isIdle: () => boolean;
  readonly #waiting = new Set<() => void>();

  constructor(clock: Clock, isIdle: () => boolean) {
    this.#clock = clock;
    this.#isIdle = isIdle;
  }

  /** Resolves when nothing is under way, after a second at most. */
  whenIdle(): Promise<void> {
    if (this.#isIdle()) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#clock.after(SETTLE_LIMIT, () => end());
      const end = (): void => {
        this.#waiting.delete(end);
        timer.cancel();
        resolve();
      };
      this.#waiting.add(end);
    });
  }

  /** An exchange is over. */
  check(): void {
    if (this.#waiting.size > 0 && this.#isIdle()) for (const end of this.#waiting) end();
  }
}
