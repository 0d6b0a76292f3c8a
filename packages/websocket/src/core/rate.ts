const ONE_SECOND = 1000;

/** Counts events against a limit per second. */
export class Rate {
  readonly #limit: number;
  readonly #clock: { now(): number };
  #windowStart = 0;
  #count = 0;

  constructor(limit: number, clock: { now(): number }) {
    this.#limit = limit;
    this.#clock = clock;
  }

  /** Counts one event. Returns false beyond the limit. */
  count(): boolean {
    const now = this.#clock.now();
    if (now - this.#windowStart >= ONE_SECOND) {
      this.#windowStart = now;
      this.#count = 0;
    }
    return ++this.#count <= this.#limit;
  }
}
