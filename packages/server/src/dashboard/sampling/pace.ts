/** Share of the budget of a second at which the stride doubles for the first time, and between the next times. */
const FIRST_RAISE = 0.6;
const NEXT_RAISE = 0.03;
/** Share of the budget that the next second aims at, if it has the same load. */
const AIM = 0.5;
/** For more hits of one broadcast, the mean is near enough. */
const MANY_HITS = 32;

/**
 * Decides how many packets pass until the next look, so that a second has no more looks than its budget. Intervals are
 * random, and do not depend on earlier ones: a program that sends in a rhythm is sampled like any other.
 */
export class Pace {
  /** Looks in a second. */
  readonly #most: number;
  #budget: number;
  readonly #random: () => number;
  #looks = 0;
  #counted = 0;
  #raiseAt: number;
  /** One packet in so many is looked at, on average. */
  stride = 1;

  constructor(budget: number, random: () => number) {
    this.#most = this.#budget = budget;
    this.#random = random;
    this.#raiseAt = budget * FIRST_RAISE;
  }

  /** Returns the number of packets to the next look, that one included. */
  next(): number {
    if (this.stride === 1) return 1;
    const interval = Math.ceil(Math.log(1 - this.#random()) / Math.log(1 - 1 / this.stride));
    // A small integer: the server counts it down for each packet.
    return Math.max(1, interval) | 0;
  }

  /**
   * A look at something that counts `size` packets.
   *
   * @param left what was left to the look, 0 or less
   * @returns for how many packets it stands, and what is left to the next look
   */
  look(size: number, left: number): { readonly weight: number; readonly left: number } {
    const { stride } = this;
    const hits = this.#hits(size, left);
    const weight = hits.count * stride;
    this.#counted += weight;
    this.#looks += 1;
    if (this.#looks >= this.#raiseAt) {
      this.stride *= 2;
      this.#raiseAt += this.#budget * NEXT_RAISE;
    }
    return { weight, left: hits.left };
  }

  #hits(size: number, left: number): { readonly count: number; readonly left: number } {
    if (size / this.stride > MANY_HITS) return { count: size / this.stride, left: this.next() };
    let count = 0;
    let rest = left;
    for (; rest <= 0; count++) rest += this.next();
    return { count, left: rest };
  }

  /** A second is over, after so many milliseconds. The next one has this share of the budget. */
  turn(ms: number, share = 1): void {
    this.#budget = this.#most * share;
    const rate = this.#counted / Math.max(0.001, ms / 1000);
    this.stride = Math.max(1, Math.ceil(rate / (this.#budget * AIM)));
    this.#looks = 0;
    this.#counted = 0;
    this.#raiseAt = this.#budget * FIRST_RAISE;
  }
}
