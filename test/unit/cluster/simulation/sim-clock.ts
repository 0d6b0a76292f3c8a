/** The time of a process, which stands still while the process is frozen. */
export interface Process {
  readonly isRunning: boolean;
}

interface Timer {
  due: number;
  readonly ms: number;
  readonly fn: () => void;
  readonly process: Process;
}

/** One time for all processes; each has timers of its own. */
export class SimClock {
  now = 0;
  readonly #timers = new Set<Timer>();

  /** Returns the clock of a process. */
  of(process: Process): { now(): number; after(ms: number, fn: () => void): { refresh(): void; cancel(): void } } {
    return {
      now: () => this.now,
      after: (ms, fn) => {
        const timer = { due: this.now + ms, ms, fn, process };
        this.#timers.add(timer);
        return {
          refresh: () => {
            this.#timers.delete(timer);
            timer.due = this.now + ms;
            this.#timers.add(timer);
          },
          cancel: () => void this.#timers.delete(timer),
        };
      },
    };
  }

  /** Number of timers of a process. */
  pending(process: Process): number {
    let count = 0;
    for (const timer of this.#timers) if (timer.process === process) count += 1;
    return count;
  }

  /** The process has ended. */
  forget(process: Process): void {
    for (const timer of this.#timers) if (timer.process === process) this.#timers.delete(timer);
  }

  #next(end: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.due <= end && timer.process.isRunning && (next === undefined || timer.due < next.due)) next = timer;
    }
    return next;
  }

  /** Moves time on. Calls `settle` after each timer. */
  async advance(ms: number, settle: () => Promise<void>): Promise<void> {
    const end = this.now + ms;
    for (let timer = this.#next(end); timer !== undefined; timer = this.#next(end)) {
      this.now = Math.max(this.now, timer.due);
      this.#timers.delete(timer);
      timer.fn();
      await settle();
    }
    this.now = end;
  }
}
