import { limitOf } from "./option-error.ts";

const kFirst = Symbol("first");
const kLast = Symbol("last");
const kHeld = Symbol("held");
const kEvict = Symbol("evict");

/** @internal The holder's place in the order; only the budget uses it. */
export const kPlace: unique symbol = Symbol("place");

/** The owner of an incomplete message or request body. Counts in one budget at a time. */
export interface BudgetHolder {
  /** The budget has evicted it. The owner must release the bytes and end what they belong to. */
  onEvicted(): void;
  /** @internal Created by the first `update`, and reused. */
  [kPlace]?: HolderPlace | undefined;
}

/** @internal A node in the list of a budget. */
export class HolderPlace {
  readonly holder: BudgetHolder;
  /** -1 outside the list. */
  bytes = -1;
  previous: HolderPlace | undefined = undefined;
  next: HolderPlace | undefined = undefined;

  constructor(holder: BudgetHolder) {
    this.holder = holder;
  }
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
 * The order is a list through the holders' places, not a Map: a Map from which entries are deleted
 * moves to a new table again and again, in V8's old generation. With large buffers alive, each such
 * allocation may start a collection of the whole heap.
 *
 * @example
 * const budget = new ReceiveBudget(64 * 1024 * 1024);
 * const link = acceptUpgrade(req, stream, head, { budget });
 */
export class ReceiveBudget {
  /** Bytes of all holders in total. May be changed; takes effect with the next `update`. */
  limit: number;
  /** The ends of the list: the longest idle holder first. */
  private [kFirst]: HolderPlace | undefined = undefined;
  private [kLast]: HolderPlace | undefined = undefined;
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
    const place = (holder[kPlace] ??= new HolderPlace(holder));
    const last = this[kLast];
    place.bytes = bytes;
    place.previous = last;
    if (last === undefined) this[kFirst] = place;
    else last.next = place;
    this[kLast] = place;
    this[kHeld] += bytes;
    if (this[kHeld] > this.limit) this[kEvict]();
  }

  /** Removes a holder that is complete or has ended. Does nothing for an unknown holder. */
  remove(holder: BudgetHolder): void {
    const place = holder[kPlace];
    if (place === undefined || place.bytes < 0) return;
    const { previous, next } = place;
    if (previous === undefined) this[kFirst] = next;
    else previous.next = next;
    if (next === undefined) this[kLast] = previous;
    else next.previous = previous;
    place.previous = place.next = undefined;
    this[kHeld] -= place.bytes;
    place.bytes = -1;
  }

  /** Evicts holders until the rest is within the limit. */
  private [kEvict](): void {
    for (let place = this[kFirst]; place !== undefined && this[kHeld] > this.limit; place = this[kFirst]) {
      this.remove(place.holder);
      place.holder.onEvicted();
    }
  }
}
