import { sinceStable } from "./growth.ts";
import type { Growth } from "./snapshot.ts";

/** Seconds that are compared. */
const HEAP_SECONDS = 60;
/** Readings of the last seconds are not a beginning. */
const RECENT = 15;
/** The least growth, as a share and in bytes. */
const LEAST_HEAP_GROWTH = 0.25;
const LEAST_HEAP_BYTES = 10e6;

/**
 * Finds a heap that grows. The bytes in use include garbage, so they rise and fall. But the rest after a collection of the old
 * generation is alive: if it is more than all bytes in use earlier, the program keeps the difference.
 */
export class HeapWatch {
  #readings: Array<{ readonly used: number; readonly connections: number }> = [];
  /** The bytes in use after the last collection. */
  #floor = 0;

  /** Takes the bytes in use in one second. */
  turn(used: number, connections: number): void {
    // The memory of buffers is freed later than the collection says.
    this.#floor = Math.min(this.#floor, used);
    this.#readings = [...this.#readings, { used, connections }].slice(-HEAP_SECONDS);
  }

  /** Takes the bytes in use right after a collection of the old generation. */
  collected(used: number): void {
    this.#floor = used;
  }

  /** Whether so much is in use that a collection would decide. */
  isUndecided(): boolean {
    return this.#growthTo(this.#readings.at(-1)?.used ?? 0) !== undefined && this.#growthTo(this.#floor) === undefined;
  }

  growing(): Growth[] {
    const growth = this.#growthTo(this.#floor);
    return growth === undefined ? [] : [growth];
  }

  #growthTo(after: number): Growth | undefined {
    const readings = sinceStable(this.#readings);
    const early = readings.slice(0, -RECENT);
    if (early.length < RECENT) return undefined;
    const before = Math.min(...early.map(({ used }) => used));
    if (after - before < Math.max(LEAST_HEAP_BYTES, LEAST_HEAP_GROWTH * before)) return undefined;
    return { what: "heap", before, after, unit: "bytes", seconds: readings.length };
  }
}
