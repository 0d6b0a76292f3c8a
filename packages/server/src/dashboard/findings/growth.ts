import type { Unit } from "../wire.ts";
import type { Growth } from "./snapshot.ts";

/** Seconds that are compared, in blocks whose means must rise one after the other. */
const GROWTH_SECONDS = 30;
const BLOCKS = 6;
/** A growing value is the highest of so many seconds. A value at its usual height has been as high before. */
const HISTORY = 180;
/** The least growth: as a share, and as a number by unit. */
const LEAST_GROWTH = 0.2;
const LEAST_BY_UNIT: Readonly<Partial<Record<Unit, number>>> = { count: 50, bytes: 4e6 };
/** The least share of the growth that each block has: an even one would have 0.2. */
const STEADY = 0.08;
/** A figure of one second. `least`: the least growth that counts. Default: by its unit. */
type GrowthFigure = readonly [what: string, unit: Unit, value: number, least?: number];
/** How much the number of connections may differ meanwhile. */
const STABLE = 0.05;

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Whether the number of connections has hardly changed. */
function isStable(connections: readonly number[]): boolean {
  const most = Math.max(...connections);
  return most - Math.min(...connections) <= Math.max(1, STABLE * most);
}

/** Returns the readings since which the number of connections has hardly changed. */
export function sinceStable<Reading extends { readonly connections: number }>(readings: readonly Reading[]): Reading[] {
  let least = Infinity;
  let most = -Infinity;
  let start = readings.length;
  while (start > 0) {
    const { connections } = readings[start - 1] as Reading;
    least = Math.min(least, connections);
    most = Math.max(most, connections);
    if (!isStable([least, most])) break;
    start -= 1;
  }
  return readings.slice(start);
}

/** Finds what grows steadily while the number of connections does not. */
export class GrowthWatch {
  readonly #series = new Map<string, { readonly unit: Unit; readonly least: number; values: number[] }>();
  #connections: number[] = [];

  /** Takes the figures of one second. */
  turn(connections: number, figures: readonly GrowthFigure[]): void {
    this.#connections = [...this.#connections, connections].slice(-GROWTH_SECONDS);
    for (const [what, unit, value, least = LEAST_BY_UNIT[unit] ?? 0] of figures) {
      const series = this.#series.get(what) ?? { unit, least, values: [] };
      series.values = [...series.values, value].slice(-HISTORY);
      this.#series.set(what, series);
    }
  }

  /** Returns what grows now. */
  growing(): Growth[] {
    if (this.#connections.length < GROWTH_SECONDS || !isStable(this.#connections)) return [];
    return [...this.#series].flatMap(([what, { unit, least, values: all }]) => {
      const values = all.slice(-GROWTH_SECONDS);
      const peak = Math.max(0, ...all.slice(0, -GROWTH_SECONDS));
      const length = GROWTH_SECONDS / BLOCKS;
      const means = Array.from({ length: BLOCKS }, (_, i) => meanOf(values.slice(i * length, (i + 1) * length)));
      const [before = 0] = means;
      const after = means.at(-1) ?? 0;
      const isRising = means.every((value, i) => i === 0 || value - (means[i - 1] ?? 0) > STEADY * (after - before));
      const isMuch = after - before >= least && after - before >= LEAST_GROWTH * before;
      return isRising && isMuch && after > peak && values.length === GROWTH_SECONDS
        ? [{ what, before, after, unit, seconds: GROWTH_SECONDS - length }]
        : [];
    });
  }
}
