import type { Clock, Timer } from "../clock.ts";

/** Something that wants a call at a time of its own; a node of the wheel's lists, so that scheduling allocates nothing. */
export interface Beating {
  /** The time has come. */
  onBeat(): void;
  /** The neighbours in the wheel's slot and the turn in which it is due; the wheel's own. */
  beat: Beat;
}

/** The place of one entry in the wheel. */
export class Beat {
  readonly entry: Beating;
  previous: Beat | undefined = undefined;
  next: Beat | undefined = undefined;
  /** The tick at which it is due; -1 while it is in no slot. */
  due = -1;

  constructor(entry: Beating) {
    this.entry = entry;
  }
}

const MIN_TICK = 5;
const MAX_TICK = 500;
/** Delays that go further than the wheel is round stay in their slot for more than one turn. */
const MAX_SLOTS = 1024;

/**
 * The heartbeats of all sessions on one timer: a hashed timing wheel.
 *
 * Its time stands still while the event loop is blocked. A server that stalled for two seconds has not heard from its
 * clients for two seconds because it did not listen, so the stall must not count against them.
 */
export class HeartbeatWheel {
  readonly #clock: Clock;
  /** Milliseconds from one slot to the next; a beat comes at most this much too late. */
  readonly tickLength: number;
  readonly #slots: Array<Beat | undefined>;
  #tick = 0;
  #size = 0;
  #timer: Timer | undefined;
  /** By how many milliseconds the timer was late when it last fired: what the event loop was blocked for. */
  lag = 0;
  /** The most that `lag` has been. */
  maxLag = 0;
  /** When the current tick began. */
  #tickStart = 0;

  /** @param shortest sets the precision, `longest` the size: the delays that will be asked for, in milliseconds */
  constructor(clock: Clock, shortest: number, longest: number) {
    this.#clock = clock;
    this.tickLength = Math.max(MIN_TICK, Math.min(MAX_TICK, Math.floor(shortest / 20)));
    const slots = Math.min(MAX_SLOTS, Math.ceil(longest / this.tickLength) + 2);
    this.#slots = Array.from({ length: slots }, () => undefined);
  }

  /** Entries that wait for their beat. */
  get size(): number {
    return this.#size;
  }

  /** Calls `entry.onBeat()` once, `delay` milliseconds from now; forgets an earlier call. */
  schedule(beat: Beat, delay: number): void {
    this.cancel(beat);
    if (delay === Infinity) return;
    if (this.#size === 0) this.#start();
    const slots = this.#slots;
    beat.due = this.#tick + Math.max(1, Math.floor(delay / this.tickLength) + 1);
    const index = beat.due % slots.length;
    const head = slots[index];
    beat.next = head;
    if (head) head.previous = beat;
    slots[index] = beat;
    this.#size += 1;
  }

  cancel(beat: Beat): void {
    if (beat.due === -1) return;
    const { previous, next } = beat;
    if (previous) previous.next = next;
    else this.#slots[beat.due % this.#slots.length] = next;
    if (next) next.previous = previous;
    beat.previous = beat.next = undefined;
    beat.due = -1;
    this.#size -= 1;
    if (this.#size === 0) this.#stop();
  }

  #start(): void {
    this.#tickStart = this.#clock.now();
    this.#timer = this.#clock.after(this.tickLength, () => this.#onTimer());
  }

  #stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #onTimer(): void {
    const elapsed = this.#clock.now() - this.#tickStart;
    this.lag = Math.max(0, elapsed - this.tickLength);
    this.maxLag = Math.max(this.maxLag, this.lag);
    // A late timer is caught up with by at most one extra tick: what is beyond that was a stall.
    const ticks = Math.max(1, Math.min(2, Math.floor(elapsed / this.tickLength)));
    this.#tickStart = elapsed > 2 * this.tickLength ? this.#clock.now() : this.#tickStart + ticks * this.tickLength;
    // First of all: an exception of somebody's listener must not stop the wheel for everybody.
    this.#timer?.refresh();
    for (let turn = 0; turn < ticks; turn += 1) {
      this.#sweep();
      this.#tick += 1;
      this.#sweep();
    }
  }

  /** Beats what is due in this tick; before the tick moves on, also what an exception has left behind. */
  #sweep(): void {
    const due: Beat[] = [];
    for (let beat = this.#slots[this.#tick % this.#slots.length]; beat; beat = beat.next) {
      if (beat.due <= this.#tick) due.push(beat);
    }
    for (const beat of due) {
      // One beat may cancel or put off another one.
      if (beat.due === -1 || beat.due > this.#tick) continue;
      this.cancel(beat);
      beat.entry.onBeat();
    }
  }
}
