import type { Exemplar, HistogramReport } from "../../engine/index.ts";
import type { MetricOption, MetricRow, Sample } from "./metric-row.ts";
import { METRICS } from "./metrics-table.ts";
import type { ServerReport } from "./server-tally.ts";

/** Options of `io.metrics()`. */
export interface MetricsOptions {
  /** Whether the text ends with the line `# EOF`, which OpenMetrics requires. Default: true. */
  eof?: boolean;
  /**
   * Whether buckets of durations have exemplars, the ids of spans that `instrument()` of `@portage/server/otel` has made. Only
   * OpenMetrics has them: scrapers refuse the text if its type is `text/plain`. Default: false.
   */
  exemplars?: boolean;
}

/** The part of a report that each option adds. */
const REPORT_PARTS = { cluster: "nodes", eventMetrics: "events" } as const satisfies Record<
  MetricOption,
  keyof ServerReport
>;

/** Formats a report as OpenMetrics 1.0.0 text. */
export function openMetrics(report: ServerReport, { eof = true, exemplars = false }: MetricsOptions = {}): string {
  const rows = METRICS.filter(({ option }) => option === undefined || report[REPORT_PARTS[option]] !== undefined);
  return `${rows.flatMap((row) => metricLines(row, row.read(report), exemplars)).join("\n")}\n${eof ? "# EOF\n" : ""}`;
}

/** Formats a metric: its comments, then its samples. `withExemplars`: buckets have the last one that a tracer has given. */
export function metricLines(
  { name, kind, help, unit, labels, bounds }: MetricRow,
  samples: readonly Sample[],
  withExemplars = false,
): string[] {
  const lines = [`# TYPE ${name} ${kind}`];
  if (unit !== undefined) lines.push(`# UNIT ${name} ${unit}`);
  lines.push(`# HELP ${name} ${escapeText(help)}`);
  const suffix = kind === "counter" ? "_total" : "";
  for (const { labels: values, value } of samples) {
    const pairs = labels.map((label, index) => `${label}="${escapeText(values[index] ?? "")}"`);
    if (typeof value === "number") lines.push(`${name}${suffix}${inBraces(pairs)} ${value}`);
    else
      lines.push(
        ...histogramLines(name, pairs, {
          ...cumulate(value, bounds),
          exemplars: (withExemplars && value.exemplars) || [],
        }),
      );
  }
  return lines;
}

const inBraces = (pairs: readonly string[]): string => (pairs.length === 0 ? "" : `{${pairs.join()}}`);

function histogramLines(
  name: string,
  pairs: readonly string[],
  { buckets, count, sum, exemplars }: ReturnType<typeof cumulate> & Required<Pick<HistogramReport, "exemplars">>,
): string[] {
  const lines = buckets.map(
    ([bound, below], index) =>
      `${name}_bucket${inBraces([...pairs, `le="${boundText(bound)}"`])} ${below}${exemplarText(exemplars[index])}`,
  );
  return [...lines, `${name}_count${inBraces(pairs)} ${count}`, `${name}_sum${inBraces(pairs)} ${sum}`];
}

const exemplarText = (exemplar: Exemplar | undefined): string =>
  exemplar === undefined
    ? ""
    : ` # {trace_id="${exemplar.traceId}",span_id="${exemplar.spanId}"} ${exemplar.value} ${exemplar.at / 1000}`;

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
