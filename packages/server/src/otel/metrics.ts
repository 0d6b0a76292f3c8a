import type { Meter, MeterProvider, Observable } from "@opentelemetry/api";
import { channel } from "node:diagnostics_channel";
import { type CloseReason, isNormalEnd, kEngineClock, type Session } from "../engine/index.ts";
import { type MeasuredServer, METRICS, type MetricRow } from "../metrics.ts";

/** Seconds; the first ones are those of SignalR. */
const OPEN_BOUNDS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 900, 3600, 86_400];

/** A row of the table of metrics, and its instrument. */
interface Measured {
  readonly row: MetricRow;
  readonly instrument: Observable;
}

/**
 * Makes instruments of all counters and gauges of the table of metrics. All are read in one `io.stats()` for each collection.
 * Of the histograms it makes the duration of connections: OpenTelemetry can't read the others out of a report.
 *
 * @returns what undoes it
 */
export function measureServer(
  io: MeasuredServer & { readonly engine: object | undefined },
  provider: MeterProvider,
): () => void {
  const meter = provider.getMeter("@portage/server");
  const measured: Measured[] = [];
  for (const row of METRICS) {
    if (row.kind === "histogram" || (row.isOfCluster && io.cluster === undefined)) continue;
    const options = { description: row.help, unit: row.otel.unit };
    const instrument =
      row.kind === "counter"
        ? meter.createObservableCounter(row.otel.name, options)
        : meter.createObservableGauge(row.otel.name, options);
    measured.push({ row, instrument });
  }
  const observables = measured.map(({ instrument }) => instrument);
  const callback: Parameters<typeof meter.addBatchObservableCallback>[0] = (result) => {
    if (io.engine === undefined) return;
    const report = io.stats();
    for (const { row, instrument } of measured) {
      for (const { labels, value } of row.read(report)) {
        if (typeof value === "number") result.observe(instrument, value, attributesOf(row, labels));
      }
    }
  };
  meter.addBatchObservableCallback(callback, observables);
  const stopDurations = measureDurations(io, meter);
  return () => {
    meter.removeBatchObservableCallback(callback, observables);
    stopDurations();
  };
}

/** Records how long each connection was open. Returns what undoes it. */
function measureDurations(io: { readonly engine: object | undefined }, meter: Meter): () => void {
  const durations = meter.createHistogram("portage.server.connection.duration", {
    description: "Time from the handshake to the end of a connection.",
    unit: "s",
    advice: { explicitBucketBoundaries: OPEN_BOUNDS },
  });
  const onClose = (message: unknown): void => {
    const { session, reason } = message as { session: Session; reason: CloseReason };
    const { openedAt, server, transport } = session;
    if (server !== io.engine) return;
    const attributes = { "portage.transport": transport.name, "portage.close.code": reason.code };
    durations.record((server[kEngineClock].now() - openedAt) / 1000, {
      ...attributes,
      ...(!isNormalEnd(reason.code) && { "error.type": reason.code }),
    });
  };
  const closes = channel("portage.session.close");
  closes.subscribe(onClose);
  return () => closes.unsubscribe(onClose);
}

const attributesOf = ({ labels, otel }: MetricRow, values: readonly string[]): Record<string, string> =>
  Object.fromEntries(labels.map((label, index) => [otel.attributes[label] ?? label, values[index] ?? ""]));
