import { LONGEST } from "../../engine/index.ts";

const DEFAULT_MAX = 5000;
/** A connection that was open for so long, in milliseconds, has worked. */
export const LASTING = 5000;
/** What a program does within so many milliseconds after a failure is its answer to that failure. */
const ANSWER_WINDOW = 100;

/**
 * The delays between attempts to reconnect, in milliseconds. Whatever the settings are, a delay is a number that a timer can take, and
 * delays grow: 1 stands for a `min` that is not positive, the default for such a `max`, and `jitter` stays between 0 and 1.
 *
 * @example
 * const backoff = new Backoff(1000, 5000, 0);
 * [backoff.duration(), backoff.duration(), backoff.attempts]; // [1000, 2000, 2]
 */
export class Backoff {
  /** Delays handed out since the last {@link reset}: attempts in a row. */
  attempts = 0;
  /** Attempts before those, which led to connections that did not last. */
  earlier_ = 0;
  factor = 2;
  /** Delay of the first attempt; each further one doubles it. */
  declare ms: number;
  /** The longest delay. */
  declare max: number;
  /** How far a delay strays at random, from 0 (not at all) to 1 (from nothing to twice as long). */
  declare jitter: number;

  constructor(min: number, max: number, jitter: number) {
    this.ms = min;
    this.max = max;
    this.jitter = jitter;
  }

  /** @returns the delay before the next attempt, which counts from now on */
  duration(random: number = Math.random()): number {
    return this.delay(this.earlier_ + this.attempts++, random);
  }

  /**
   * The delay after so many attempts. What strays over the maximum is reflected below it: clients that lost their server
   * together stay spread even when all have reached the maximum.
   *
   * @param random from 0 to below 1
   */
  delay(attempts: number, random: number = Math.random()): number {
    const max = Math.min(this.max > 0 ? this.max : DEFAULT_MAX, LONGEST);
    // settings that are text count as the number they say: of them there is only a minimum, a maximum or a product
    const longest = Math.min((this.ms > 1 ? this.ms : 1) * this.factor ** attempts, max);
    const delay = longest * (1 + (this.jitter > 0 ? Math.min(this.jitter, 1) : 0) * (2 * random - 1));
    return Math.floor(max - Math.abs(max - delay));
  }

  /** The next delay is the first again. */
  reset(): void {
    this.attempts = this.earlier_ = 0;
  }

  /** A connection is open. That ends a row of attempts, but only one that lasts makes the next delay the first. */
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
 * Slows down programs that answer each failure by connecting again at once, such as in a listener of `connect_error`. The
 * first answer is immediate, later ones wait, longer and longer, until a connection lasts or the program waits by itself.
 */
export class Restraint {
  #openedAt = Infinity;
  #failedAt = -Infinity;
  #answers = 0;

  /** The connection is open. */
  opened_(): void {
    this.#openedAt = Date.now();
  }

  /**
   * The connection, or an attempt to open it, has failed.
   *
   * @returns whether it had lasted
   */
  failed_(): boolean {
    const now = Date.now();
    const hadLasted = now - this.#openedAt >= LASTING;
    if (hadLasted) this.#answers = 0;
    this.#openedAt = Infinity;
    this.#failedAt = now;
    return hadLasted;
  }

  /** Milliseconds since the last failure. */
  age_(): number {
    // positive when a clock was set back, too
    return Math.abs(Date.now() - this.#failedAt);
  }

  /** @returns milliseconds for which the program, which wants to connect, has to wait */
  delay(backoff: Backoff): number {
    const answers = this.age_() <= ANSWER_WINDOW ? this.#answers++ : (this.#answers = 0);
    return answers && backoff.delay(answers - 1);
  }
}
