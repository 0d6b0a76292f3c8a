/*
 * Numbers, times and sizes as words with units.
 * Knows: units of the wire.
 * Must not know: the document.
 */
import type { Unit } from "../../src/dashboard/wire.ts";

const grouped = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
/** Stands for a value that is not known. */
export const NONE = "–";

type Scale = ReadonlyArray<readonly [least: number, per: number, unit: string]>;

const THOUSANDS: Scale = [
  [999.5e6, 1e9, "G"],
  [999.5e3, 1e6, "M"],
];
const BYTES: Scale = [
  [999.5e6, 1e9, "GB"],
  [999.5e3, 1e6, "MB"],
  [999.5, 1e3, "kB"],
];
const MILLISECONDS: Scale = [
  [3_600_000, 3_600_000, "h"],
  [99_950, 60_000, "min"],
  [999.5, 1e3, "s"],
];

/** Returns a number of at most three digits: `4.21`, `42.1`, `421`. */
function short(value: number): string {
  const size = Math.abs(value);
  let digits = 2;
  if (size >= 99.95) digits = 0;
  else if (size >= 9.995) digits = 1;
  return String(Number(value.toFixed(digits)));
}

function scaled(value: number, scale: Scale, plain: (value: number) => string): string {
  const found = scale.find(([least]) => Math.abs(value) >= least);
  return found === undefined ? plain(value) : `${short(value / found[1])} ${found[2]}`;
}

/** Returns `1,204`, `2.41 M`. */
export const formatCount = (value: number): string =>
  scaled(value, THOUSANDS, (small) => (Math.abs(small) < 99.95 ? short(small) : grouped.format(small)));

/** Returns `812 B`, `4.2 kB`. */
export const formatBytes = (value: number): string => scaled(value, BYTES, (small) => `${grouped.format(small)} B`);

/** Returns `0.4 ms`, `2.1 s`, `3.5 min`. */
export const formatMilliseconds = (value: number): string =>
  scaled(value, MILLISECONDS, (small) => `${small > 0 && small < 0.1 ? "< 0.1" : short(Number(small.toFixed(1)))} ms`);

/** Returns `3.4/s`, `81,000/s`. */
export const formatRate = (value: number): string =>
  `${Math.abs(value) < 99.5 ? short(Number(value.toFixed(1))) : formatCount(value)}/s`;

/** Returns `0.4%`, `81%`. */
export function formatShare(value: number): string {
  const percent = value * 100;
  if (percent > 0 && percent < 0.1) return "< 0.1%";
  return `${Number(percent.toFixed(percent < 10 ? 1 : 0))}%`;
}

const FORMATS: Record<Unit, (value: number) => string> = {
  count: formatCount,
  rate: formatRate,
  bytes: formatBytes,
  byteRate: (value) => `${formatBytes(value)}/s`,
  ms: formatMilliseconds,
  share: formatShare,
};

/** Returns a value with its unit, and a dash for an unknown one. */
export function formatValue(value: number | null | undefined, unit: Unit): string {
  return value === null || value === undefined || Number.isNaN(value) ? NONE : FORMATS[unit](value);
}

const SPANS = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "min"],
  [1_000, "s"],
] as const;

/** Returns a span of time in its two largest units, or in fewer: `2 h 5 min`, `48 s`. */
export function formatSpan(milliseconds: number, units: 1 | 2 = 2): string {
  const most = SPANS.findIndex(([size]) => milliseconds >= size);
  if (most === -1) return "0 s";
  const [size, unit] = SPANS[most]!;
  const whole = Math.floor(milliseconds / size);
  const next = SPANS[most + 1];
  const rest = next === undefined ? 0 : Math.floor((milliseconds - whole * size) / next[0]);
  return units === 2 && rest > 0 && next !== undefined ? `${whole} ${unit} ${rest} ${next[1]}` : `${whole} ${unit}`;
}

const two = (value: number): string => String(value).padStart(2, "0");

/** Returns the time of day of the viewer: `14:03:22`. */
export function formatTime(at: number): string {
  const date = new Date(at);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** Returns the time of day without seconds: `14:03`. */
export const formatMinute = (at: number): string => formatTime(at).slice(0, 5);

/** Returns the noun with its number: `1 client`, `1,204 clients`. */
export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${formatCount(count)} ${count === 1 ? one : many}`;
