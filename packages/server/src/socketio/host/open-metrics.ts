import { SOCKET_PARSER_ERRORS } from "@portage/parser/socket";
import { ENGINE_RULES, REFUSALS, UPGRADE_FAILURES } from "../../engine/index.ts";
import { ALL_CLOSE_CODES } from "../report/close-codes.ts";
import { SOCKETIO_ERRORS } from "../report/errors.ts";
import { ALL_LIMIT_CODES, RECOVERY_LIMITS } from "../report/limit-codes.ts";
import type { ClusterReport, ExchangeReport } from "./cluster-report.ts";
import { CLUSTER_CODES, CONNECT_CODES, type ServerReport } from "./server-tally.ts";

/** Options of `io.metrics()`. */
export interface MetricsOptions {
  /** Whether the text ends with the line `# EOF`, which OpenMetrics requires. Default: true. */
  eof?: boolean;
}

/** One metric. Its name has no prefix and ends with its unit. */
interface Metric {
  readonly name: string;
  readonly kind: "counter" | "gauge";
  readonly help: string;
  readonly unit?: "bytes" | "seconds" | undefined;
  /** The label of a metric with several values, or two labels: `from>to`. */
  readonly label?: string | undefined;
  readonly value: number | Readonly<Record<string, number>>;
}

type Values = Readonly<Record<string, number | undefined>>;

/** Returns values by label. Labels never counted are zero, so that scrapers see the first count as an increase. */
const from = (known: Iterable<string>, counted: Values): Record<string, number> => {
  const all: Record<string, number> = {};
  for (const name of known) all[name] = 0;
  for (const [name, value = 0] of Object.entries(counted)) all[name] = value;
  return all;
};

const gauge = (name: string, help: string, value: Metric["value"], rest?: Partial<Metric>): Metric => ({
  name,
  kind: "gauge",
  help,
  value,
  ...rest,
});
const counter = (name: string, help: string, value: Metric["value"], rest?: Partial<Metric>): Metric => ({
  name,
  kind: "counter",
  help,
  value,
  ...rest,
});

const RULES = [...ENGINE_RULES, ...Object.keys(SOCKET_PARSER_ERRORS)];
const RECOVERY_CODES = Object.keys(SOCKETIO_ERRORS).filter((code) => code.startsWith("RECOVERY_"));
const TRANSPORTS = ["polling", "websocket"];
const TRANSPORT_CHANGES = TRANSPORTS.flatMap((from) => TRANSPORTS.map((to) => `${from}>${to}`));
const LINK_ENDS = ["gone", "silent", "cut", "failed", "left"];
const LINK_REFUSAL_CODES = ["LINK_VERSION", "LINK_SECRET", "LINK_MALFORMED"];
const FORWARD_REFUSALS = ["SERVER_STARTING", "OWNER_LOST", "OWNER_UNREACHABLE", "FORWARD_OVERLOADED"];
const BYTES = { unit: "bytes" } as const;

/** Formats a report as OpenMetrics 1.0.0 text. */
export function openMetrics(report: ServerReport, sockets: number, { eof = true }: MetricsOptions = {}): string {
  const cluster = report.nodes === undefined ? [] : [...ofLinks(report.nodes), ...ofExchanges(report.nodes.exchanges)];
  const metrics = [...ofSessions(report, sockets), ...ofTraffic(report), ...ofTrouble(report), ...cluster];
  return `${metrics.flatMap(lines).join("\n")}\n${eof ? "# EOF\n" : ""}`;
}

function ofSessions({ sessions, upgrades }: ServerReport, sockets: number): Metric[] {
  const transports = from(TRANSPORTS, sessions.byTransport);
  const closed = from(Object.keys(ALL_CLOSE_CODES), sessions.closed);
  const failed = from(Object.keys(UPGRADE_FAILURES), upgrades.failed);
  return [
    gauge("sockets", "Connected sockets, in all namespaces.", sockets),
    gauge("sessions", "Open sessions by transport.", transports, { label: "transport" }),
    gauge("sessions_revision", "Open sessions by revision.", from(["3", "4"], sessions.byRevision), {
      label: "revision",
    }),
    gauge("sessions_closing", "Open sessions that are ending.", sessions.closing),
    gauge("sessions_slow", "Open sessions whose peer reads too slowly.", sessions.slow),
    counter("sessions_opened", "Sessions opened.", sessions.opened),
    counter("sessions_closed", "Sessions ended, by code.", closed, { label: "code" }),
    counter("rules_broken", "Rules that ended sessions, by code.", from(RULES, sessions.broken), { label: "code" }),
    gauge("sessions_adrift", "Open sessions whose transport has died, until their client returns.", sessions.adrift),
    counter(
      "sessions_carried",
      "Returns of clients after the death of a transport.",
      from(TRANSPORT_CHANGES, sessions.carried),
      {
        label: "from>to",
      },
    ),
    counter("upgrades", "Upgrades completed.", upgrades.completed),
    counter("upgrades_failed", "Upgrades failed, by step.", failed, { label: "step" }),
  ];
}

function ofTraffic({ packets, bytes, loop }: ServerReport): Metric[] {
  const payload = { in: bytes.in, out: bytes.out };
  return [
    counter("packets", "Engine packets.", packets, { label: "direction" }),
    counter("bytes", "Payload, uncompressed.", payload, { label: "direction", ...BYTES }),
    gauge("waiting_bytes", "Bytes that wait for peers.", bytes.waiting, BYTES),
    gauge("receiving_bytes", "Bytes of messages that are not complete.", bytes.receiving, BYTES),
    gauge("loop_lag_seconds", "Delay of the event loop.", loop.lag / 1000, { unit: "seconds" }),
  ];
}

function ofTrouble(report: ServerReport): Metric[] {
  const { limits, refusals, corsMismatches, cluster, recovery } = report;
  const connects = from(CONNECT_CODES, report.connectsRefused);
  const refused = from(RECOVERY_CODES, recovery.refused);
  const dropped = from(Object.keys(RECOVERY_LIMITS), recovery.dropped);
  return [
    counter("limits", "Limits met, by code.", from(Object.keys(ALL_LIMIT_CODES), limits), { label: "code" }),
    counter("refusals", "Requests turned away, by name.", from(Object.keys(REFUSALS), refusals), { label: "name" }),
    counter("cors_mismatches", "Requests of pages that may not read the answer.", corsMismatches),
    counter("connects_refused", "Clients not let into a namespace, by code.", connects, { label: "code" }),
    counter("cluster_ignored", "Messages of the bus ignored, by code.", from(CLUSTER_CODES, cluster), {
      label: "code",
    }),
    counter("recoveries", "Sessions taken up again.", recovery.recovered),
    counter("recoveries_refused", "Sessions asked for in vain, by code.", refused, { label: "code" }),
    counter("recovery_dropped", "Kept things dropped, by option.", dropped, { label: "option" }),
  ];
}

/** With the option `cluster` alone. */
function ofLinks({ states, links, ends, refused }: ClusterReport): Metric[] {
  const queued: Record<string, number> = {};
  const roundTrips: Record<string, number> = {};
  const frames: Record<string, number> = {};
  for (const [tag, { queuedBytes, roundTrip, framesIn, framesOut }] of Object.entries(links)) {
    queued[tag] = queuedBytes;
    if (roundTrip !== undefined) roundTrips[tag] = roundTrip / 1000;
    frames[`${tag}>in`] = framesIn;
    frames[`${tag}>out`] = framesOut;
  }
  return [
    gauge("nodes", "Other nodes of the cluster, by state.", { ...states }, { label: "state" }),
    gauge("link_queued_bytes", "Bytes queued for a node.", queued, { label: "node", ...BYTES }),
    gauge("link_round_trip_seconds", "Last ping of a node.", roundTrips, { label: "node", unit: "seconds" }),
    counter("link_frames", "Frames of a node's link.", frames, { label: "node>direction" }),
    counter("links_ended", "Links ended, by reason.", from(LINK_ENDS, ends), { label: "reason" }),
    counter("links_refused", "Links refused, by code.", from(LINK_REFUSAL_CODES, refused), { label: "code" }),
  ];
}

function ofExchanges({ forwarded, received, pending, owned, waiting, tunnels, ...rest }: ExchangeReport): Metric[] {
  const underWay = { forwarded: pending, received: owned, waiting };
  const unknown = { node: rest.unknownTags, session: rest.unknownSids };
  return [
    counter("exchanges", "Requests forwarded between nodes.", { forwarded, received }, { label: "role" }),
    gauge("exchanges_pending", "Requests between nodes without an answer.", underWay, { label: "role" }),
    gauge("tunnels", "WebSockets carried between nodes.", tunnels),
    counter("exchanges_unknown", "Requests for what is unknown.", unknown, { label: "what" }),
    counter("exchanges_repeated", "Polls repeated after the end of their first front.", rest.repeated),
    counter("exchanges_refused", "Requests not forwarded, by name.", from(FORWARD_REFUSALS, rest.refused), {
      label: "name",
    }),
  ];
}

function lines({ name, kind, help, unit, label, value }: Metric): string[] {
  const metric = `portage_${name}`;
  const sample = kind === "counter" ? `${metric}_total` : metric;
  const head = [`# TYPE ${metric} ${kind}`];
  if (unit !== undefined) head.push(`# UNIT ${metric} ${unit}`);
  head.push(`# HELP ${metric} ${help}`);
  if (typeof value === "number") return [...head, `${sample} ${value}`];
  return [...head, ...Object.entries(value).map(([key, count]) => `${sample}{${labels(label, key)}} ${count}`)];
}

function labels(names = "", key: string): string {
  const values = names.includes(">") ? key.split(">") : [key];
  return names
    .split(">")
    .map((name, index) => `${name}="${values[index]}"`)
    .join();
}
