import type { Clock, PendingCall } from "../base/clock.ts";
import { type kBeat, kOnBeat } from "./keys.ts";

/** An object with a timeout. Its `Beat` is a node of the wheel's lists, so that scheduling allocates nothing. */
export interface Beating {
  /** Called at the scheduled time. */
  [kOnBeat](): void;
  /** The node in the wheel; only the wheel uses it. */
  [kBeat]: Beat;
}

/** A node in a slot's list. */
export class Beat {
  readonly entry: Beating;
  previous: Beat | undefined = undefined;
  next: Beat | undefined = undefined;
  /** The tick at which it is due, or -1 if it is not scheduled. */
  due = -1;

  constructor(entry: Beating) {
    this.entry = entry;
  }
}

/** Each of two consecutive delays may be late by one tick, so both together by half a percent of their sum. */
const TICKS_PER_SUM = 400;
const MAX_TICK = 100;
/** Bounds of the timer's interval without due entries, in milliseconds; it detects a blocked event loop. */
const MIN_LOOKOUT = 5;
const MAX_LOOKOUT = 500;
/** Usual delay of timers on a busy machine, in milliseconds. */
const BUSY = 50;
/** Tolerance for rounding errors, in ticks. */
const ROUNDING = 1e-6;
/** Most slots. Longer delays stay in their slot for more than one round. */
const MAX_SLOTS = 1024;

/**
 * A hashed timing wheel: runs the delays of all heartbeats and POSTs on one timer, which sleeps until the next slot with an
 * entry.
 *
 * Its time stands still while the event loop is blocked. A server that has stalled for two seconds did not read its clients'
 * pongs, so the stall must not count against them.
 */
export class TimingWheel {
  readonly #clock: Clock;
  /** Milliseconds from one slot to the next; the most by which a call is late. */
  tickLength = 1;
  /** Longest sleep of the timer, in milliseconds. If it is later than that, pending input is read first. */
  #lookout = MIN_LOOKOUT;
  /** Longest delay of the timer that does not count as a stall, in milliseconds. */
  #tolerance = MIN_LOOKOUT;
  #slots: Array<Beat | undefined> = [];
  /** The delays that the wheel is adjusted to. */
  #delays: readonly [shortest: number, longest: number] = [0, 0];
  /** The last swept slot. */
  #tick = 0;
  /** Start time of that tick. */
  #tickStart = 0;
  /** The tick for which the timer is set. */
  #wake = Infinity;
  #size = 0;
  #timer: PendingCall | undefined;
  #phase: "waiting" | "sweeping" | "stalled" = "waiting";
  /** Delay of the timer when it last fired, in milliseconds: how long the event loop was blocked. */
  lag = 0;
  /** Highest `lag` so far. */
  maxLag = 0;

  /** @param shortest the shorter of two consecutive delays, in milliseconds; `longest` is their sum */
  constructor(clock: Clock, shortest: number, longest: number) {
    this.#clock = clock;
    this.adjust(shortest, longest);
  }

  /** Adjusts the wheel to other delays, which programs may change at run time. Scheduled calls stay on time. */
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

  /** Number of scheduled entries. */
  get size(): number {
    return this.#size;
  }

  /**
   * Calls `entry[kOnBeat]()` once, `delay` milliseconds from now. Replaces an earlier schedule.
   *
   * @param now the clock's time, if the caller has just read it
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

  /** Cancels the timer if there are no entries. */
  #rest(): void {
    if (this.#size > 0 || this.#phase === "sweeping") return;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#wake = Infinity;
    this.#phase = "waiting";
  }

  /**
   * Returns the wheel's time, in ticks. During a sweep it is the due time, so that delays scheduled by an entry do not
   * inherit its lateness.
   */
  #time(now: number): number {
    if (this.#phase === "sweeping") return this.#tick;
    if (this.#timer === undefined) this.#tickStart = now;
    // Also detects timers that a test has faked and forgotten.
    else if (this.#isLate(now, this.#tolerance)) this.#onStall(now);
    return this.#tick + (now - this.#tickStart) / this.tickLength;
  }

  get #planned(): number {
    return (this.#wake - this.#tick) * this.tickLength;
  }

  #isLate(now: number, tolerance: number): boolean {
    return now < this.#tickStart || now - this.#tickStart - this.#planned > tolerance;
  }

  /** Excludes a stall from the wheel's time, and reads pending input before any entry times out. */
  #onStall(now: number): void {
    this.#measure(now);
    this.#tickStart = now - this.#planned;
    this.#phase = "stalled";
    this.#arm(this.#wake);
  }

  /** Reads pending input after a short delay, which counts. */
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

  /** Returns the next slot with an entry, or the tick at which to check the time. */
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
      // If the loop is blocked again and again, entries must still be called eventually.
      if (!wasStalled) return;
    } else {
      this.#measure(now);
    }
    this.#turn(now);
  };

  /** Calls all entries that are due. */
  #turn(now: number): void {
    const last = this.#tick + Math.floor((now - this.#tickStart) / this.tickLength + ROUNDING);
    let isDone = false;
    this.#phase = "sweeping";
    try {
      // Entries left over after an exception come first.
      this.#sweep();
      while (this.#tick < last) {
        this.#tick += 1;
        this.#tickStart += this.tickLength;
        this.#sweep();
      }
      isDone = true;
    } finally {
      // An exception in one entry must not stop the wheel.
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
      // An entry may have cancelled or rescheduled another one.
      if (beat.due === -1 || beat.due > this.#tick) continue;
      this.#remove(beat);
      beat.entry[kOnBeat]();
    }
  }
}
