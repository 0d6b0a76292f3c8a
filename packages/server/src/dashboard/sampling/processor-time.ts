/** A reading is near enough for so long, in milliseconds: it takes a microsecond. */
const FRESH_FOR = 5;
/** Shorter times are not compared with the work in them, in milliseconds. */
const SHORT = 20;

/** Milliseconds of processor time that this process has used. */
export function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** How much a listener works. A busy neighbour on the machine makes it take longer, without more work. */
export class ProcessorTime {
  readonly #now: () => number;
  readonly #worked: () => number;
  #readAt = -Infinity;
  #read = 0;

  /** @param now returns milliseconds. @param worked returns milliseconds of processor time */
  constructor(now: () => number = () => performance.now(), worked: () => number = processorTime) {
    this.#now = now;
    this.#worked = worked;
  }

  /** Returns the processor time so far, at most 5 ms old. */
  atStart(): number {
    const now = this.#now();
    if (now - this.#readAt > FRESH_FOR) this.#take(now);
    return this.#read;
  }

  /** Returns the processor time since a start that is `ms` ago: never more, and for short times the same. */
  since(start: number, ms: number): number {
    if (ms < SHORT) return ms;
    this.#take(this.#now());
    return Math.min(ms, this.#read - start);
  }

  #take(now: number): void {
    this.#readAt = now;
    this.#read = this.#worked();
  }
}
