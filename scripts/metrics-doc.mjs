// Makes docs/metrics.md and the files for Prometheus and Grafana from the table of metrics, or checks that they are what it
// makes (`--check`). Runs on what was built.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { format, resolveConfig } from "prettier";
import { alertRules, ALERTS, alertTests } from "./observability-alerts.mjs";
import { grafanaDashboard } from "./observability-panels.mjs";

const require = createRequire(import.meta.url);
const { METRICS } = require("../packages/server/dist/metrics.js");
const { adviceFor } = require("../packages/server/dist/socketio/report/advice.js");

const cell = (text) => String(text).replaceAll("|", "\\|");
const code = (text) => `\`${text}\``;
const table = (head, rows) =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.map(cell).join(" | ")} |`).join("\n");

const metricsOf = (wanted) =>
  table(
    ["metric", "type", "labels", "what it is", "in OpenTelemetry"],
    METRICS.filter(({ option }) => option === wanted).map(({ name, kind, labels, help, otel }) => [
      code(kind === "counter" ? `${name}_total` : name),
      kind,
      labels.map(code).join(", "),
      help.replace(/\.$/, ""),
      [otel.name, otel.outName ?? []].flat().map(code).join(", "),
    ]),
  );

const page = `# Which metrics are there?

\`io.metrics()\` returns them as OpenMetrics 1.0.0 text, which Prometheus scrapes, and \`io.stats()\` as a record. Both take the
same time however many clients there are.

\`\`\`ts
import { createServer } from "node:http";

createServer((_req, res) => {
  res.setHeader("Content-Type", "application/openmetrics-text; version=1.0.0; charset=utf-8");
  res.end(io.metrics());
}).listen(9100, "127.0.0.1");
\`\`\`

The [Fastify plugin](../packages/server/README.md#the-fastify-plugin) has a route for it, with a token. If your metrics are in
prom-client, add those of the server to its registry:

\`\`\`ts
import promClient from "prom-client";
import { collectMetrics } from "@portage/server/metrics";

collectMetrics(io, promClient);
\`\`\`

## What can you rely on?

- Every counter of a known code is there at 0 from the start, so the first event is an increase: an alert on
  \`increase(portage_limits_total[5m]) > 0\` sees it.
- Clients can't make series. Labels are codes from tables, transports, and at most 50 namespaces that your program has named;
  \`_OTHER\` has the rest. \`portage_session_duration_seconds\` lists the pairs of transport and code that have occurred.
- Counters begin when the server is attached to its first HTTP server.
- The codes are those of [errors.md](errors.md), which says what to do about each.

## The metrics

${metricsOf(undefined)}

With the option \`eventMetrics\`, a list of names:

${metricsOf("eventMetrics")}

With the option \`cluster\`:

${metricsOf("cluster")}

Durations have buckets up to ${METRICS.find(({ name }) => name === "portage_session_duration_seconds")
  .bounds.at(-1)
  .toLocaleString(
    "en",
  )} seconds, latencies up to ${METRICS.find(({ name }) => name === "portage_heartbeat_rtt_seconds").bounds.at(-1)}.

## Which events are there, and how long do they take?

Name those that matter; nothing is counted without the option.

\`\`\`ts
import { Server } from "@portage/server";

const io = new Server(3000, { eventMetrics: ["chat", "order"] });
\`\`\`

Each of them has counts of its own in each of the first 50 namespaces that your program has named, at 0 from the start. All
other events are \`_OTHER\`, and so are all other namespaces. \`in\` has the events that listeners are given, after the
middlewares; \`out\` has what the program emits, a broadcast once, on the server that emits it. The duration ends when the last
listener has returned, or its promise has settled. Events without a listener have none. An event costs 0.2 µs of CPU more, 0.4 µs
with a promise (\`npm run bench -- tracing\`, Node.js 20, a shared machine).

## How do you get from a duration to its trace?

While \`instrument(io)\` of [\`@portage/server/otel\`](tracing.md) is on, each bucket of \`portage_session_duration_seconds\` and
\`portage_event_duration_seconds\` keeps the ids of the last sampled span: an exemplar. Ask for them, and only in a response whose
type is OpenMetrics, as above; scrapers refuse them in \`text/plain\`. The route of the Fastify plugin has them.

\`\`\`ts
io.metrics({ exemplars: true });
\`\`\`

Prometheus stores them with \`--enable-feature=exemplar-storage\`. prom-client has them in a registry whose content type is
OpenMetrics.

## Which alerts are there?

\`node_modules/@portage/server/observability/alerts.yml\` has them as rules for Prometheus. The description of each says what to
do.

${table(
  ["alert", "severity", "when", "what to do"],
  ALERTS.map(({ alert, severity, expr, fix, code: advised }) => [
    code(alert),
    severity,
    code(expr),
    fix ?? adviceFor(...advised).advice,
  ]),
)}

\`\`\`yaml
scrape_configs:
  - job_name: app
    static_configs: [{ targets: ["127.0.0.1:9100"] }]
rule_files: [node_modules/@portage/server/observability/alerts.yml]
\`\`\`

For Grafana, import \`grafana-dashboard.json\` of the same folder: sessions, traffic, trouble, process and cluster.

\`scripts/metrics-doc.mjs\` makes this page and these files from the table in the sources; \`npm run check\` fails when they are
out of date.
`;

const FILES = {
  "docs/metrics.md": page,
  "packages/server/observability/alerts.yml": alertRules(adviceFor),
  "packages/server/observability/alerts.test.yml": alertTests(adviceFor),
  "packages/server/observability/grafana-dashboard.json": JSON.stringify(grafanaDashboard()),
};

for (const [path, text] of Object.entries(FILES)) {
  const file = fileURLToPath(new URL(`../${path}`, import.meta.url));
  const formatted = await format(text, { ...(await resolveConfig(file)), filepath: file });
  if (!process.argv.includes("--check")) {
    writeFileSync(file, formatted);
  } else if (readFileSync(file, "utf8") !== formatted) {
    console.error(`${path} is out of date: run \`node scripts/metrics-doc.mjs\``);
    process.exitCode = 1;
  }
}
