// The alerts for Prometheus: rules, and for each a series that fires it and one that does not. metrics-doc.mjs writes them.

/** Growth of a counter within five minutes, in each process. */
const grown = (selector, by = "") => `sum by (job, instance${by}) (increase(${selector}[5m]))`;
const sessions = (selector = "") => `sum by (job, instance) (portage_sessions${selector})`;

/** Series of promtool for ten minutes, a sample each minute: a start, and how much is added. */
const series = (name, growth) => [`${name}`, `0+${growth}x20`];
const level = (name, value) => [`${name}`, `${value}x20`];
/** As it begins: 0 until the fifth minute, then a burst. */
const burst = (name, size) => [`${name}`, `0x5 ${size}x15`];

/**
 * `firing` and `calm` are input series: after nine minutes the alert is active, or not. `shown` is the summary then, and
 * `labels` are the labels beside job and instance.
 */
export const ALERTS = [
  {
    alert: "PortageLoopLate",
    expr: "avg_over_time(portage_loop_lag_seconds[2m]) > 0.1",
    hold: "1m",
    severity: "warning",
    summary: "The event loop is {{ $value | humanizeDuration }} late on average",
    fix: "find the listener that blocks: `node --cpu-prof`, then move its work or split it",
    shown: "The event loop is 250ms late on average",
    firing: [level("portage_loop_lag_seconds", 0.25)],
    calm: [level("portage_loop_lag_seconds", 0.02)],
  },
  {
    alert: "PortageSlowReadersCut",
    expr: `${grown('portage_sessions_closed_total{code="SLOW_READER"}')} > 2`,
    severity: "warning",
    summary: "{{ $value | humanize }} clients were cut in 5 minutes because they read too slowly",
    code: ["end", "SLOW_READER"],
    shown: "4 clients were cut in 5 minutes because they read too slowly",
    firing: [burst('portage_sessions_closed_total{code="SLOW_READER"}', 4)],
    calm: [burst('portage_sessions_closed_total{code="SLOW_READER"}', 1)],
  },
  {
    alert: "PortageProcessBudget",
    expr: `${grown('portage_limits_total{code="PROCESS_BUDGET"}')} > 0`,
    severity: "critical",
    summary: "The queues of all clients together exceed slowReader.process",
    code: ["limit", "PROCESS_BUDGET"],
    shown: "The queues of all clients together exceed slowReader.process",
    firing: [burst('portage_limits_total{code="PROCESS_BUDGET"}', 1)],
    calm: [burst('portage_limits_total{code="SLOW_READER"}', 5)],
  },
  {
    alert: "PortagePingTimeouts",
    expr: `${grown('portage_sessions_closed_total{code="PING_TIMEOUT"}')} > 10 and ${grown(
      'portage_sessions_closed_total{code="PING_TIMEOUT"}',
    )} / ${grown("portage_sessions_closed_total")} > 0.2`,
    hold: "2m",
    severity: "warning",
    summary: "{{ $value | humanize }} sessions ended in 5 minutes because clients did not answer pings",
    code: ["end", "PING_TIMEOUT"],
    shown: "50 sessions ended in 5 minutes because clients did not answer pings",
    firing: [
      series('portage_sessions_closed_total{code="PING_TIMEOUT"}', 10),
      series('portage_sessions_closed_total{code="CLIENT_CLOSED"}', 20),
    ],
    calm: [
      series('portage_sessions_closed_total{code="PING_TIMEOUT"}', 10),
      series('portage_sessions_closed_total{code="CLIENT_CLOSED"}', 200),
    ],
  },
  {
    alert: "PortageRefusedAtLimit",
    expr: `${grown('portage_refusals_total{name=~"TOO_MANY_.+|FORWARD_OVERLOADED"}', ", name")} > 0`,
    severity: "critical",
    labels: { name: "TOO_MANY_CONNECTIONS" },
    summary: "{{ $value | humanize }} clients were refused in 5 minutes: {{ $labels.name }}",
    code: ["refusal", "TOO_MANY_CONNECTIONS"],
    shown: "3 clients were refused in 5 minutes: TOO_MANY_CONNECTIONS",
    firing: [burst('portage_refusals_total{name="TOO_MANY_CONNECTIONS"}', 3)],
    calm: [burst('portage_refusals_total{name="SERVER_DRAINING"}', 3)],
  },
  {
    alert: "PortageUnknownSid",
    expr: `${grown('portage_refusals_total{name="UNKNOWN_SID"}')} > 10 and ${grown(
      'portage_refusals_total{name="UNKNOWN_SID"}',
    )} > 0.2 * ${grown("portage_sessions_opened_total")}`,
    hold: "2m",
    severity: "critical",
    summary: "{{ $value | humanize }} requests in 5 minutes were for sessions that this process does not have",
    code: ["refusal", "UNKNOWN_SID"],
    shown: "50 requests in 5 minutes were for sessions that this process does not have",
    firing: [series('portage_refusals_total{name="UNKNOWN_SID"}', 10), series("portage_sessions_opened_total", 10)],
    calm: [series('portage_refusals_total{name="UNKNOWN_SID"}', 10), series("portage_sessions_opened_total", 500)],
  },
  {
    alert: "PortagePollingShare",
    expr: `${sessions('{transport="polling"}')} / ${sessions()} > 0.2 and ${sessions()} > 20`,
    hold: "5m",
    severity: "warning",
    summary: "{{ $value | humanizePercentage }} of the sessions are on polling",
    fix: "let proxies pass WebSockets: `npx -p @portage/server portage-doctor <url>`",
    shown: "50% of the sessions are on polling",
    firing: [level('portage_sessions{transport="polling"}', 50), level('portage_sessions{transport="websocket"}', 50)],
    calm: [level('portage_sessions{transport="polling"}', 5), level('portage_sessions{transport="websocket"}', 95)],
  },
  {
    alert: "PortageReconnectStorm",
    expr: `${grown("portage_sessions_opened_total")} > 50 and ${grown(
      "portage_sessions_opened_total",
    )} > 2 * ${sessions()}`,
    severity: "warning",
    summary: "{{ $value | humanize }} sessions were opened in 5 minutes, twice as many as are open",
    fix: "look at `portage_sessions_closed_total` by code: it says why the earlier ones ended",
    shown: "500 sessions were opened in 5 minutes, twice as many as are open",
    firing: [series("portage_sessions_opened_total", 100), level('portage_sessions{transport="websocket"}', 80)],
    calm: [series("portage_sessions_opened_total", 100), level('portage_sessions{transport="websocket"}', 2000)],
  },
  {
    alert: "PortageHandlerErrors",
    expr: `${grown("portage_handler_errors_total", ", handler")} > 0`,
    severity: "warning",
    labels: { handler: "listener" },
    summary: "{{ $value | humanize }} failures of the program's own code in 5 minutes: {{ $labels.handler }}",
    code: ["handler", "listener"],
    shown: "1 failures of the program's own code in 5 minutes: listener",
    firing: [burst('portage_handler_errors_total{handler="listener"}', 1)],
    calm: [level('portage_handler_errors_total{handler="listener"}', 7)],
  },
  {
    alert: "PortageBusIgnored",
    expr: `${grown("portage_cluster_ignored_total", ", code")} > 0`,
    severity: "critical",
    labels: { code: "CLUSTER_SIGNATURE_INVALID" },
    summary: "{{ $value | humanize }} messages of the cluster were ignored in 5 minutes: {{ $labels.code }}",
    code: ["cluster", "CLUSTER_SIGNATURE_INVALID"],
    shown: "1 messages of the cluster were ignored in 5 minutes: CLUSTER_SIGNATURE_INVALID",
    firing: [burst('portage_cluster_ignored_total{code="CLUSTER_SIGNATURE_INVALID"}', 1)],
    calm: [level('portage_cluster_ignored_total{code="CLUSTER_SIGNATURE_INVALID"}', 7)],
  },
  {
    alert: "PortageRecoveryDropped",
    expr: `${grown("portage_recovery_dropped_total", ", option")} > 0`,
    severity: "warning",
    labels: { option: "maxPackets" },
    summary: "{{ $value | humanize }} kept sessions or events were dropped early: {{ $labels.option }}",
    code: ["recovery", "maxPackets"],
    shown: "3 kept sessions or events were dropped early: maxPackets",
    firing: [burst('portage_recovery_dropped_total{option="maxPackets"}', 3)],
    calm: [level('portage_recovery_dropped_total{option="maxPackets"}', 7)],
  },
];

/** What to do about an alert: its own sentence, or the one of its code in docs/errors.md. */
const descriptionOf = ({ fix, code }, adviceFor) => `What to do: ${fix ?? adviceFor(...code).advice}`;

/** The rules as a file of Prometheus. YAML takes strings of JSON. */
export function alertRules(adviceFor) {
  const rules = ALERTS.map((rule) => {
    const { alert, expr, hold, severity, summary } = rule;
    return [
      `      - alert: ${alert}`,
      `        expr: ${JSON.stringify(expr)}`,
      ...(hold === undefined ? [] : [`        for: ${hold}`]),
      `        labels: { severity: ${severity} }`,
      "        annotations:",
      `          summary: ${JSON.stringify(summary)}`,
      `          description: ${JSON.stringify(descriptionOf(rule, adviceFor))}`,
    ].join("\n");
  });
  const head = "# Made by scripts/metrics-doc.mjs. Tests: promtool test rules alerts.test.yml";
  return `${head}\ngroups:\n  - name: portage\n    rules:\n${rules.join("\n")}\n`;
}

const onInstance = (name) =>
  name.includes("{") ? name.replace("{", '{job="app",instance="a:1",') : `${name}{job="app",instance="a:1"}`;

function ruleTest({ alert, severity, labels = {}, shown, ...rest }, { input, isFiring, adviceFor }) {
  const exp_labels = { severity, job: "app", instance: "a:1", ...labels };
  const exp_annotations = { summary: shown, description: descriptionOf(rest, adviceFor) };
  return [
    `  # ${alert}: ${isFiring ? "firing" : "calm"}`,
    "  - interval: 1m",
    "    input_series:",
    ...input.flatMap(([name, values]) => [
      `      - series: ${JSON.stringify(onInstance(name))}`,
      `        values: ${JSON.stringify(values)}`,
    ]),
    "    alert_rule_test:",
    `      - alertname: ${alert}`,
    "        eval_time: 9m",
    isFiring ? `        exp_alerts: [${JSON.stringify({ exp_labels, exp_annotations })}]` : "        exp_alerts: []",
  ].join("\n");
}

/** The tests of the rules, for `promtool test rules`. */
export function alertTests(adviceFor) {
  const tests = ALERTS.flatMap((rule) => [
    ruleTest(rule, { input: rule.firing, isFiring: true, adviceFor }),
    ruleTest(rule, { input: rule.calm, isFiring: false, adviceFor }),
  ]);
  return `# Made by scripts/metrics-doc.mjs\nrule_files: [alerts.yml]\nevaluation_interval: 1m\ntests:\n${tests.join("\n")}\n`;
}
