/** A value that a histogram has counted, and the span that explains it. */
export interface Exemplar {
  readonly value: number;
  /** When it was counted, in milliseconds since 1970. */
  readonly at: number;
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
}

/** What a histogram has counted. */
export interface HistogramReport {
  /** How many values are in each bucket, and not in an earlier one. The last bucket has all values above the bounds. */
  readonly counts: readonly number[];
  /** The sum of all values. */
  readonly sum: number;
  /** The last exemplar of each bucket. Undefined while a tracer has given none. */
  readonly exemplars?: readonly (Exemplar | undefined)[];
}

/** Counts values in buckets. Its size does not grow with the values. */
export class Histogram {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;
  #exemplars: (Exemplar | undefined)[] | undefined;

  /** @param bounds the largest value of each bucket, in ascending order */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  /** Counts a value; one below 0, as after a clock that was set back, counts as 0. */
  add(value: number): void {
    this.#counts[this.#bucketOf(value)]! += 1;
    if (value > 0) this.#sum += value;
  }

  /** Keeps an exemplar of a counted value, instead of an earlier one in its bucket. */
  keepExemplar(exemplar: Exemplar): void {
    this.#exemplars ??= Array.from(this.#counts, () => undefined);
    this.#exemplars[this.#bucketOf(exemplar.value)] = exemplar;
  }

  #bucketOf(value: number): number {
    const bounds = this.#bounds;
    let bucket = 0;
    while (bucket < bounds.length && value > bounds[bucket]!) bucket += 1;
    return bucket;
  }

  report(): HistogramReport {
    const exemplars = this.#exemplars && [...this.#exemplars];
    return { counts: [...this.#counts], sum: this.#sum, ...(exemplars && { exemplars }) };
  }
}

/** Largest values of the buckets of round trips and upgrades, in seconds. */
export const LATENCY_BOUNDS: readonly number[] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/**
 * Largest values of the buckets of `portage_session_duration_seconds`, up to a day. Sessions record their opening in tenths of
 * a second, so the first bucket is not smaller.
 */
export const DURATION_BOUNDS: readonly number[] = [0.5, 1, 2, 5, 10, 30, 60, 120, 300, 900, 3600, 86_400];
