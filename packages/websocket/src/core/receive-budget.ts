import { limitOf } from "./option-error.ts";

const kHolders = Symbol("holders");
const kHeld = Symbol("held");
const kMakeRoom = Symbol("makeRoom");

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
  /** Bytes of all of them together; it may be changed. */
  limit: number;
  /** What each one holds, in the order in which they were heard of last. */
  private readonly [kHolders] = new Map<BudgetHolder, number>();
  private [kHeld] = 0;

  /** Zero, negative numbers and what is not a number are no limit. */
  constructor(limit: number) {
    this.limit = limitOf(limit, Infinity);
  }

  /** Bytes that all of them hold. */
  get held(): number {
    return this[kHeld];
  }

  /** More of it has come: it holds `bytes` now. It may be given up at once. */
  onProgress(holder: BudgetHolder, bytes: number): void {
    this.onEnd(holder);
    this[kHolders].set(holder, bytes);
    this[kHeld] += bytes;
    if (this[kHeld] > this.limit) this[kMakeRoom]();
  }

  /** It is complete, or given up. Without effect where it holds nothing. */
  onEnd(holder: BudgetHolder): void {
    const bytes = this[kHolders].get(holder);
    if (bytes === undefined) return;
    this[kHolders].delete(holder);
    this[kHeld] -= bytes;
  }

  /** Gives up holders until the rest is within the limit. */
  private [kMakeRoom](): void {
    for (const holder of this[kHolders].keys()) {
      if (this[kHeld] <= this.limit) return;
      this.onEnd(holder);
      holder.giveUp();
    }
  }
}
