import { systemClock } from "./clock.ts";
import { nextTurn, scheduleWith, ticks } from "./turn.ts";

/** After so many calls the time is looked at. */
const CALLS_PER_LOOK = 64;

/**
 * Work for the end of the tick: what is added while some code runs is done once that code is over, before any I/O, in
 * the order of the calls. However much is added, it costs one `process.nextTick`.
 *
 * An exception goes to Node, as that of any listener; what was behind it follows in a turn of its own. A `nextTick` that a
 * test has replaced, and forgets, holds up what was added until the next call at the latest.
 */
export class TickQueue<Target, Argument = undefined> {
  readonly #run: (target: Target, argument: Argument) => void;
  readonly #budget: number;
  // Two arrays instead of one of pairs: adding allocates nothing.
  #targets: Target[] = [];
  #arguments: Argument[] = [];
  /** The `nextTick` that was asked last. */
  #asked: unknown;

  /**
   * @param run does one piece of the work
   * @param budget milliseconds after which other things of the event loop have their turn, before the work goes on; what
   *   is added then is done at the end of its tick and does not wait for that. Default: as long as it takes
   */
  constructor(run: (target: Target, argument: Argument) => void, budget: number = Infinity) {
    this.#run = run;
    this.#budget = budget;
  }

  add(target: Target, argument: Argument): void {
    this.#arguments.push(argument);
    if (this.#targets.push(target) === 1 || this.#asked !== ticks.current()) this.#ask();
  }

  #ask(): void {
    this.#asked = scheduleWith(ticks, runQueue, this as { runAll(): void });
  }

  /** Does what is there now; what comes in meanwhile has its turn after the other work of this tick. */
  runAll(): void {
    const targets = this.#targets;
    const args = this.#arguments;
    this.#targets = [];
    this.#arguments = [];
    this.#runFrom(0, targets, args);
  }

  #runFrom(start: number, targets: Target[], args: Argument[]): void {
    const deadline = targets.length - start > CALLS_PER_LOOK ? systemClock.now() + this.#budget : Infinity;
    let done = start;
    let isLate = false;
    try {
      while (done < targets.length && !isLate) {
        const index = done++;
        this.#run(targets[index] as Target, args[index] as Argument);
        isLate = done % CALLS_PER_LOOK === 0 && done < targets.length && systemClock.now() > deadline;
      }
    } finally {
      if (isLate) nextTurn((from) => this.#runFrom(from, targets, args), done);
      else if (done < targets.length) this.#putBack(targets.slice(done), args.slice(done));
    }
  }

  #putBack(targets: Target[], args: Argument[]): void {
    this.#targets = [...targets, ...this.#targets];
    this.#arguments = [...args, ...this.#arguments];
    this.#ask();
  }
}

function runQueue(queue: { runAll(): void }): void {
  queue.runAll();
}
