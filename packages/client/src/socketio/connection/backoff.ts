import { LONGEST } from "../../engine/index.ts";

const DEFAULT_MAX = 5000;
/** Milliseconds after which an open connection counts as lasting. */
export const LASTING = 5000;
/** Milliseconds after a failure within which a new attempt of the program counts as a reaction to it. */
const ANSWER_WINDOW = 100;

/**
 * The delays between attempts to reconnect, in milliseconds. For any settings, delays grow and fit a timer: a `min` that is
 * not positive counts as 1, such a `max` as the default, and `jitter` is limited to 0 to 1.
 *
 * @example
 * const backoff = new Backoff(1000, 5000, 0);
 * [backoff.duration(), backoff.duration(), backoff.attempts]; // [1000, 2000, 2]
 */
export class Backoff {
  /** Attempts in a row since the last {@link reset} or connection. */
  attempts = 0;
  /** Earlier attempts, which led to connections that did not last. */
  earlier_ = 0;
  factor = 2;
  /** Delay of the first attempt; doubles with each further one. */
  declare ms: number;
  /** The longest delay. */
  declare max: number;
  /** Random variation of the delays, from 0 (none) to 1 (from 0 to twice the delay). */
  declare jitter: number;

  constructor(min: number, max: number, jitter: number) {
    this.ms = min;
    this.max = max;
    this.jitter = jitter;
  }

  /** Counts the next attempt and returns its delay. */
  duration(random: number = Math.random()): number {
    return this.delay(this.earlier_ + this.attempts++, random);
  }

  /**
   * Returns the delay after a number of attempts. A delay beyond the maximum is mirrored below it, so that clients stay
   * spread out after all have reached the maximum.
   *
   * @param random from 0 to below 1
   */
  delay(attempts: number, random: number = Math.random()): number {
    const max = Math.min(this.max > 0 ? this.max : DEFAULT_MAX, LONGEST);
    // settings may be numeric strings: comparisons, products and Math.min convert them
    const longest = Math.min((this.ms > 1 ? this.ms : 1) * this.factor ** attempts, max);
    const delay = longest * (1 + (this.jitter > 0 ? Math.min(this.jitter, 1) : 0) * (2 * random - 1));
    return Math.floor(max - Math.abs(max - delay));
  }

  /** Restarts with the first delay. */
  reset(): void {
    this.attempts = this.earlier_ = 0;
  }

  /** Ends a row of attempts after a success. Delays keep growing until a connection lasts. */
  succeed_(): void {
    this.earlier_ += this.attempts;
    this.attempts = 0;
  }

  setMin(min: number): void {
    this.ms = min;
  }

  setMax(max: number): void {
    this.max = max;
  }

  setJitter(jitter: number): void {
    this.jitter = jitter;
  }
}

/**
 * Slows down programs that connect again at once after each failure, such as in a listener of `connect_error`. The first
 * attempt starts at once, later ones after growing delays, until a connection lasts or the program itself waits.
 */
export class Restraint {
  #openedAt = Infinity;
  #failedAt = -Infinity;
  #answers = 0;

  /** Records that the connection is open. */
  opened_(): void {
    this.#openedAt = Date.now();
  }

  /**
   * Records that the connection, or an attempt to open it, has failed.
   *
   * @returns whether the connection had lasted
   */
  failed_(): boolean {
    const now = Date.now();
    const hadLasted = now - this.#openedAt >= LASTING;
    if (hadLasted) this.#answers = 0;
    this.#openedAt = Infinity;
    this.#failedAt = now;
    return hadLasted;
  }

  /** Returns the milliseconds since the last failure. */
  age_(): number {
    // positive even if the clock was set back
    return Math.abs(Date.now() - this.#failedAt);
  }

  /** Returns the delay of an attempt by the program, in milliseconds. */
  delay(backoff: Backoff): number {
    const answers = this.age_() <= ANSWER_WINDOW ? this.#answers++ : (this.#answers = 0);
    return answers && backoff.delay(answers - 1);
  }
}
