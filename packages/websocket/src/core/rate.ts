const ONE_SECOND = 1000;

/** Counts events against a limit for each second. */
export class Rate {
  readonly #limit: number;
  readonly #clock: { now(): number };
  #windowStart = 0;
  #count = 0;

  constructor(limit: number, clock: { now(): number }) {
    this.#limit = limit;
    this.#clock = clock;
  }

  /** Counts one more; false when it is too many. */
  count(): boolean {
    const now = this.#clock.now();
    if (now - this.#windowStart >= ONE_SECOND) {
      this.#windowStart = now;
      this.#count = 0;
    }
    return ++this.#count <= this.#limit;
  }
}
