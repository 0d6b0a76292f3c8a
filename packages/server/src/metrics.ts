/*
 * Entry @portage/server/metrics: the table of metrics, and metrics for prom-client that are made from it.
 * Knows: the report of a server, and what prom-client's classes take. The program passes the module.
 * Must not know: how anything is counted.
 */
import type { Exemplar } from "./engine/index.ts";
import { cumulate } from "./socketio/host/open-metrics.ts";
import type { MetricRow, Sample } from "./socketio/host/metric-row.ts";
import { METRICS } from "./socketio/host/metrics-table.ts";
import type { ServerReport } from "./socketio/host/server-tally.ts";

export type { MetricKind, MetricOption, MetricRow, MetricUnit, OtelNames, Sample } from "./socketio/host/metric-row.ts";
export { METRICS } from "./socketio/host/metrics-table.ts";

/** The part of a server that is read. */
export interface MeasuredServer {
  /** The option `cluster`. */
  readonly cluster?: unknown;
  /** Options of the constructor. */
  readonly opts?: { readonly eventMetrics?: unknown };
  /** See `io.stats()`. */
  stats(): ServerReport;
}

/** What classes of prom-client take. */
interface PromConfiguration<Registry> {
  readonly name: string;
  readonly help: string;
  readonly labelNames: string[];
  readonly registers?: Registry[];
  readonly buckets?: number[];
  readonly collect?: () => void;
}

type Labels = Record<string, string>;

/** A gauge of prom-client. */
interface PromGauge {
  reset(): void;
  set(labels: Labels, value: number): void;
}

/** A counter of prom-client. */
interface PromCounter {
  reset(): void;
  inc(labels: Labels, value: number): void;
}

/** A histogram of prom-client. */
interface PromHistogram {
  get(): Promise<unknown>;
}

/** The module prom-client, version 14 or 15: its classes of metrics. */
export interface PromClient<Registry> {
  /** The class of gauges. */
  readonly Gauge: new (configuration: PromConfiguration<Registry>) => PromGauge;
  /** The class of counters. */
  readonly Counter: new (configuration: PromConfiguration<Registry>) => PromCounter;
  /** The class of histograms. */
  readonly Histogram: new (configuration: PromConfiguration<Registry>) => PromHistogram;
}

/**
 * Registers all metrics of a server with prom-client, for programs that have metrics of their own there. They are read when
 * the registry is, in the time of one `io.stats()`.
 *
 * @param promClient the module: `import promClient from "prom-client"`
 * @typeParam Registry the class of registries in prom-client
 * @param register the registry. Default: the global one. A registry takes the metrics of one server
 * @throws whatever prom-client throws, if the registry has metrics of these names
 * @example
 * import promClient from "prom-client";
 * import { collectMetrics } from "@portage/server/metrics";
 *
 * collectMetrics(io, promClient);
 * console.log(await promClient.register.metrics());
 */
export function collectMetrics<Registry>(
  io: MeasuredServer,
  promClient: PromClient<Registry>,
  register?: Registry,
): void {
  const report = oncePerTurn(() => io.stats());
  for (const row of METRICS) {
    if (lacksMetric(io, row)) continue;
    const { name, help, labels } = row;
    const registers = register && { registers: [register] };
    const configuration = { name, help, labelNames: [...labels], ...registers };
    addMetric(promClient, configuration, { row, read: () => row.read(report()) });
  }
}

/** Whether a server lacks the option that a metric needs. */
export function lacksMetric(io: MeasuredServer, { option }: MetricRow): boolean {
  return option !== undefined && !(option === "cluster" ? io.cluster : io.opts?.eventMetrics);
}

/** The registry reads all metrics in one turn: they share a report. */
function oncePerTurn(make: () => ServerReport): () => ServerReport {
  let made: ServerReport | undefined;
  return () => {
    if (made === undefined) queueMicrotask(() => (made = undefined));
    return (made ??= make());
  };
}

/** A row, and how its samples are read. */
interface Source {
  readonly row: MetricRow;
  readonly read: () => readonly Sample[];
}

const labelsOf = ({ labels }: MetricRow, values: readonly string[]): Labels =>
  Object.fromEntries(labels.map((label, index) => [label, values[index] ?? ""]));

/** Makes the metric of a row. */
function addMetric<Registry>(
  { Gauge, Counter, Histogram }: PromClient<Registry>,
  configuration: PromConfiguration<Registry>,
  { row, read }: Source,
): void {
  const { name, help } = configuration;
  if (row.kind === "histogram") {
    const made = new Histogram({ ...configuration, buckets: [...(row.bounds ?? [])] });
    // Its methods count single values; these have been counted.
    const get = (): Promise<unknown> =>
      Promise.resolve({ name, help, type: row.kind, aggregator: "sum", values: bucketValues(row, read()) });
    Object.assign(made, { get, getForPromString: get });
    return;
  }
  const replaceAll = (metric: PromGauge | PromCounter, put: (labels: Labels, value: number) => void): void => {
    metric.reset();
    for (const { labels, value } of read()) if (typeof value === "number") put(labelsOf(row, labels), value);
  };
  if (row.kind === "gauge") {
    const collect = (): void => replaceAll(gauge, (labels, value) => gauge.set(labels, value));
    const gauge = new Gauge({ ...configuration, collect });
  } else {
    const collect = (): void => replaceAll(counter, (labels, value) => counter.inc(labels, value));
    const counter = new Counter({ ...configuration, name: `${name}_total`, collect });
  }
}

/** An exemplar as prom-client has it; its registry writes it into OpenMetrics text alone. */
const exemplarOf = (exemplar: Exemplar | undefined): object =>
  exemplar === undefined
    ? {}
    : {
        exemplar: {
          labelSet: { trace_id: exemplar.traceId, span_id: exemplar.spanId },
          value: exemplar.value,
          timestamp: exemplar.at / 1000,
        },
      };

/** The samples of a histogram as prom-client's own `get()` returns them. */
function bucketValues(row: MetricRow, samples: readonly Sample[]): object[] {
  return samples.flatMap(({ labels: values, value }) => {
    if (typeof value === "number") return [];
    const labels = labelsOf(row, values);
    const { buckets, count, sum } = cumulate(value, row.bounds);
    const suffixed = (suffix: string, amount: number, more: Record<string, string | number> = {}): object => ({
      metricName: `${row.name}_${suffix}`,
      labels: { ...more, ...labels },
      value: amount,
    });
    return [
      ...buckets.map(([bound, below], index) => ({
        ...suffixed("bucket", below, { le: bound === Infinity ? "+Inf" : bound }),
        ...exemplarOf(value.exemplars?.[index]),
      })),
      suffixed("sum", sum),
      suffixed("count", count),
    ];
  });
}
