/** Milliseconds between two looks at the time, and looks that a period has at most. */
export const LOOK_EVERY = 50;
/** Periods whose longest delays are remembered, and in how many of them a delay must come to be a habit. */
const KEPT_PERIODS = 6;
const HABIT = 3;

/**
 * How late the event loop is by the work of this process. A busy neighbour on the machine makes it late as well, but meanwhile
 * this process uses no processor: of each delay, as much counts as the process has worked.
 */
export class OwnLateness {
  #at: number | undefined;
  #worked = 0;
  /** The two longest delays of this period. */
  #longest: readonly [longest: number, next: number] = [0, 0];
  #periods: readonly [before: number, last: number] = [0, 0];
  /** The longest delay of each of the last periods. */
  #worst: readonly number[] = [];

  /**
   * Looks at the time, {@link LOOK_EVERY} after the last look if the loop is not late.
   *
   * @param now milliseconds
   * @param worked milliseconds of processor time that the process has used until now
   */
  look(now: number, worked: number): void {
    if (this.#at !== undefined) this.#add(Math.min(now - this.#at - LOOK_EVERY, worked - this.#worked));
    this.#at = now;
    this.#worked = worked;
  }

  #add(delay: number): void {
    const [longest, next] = this.#longest;
    this.#longest = delay > longest ? [delay, longest] : [longest, Math.max(next, delay)];
  }

  /** A period is over. */
  turn(): void {
    this.#periods = [this.#periods[1], this.#longest[1]];
    this.#worst = [...this.#worst, this.#longest[0]].slice(-KEPT_PERIODS);
    this.#longest = [0, 0];
  }

  /** The longest delay but one, in the better one of the last two periods: a burst of work at a start is over sooner. */
  get ms(): number {
    return Math.min(...this.#periods);
  }

  /** A delay that half of the last six periods have: long work now and then. */
  get habit(): number {
    return [...this.#worst].sort((a, b) => b - a)[HABIT - 1] ?? 0;
  }
}
