import type { ServerReport } from "./server-tally.ts";

type Kind = "counter" | "gauge";

/** One metric: name without prefix, kind, what it is, and its values by label. */
type Metric = readonly [
  name: string,
  kind: Kind,
  help: string,
  values: number | Readonly<Record<string, number>>,
  label?: string,
];

/** What a server counts, as text in the OpenMetrics format 1.0.0. */
export function openMetrics(report: ServerReport, sockets: number): string {
  const { sessions, upgrades, packets, bytes, limits, refusals, loop, cluster, recovery } = report;
  const metrics: Metric[] = [
    ["sockets", "gauge", "Connected sockets, in all namespaces.", sockets],
    ["sessions", "gauge", "Open sessions by transport.", values(sessions.byTransport), "transport"],
    ["sessions_revision", "gauge", "Open sessions by revision.", values(sessions.byRevision), "revision"],
    ["sessions_closing", "gauge", "Open sessions that are ending.", sessions.closing],
    ["sessions_slow", "gauge", "Open sessions whose peer reads too slowly.", sessions.slow],
    ["sessions_opened", "counter", "Sessions opened.", sessions.opened],
    ["sessions_closed", "counter", "Sessions ended, by code.", values(sessions.closed), "code"],
    ["rules_broken", "counter", "Rules that ended sessions, by code.", values(sessions.broken), "code"],
    ["upgrades", "counter", "Upgrades completed.", upgrades.completed],
    ["upgrades_failed", "counter", "Upgrades failed, by step.", values(upgrades.failed), "step"],
    ["packets", "counter", "Engine packets.", packets, "direction"],
    ["bytes", "counter", "Payload, uncompressed.", { in: bytes.in, out: bytes.out }, "direction"],
    ["bytes_waiting", "gauge", "Bytes that wait for peers.", bytes.waiting],
    ["bytes_receiving", "gauge", "Bytes of messages that are not complete.", bytes.receiving],
    ["limits", "counter", "Limits met, by code.", values(limits), "code"],
    ["refusals", "counter", "Requests turned away, by name.", values(refusals), "name"],
    ["cluster_ignored", "counter", "Messages of the bus ignored, by code.", values(cluster), "code"],
    ["recoveries", "counter", "Sessions taken up again.", recovery.recovered],
    ["recoveries_refused", "counter", "Sessions asked for in vain, by code.", values(recovery.refused), "code"],
    ["recovery_dropped", "counter", "Kept things dropped, by option.", values(recovery.dropped), "option"],
    ["loop_lag_seconds", "gauge", "Delay of the event loop.", loop.lag / 1000],
  ];
  return `${metrics.flatMap(lines).join("\n")}\n# EOF\n`;
}

const values = (tally: Readonly<Record<string, number | undefined>>): Record<string, number> =>
  tally as Record<string, number>;

function lines([name, kind, help, value, label]: Metric): string[] {
  const metric = `portage_${name}`;
  const sample = kind === "counter" ? `${metric}_total` : metric;
  const head = [`# TYPE ${metric} ${kind}`, `# HELP ${metric} ${help}`];
  if (typeof value === "number") return [...head, `${sample} ${value}`];
  return [...head, ...Object.entries(value).map(([key, count]) => `${sample}{${label}="${key}"} ${count}`)];
}
