import type { HistogramReport } from "../../engine/index.ts";
import type { MetricOption, MetricRow, Sample } from "./metric-row.ts";
import { METRICS } from "./metrics-table.ts";
import type { ServerReport } from "./server-tally.ts";

/** Options of `io.metrics()`. */
export interface MetricsOptions {
  /** Whether the text ends with the line `# EOF`, which OpenMetrics requires. Default: true. */
  eof?: boolean;
}

/** The part of a report that each option adds. */
const REPORT_PARTS = { cluster: "nodes", eventMetrics: "events" } as const satisfies Record<
  MetricOption,
  keyof ServerReport
>;

/** Formats a report as OpenMetrics 1.0.0 text. */
export function openMetrics(report: ServerReport, { eof = true }: MetricsOptions = {}): string {
  const rows = METRICS.filter(({ option }) => option === undefined || report[REPORT_PARTS[option]] !== undefined);
  return `${rows.flatMap((row) => metricLines(row, row.read(report))).join("\n")}\n${eof ? "# EOF\n" : ""}`;
}

/** Formats a metric: its comments, then its samples. */
export function metricLines(
  { name, kind, help, unit, labels, bounds }: MetricRow,
  samples: readonly Sample[],
): string[] {
  const lines = [`# TYPE ${name} ${kind}`];
  if (unit !== undefined) lines.push(`# UNIT ${name} ${unit}`);
  lines.push(`# HELP ${name} ${escapeText(help)}`);
  const suffix = kind === "counter" ? "_total" : "";
  for (const { labels: values, value } of samples) {
    const pairs = labels.map((label, index) => `${label}="${escapeText(values[index] ?? "")}"`);
    if (typeof value === "number") lines.push(`${name}${suffix}${inBraces(pairs)} ${value}`);
    else lines.push(...histogramLines(name, pairs, cumulate(value, bounds)));
  }
  return lines;
}

const inBraces = (pairs: readonly string[]): string => (pairs.length === 0 ? "" : `{${pairs.join()}}`);

function histogramLines(
  name: string,
  pairs: readonly string[],
  { buckets, count, sum }: ReturnType<typeof cumulate>,
): string[] {
  const lines = buckets.map(
    ([bound, below]) => `${name}_bucket${inBraces([...pairs, `le="${boundText(bound)}"`])} ${below}`,
  );
  return [...lines, `${name}_count${inBraces(pairs)} ${count}`, `${name}_sum${inBraces(pairs)} ${sum}`];
}

/** Returns the buckets as scrapers want them: how many values are at most as large as each bound. */
export function cumulate(
  { counts, sum }: HistogramReport,
  bounds: readonly number[] = [],
): { buckets: (readonly [bound: number, below: number])[]; count: number; sum: number } {
  let count = 0;
  const buckets = [...bounds, Infinity].map((bound, index) => [bound, (count += counts[index] ?? 0)] as const);
  return { buckets, count, sum };
}

/** OpenMetrics 1.0.0, "Considerations: Canonical Numbers": a bound has a decimal point. */
function boundText(bound: number): string {
  if (bound === Infinity) return "+Inf";
  return Number.isInteger(bound) ? bound.toFixed(1) : String(bound);
}

const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", '"': '\\"', "\n": "\\n" };

/** Values of labels may be names that the program chose, such as a namespace. */
const escapeText = (text: string): string => text.replaceAll(/[\\"\n]/g, (character) => ESCAPES[character]!);
