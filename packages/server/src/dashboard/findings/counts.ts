/** Seconds that are kept, and names in one of them. */
const COUNTED_SECONDS = 60;
const COUNTED_NAMES = 64;

function totalOf(numbers: Iterable<number>): number {
  let sum = 0;
  for (const number of numbers) sum += number;
  return sum;
}

/** Counts by name in each of the last 60 seconds. */
export class Counts {
  #seconds: Map<string, number>[] = [new Map()];

  add(name: string): void {
    const [current] = this.#seconds as [Map<string, number>];
    const count = current.get(name);
    if (count !== undefined || current.size < COUNTED_NAMES) current.set(name, (count ?? 0) + 1);
  }

  /** A second is over. */
  turn(): void {
    this.#seconds = [new Map<string, number>(), ...this.#seconds].slice(0, COUNTED_SECONDS);
  }

  /** Returns the sums of the last seconds, the largest first. */
  sums(seconds: number): Array<readonly [name: string, count: number]> {
    const sums = new Map<string, number>();
    for (const second of this.#seconds.slice(0, seconds)) {
      for (const [name, count] of second) sums.set(name, (sums.get(name) ?? 0) + count);
    }
    return [...sums].sort(([, a], [, b]) => b - a);
  }

  total(seconds: number): number {
    return totalOf(this.sums(seconds).map(([, count]) => count));
  }

  /** Returns the number in the last seconds without the largest number in `burst` seconds on end. */
  besideBurst(seconds: number, burst: number): number {
    const numbers = this.#seconds.slice(0, seconds).map((second) => totalOf(second.values()));
    const bursts = numbers.map((_, at) => totalOf(numbers.slice(at, at + burst)));
    return totalOf(numbers) - Math.max(...bursts);
  }

  /** Returns in how many of the last seconds anything was counted. */
  busySeconds(seconds: number): number {
    return this.#seconds.slice(0, seconds).filter((second) => second.size > 0).length;
  }
}
