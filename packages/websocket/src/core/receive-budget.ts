import { limitOf } from "./option-error.ts";

const kHolders = Symbol("holders");
const kHeld = Symbol("held");
const kEvict = Symbol("evict");

/** The owner of an incomplete message or request body. */
export interface BudgetHolder {
  /** The budget has evicted it. The owner must release the bytes and end what they belong to. */
  onEvicted(): void;
}

/**
 * Bounds the memory of incomplete messages, across many connections. Beyond the limit it evicts the
 * holder that has been idle the longest, so stalled peers make room for active ones.
 *
 * Quantities: each holder's bytes, `held` as their sum, and the order of the last `update` of each.
 *
 * Between calls: `held` equals the sum and is at most `limit`, unless `limit` was just
 * lowered. A holder that ends without `remove` counts until it is evicted; growth without
 * `update` is not counted.
 *
 * @example
 * const budget = new ReceiveBudget(64 * 1024 * 1024);
 * const link = acceptUpgrade(req, stream, head, { budget });
 */
export class ReceiveBudget {
  /** Bytes of all holders in total. May be changed; takes effect with the next `update`. */
  limit: number;
  /** Bytes of each holder, the longest idle first. */
  private readonly [kHolders] = new Map<BudgetHolder, number>();
  private [kHeld] = 0;

  /** @param limit bytes. Zero, negative numbers and values that are not numbers mean unlimited */
  constructor(limit: number) {
    this.limit = limitOf(limit, Infinity);
  }

  /** Bytes of all holders. */
  get held(): number {
    return this[kHeld];
  }

  /** Records that more bytes have arrived: the holder has `bytes` now. May evict it at once. */
  update(holder: BudgetHolder, bytes: number): void {
    this.remove(holder);
    this[kHolders].set(holder, bytes);
    this[kHeld] += bytes;
    if (this[kHeld] > this.limit) this[kEvict]();
  }

  /** Removes a holder that is complete or has ended. Does nothing for an unknown holder. */
  remove(holder: BudgetHolder): void {
    const bytes = this[kHolders].get(holder);
    if (bytes === undefined) return;
    this[kHolders].delete(holder);
    this[kHeld] -= bytes;
  }

  /** Evicts holders until the rest is within the limit. */
  private [kEvict](): void {
    for (const holder of this[kHolders].keys()) {
      if (this[kHeld] <= this.limit) return;
      this.remove(holder);
      holder.onEvicted();
    }
  }
}
