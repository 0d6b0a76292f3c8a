/*
 * The ends of the streams of a link, by their numbers.
 *
 * Theory. A Map from which entries are deleted moves to a new table again and again. A table in V8's old generation outlives
 * its use until the whole heap is collected, and keeps all that it refers to: exchanges would become old with their requests
 * and responses, which made a collection of young objects ten times as long. So an entry is the end itself: the ends of a
 * bucket are a list, and one that has been removed is referred to by nothing, and refers to no other one. The numbers of a front
 * are consecutive, so that the lists are short.
 */

/** What is listed by its number. */
export interface Numbered<End> {
  /** From 0 to 2^32 - 1. */
  readonly number: number;
  /** The next end in the same bucket. */
  next: End | undefined;
}

const FEWEST_BUCKETS = 64;

const emptyBuckets = <End>(count: number): (End | undefined)[] => Array.from({ length: count }, () => undefined);

/** A table of ends. An end is in one table at most. */
export class EndTable<End extends Numbered<End>> {
  /** Their count is a power of two. */
  #buckets: (End | undefined)[] = emptyBuckets(FEWEST_BUCKETS);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(number: number): End | undefined {
    let end = this.#buckets[number & (this.#buckets.length - 1)];
    while (end !== undefined && end.number !== number) end = end.next;
    return end;
  }

  add(end: End): void {
    if (this.#size === this.#buckets.length) this.#grow();
    this.#size += 1;
    this.#link(end);
  }

  /** Removes an end; does nothing if the table does not have it. */
  remove(end: End): void {
    const at = end.number & (this.#buckets.length - 1);
    let earlier: End | undefined = undefined;
    let found = this.#buckets[at];
    while (found !== undefined && found !== end) {
      earlier = found;
      found = found.next;
    }
    if (found === undefined) return;
    if (earlier === undefined) this.#buckets[at] = end.next;
    else earlier.next = end.next;
    end.next = undefined;
    this.#size -= 1;
  }

  /** Returns all ends. */
  list(): End[] {
    const ends: End[] = [];
    for (let end of this.#buckets) for (; end !== undefined; end = end.next) ends.push(end);
    return ends;
  }

  /** Removes all ends, and returns them. */
  takeAll(): End[] {
    const ends = this.list();
    for (const end of ends) end.next = undefined;
    this.#buckets = emptyBuckets(FEWEST_BUCKETS);
    this.#size = 0;
    return ends;
  }

  #link(end: End): void {
    const at = end.number & (this.#buckets.length - 1);
    end.next = this.#buckets[at];
    this.#buckets[at] = end;
  }

  #grow(): void {
    const ends = this.list();
    this.#buckets = emptyBuckets(2 * this.#buckets.length);
    for (const end of ends) this.#link(end);
  }
}
