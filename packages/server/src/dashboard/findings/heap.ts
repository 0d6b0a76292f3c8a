import { isStable } from "./growth.ts";
import type { Growth } from "./snapshot.ts";

/** Seconds that are compared. */
const SECONDS = 60;
/** Readings of the last seconds are not a beginning. */
const RECENT = 15;
/** The least growth, as a share and in bytes. */
const SHARE = 0.2;
const LEAST = 8e6;
/** Seconds for which the state after a collection is taken as the present one. */
const VALID = 20;

/**
 * Finds a heap that grows. What is in use includes garbage, so it rises and falls. But what is left after a collection of the
 * old generation is alive: if that is more than all that was in use earlier, the difference is kept by the program.
 */
export class HeapWatch {
  #readings: Array<{ readonly used: number; readonly connections: number }> = [];
  #floor: { readonly used: number; age: number } | undefined;

  /** Takes the bytes in use in one second. */
  turn(used: number, connections: number): void {
    this.#readings = [...this.#readings, { used, connections }].slice(-SECONDS);
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
    const then = Math.min(...early.map(({ used }) => used));
    const now = floor.used;
    if (now - then < Math.max(LEAST, SHARE * then)) return [];
    return [{ what: "heap", then, now, unit: "bytes", seconds: this.#readings.length }];
  }
}
