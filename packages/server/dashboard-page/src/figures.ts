/*
 * The figures of the last 5 minutes and 24 hours, as lines.
 * Knows: ticks, and the history that comes before them.
 * Must not know: how a line is drawn.
 */
import type { History, Tick } from "../../src/dashboard/wire.ts";

/** Points of the short history: 5 minutes, a second each. */
const MOST_POINTS = 300;

export type Line = ReadonlyArray<number | null>;

/** Lines with a common axis of times, in milliseconds since 1970. */
export interface Lines {
  readonly times: readonly number[];
  /** Names to values: as many as there are times. */
  readonly values: ReadonlyMap<string, Line>;
}

export const NO_LINES: Lines = { times: [], values: new Map() };

/** Returns the numbers of an answer; NaN is not known. */
function floatsOf(bytes: Uint8Array | ArrayBuffer): Array<number | null> {
  const whole = bytes instanceof ArrayBuffer ? new Uint8Array(bytes) : bytes;
  const view = new DataView(whole.buffer, whole.byteOffset, whole.byteLength);
  return Array.from({ length: whole.byteLength >> 2 }, (_, index) => {
    const value = view.getFloat32(index * 4, true);
    return Number.isNaN(value) ? null : value;
  });
}

const timesOf = ({ from, step, count }: History): number[] =>
  Array.from({ length: count }, (_, index) => from + index * step);

/** Reads a history of seconds. */
export function readSeconds(names: readonly string[], history: History): Lines {
  const floats = floatsOf(history.values);
  const { count } = history;
  const values = new Map(names.map((name, index) => [name, floats.slice(index * count, (index + 1) * count)]));
  return { times: timesOf(history), values };
}

/** Reads a history of minutes: of the minima, maxima and means of each series, the means. */
export function readMinutes(names: readonly string[], history: History): Lines {
  const floats = floatsOf(history.values);
  const { count } = history;
  const values = new Map(
    names.map((name, index) => [name, floats.slice((index * 3 + 2) * count, (index * 3 + 3) * count)]),
  );
  return { times: timesOf(history), values };
}

/** Adds a tick, and drops points older than 5 minutes. */
export function withTick(lines: Lines, names: readonly string[], [time, ...ticked]: Tick): Lines {
  const last = lines.times.at(-1);
  if (last !== undefined && time <= last) return lines;
  const times = [...lines.times, time].slice(-MOST_POINTS);
  const values = new Map(
    names.map((name, index) => {
      const before = lines.values.get(name) ?? lines.times.map(() => null);
      return [name, [...before, ticked[index] ?? null].slice(-MOST_POINTS)];
    }),
  );
  return { times, values };
}

/** Puts the history before the ticks that have come meanwhile. */
export function withHistory(history: Lines, ticked: Lines, names: readonly string[]): Lines {
  let lines = history;
  for (const [index, time] of ticked.times.entries()) {
    lines = withTick(lines, names, [time, ...names.map((name) => ticked.values.get(name)?.[index] ?? null)]);
  }
  return lines;
}

/** Returns the newest value of a line. */
export const newest = (lines: Lines, name: string): number | null => lines.values.get(name)?.at(-1) ?? null;

export interface Extent {
  readonly least: number;
  readonly most: number;
}

/** Returns the least and the most of a line; undefined without values. */
export function extentOf(line: Line): Extent | undefined {
  let least = Infinity;
  let most = -Infinity;
  for (const value of line) {
    if (value === null) continue;
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  return most === -Infinity ? undefined : { least, most };
}

/** The box of a line; `most` is the value at its top. */
export interface Box {
  readonly width: number;
  readonly height: number;
  readonly most: number;
}

/** Returns the path of a line in a box: gaps where values are not known. */
export function pathOf(line: Line, { width, height, most }: Box): string {
  const step = width / Math.max(1, line.length - 1);
  const scale = most > 0 ? height / most : 0;
  let path = "";
  let isOn = false;
  for (const [index, value] of line.entries()) {
    if (value !== null) {
      path += `${isOn ? "L" : "M"}${(index * step).toFixed(1)} ${(height - value * scale).toFixed(1)}`;
    }
    isOn = value !== null;
  }
  return path;
}

/** Returns rows of a table for lines: at most `count`, the newest first, each the mean of what it stands for. */
export function sampled(lines: Lines, names: readonly string[], count: number): Array<readonly [number, Line]> {
  const size = Math.max(1, Math.ceil(lines.times.length / count));
  const rows: Array<readonly [number, Line]> = [];
  for (let to = lines.times.length; to > 0; to -= size) {
    const from = Math.max(0, to - size);
    rows.push([lines.times[from]!, names.map((name) => meanOf(lines.values.get(name)?.slice(from, to) ?? []))]);
  }
  return rows;
}

function meanOf(line: Line): number | null {
  const known = line.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
}
