// The dashboard for Grafana: its rows and panels. metrics-doc.mjs writes it.

const FILTER = 'job=~"$job",instance=~"$instance"';
/** Puts the filter of the dashboard into each selector. */
const filtered = (expr) =>
  expr.replaceAll(/\bportage_\w+(\{)?/g, (name, brace) =>
    brace === undefined ? `${name}{${FILTER}}` : `${name}${FILTER},`,
  );
const rate = (selector, by) => `sum by (${by}) (rate(${selector}[$__rate_interval]))`;
const quantile = (share, metric) =>
  `histogram_quantile(${share}, sum by (le) (rate(${metric}_bucket[$__rate_interval])))`;

/** Rows of panels: title, unit of Grafana, and expressions with their legends. */
const ROWS = {
  Sessions: [
    ["Open sessions", "short", [["sum by (transport) (portage_sessions)", "{{transport}}"]]],
    ["Sockets", "short", [["sum by (namespace) (portage_sockets)", "{{namespace}}"]]],
    [
      "Slow, closing, adrift",
      "short",
      [
        ["sum(portage_sessions_slow)", "slow"],
        ["sum(portage_sessions_closing)", "closing"],
        ["sum(portage_sessions_adrift)", "adrift"],
      ],
    ],
    [
      "Opened and ended per second",
      "ops",
      [
        ["sum(rate(portage_sessions_opened_total[$__rate_interval]))", "opened"],
        [`${rate("portage_sessions_closed_total", "code")} > 0`, "{{code}}"],
      ],
    ],
    [
      "How long sessions last",
      "s",
      [
        [quantile(0.5, "portage_session_duration_seconds"), "p50"],
        [quantile(0.95, "portage_session_duration_seconds"), "p95"],
      ],
    ],
    [
      "Share on polling",
      "percentunit",
      [['sum(portage_sessions{transport="polling"}) / sum(portage_sessions)', "polling"]],
    ],
  ],
  Traffic: [
    ["Packets per second", "pps", [[rate("portage_packets_total", "direction"), "{{direction}}"]]],
    ["Bytes per second", "Bps", [[rate("portage_bytes_total", "direction"), "{{direction}}"]]],
    [
      "Queues",
      "bytes",
      [
        ["sum(portage_queued_bytes)", "queued for clients"],
        ["sum(portage_waiting_bytes)", "in memory"],
        ["sum(portage_receiving_bytes)", "incomplete messages"],
      ],
    ],
    ["Rooms", "short", [["sum by (namespace) (portage_rooms)", "{{namespace}}"]]],
    [
      "Round trip of heartbeats",
      "s",
      [
        [quantile(0.5, "portage_heartbeat_rtt_seconds"), "p50"],
        [quantile(0.99, "portage_heartbeat_rtt_seconds"), "p99"],
      ],
    ],
    ["Events per second (option eventMetrics)", "ops", [[rate("portage_events_total", "event"), "{{event}}"]]],
    [
      "Time of listeners, p95 (option eventMetrics)",
      "s",
      [
        [
          "histogram_quantile(0.95, sum by (le, event) (rate(portage_event_duration_seconds_bucket[$__rate_interval])))",
          "{{event}}",
        ],
      ],
    ],
    [
      "Upgrades",
      "ops",
      [
        ["sum(rate(portage_upgrades_total[$__rate_interval]))", "completed"],
        [rate("portage_upgrades_failed_total", "step"), "failed: {{step}}"],
      ],
    ],
  ],
  Trouble: [
    ["Limits reached", "ops", [[`${rate("portage_limits_total", "code")} > 0`, "{{code}}"]]],
    ["Refused requests", "ops", [[`${rate("portage_refusals_total", "name")} > 0`, "{{name}}"]]],
    ["Failures of the program", "ops", [[`${rate("portage_handler_errors_total", "handler")} > 0`, "{{handler}}"]]],
    ["Broken rules", "ops", [[`${rate("portage_rules_broken_total", "code")} > 0`, "{{code}}"]]],
    [
      "Clients not let into a namespace",
      "ops",
      [[`${rate("portage_connects_refused_total", "code")} > 0`, "{{code}}"]],
    ],
    [
      "Recovery",
      "ops",
      [
        ["sum(rate(portage_recoveries_total[$__rate_interval]))", "resumed"],
        [`${rate("portage_recoveries_refused_total", "code")} > 0`, "{{code}}"],
        [`${rate("portage_recovery_dropped_total", "option")} > 0`, "dropped: {{option}}"],
      ],
    ],
  ],
  Process: [
    ["Delay of the event loop", "s", [["portage_loop_lag_seconds", "{{instance}}"]]],
    ["Version", "short", [["count by (version) (portage_build_info)", "{{version}}"]]],
    ["Running for", "s", [["time() - portage_start_time_seconds", "{{instance}}"]]],
  ],
  Cluster: [
    ["Other nodes", "short", [["sum by (instance, state) (portage_nodes)", "{{instance}} {{state}}"]]],
    ["Round trip to nodes", "s", [["portage_link_round_trip_seconds", "{{instance}} to {{node}}"]]],
    [
      "Forwarded requests and ignored messages",
      "ops",
      [
        [rate("portage_exchanges_total", "role"), "{{role}}"],
        [`${rate("portage_cluster_ignored_total", "code")} > 0`, "ignored: {{code}}"],
      ],
    ],
  ],
};

const DATASOURCE = { type: "prometheus", uid: "${datasource}" };
const WIDTH = 8;
const HEIGHT = 8;

const variable = (name, query) => ({
  name,
  type: "query",
  datasource: DATASOURCE,
  query,
  refresh: 2,
  multi: true,
  includeAll: true,
  allValue: ".+",
  current: { text: ["All"], value: ["$__all"] },
});

/** Returns the dashboard as Grafana imports it. */
export function grafanaDashboard() {
  const panels = [];
  let y = 0;
  for (const [title, row] of Object.entries(ROWS)) {
    panels.push({ id: panels.length + 1, type: "row", title, gridPos: { x: 0, y, w: 24, h: 1 }, panels: [] });
    y += 1;
    row.forEach(([name, unit, targets], index) => {
      panels.push({
        id: panels.length + 1,
        type: "timeseries",
        title: name,
        datasource: DATASOURCE,
        gridPos: { x: (index % 3) * WIDTH, y: y + Math.floor(index / 3) * HEIGHT, w: WIDTH, h: HEIGHT },
        fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
        targets: targets.map(([expr, legendFormat], at) => ({
          refId: String.fromCodePoint(65 + at),
          expr: filtered(expr),
          legendFormat,
        })),
      });
    });
    y += Math.ceil(row.length / 3) * HEIGHT;
  }
  const datasource = { name: "datasource", type: "datasource", query: "prometheus" };
  return {
    uid: "portage",
    title: "Portage",
    tags: ["portage", "socket.io"],
    schemaVersion: 39,
    refresh: "30s",
    time: { from: "now-1h", to: "now" },
    templating: {
      list: [
        datasource,
        variable("job", "label_values(portage_build_info, job)"),
        variable("instance", 'label_values(portage_build_info{job=~"$job"}, instance)'),
      ],
    },
    panels,
  };
}
