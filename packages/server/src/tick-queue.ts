/**
 * Work for the end of the tick: what is added while some code runs is done once that code is over, before any I/O, in
 * the order of the calls. However much is added, it costs one `process.nextTick`.
 *
 * An exception goes to Node, as that of any listener; what was behind it follows in a turn of its own.
 */
export class TickQueue<Target, Argument = undefined> {
  readonly #run: (target: Target, argument: Argument) => void;
  // Two arrays instead of one of pairs: adding allocates nothing.
  #targets: Target[] = [];
  #arguments: Argument[] = [];

  constructor(run: (target: Target, argument: Argument) => void) {
    this.#run = run;
  }

  // hot path
  add(target: Target, argument: Argument): void {
    this.#arguments.push(argument);
    if (this.#targets.push(target) === 1) process.nextTick(runQueue, this);
  }

  /** Does what is there now; what comes in meanwhile has its turn after the other work of this tick. */
  runAll(): void {
    const targets = this.#targets;
    const args = this.#arguments;
    this.#targets = [];
    this.#arguments = [];
    let done = 0;
    try {
      while (done < targets.length) {
        const index = done++;
        this.#run(targets[index] as Target, args[index] as Argument);
      }
    } finally {
      if (done < targets.length) {
        this.#targets = [...targets.slice(done), ...this.#targets];
        this.#arguments = [...args.slice(done), ...this.#arguments];
        process.nextTick(runQueue, this);
      }
    }
  }
}

function runQueue(queue: { runAll(): void }): void {
  queue.runAll();
}
