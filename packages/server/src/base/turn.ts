/*
 * Basics for all layers of the server: turns of the event loop, the clock, emitters, logs, calls of the program's functions.
 * Knows: Node.js, the clock of @portage/websocket.
 * Must not know: sessions, sockets, packets: nothing here is about the protocols.
 */
/** A function that schedules calls, which tests may replace and restore. */
export interface Scheduler {
  /** Returns the current function. */
  readonly current: () => Schedule;
  /** The function when this file was loaded. */
  readonly original: Schedule;
}

type Schedule = <Argument>(this: void, fn: (argument: Argument) => void, argument: Argument) => unknown;

const immediates: Scheduler = { current: () => setImmediate, original: setImmediate };

/** Node's functions need no `this`. */
const processTimers: { readonly nextTick: Schedule } = process;

/** The end of the tick. */
export const ticks: Scheduler = { current: () => processTimers.nextTick, original: processTimers.nextTick };

/**
 * Schedules `fn(argument)`, even if a test has replaced the timers and forgets their calls. May call it twice.
 *
 * @returns the current scheduling function
 */
export function scheduleWith<Argument>(
  { current, original }: Scheduler,
  fn: (argument: Argument) => void,
  argument: Argument,
): Schedule {
  const schedule = current();
  original(fn, argument);
  // Either may be the fake one, because a test may have replaced the timers before this file was loaded.
  if (schedule !== original) schedule(fn, argument);
  return schedule;
}

/** A scheduled call; runs at most once. */
class Turn<Argument> {
  #fn: ((argument: Argument) => void) | undefined;
  readonly #argument: Argument;

  constructor(fn: (argument: Argument) => void, argument: Argument) {
    this.#fn = fn;
    this.#argument = argument;
  }

  take(): void {
    const fn = this.#fn;
    this.#fn = undefined;
    fn?.(this.#argument);
  }
}

/** Calls `fn(argument)` after the current code returns, before any I/O. */
export function runNextTick<Argument>(fn: (argument: Argument) => void, argument: Argument): void {
  scheduleWith(ticks, takeTurn, new Turn(fn, argument));
}

/**
 * Calls `fn(argument)` in the next turn of the event loop, after I/O. The only caller of `setImmediate`.
 *
 * Splits long work, and distinguishes a burst of the program from a client that does not read.
 */
export function nextTurn<Argument>(fn: (argument: Argument) => void, argument: Argument): void {
  scheduleWith(immediates, takeTurn, new Turn(fn, argument));
}

function takeTurn<Argument>(turn: Turn<Argument>): void {
  turn.take();
}
