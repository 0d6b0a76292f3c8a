/** How many keys are counted at a time. */
const KEYS = 256;

/** A key with its weight, which is too high by at most `error`. */
export interface Heavy {
  readonly key: string;
  readonly weight: number;
  readonly error: number;
}

interface Counted {
  key: string;
  weight: number;
  error: number;
}

/**
 * The keys with the largest weight, among any number of keys, in constant memory ("space-saving"). Finds every key with more
 * than 1/256 of the total. A new key takes the place of the lightest one, and inherits its weight as a possible error.
 */
export class HeavyKeys {
  readonly #counted = new Map<string, Counted>();
  /** The weight of all keys. */
  total = 0;

  /** Number of keys, at most 256. */
  get size(): number {
    return this.#counted.size;
  }

  add(key: string, weight: number): void {
    this.total += weight;
    const known = this.#counted.get(key);
    if (known !== undefined) known.weight += weight;
    else if (this.#counted.size < KEYS) this.#counted.set(key, { key, weight, error: 0 });
    else this.#replaceLightest(key, weight);
  }

  #replaceLightest(key: string, weight: number): void {
    let lightest: Counted | undefined;
    for (const counted of this.#counted.values()) {
      if (lightest === undefined || counted.weight < lightest.weight) lightest = counted;
    }
    if (lightest === undefined) return;
    this.#counted.delete(lightest.key);
    const { weight: error } = lightest;
    lightest.key = key;
    lightest.weight = error + weight;
    lightest.error = error;
    this.#counted.set(key, lightest);
  }

  /** Halves all weights, so that old ones lose importance. Forgets keys that have become light. */
  halve(): void {
    this.total /= 2;
    for (const counted of this.#counted.values()) {
      counted.weight /= 2;
      counted.error /= 2;
      if (counted.weight < 0.5) this.#counted.delete(counted.key);
    }
  }

  /** Returns the heaviest keys, the heaviest first. */
  top(count: number): Heavy[] {
    const all = Array.from(this.#counted.values(), (counted) => ({ ...counted }));
    return all.sort((a, b) => b.weight - a.weight).slice(0, count);
  }

  /** Returns the weight of a key: 0 if it is not among the heavy ones. */
  weightOf(key: string): number {
    return this.#counted.get(key)?.weight ?? 0;
  }

  /** Returns the share of a key in the total: 0 if it is not among the heavy ones. */
  shareOf(key: string): number {
    return this.total === 0 ? 0 : this.weightOf(key) / this.total;
  }
}
