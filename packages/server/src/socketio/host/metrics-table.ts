/*
 * The table of metrics. `io.metrics()`, the metrics for prom-client, the instruments of OpenTelemetry, docs/metrics.md, the
 * dashboard for Grafana and the rules of alerts are made from it, or checked against it.
 */
import { SOCKET_PARSER_ERRORS } from "@portage/parser/socket";
import { HANDLER_KINDS } from "../../base/handler-errors.ts";
import { DURATION_BOUNDS, ENGINE_RULES, LATENCY_BOUNDS, REFUSALS, UPGRADE_FAILURES } from "../../engine/index.ts";
import { ALL_CLOSE_CODES } from "../report/close-codes.ts";
import { SOCKETIO_ERRORS } from "../report/errors.ts";
import { ALL_LIMIT_CODES, RECOVERY_LIMITS } from "../report/limit-codes.ts";
import { CLUSTER_METRICS } from "./cluster-metrics.ts";
import { EVENT_METRICS } from "./event-metrics.ts";
import { by, counter, gauge, histogram, type MetricRow, one } from "./metric-row.ts";
import { CLUSTER_CODES, CONNECT_CODES, type NamespaceReport } from "./server-tally.ts";

const RULES = [...ENGINE_RULES, ...Object.keys(SOCKET_PARSER_ERRORS)];
const RECOVERY_CODES = Object.keys(SOCKETIO_ERRORS).filter((code) => code.startsWith("RECOVERY_"));
const TRANSPORTS = ["polling", "websocket", "webtransport", "sse"];
const TRANSPORT_CHANGES = TRANSPORTS.flatMap((from) => TRANSPORTS.map((to) => `${from}>${to}`));
const BYTES = { unit: "bytes" } as const;
const SECONDS = { unit: "seconds" } as const;

/** Samples of the namespaces. Their names may contain `>`. */
const byNamespace = (
  namespaces: Readonly<Record<string, NamespaceReport>>,
  of: keyof NamespaceReport,
): ReturnType<MetricRow["read"]> =>
  Object.entries(namespaces).flatMap(([name, { [of]: value }]) =>
    value === undefined ? [] : [{ labels: [name], value }],
  );

const SESSIONS: readonly MetricRow[] = [
  gauge("sockets", "Connected sockets, by namespace.", { labels: ["namespace"], of: "socket" }, ({ namespaces }) =>
    byNamespace(namespaces, "sockets"),
  ),
  gauge("rooms", "Rooms, each socket's own room included.", { labels: ["namespace"], of: "room" }, ({ namespaces }) =>
    byNamespace(namespaces, "rooms"),
  ),
  gauge(
    "sessions",
    "Open sessions, by transport.",
    { labels: ["transport"], otel: ["portage.server.active_connections", "{connection}"] },
    ({ sessions }) => by(sessions.byTransport, TRANSPORTS),
  ),
  gauge(
    "sessions_revision",
    "Open sessions, by revision of Engine.IO.",
    { labels: ["revision"], of: "connection" },
    ({ sessions }) => by(sessions.byRevision, ["3", "4"]),
  ),
  gauge("sessions_closing", "Open sessions that are ending.", { of: "connection" }, ({ sessions }) =>
    one(sessions.closing),
  ),
  gauge("sessions_slow", "Open sessions whose client reads too slowly.", { of: "connection" }, ({ sessions }) =>
    one(sessions.slow),
  ),
  gauge(
    "sessions_adrift",
    "Open sessions whose transport has died, until their client returns.",
    { of: "connection" },
    ({ sessions }) => one(sessions.adrift),
  ),
  counter("sessions_opened", "Sessions opened.", { of: "connection" }, ({ sessions }) => one(sessions.opened)),
  counter("sessions_closed", "Sessions ended, by code.", { labels: ["code"], of: "connection" }, ({ sessions }) =>
    by(sessions.closed, Object.keys(ALL_CLOSE_CODES)),
  ),
  histogram(
    "session_duration_seconds",
    "How long ended sessions were open, by the last transport and the code.",
    {
      labels: ["transport", "code"],
      ...SECONDS,
      bounds: DURATION_BOUNDS,
      otel: ["portage.server.connection.duration", "s"],
    },
    ({ sessions }) => by(sessions.durations),
  ),
  counter(
    "sessions_carried",
    "Returns of clients after the death of a transport.",
    { labels: ["from", "to"], of: "return" },
    ({ sessions }) => by(sessions.carried, TRANSPORT_CHANGES),
  ),
  counter("upgrades", "Upgrades completed.", { of: "upgrade" }, ({ upgrades }) => one(upgrades.completed)),
  counter("upgrades_failed", "Upgrades failed, by step.", { labels: ["step"], of: "upgrade" }, ({ upgrades }) =>
    by(upgrades.failed, Object.keys(UPGRADE_FAILURES)),
  ),
  histogram(
    "upgrade_duration_seconds",
    "Time from the new connection to the end of the upgrade.",
    { ...SECONDS, bounds: LATENCY_BOUNDS, otel: ["portage.upgrade.duration", "s"] },
    ({ upgrades }) => one(upgrades.duration),
  ),
  histogram(
    "heartbeat_rtt_seconds",
    "Time from a ping of the server to the answer of its client.",
    { ...SECONDS, bounds: LATENCY_BOUNDS },
    ({ heartbeats }) => one(heartbeats.rtt),
  ),
];

const TRAFFIC: readonly MetricRow[] = [
  counter("packets", "Packets of Engine.IO.", { labels: ["direction"], of: "packet" }, ({ packets }) =>
    by({ in: packets.in, out: packets.out }),
  ),
  counter(
    "bytes",
    "Payload before compression and framing; text counts in characters.",
    { labels: ["direction"], ...BYTES, otel: ["portage.io", "By"] },
    ({ bytes }) => by({ in: bytes.in, out: bytes.out }),
  ),
  gauge("waiting_bytes", "Bytes that wait for clients; a broadcast counts once.", BYTES, ({ bytes }) =>
    one(bytes.waiting),
  ),
  gauge("queued_bytes", "Sum of the queues of all clients.", BYTES, ({ bytes }) => one(bytes.queued)),
  gauge("receiving_bytes", "Bytes of messages that are not complete.", BYTES, ({ bytes }) => one(bytes.receiving)),
  counter("ack_timeouts", "Acknowledgements that did not arrive in time.", { of: "timeout" }, ({ ackTimeouts }) =>
    one(ackTimeouts),
  ),
];

const TROUBLE: readonly MetricRow[] = [
  counter("rules_broken", "Rules that ended sessions, by code.", { labels: ["code"], of: "error" }, ({ sessions }) =>
    by(sessions.broken, RULES),
  ),
  counter("limits", "Limits reached by sessions that go on, by code.", { labels: ["code"], of: "limit" }, (report) =>
    by(report.limits, Object.keys(ALL_LIMIT_CODES)),
  ),
  counter("refusals", "Refused requests, by name.", { labels: ["name"], of: "request" }, ({ refusals }) =>
    by(refusals, Object.keys(REFUSALS)),
  ),
  counter(
    "cors_mismatches",
    "Handshakes of pages that may not read the answer.",
    { of: "request" },
    ({ corsMismatches }) => one(corsMismatches),
  ),
  counter(
    "connects_refused",
    "Clients not let into a namespace, by code.",
    { labels: ["code"], of: "connect" },
    (report) => by(report.connectsRefused, CONNECT_CODES),
  ),
  counter(
    "handler_errors",
    "Functions of the program that failed.",
    { labels: ["handler"], of: "error" },
    ({ handlerErrors }) => by(handlerErrors, Object.keys(HANDLER_KINDS)),
  ),
  counter(
    "cluster_ignored",
    "Messages of the bus that were ignored, by code.",
    { labels: ["code"], of: "message" },
    ({ cluster }) => by(cluster, CLUSTER_CODES),
  ),
  counter("recoveries", "Clients that resumed their session.", { of: "session" }, ({ recovery }) =>
    one(recovery.recovered),
  ),
  counter(
    "recoveries_refused",
    "Clients that could not resume their session, by code.",
    { labels: ["code"], of: "session" },
    ({ recovery }) => by(recovery.refused, RECOVERY_CODES),
  ),
  counter(
    "recovery_dropped",
    "Kept sessions and events dropped before they expired, by option.",
    { labels: ["option"], of: "item" },
    ({ recovery }) => by(recovery.dropped, Object.keys(RECOVERY_LIMITS)),
  ),
];

const PROCESS: readonly MetricRow[] = [
  gauge("loop_lag_seconds", "Last measured delay of the event loop.", SECONDS, ({ loop }) => one(loop.lag / 1000)),
  gauge(
    "build_info",
    "Always 1; the labels have the version of the server and its tag in the cluster.",
    { labels: ["version", "node"] },
    ({ instance }) => [{ labels: [instance.version, instance.node], value: 1 }],
  ),
  gauge("start_time_seconds", "When the server was created, since 1970.", SECONDS, ({ instance }) =>
    one(instance.startedAt / 1000),
  ),
];

/** All metrics of a server, in the order of `io.metrics()`. */
export const METRICS: readonly MetricRow[] = [
  ...SESSIONS,
  ...TRAFFIC,
  ...EVENT_METRICS,
  ...TROUBLE,
  ...PROCESS,
  ...CLUSTER_METRICS,
];
