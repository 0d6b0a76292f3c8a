import { LATENCY_BOUNDS } from "../../engine/index.ts";
import type { EventReport } from "./event-tally.ts";
import { counter, histogram, type MetricRow, type Sample } from "./metric-row.ts";
import type { ServerReport } from "./server-tally.ts";

/** Reads samples of each event. The names are labels as they are: the program may have chosen any. */
const byEvent =
  (read: (counts: EventReport, names: readonly [namespace: string, event: string]) => readonly Sample[]) =>
  ({ events = {} }: ServerReport): readonly Sample[] =>
    Object.entries(events).flatMap(([namespace, counts]) =>
      Object.entries(counts).flatMap(([event, each]) => read(each, [namespace, event])),
    );

/** The metrics of the option `eventMetrics`. */
export const EVENT_METRICS: readonly MetricRow[] = [
  counter(
    "events",
    "Events given to listeners, and emitted; a broadcast counts once.",
    {
      labels: ["direction", "namespace", "event"],
      option: "eventMetrics",
      otel: ["messaging.client.consumed.messages", "{message}", "messaging.client.sent.messages"],
    },
    byEvent((counts, names) => [
      { labels: ["in", ...names], value: counts.in },
      { labels: ["out", ...names], value: counts.out },
    ]),
  ),
  histogram(
    "event_duration_seconds",
    "How long the listeners of an event took, promises included.",
    {
      labels: ["namespace", "event"],
      unit: "seconds",
      bounds: LATENCY_BOUNDS,
      option: "eventMetrics",
      otel: ["messaging.process.duration", "s"],
    },
    byEvent(({ duration }, names) => (duration === undefined ? [] : [{ labels: names, value: duration }])),
  ),
];
