/*
 * What every layer of the server stands on: turns of the event loop, the clock, emitters, logs, calls of the program's functions.
 * Knows: Node.js, the clock of @portage/websocket.
 * Must not know: sessions, sockets, packets: nothing here is about the protocols.
 */
/** Ways to have a function called later, as they are when it is needed: tests replace them, and put them back. */
export interface Scheduler {
  /** What the platform has now. */
  readonly current: () => Schedule;
  /** What it had when this file was loaded. */
  readonly original: Schedule;
}

type Schedule = <Argument>(this: void, fn: (argument: Argument) => void, argument: Argument) => unknown;

const immediates: Scheduler = { current: () => setImmediate, original: setImmediate };

/** Node's functions need no `this`. */
const processTimers: { readonly nextTick: Schedule } = process;

/** The end of the tick. */
export const ticks: Scheduler = { current: () => processTimers.nextTick, original: processTimers.nextTick };

/**
 * Has `fn(argument)` called, also while a test has replaced the timers and forgets them later. It may be called twice.
 *
 * @returns what the platform had for it
 */
export function scheduleWith<Argument>(
  { current, original }: Scheduler,
  fn: (argument: Argument) => void,
  argument: Argument,
): Schedule {
  const schedule = current();
  original(fn, argument);
  // Whether the first or the second is real can't be known: this file, too, may have been loaded in a test.
  if (schedule !== original) schedule(fn, argument);
  return schedule;
}

/** A call that is due, until it has been made. */
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

/** Calls `fn(argument)` once the code that runs now is done, before any I/O. */
export function runNextTick<Argument>(fn: (argument: Argument) => void, argument: Argument): void {
  scheduleWith(ticks, takeTurn, new Turn(fn, argument));
}

/**
 * Calls `fn(argument)` in a turn of its own: after I/O has had its chance. The only caller of `setImmediate`.
 *
 * It gives the event loop back in the midst of long work, and tells a burst of the application from a peer that does not
 * read.
 */
export function nextTurn<Argument>(fn: (argument: Argument) => void, argument: Argument): void {
  scheduleWith(immediates, takeTurn, new Turn(fn, argument));
}

function takeTurn<Argument>(turn: Turn<Argument>): void {
  turn.take();
}
