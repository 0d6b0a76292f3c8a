import { expect, test } from "vitest";
import { by, gauge, type MetricRow } from "../../../packages/server/src/socketio/host/metric-row.ts";
import { METRICS } from "../../../packages/server/src/socketio/host/metrics-table.ts";
import { metricLines } from "../../../packages/server/src/socketio/host/open-metrics.ts";

test.each(METRICS.map((row) => [row.name, row] as const))("%s follows the rules of names", (name, row) => {
  expect(name).toMatch(/^portage_[a-z]+(_[a-z]+)*$/);
  expect(name).not.toMatch(/_(total|count|sum|bucket|created)$/);
  expect(/_(bytes|seconds)$/.exec(name)?.[1]).toBe(row.unit);
  expect(row.help).toMatch(/^[A-Z].*\.$/);
  expect(row.help.length).toBeLessThanOrEqual(80);
  expect(Object.keys(row.otel.attributes)).toEqual(row.labels);
  expect(row.bounds === undefined).toBe(row.kind !== "histogram");
});

test("no two metrics have the same name, neither here nor in OpenTelemetry", () => {
  for (const names of [
    METRICS.map(({ name }) => name),
    METRICS.flatMap(({ otel }) => [otel.name, otel.outName ?? []].flat()),
  ]) {
    expect(new Set(names).size).toBe(names.length);
  }
});

test("names of OpenTelemetry have dots, and not the unit", () => {
  const names = new Map(METRICS.map(({ name, otel }) => [name, otel]));
  expect(names.get("portage_sessions")).toEqual({
    name: "portage.server.active_connections",
    unit: "{connection}",
    attributes: { transport: "portage.transport" },
  });
  expect(names.get("portage_waiting_bytes")).toMatchObject({ name: "portage.waiting", unit: "By" });
  expect(names.get("portage_sessions_closed")).toMatchObject({
    name: "portage.sessions.closed",
    attributes: { code: "error.type" },
  });
});

const row = (rest: Partial<MetricRow>): MetricRow => ({ ...gauge("x", "Help.", {}, () => []), ...rest });

test("what a program names can not break the text", () => {
  const lines = metricLines(row({ labels: ["namespace"], help: 'A \\ and\na "quote".' }), [
    { labels: ['/a"} 1\n# EOF\\'], value: 2 },
  ]);
  expect(lines).toEqual([
    "# TYPE portage_x gauge",
    '# HELP portage_x A \\\\ and\\na \\"quote\\".',
    'portage_x{namespace="/a\\"} 1\\n# EOF\\\\"} 2',
  ]);
});

test("a histogram has cumulative buckets with canonical bounds, then count and sum", () => {
  const histogram = row({ kind: "histogram", labels: ["code"], bounds: [0.5, 1, 60] });
  expect(metricLines(histogram, [{ labels: ["A"], value: { counts: [1, 0, 2, 1], sum: 100.5 } }]).slice(2)).toEqual([
    'portage_x_bucket{code="A",le="0.5"} 1',
    'portage_x_bucket{code="A",le="1.0"} 1',
    'portage_x_bucket{code="A",le="60.0"} 3',
    'portage_x_bucket{code="A",le="+Inf"} 4',
    'portage_x_count{code="A"} 4',
    'portage_x_sum{code="A"} 100.5',
  ]);
});

test("a bucket has its exemplar if the text may have them, as OpenMetrics has it", () => {
  const histogram = row({ kind: "histogram", labels: ["code"], bounds: [0.5, 1] });
  const exemplar = {
    value: 0.75,
    at: 1_700_000_000_123,
    traceId: "0af7651916cd43dd8448eb211c80319c",
    spanId: "b7ad6b7169203331",
  };
  const sample = { labels: ["A"], value: { counts: [1, 1, 0], sum: 1, exemplars: [undefined, exemplar, undefined] } };
  const plain = [
    'portage_x_bucket{code="A",le="0.5"} 1',
    'portage_x_bucket{code="A",le="1.0"} 2',
    'portage_x_bucket{code="A",le="+Inf"} 2',
    'portage_x_count{code="A"} 2',
    'portage_x_sum{code="A"} 1',
  ];
  expect(metricLines(histogram, [sample]).slice(2)).toEqual(plain);
  const ids = 'trace_id="0af7651916cd43dd8448eb211c80319c",span_id="b7ad6b7169203331"';
  const [first = "", second = "", ...rest] = plain;
  const lines = [first, `${second} # {${ids}} 0.75 1700000000.123`, ...rest];
  expect(metricLines(histogram, [sample], true).slice(2)).toEqual(lines);
});

test("a count that is not known has a sample as well, and a known one is never missing", () => {
  expect(by({ b: 2, c: 1 }, ["a", "b"])).toEqual([
    { labels: ["a"], value: 0 },
    { labels: ["b"], value: 2 },
    { labels: ["c"], value: 1 },
  ]);
  expect(by({ "polling>websocket": 1 })).toEqual([{ labels: ["polling", "websocket"], value: 1 }]);
});
