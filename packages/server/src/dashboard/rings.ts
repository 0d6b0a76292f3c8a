/** The last values of several series, in one array for each step of time. */
export class SeriesRing {
  readonly #values: Float32Array;
  readonly #series: number;
  readonly #capacity: number;
  /** Rows that were pushed. */
  #pushed = 0;

  /** @param capacity rows that are kept */
  constructor(series: number, capacity: number) {
    this.#series = series;
    this.#capacity = capacity;
    this.#values = new Float32Array(series * capacity);
  }

  /** Rows that are there. */
  get size(): number {
    return Math.min(this.#pushed, this.#capacity);
  }

  /** Adds a row: a value of each series. */
  push(row: ArrayLike<number>): void {
    const at = this.#pushed % this.#capacity;
    for (let i = 0; i < this.#series; i += 1) this.#values[i * this.#capacity + at] = row[i] ?? Number.NaN;
    this.#pushed += 1;
  }

  /** Copies a series, the oldest value first, into `target` from `offset` on. */
  copy(series: number, target: Float32Array, offset: number): void {
    const start = series * this.#capacity;
    const own = this.#values.subarray(start, start + this.#capacity);
    const oldest = this.#pushed > this.#capacity ? this.#pushed % this.#capacity : 0;
    const { size } = this;
    target.set(own.subarray(oldest, Math.min(oldest + size, this.#capacity)), offset);
    if (oldest > 0) target.set(own.subarray(0, oldest), offset + size - oldest);
  }
}

/** The last entries of a list. */
export class EntryRing<Entry> {
  readonly #entries: Entry[] = [];
  readonly #capacity: number;
  #next = 0;

  /** @param capacity entries that are kept */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  push(entry: Entry): void {
    this.#entries[this.#next] = entry;
    this.#next = (this.#next + 1) % this.#capacity;
  }

  /** Returns the entries, the newest first. */
  *newest(): Generator<Entry> {
    const { length } = this.#entries;
    for (let back = 1; back <= length; back += 1) {
      yield this.#entries[(this.#next - back + length) % length] as Entry;
    }
  }

  clear(): void {
    this.#entries.length = 0;
    this.#next = 0;
  }
}

/** Least, greatest and mean value of a minute, for each of several series. Values that are not numbers do not count. */
export class MinuteSummary {
  readonly #least: Float64Array;
  readonly #most: Float64Array;
  readonly #sums: Float64Array;
  readonly #counts: Float64Array;

  constructor(series: number) {
    this.#least = new Float64Array(series);
    this.#most = new Float64Array(series);
    this.#sums = new Float64Array(series);
    this.#counts = new Float64Array(series);
    this.reset();
  }

  add(row: ArrayLike<number>): void {
    for (let i = 0; i < this.#sums.length; i += 1) {
      const value = row[i] ?? Number.NaN;
      if (Number.isNaN(value)) continue;
      this.#least[i] = Math.min(this.#least[i]!, value);
      this.#most[i] = Math.max(this.#most[i]!, value);
      this.#sums[i]! += value;
      this.#counts[i]! += 1;
    }
  }

  /** Returns the summary, and begins the next minute. */
  take(): { readonly least: Float64Array; readonly most: Float64Array; readonly mean: Float64Array } {
    const isEmpty = (i: number): boolean => this.#counts[i] === 0;
    const least = this.#least.map((value, i) => (isEmpty(i) ? Number.NaN : value));
    const most = this.#most.map((value, i) => (isEmpty(i) ? Number.NaN : value));
    const mean = this.#sums.map((sum, i) => sum / this.#counts[i]!);
    this.reset();
    return { least, most, mean };
  }

  reset(): void {
    this.#least.fill(Infinity);
    this.#most.fill(-Infinity);
    this.#sums.fill(0);
    this.#counts.fill(0);
  }
}
