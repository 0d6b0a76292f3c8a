/** Keeps bytes of something that is not complete. */
export interface BudgetHolder {
  /** There is no room for the rest of it. */
  giveUp(): void;
}

/**
 * Bounds what unfinished messages hold, of many connections together. When it is too much, the one of which nothing came
 * for the longest is given up, so that peers that stall make room for those that don't.
 *
 * @example
 * const budget = new ReceiveBudget(64 * 1024 * 1024);
 * const link = acceptUpgrade(req, stream, head, { budget });
 */
export class ReceiveBudget {
  /** Bytes of all of them together. */
  readonly limit: number;
  /** What each one holds, in the order in which they were heard of last. */
  readonly #holders = new Map<BudgetHolder, number>();
  #held = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Bytes that all of them hold. */
  get held(): number {
    return this.#held;
  }

  /** More of it has come: it holds `bytes` now. It may be given up at once. */
  // hot path
  onProgress(holder: BudgetHolder, bytes: number): void {
    this.onEnd(holder);
    this.#holders.set(holder, bytes);
    this.#held += bytes;
    if (this.#held > this.limit) this.#makeRoom();
  }

  /** It is complete, or given up. Without effect where it holds nothing. */
  // hot path
  onEnd(holder: BudgetHolder): void {
    const bytes = this.#holders.get(holder);
    if (bytes === undefined) return;
    this.#holders.delete(holder);
    this.#held -= bytes;
  }

  #makeRoom(): void {
    for (const holder of this.#holders.keys()) {
      if (this.#held <= this.limit) return;
      this.onEnd(holder);
      holder.giveUp();
    }
  }
}
