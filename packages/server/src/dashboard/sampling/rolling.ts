/** How many seconds a rate is the mean of. */
export const ROLLING_SECONDS = 10;

/** A sum over the last ten full seconds. */
export class Rolling {
  readonly #seconds = new Float32Array(ROLLING_SECONDS);
  #current = 0;
  #turns = 0;

  add(value: number): void {
    this.#current += value;
  }

  /** A second is over. */
  turn(): void {
    this.#seconds[this.#turns % ROLLING_SECONDS] = this.#current;
    this.#turns += 1;
    this.#current = 0;
  }

  get sum(): number {
    let sum = 0;
    for (const second of this.#seconds) sum += second;
    return sum;
  }

  /** Per second; 0 before the first full second. */
  get rate(): number {
    return this.#turns === 0 ? 0 : this.sum / Math.min(this.#turns, ROLLING_SECONDS);
  }
}
