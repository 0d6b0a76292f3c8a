import type { Attributes, Histogram, Meter, MeterProvider, Observable } from "@opentelemetry/api";
import { type CloseReason, isNormalEnd, kEngineClock, type Session } from "../engine/index.ts";
import { lacksMetric, type MeasuredServer, METRICS, type MetricRow } from "../metrics.ts";
import { subscribeChannel } from "./channel.ts";
import { errorType, operationAttributes, SPAN_ATTRIBUTES } from "./names.ts";

/** Seconds; the first ones are those of SignalR. */
const OPEN_BOUNDS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 900, 3600, 86_400];

/** The server that is measured. */
type InstrumentedServer = MeasuredServer & { readonly engine: object | undefined };

/** A row of the table of metrics, and its instrument. */
interface Measured {
  readonly row: MetricRow;
  readonly instrument: Observable;
  /** The direction that the instrument has, where the row has both. */
  readonly direction: "in" | "out" | undefined;
}

/**
 * Makes instruments of the table of metrics. All counters and gauges are read in one `io.stats()` for each collection.
 * Histograms record as it happens: OpenTelemetry can't read them out of a report.
 *
 * @returns what undoes it
 */
export function measureServer(io: InstrumentedServer, provider: MeterProvider): () => void {
  const meter = provider.getMeter("@portage/server");
  const rows = METRICS.filter((row) => !lacksMetric(io, row));
  const measured = rows.filter(({ kind }) => kind !== "histogram").flatMap((row) => observablesOf(meter, row));
  const observables = measured.map(({ instrument }) => instrument);
  const callback: Parameters<typeof meter.addBatchObservableCallback>[0] = (result) => {
    if (io.engine === undefined) return;
    const report = io.stats();
    for (const { row, instrument, direction } of measured) {
      for (const { labels, value } of row.read(report)) {
        if (typeof value !== "number" || (direction !== undefined && labels[0] !== direction)) continue;
        result.observe(instrument, value, attributesOf(row, labels, direction));
      }
    }
  };
  meter.addBatchObservableCallback(callback, observables);
  const stops = [measureDurations(io, meter)];
  for (const row of rows) {
    const record = RECORDERS[row.name];
    if (record !== undefined) stops.push(record(io, histogramOf(meter, row), row));
  }
  return () => {
    meter.removeBatchObservableCallback(callback, observables);
    for (const stop of stops) stop();
  };
}

/** Makes the instrument of a row, or one for each direction. */
function observablesOf(meter: Meter, row: MetricRow): Measured[] {
  const { name, outName, unit } = row.otel;
  const make = (of: string): Observable => {
    const options = { description: row.help, unit };
    return row.kind === "counter"
      ? meter.createObservableCounter(of, options)
      : meter.createObservableGauge(of, options);
  };
  if (outName === undefined) return [{ row, instrument: make(name), direction: undefined }];
  return [
    { row, instrument: make(name), direction: "in" },
    { row, instrument: make(outName), direction: "out" },
  ];
}

/** Makes the histogram of a row, with the bounds of its buckets as advice. */
function histogramOf(meter: Meter, { help, otel, bounds = [] }: MetricRow): Histogram {
  return meter.createHistogram(otel.name, {
    description: help,
    unit: otel.unit,
    advice: { explicitBucketBoundaries: [...bounds] },
  });
}

/** A session has ended. */
interface SessionEnded {
  readonly session: Session;
  readonly reason: CloseReason;
}

/** Records how long each connection was open. Returns what undoes it. */
function measureDurations(io: InstrumentedServer, meter: Meter): () => void {
  const durations = meter.createHistogram("portage.server.connection.duration", {
    description: "Time from the handshake to the end of a connection.",
    unit: "s",
    advice: { explicitBucketBoundaries: OPEN_BOUNDS },
  });
  return subscribeChannel("portage.session.close", ({ session, reason }: SessionEnded) => {
    const { openedAt, server, transport } = session;
    if (server !== io.engine) return;
    const attributes = { "portage.transport": transport.name, "portage.close.code": reason.code };
    durations.record((server[kEngineClock].now() - openedAt) / 1000, {
      ...attributes,
      ...(!isNormalEnd(reason.code) && { "error.type": reason.code }),
    });
  });
}

/** The listeners of an event are done. */
interface Handled {
  readonly server: object;
  readonly counts: { readonly namespace: string; readonly event: string };
  readonly seconds: number;
  readonly trace: { readonly error: unknown };
}

/** Records the values of a histogram. Returns what undoes it. */
type Recorder = (io: InstrumentedServer, times: Histogram, row: MetricRow) => () => void;

const recordRoundTrips: Recorder = (io, times) =>
  subscribeChannel("portage.heartbeat", ({ session: { server, rtt } }: { readonly session: Session }) => {
    if (server === io.engine && rtt !== undefined) times.record(rtt / 1000);
  });

/** A step of an upgrade; the last one says how long the upgrade took. */
interface UpgradeStep {
  readonly session: Session;
  readonly took: number | undefined;
}

const recordUpgrades: Recorder = (io, times) =>
  subscribeChannel("portage.upgrade", ({ session: { server }, took }: UpgradeStep) => {
    if (server === io.engine && took !== undefined) times.record(took / 1000);
  });

const recordListeners: Recorder = (io, durations, row) =>
  subscribeChannel("portage.event.handled", ({ server, counts, seconds, trace: { error } }: Handled) => {
    if (server !== io) return;
    const { namespace, event } = counts;
    durations.record(seconds, {
      ...attributesOf(row, [namespace, event], "in"),
      ...(error !== undefined && { [SPAN_ATTRIBUTES.errorType]: errorType(error) }),
    });
  });

/** By the name of the histogram. */
const RECORDERS: Readonly<Record<string, Recorder>> = {
  portage_heartbeat_rtt_seconds: recordRoundTrips,
  portage_upgrade_duration_seconds: recordUpgrades,
  portage_event_duration_seconds: recordListeners,
};

/** Returns the attributes of a sample. Those of messages also say what was done, instead of a direction. */
function attributesOf(
  { labels, otel }: MetricRow,
  values: readonly string[],
  direction: Measured["direction"],
): Attributes {
  const own = labels.flatMap((label, index) =>
    label === "direction" && direction !== undefined ? [] : [[otel.attributes[label] ?? label, values[index] ?? ""]],
  );
  const shared = direction === undefined ? {} : operationAttributes(direction === "in" ? "process" : "send");
  return { ...shared, ...(Object.fromEntries(own) as Attributes) };
}
