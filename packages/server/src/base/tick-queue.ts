import { serverClock } from "./clock.ts";
import { nextTurn, scheduleWith, ticks } from "./turn.ts";

/** Calls between two checks of the time. */
const CALLS_PER_LOOK = 64;

/**
 * Work for the end of the tick: runs after the current code returns, before any I/O, in the order of the calls. One
 * `process.nextTick` serves all of it.
 *
 * An exception goes to Node, as from any listener; the remaining work follows in its own turn. If a test has replaced
 * `nextTick` and forgets its calls, the next `add` schedules the work again.
 */
export class TickQueue<Target, Argument = undefined> {
  readonly #run: (target: Target, argument: Argument) => void;
  readonly #budget: number;
  // Two arrays instead of one of pairs: adding allocates nothing.
  #targets: Target[] = [];
  #arguments: Argument[] = [];
  /** The `nextTick` of the last schedule. */
  #asked: unknown;

  /**
   * @param run does one piece of the work
   * @param budget milliseconds of work in one turn of the event loop; the rest follows in the next turn, while work added
   *   meanwhile still runs at the end of its own tick. Default: no limit
   */
  constructor(run: (target: Target, argument: Argument) => void, budget: number = Infinity) {
    this.#run = run;
    this.#budget = budget;
  }

  /** Pieces of work that are queued. */
  get size(): number {
    return this.#targets.length;
  }

  add(target: Target, argument: Argument): void {
    this.#arguments.push(argument);
    if (this.#targets.push(target) === 1 || this.#asked !== ticks.current()) this.#ask();
  }

  #ask(): void {
    this.#asked = scheduleWith(ticks, runQueue, this as { runAll(): void });
  }

  /** Runs the queued work. Work added meanwhile runs later in the same tick. */
  runAll(): void {
    const targets = this.#targets;
    const args = this.#arguments;
    this.#targets = [];
    this.#arguments = [];
    this.#runFrom(0, targets, args);
  }

  #runFrom(start: number, targets: Target[], args: Argument[]): void {
    const deadline = targets.length - start > CALLS_PER_LOOK ? serverClock.now() + this.#budget : Infinity;
    let done = start;
    let isLate = false;
    try {
      while (done < targets.length && !isLate) {
        const index = done++;
        this.#run(targets[index] as Target, args[index] as Argument);
        isLate = done % CALLS_PER_LOOK === 0 && done < targets.length && serverClock.now() > deadline;
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
