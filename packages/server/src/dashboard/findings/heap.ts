import { isStable } from "./growth.ts";
import type { Growth } from "./snapshot.ts";

/** Seconds that are compared. */
const HEAP_SECONDS = 60;
/** Readings of the last seconds are not a beginning. */
const RECENT = 15;
/** The least growth, as a share and in bytes. */
const LEAST_HEAP_GROWTH = 0.2;
const LEAST_HEAP_BYTES = 8e6;
/** Seconds for which the state after a collection is taken as the present one. */
const VALID = 20;

/**
 * Finds a heap that grows. The bytes in use include garbage, so they rise and fall. But the rest after a collection of the old
 * generation is alive: if it is more than all bytes in use earlier, the program keeps the difference.
 */
export class HeapWatch {
  #readings: Array<{ readonly used: number; readonly connections: number }> = [];
  #floor: { readonly used: number; age: number } | undefined;

  /** Takes the bytes in use in one second. */
  turn(used: number, connections: number): void {
    this.#readings = [...this.#readings, { used, connections }].slice(-HEAP_SECONDS);
    if (this.#floor !== undefined) this.#floor.age += 1;
  }

  /** Takes the bytes in use right after a collection of the old generation. */
  collected(used: number): void {
    this.#floor = { used, age: 0 };
  }

  growing(): Growth[] {
    const floor = this.#floor;
    const early = this.#readings.slice(0, -RECENT);
    if (floor === undefined || floor.age > VALID || early.length < RECENT) return [];
    if (!isStable(this.#readings.map(({ connections }) => connections))) return [];
    const before = Math.min(...early.map(({ used }) => used));
    const after = floor.used;
    if (after - before < Math.max(LEAST_HEAP_BYTES, LEAST_HEAP_GROWTH * before)) return [];
    return [{ what: "heap", before, after, unit: "bytes", seconds: this.#readings.length }];
  }
}
