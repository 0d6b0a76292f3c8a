/*
 * The shape of the table of metrics, and what makes its rows.
 */
import type { HistogramReport } from "../../engine/index.ts";
import type { ServerReport } from "./server-tally.ts";

/** What a metric measures with: a sum that only grows, a current value, or values by size. */
export type MetricKind = "counter" | "gauge" | "histogram";

/** The base units of OpenMetrics that the server uses. A metric with a unit has it at the end of its name. */
export type MetricUnit = "bytes" | "seconds";

/** Options of the server that some metrics need. */
export type MetricOption = "cluster" | "eventMetrics";

/** A value of a metric. */
export interface Sample<Value = number | HistogramReport> {
  /** The values of the labels, in the order of {@link MetricRow.labels}. */
  readonly labels: readonly string[];
  /** A number; the buckets of a histogram. */
  readonly value: Value;
}

/** The instrument of OpenTelemetry for a metric. */
export interface OtelNames {
  /** The name of the instrument. */
  readonly name: string;
  /** The unit in UCUM, e.g. `By`, `s` or `{session}`. */
  readonly unit: string;
  /** The name of the instrument for the direction `out`, where the conventions have one for each. */
  readonly outName: string | undefined;
  /** The attribute of each label. */
  readonly attributes: Readonly<Record<string, string>>;
}

/** A metric: a row of the table behind all texts, instruments and pages of metrics. */
export interface MetricRow {
  /** The name in OpenMetrics, with its unit. The samples of a counter have `_total` behind it. */
  readonly name: string;
  /** What it measures with. */
  readonly kind: MetricKind;
  /** A sentence for people. */
  readonly help: string;
  /** The unit at the end of the name; undefined for counts. */
  readonly unit: MetricUnit | undefined;
  /** The names of the labels. */
  readonly labels: readonly string[];
  /** The largest value of each bucket of a histogram, in ascending order. */
  readonly bounds: readonly number[] | undefined;
  /** Its instrument in OpenTelemetry. */
  readonly otel: OtelNames;
  /** The option without which a server does not have it. */
  readonly option: MetricOption | undefined;
  /** Takes the samples out of a report; none where the server does not have the metric. */
  read(report: ServerReport): readonly Sample[];
}

/** A row while it is made. */
interface Given {
  readonly labels?: readonly string[];
  readonly unit?: MetricUnit;
  readonly bounds?: readonly number[];
  readonly option?: MetricOption;
  /** Name and unit in OpenTelemetry, where the name is not the usual one with dots. */
  readonly otel?: readonly [name: string, unit: string, outName?: string];
  /** The counted thing, for OpenTelemetry: `session` is the unit `{session}`. */
  readonly of?: string;
}

type Read = MetricRow["read"];

/** Attributes for which OpenTelemetry has a convention. All others begin with `portage.`. */
const CONVENTIONS: Readonly<Record<string, string>> = {
  direction: "network.io.direction",
  event: "messaging.socket.io.event_name",
  namespace: "messaging.destination.name",
};
/** Labels that say what went wrong. */
const ERROR_LABELS: ReadonlySet<string> = new Set(["code", "name", "step"]);
const UCUM: Readonly<Record<MetricUnit, string>> = { bytes: "By", seconds: "s" };

const attributeOf = (label: string): string =>
  ERROR_LABELS.has(label) ? "error.type" : (CONVENTIONS[label] ?? `portage.${label}`);

/** Returns the name of OpenTelemetry: with dots for the first two words, and without the unit. */
function instrumentName(name: string, unit: MetricUnit | undefined): string {
  const bare = unit === undefined ? name : name.slice(0, -unit.length - 1);
  return bare.replace("_", ".").replace("_", ".");
}

function row(kind: MetricKind, name: string, [help, given, read]: readonly [string, Given, Read]): MetricRow {
  const { labels = [], unit, bounds, option, of = "1" } = given;
  const fullName = `portage_${name}`;
  const annotated = of === "1" ? of : `{${of}}`;
  const [otelName = instrumentName(fullName, unit), otelUnit = unit === undefined ? annotated : UCUM[unit], outName] =
    given.otel ?? [];
  const attributes = Object.fromEntries(labels.map((label) => [label, attributeOf(label)]));
  const otel = { name: otelName, outName, unit: otelUnit, attributes };
  return { name: fullName, kind, help, unit, labels, bounds, otel, option, read };
}

/** Makes the row of a metric that only grows. */
export const counter = (name: string, ...rest: readonly [help: string, given: Given, read: Read]): MetricRow =>
  row("counter", name, rest);

/** Makes the row of a metric with a current value. */
export const gauge = (name: string, ...rest: readonly [help: string, given: Given, read: Read]): MetricRow =>
  row("gauge", name, rest);

/** Makes the row of a metric that counts values by size. */
export const histogram = (name: string, ...rest: readonly [help: string, given: Given, read: Read]): MetricRow =>
  row("histogram", name, rest);

type Values = Readonly<Record<string, number | undefined>>;

/** Samples of a metric without labels. */
export const one = (value: Sample["value"]): readonly Sample[] => [{ labels: [], value }];

/**
 * Samples by the label, or by several if the keys are like `from>to`. Known keys that were never counted are 0, so that the
 * first count is an increase.
 */
export function by<Value extends Sample["value"]>(
  counted: Readonly<Record<string, Value | undefined>>,
  known: Iterable<string> = [],
): readonly Sample[] {
  const values = new Map<string, Sample["value"]>();
  for (const key of known) values.set(key, 0);
  for (const [key, value = 0] of Object.entries(counted as Values)) values.set(key, value);
  return Array.from(values, ([key, value]) => ({ labels: key.split(">"), value }));
}
