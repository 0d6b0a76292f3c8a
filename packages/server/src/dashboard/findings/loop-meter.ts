import {
  constants,
  type IntervalHistogram,
  monitorEventLoopDelay,
  performance,
  type PerformanceEntry,
  PerformanceObserver,
} from "node:perf_hooks";
import { getHeapSpaceStatistics, getHeapStatistics } from "node:v8";
import type { Clock, PendingCall } from "../../base/clock.ts";
import { processorTime } from "../sampling/processor-time.ts";
import { LOOK_EVERY, OwnLateness } from "./own-lateness.ts";

/** Milliseconds between two samples of the delay, which is part of what the histogram has. */
const DELAY_RESOLUTION = 20;
/** Seconds of one percentile. */
const PERIOD = 5;
const SHARE_SECONDS = 10;
/** Periods whose longest delays are remembered. */
const PERIODS = 6;

/** Returns the bytes in use outside of the young generation. */
export function oldBytes(): number {
  const old = getHeapSpaceStatistics().filter(({ space_name: name }) => /^(old|large_object)_space$/.test(name));
  return old.reduce((sum, space) => sum + space.space_used_size, getHeapStatistics().external_memory);
}

/** More switches a second: the system takes the processor from this process, which does not wait for anything. */
const TAKEN_AWAY = 20;

/** How often the system has taken the processor from this process. */
const switches = (): number => process.resourceUsage().involuntaryContextSwitches;

/** Shares of a second. */
interface LoopShares {
  readonly busy: number;
  readonly gc: number;
  /** This process has worked. */
  readonly worked: number;
  /** This process had work, and other programs had the processor. */
  readonly crowded: number;
}

/** A garbage collection, as Node reports it. */
type CollectionEntry = PerformanceEntry & { readonly detail: { readonly kind?: number } };

/** Measures the event loop and the garbage collection. */
export class LoopMeter {
  readonly #clock: Clock;
  readonly #onOldCollected: () => void;
  #lateness = new OwnLateness();
  #look: PendingCall | undefined;
  readonly #delays: IntervalHistogram = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION });
  #observer: PerformanceObserver | undefined;
  #used = performance.eventLoopUtilization();
  #worked = processorTime();
  #switches = switches();
  #gcMs = 0;
  #turns = 0;
  #shares: LoopShares[] = [];
  #longest: number[] = [];
  #last: readonly [before: number, now: number] = [0, 0];

  /** @param onOldCollected called after each collection of the old generation */
  constructor(clock: Clock, onOldCollected: () => void) {
    this.#clock = clock;
    this.#onOldCollected = onOldCollected;
  }

  start(): void {
    this.#delays.enable();
    this.#lateness = new OwnLateness();
    this.#lookLater();
    this.#observer = new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) this.#onCollection(entry as CollectionEntry);
    });
    this.#observer.observe({ entryTypes: ["gc"] });
  }

  stop(): void {
    this.#delays.disable();
    this.#look?.cancel();
    this.#observer?.disconnect();
  }

  #lookLater(): void {
    this.#look = this.#clock.after(LOOK_EVERY, () => {
      this.#lateness.look(this.#clock.now(), processorTime());
      this.#lookLater();
    });
  }

  #onCollection({ duration, detail: { kind } }: CollectionEntry): void {
    this.#gcMs += duration;
    if (kind === constants.NODE_PERFORMANCE_GC_MAJOR) this.#onOldCollected();
  }

  /** A second is over, after so many milliseconds. */
  turn(ms: number): void {
    const used = performance.eventLoopUtilization();
    const { utilization: busy } = performance.eventLoopUtilization(used, this.#used);
    this.#used = used;
    this.#shares = [...this.#shares, this.#sharesOf(busy, Math.max(1, ms))].slice(-SHARE_SECONDS);
    this.#gcMs = 0;
    this.#turns += 1;
    if (this.#turns % PERIOD !== 0) return;
    this.#last = [this.#last[1], Math.max(0, this.#delays.percentile(99) / 1e6 - DELAY_RESOLUTION)];
    this.#longest = [...this.#longest, Math.max(0, this.#delays.max / 1e6 - DELAY_RESOLUTION)].slice(-PERIODS);
    this.#delays.reset();
    this.#lateness.turn();
  }

  #sharesOf(busy: number, ms: number): LoopShares {
    const before = { worked: this.#worked, switches: this.#switches };
    this.#worked = processorTime();
    this.#switches = switches();
    const worked = Math.min(1, (this.#worked - before.worked) / ms);
    const isTaken = ((this.#switches - before.switches) / ms) * 1000 >= TAKEN_AWAY;
    return { busy, gc: Math.min(1, this.#gcMs / ms), worked, crowded: isTaken ? Math.max(0, busy - worked) : 0 };
  }

  /** The longest delay but one among the last periods, in milliseconds: what has happened twice. */
  get stalls(): number {
    return [...this.#longest].sort((a, b) => b - a)[1] ?? 0;
  }

  /**
   * Milliseconds by which one in a hundred turns was late, in the better one of the last two periods: a busy neighbour on the
   * machine disturbs one of them.
   */
  get p99(): number {
    return Math.min(...this.#last);
  }

  /** Milliseconds by which the work of this process makes the loop late, more than once in each of the last two periods. */
  get own(): number {
    return this.#lateness.ms;
  }

  /** Milliseconds by which the work of this process makes the loop late again and again, in half of the last periods. */
  get habit(): number {
    return this.#lateness.habit;
  }

  /** Returns how large a share of the last ten seconds the loop was busy, worked, collected garbage, or was held up. */
  share(of: keyof LoopShares): number {
    return this.#shares.reduce((sum, second) => sum + second[of], 0) / Math.max(1, this.#shares.length);
  }
}
