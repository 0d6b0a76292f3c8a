import type { Clock, Timer } from "../base/clock.ts";
import { type kBeat, kOnBeat } from "./keys.ts";

/** Something that wants a call at a time of its own; a node of the wheel's lists, so that scheduling allocates nothing. */
export interface Beating {
  /** The time has come. */
  [kOnBeat](): void;
  /** The neighbours in the wheel's slot and the turn in which it is due; the wheel's own. */
  [kBeat]: Beat;
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

/** Two delays that follow each other may each be late by one tick: together by half a percent of their sum. */
const TICKS_PER_SUM = 400;
const MAX_TICK = 100;
/** So often the timer looks at the time, though no beat is due, in milliseconds: to see that the event loop was blocked. */
const MIN_LOOKOUT = 5;
const MAX_LOOKOUT = 500;
/** Timers of a process that waits for its turn on a busy machine are late by as much, in milliseconds. */
const BUSY = 50;
/** A part of a tick that is no more than what adding up times loses. */
const ROUNDING = 1e-6;
/** Delays that go further than the wheel is round stay in their slot for more than one turn. */
const MAX_SLOTS = 1024;

/**
 * Very many delays on one timer, those of heartbeats and of POSTs: a hashed timing wheel, whose timer sleeps until the next
 * slot that holds an entry.
 *
 * Its time stands still while the event loop is blocked. A server that stalled for two seconds has not heard from its
 * clients for two seconds because it did not listen, so the stall must not count against them.
 */
export class TimingWheel {
  readonly #clock: Clock;
  /** Milliseconds from one slot to the next; a beat comes at most this much too late. */
  tickLength = 1;
  /** The longest sleep of the timer, in milliseconds. When it is later than that, what came in is read first. */
  #lookout = MIN_LOOKOUT;
  /** The longest delay of the timer that is not a stall, in milliseconds: on a busy machine each is late by a little. */
  #tolerance = MIN_LOOKOUT;
  #slots: Array<Beat | undefined> = [];
  /** What it was adjusted to. */
  #delays: readonly [shortest: number, longest: number] = [0, 0];
  /** The slot that was swept last. */
  #tick = 0;
  /** When that tick began. */
  #tickStart = 0;
  /** The tick for which the timer is set. */
  #wake = Infinity;
  #size = 0;
  #timer: Timer | undefined;
  #phase: "waiting" | "sweeping" | "stalled" = "waiting";
  /** By how many milliseconds the timer was late when it last fired: what the event loop was blocked for. */
  lag = 0;
  /** The most that `lag` has been. */
  maxLag = 0;

  /** @param shortest the shorter of two delays that follow each other, in milliseconds; `longest` is the sum of both */
  constructor(clock: Clock, shortest: number, longest: number) {
    this.#clock = clock;
    this.adjust(shortest, longest);
  }

  /** Adjusts it to other delays, which programs may change later. What waits keeps its time. */
  adjust(shortest: number, longest: number): void {
    if (this.#phase === "sweeping" || (shortest === this.#delays[0] && longest === this.#delays[1])) return;
    const now = this.#clock.now();
    const waiting = this.#takeAll(now);
    this.#delays = [shortest, longest];
    this.tickLength = Math.max(1, Math.min(MAX_TICK, Math.floor(longest / TICKS_PER_SUM)));
    this.#lookout = Math.max(MIN_LOOKOUT, Math.min(MAX_LOOKOUT, Math.floor(shortest / 20)));
    const tolerance = Math.max(shortest / 2, Math.min(BUSY, shortest * 0.8));
    this.#tolerance = Math.max(MIN_LOOKOUT, Math.min(MAX_LOOKOUT, tolerance));
    const slots = Math.min(MAX_SLOTS, Math.ceil(longest / this.tickLength) + 2);
    this.#slots = Array.from({ length: slots }, () => undefined);
    for (const [beat, delay] of waiting) this.schedule(beat, delay, now);
  }

  #takeAll(now: number): [beat: Beat, delay: number][] {
    const time = this.#time(now);
    const all: [Beat, number][] = [];
    for (const head of this.#slots) {
      for (let beat = head; beat; beat = beat.next) all.push([beat, (beat.due - time) * this.tickLength]);
    }
    for (const [beat] of all) this.cancel(beat);
    return all;
  }

  /** Entries that wait for their beat. */
  get size(): number {
    return this.#size;
  }

  /**
   * Calls `entry[kOnBeat]()` once, `delay` milliseconds from now; forgets an earlier call.
   *
   * @param now the time of the clock, where the caller has just looked at it
   */
  schedule(beat: Beat, delay: number, now: number = this.#clock.now()): void {
    this.#remove(beat);
    if (delay === Infinity) return this.#rest();
    const slots = this.#slots;
    beat.due = Math.max(this.#tick + 1, Math.ceil(this.#time(now) + delay / this.tickLength));
    const index = beat.due % slots.length;
    const head = slots[index];
    beat.next = head;
    if (head) head.previous = beat;
    slots[index] = beat;
    this.#size += 1;
    if (beat.due < this.#wake && this.#phase !== "sweeping") this.#arm(this.#nextWake());
  }

  cancel(beat: Beat): void {
    this.#remove(beat);
    this.#rest();
  }

  #remove(beat: Beat): void {
    if (beat.due === -1) return;
    const { previous, next } = beat;
    if (previous) previous.next = next;
    else this.#slots[beat.due % this.#slots.length] = next;
    if (next) next.previous = previous;
    beat.previous = beat.next = undefined;
    beat.due = -1;
    this.#size -= 1;
  }

  /** Without entries there is no timer. */
  #rest(): void {
    if (this.#size > 0 || this.#phase === "sweeping") return;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#wake = Infinity;
    this.#phase = "waiting";
  }

  /**
   * The time of the wheel, in ticks. While beats are called it is the one that they were due at: what they schedule does
   * not inherit their delay.
   */
  #time(now: number): number {
    if (this.#phase === "sweeping") return this.#tick;
    if (this.#timer === undefined) this.#tickStart = now;
    // Timers that a test has faked and forgotten are found here as well.
    else if (this.#isLate(now, this.#tolerance)) this.#onStall(now);
    return this.#tick + (now - this.#tickStart) / this.tickLength;
  }

  get #planned(): number {
    return (this.#wake - this.#tick) * this.tickLength;
  }

  #isLate(now: number, tolerance: number): boolean {
    return now < this.#tickStart || now - this.#tickStart - this.#planned > tolerance;
  }

  /** A stall does not count, and what came in meanwhile is read before anybody is judged. */
  #onStall(now: number): void {
    this.#measure(now);
    this.#tickStart = now - this.#planned;
    this.#phase = "stalled";
    this.#arm(this.#wake);
  }

  /** A delay counts, but what came in meanwhile is read first as well. */
  #onDelay(now: number): void {
    this.#measure(now);
    this.#phase = "stalled";
    this.#arm(this.#wake);
  }

  #measure(now: number): void {
    const lag = Math.max(0, now - this.#tickStart - this.#planned);
    this.lag = this.#phase === "stalled" ? Math.max(this.lag, lag) : lag;
    this.maxLag = Math.max(this.maxLag, lag);
  }

  /** The next slot that holds an entry, or the next look at the time. */
  #nextWake(): number {
    const slots = this.#slots;
    const last = this.#tick + Math.max(1, Math.floor(this.#lookout / this.tickLength));
    let tick = this.#tick + 1;
    while (tick < last && slots[tick % slots.length] === undefined) tick += 1;
    return tick;
  }

  #arm(wake: number): void {
    this.#timer?.cancel();
    this.#wake = wake;
    const delay = this.#tickStart + this.#planned - this.#clock.now();
    this.#timer = this.#clock.after(Math.max(1, Math.ceil(delay)), this.#onTimer);
  }

  readonly #onTimer = (): void => {
    const now = this.#clock.now();
    if (this.#isLate(now, this.#lookout)) {
      const wasStalled = this.#phase === "stalled";
      if (this.#isLate(now, this.#tolerance)) this.#onStall(now);
      else this.#onDelay(now);
      // The loop may be blocked again and again: then beats come all the same, if slowly.
      if (!wasStalled) return;
    } else {
      this.#measure(now);
    }
    this.#turn(now);
  };

  /** Beats what is due by now. */
  #turn(now: number): void {
    const last = this.#tick + Math.floor((now - this.#tickStart) / this.tickLength + ROUNDING);
    let isDone = false;
    this.#phase = "sweeping";
    try {
      // What an exception has left behind comes first.
      this.#sweep();
      while (this.#tick < last) {
        this.#tick += 1;
        this.#tickStart += this.tickLength;
        this.#sweep();
      }
      isDone = true;
    } finally {
      // An exception of one listener must not stop the wheel for all.
      this.#phase = "waiting";
      if (this.#size === 0) this.#rest();
      else this.#arm(isDone ? this.#nextWake() : this.#tick + 1);
    }
  }

  #sweep(): void {
    const head = this.#slots[this.#tick % this.#slots.length];
    if (head === undefined) return;
    const due: Beat[] = [];
    for (let beat: Beat | undefined = head; beat; beat = beat.next) {
      if (beat.due <= this.#tick) due.push(beat);
    }
    for (const beat of due) {
      // One beat may cancel or put off another one.
      if (beat.due === -1 || beat.due > this.#tick) continue;
      this.#remove(beat);
      beat.entry[kOnBeat]();
    }
  }
}
