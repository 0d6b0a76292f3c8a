/*
 * Marks of the axes of a chart.
 * Knows: round numbers and round times.
 * Must not know: how they are drawn.
 */

/** Steps between two marks, in units of a power of ten. */
const ROUND = [1, 2, 5, 10];
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const TIMES = [
  15 * SECOND,
  30 * SECOND,
  MINUTE,
  2 * MINUTE,
  5 * MINUTE,
  15 * MINUTE,
  HOUR,
  3 * HOUR,
  6 * HOUR,
  12 * HOUR,
];

/** Returns at most `count` round numbers above 0, the last at or below `most`. */
export function numberMarks(most: number, count: number): number[] {
  if (!(most > 0)) return [];
  const power = 10 ** Math.floor(Math.log10(most / count));
  const step = power * ROUND.find((each) => each * power * count >= most)!;
  const marks = Math.floor(most / step + 1e-9);
  return Array.from({ length: marks }, (_, index) => Number(((index + 1) * step).toPrecision(12)));
}

/** Returns at most `count` round times between two, by the clock of the viewer; `offset` is its distance from UTC in milliseconds. */
export function timeMarks(from: number, to: number, count: number, offset: number): number[] {
  const step = TIMES.find((each) => each * count >= to - from) ?? 24 * HOUR;
  const first = Math.ceil((from + offset) / step) * step - offset;
  const marks: number[] = [];
  for (let time = first; time <= to; time += step) marks.push(time);
  return marks;
}
