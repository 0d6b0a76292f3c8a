/** Milliseconds a worker has to live, so that its end is not counted with earlier ones. */
const LONG_LIFE = 10_000;
const FIRST_DELAY = 100;
const LONGEST_WORKER_PAUSE = 30_000;

/** Delays between the end of a worker and the start of the next: first none, then 100 ms, doubled each time up to 30 s. */
export class RestartBackoff {
  #delay = 0;

  /**
   * Returns the delay before the next start.
   *
   * @param lived milliseconds between the start and the end of the last worker
   */
  next(lived: number): number {
    if (lived >= LONG_LIFE) this.#delay = 0;
    const delay = this.#delay;
    this.#delay = delay === 0 ? FIRST_DELAY : Math.min(2 * delay, LONGEST_WORKER_PAUSE);
    return delay;
  }
}
