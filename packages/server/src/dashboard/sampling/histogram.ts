/** Four buckets for each doubling, up to 2^32. */
const BUCKETS_PER_DOUBLING = 4;
const BUCKETS = 128;

/** A distribution of numbers in buckets whose bounds grow by 19 %, so a percentile is right within 10 %. */
export class LogHistogram {
  readonly #counts = new Uint32Array(BUCKETS);

  /** Adds a value. Values below 1 count as 1. */
  add(value: number): void {
    const index = value <= 1 ? 0 : Math.floor(Math.log2(value) * BUCKETS_PER_DOUBLING);
    this.#counts[Math.min(BUCKETS - 1, index)]! += 1;
  }

  /** Halves all counts, so that old values lose weight. */
  halve(): void {
    for (let index = 0; index < BUCKETS; index++) this.#counts[index]! >>>= 1;
  }

  /** Number of values, the old ones with less weight. */
  get size(): number {
    let sum = 0;
    for (const count of this.#counts) sum += count;
    return sum;
  }

  /** Returns the value below which a share of all values is; 0 without values. */
  quantile(share: number): number {
    const rank = share * this.size;
    let seen = 0;
    for (let index = 0; index < BUCKETS; index++) {
      seen += this.#counts[index]!;
      if (seen > 0 && seen >= rank) return index === 0 ? 1 : 2 ** ((index + 0.5) / BUCKETS_PER_DOUBLING);
    }
    return 0;
  }
}
