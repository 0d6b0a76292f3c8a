/** A clock that moves only when the test advances it. */
export class FakeClock {
  #now = 0;
  #pending: Array<{ due: number; ms: number; fn: () => void; state: "waiting" | "over" }> = [];

  now = (): number => this.#now;

  after = (ms: number, fn: () => void): { refresh(): void; cancel(): void } => {
    const timer = { due: this.#now + ms, ms, fn, state: "waiting" as "waiting" | "over" };
    this.#pending.push(timer);
    return {
      refresh: () => {
        timer.due = this.#now + timer.ms;
        if (timer.state === "over") this.#pending.push(timer);
        timer.state = "waiting";
      },
      cancel: () => {
        timer.state = "over";
        this.#pending = this.#pending.filter((other) => other !== timer);
      },
    };
  };

  /** Timers that have not fired and were not cancelled. */
  get pending(): number {
    return this.#pending.length;
  }

  /** Moves time on, firing timers when they are due. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const next = this.#pending.filter(({ due }) => due <= end).sort((a, b) => a.due - b.due)[0];
      if (!next) break;
      this.#now = Math.max(this.#now, next.due);
      this.#pending = this.#pending.filter((other) => other !== next);
      next.state = "over";
      next.fn();
    }
    this.#now = end;
  }

  /** Cancels all timers. */
  forgetTimers(): void {
    this.#pending = [];
  }

  /** The event loop was blocked: time has passed before any timer could fire. */
  stall(ms: number): void {
    this.#now += ms;
  }
}
