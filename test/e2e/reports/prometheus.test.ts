import { createServer } from "node:http";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { Server } from "@portage/server";
import { instrument } from "@portage/server/otel";
import { describe, expect, test } from "vitest";
import { Host } from "../../support/servers/host.ts";
import { findPrometheus } from "../../support/servers/prometheus.ts";
import { RawWebSocket } from "../../support/raw/websocket.ts";
import { nextEvent } from "../../support/waiting.ts";

const FOLDER = fileURLToPath(new URL("../../../packages/server/observability", import.meta.url));
const prometheus = await findPrometheus();

describe.skipIf(prometheus === undefined)("Prometheus", () => {
  test("accepts the rules, and each alert fires on its series and not on the calm one", async () => {
    expect(await prometheus!.promtool(FOLDER, "check", "rules", "alerts.yml")).toContain("11 rules found");
    expect(await prometheus!.promtool(FOLDER, "test", "rules", "alerts.test.yml")).toContain("SUCCESS");
  });

  test("accepts the query of every panel of the dashboard", async () => {
    const dashboard = JSON.parse(await readFile(join(FOLDER, "grafana-dashboard.json"), "utf8")) as {
      panels: { targets?: { expr: string }[] }[];
    };
    const queries = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
    expect(queries.length).toBeGreaterThan(20);
    const rules = queries.map((query, index) => ({
      record: `panel:${index}`,
      expr: query.replaceAll("$__rate_interval", "5m").replaceAll(/\$(?:job|instance)/g, ".+"),
    }));
    const folder = await mkdtemp(join(tmpdir(), "portage-panels-"));
    // YAML includes JSON.
    await writeFile(join(folder, "panels.yml"), JSON.stringify({ groups: [{ name: "panels", rules }] }));
    expect(await prometheus!.promtool(folder, "check", "rules", "panels.yml")).toContain(
      `${queries.length} rules found`,
    );
    await rm(folder, { recursive: true });
  });

  test("scrapes a server with exemplars, and fires an alert when a listener of the program throws", async () => {
    const host = new Host();
    const io = new Server(host.http, { eventMetrics: ["fails"] });
    const exporterOfSpans = new InMemorySpanExporter();
    const traces = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporterOfSpans)] });
    const tracing = instrument(io, { traces, metrics: false });
    io.on("handler_error", () => undefined);
    await host.listen();
    let scrapes = 0;
    const exporter = createServer((_req, res) => {
      scrapes += 1;
      res.setHeader("Content-Type", "application/openmetrics-text; version=1.0.0; charset=utf-8");
      res.end(io.metrics({ exemplars: true }));
    }).listen(0, "127.0.0.1");
    await nextEvent(exporter, "listening");
    const target = `127.0.0.1:${(exporter.address() as { port: number }).port}`;
    const server = await prometheus!.start(
      JSON.stringify({
        global: { scrape_interval: "200ms", scrape_timeout: "200ms", evaluation_interval: "200ms" },
        scrape_configs: [{ job_name: "app", static_configs: [{ targets: [target] }] }],
        rule_files: [join(FOLDER, "alerts.yml")],
      }),
    );
    const ask = async (path: string): Promise<unknown> =>
      ((await (await fetch(`${server.url}/api/v1/${path}`)).json()) as { data: unknown }).data;
    // Two scrapes at least before the failure: it has to be an increase.
    await expect.poll(() => scrapes, { timeout: 15_000 }).toBeGreaterThan(2);
    expect(await ask("alerts")).toEqual({ alerts: [] });
    const connection = nextEvent<[{ on(event: string, listener: () => void): void }]>(io, "connection");
    const peer = await RawWebSocket.connect({ port: host.port });
    peer.send("40");
    const [socket] = await connection;
    socket.on("fails", () => {
      throw new Error("mine");
    });
    peer.send('42["fails"]');
    const labels = { alertname: "PortageHandlerErrors", handler: "listener", instance: target, job: "app" };
    await expect
      .poll(() => ask("alerts"), { timeout: 15_000 })
      .toMatchObject({ alerts: [{ labels, state: "firing" }] });
    const up = (await ask("query?query=up")) as { result: { value: [number, string] }[] };
    expect(up.result.map(({ value }) => value[1])).toEqual(["1"]);
    const [span] = exporterOfSpans.getFinishedSpans().filter(({ name }) => name === "process / fails");
    const { traceId, spanId } = span!.spanContext();
    const selector = encodeURIComponent('portage_event_duration_seconds_bucket{event="fails"}');
    const since = `start=${Date.now() / 1000 - 60}&end=${Date.now() / 1000 + 60}`;
    expect(await ask(`query_exemplars?query=${selector}&${since}`)).toMatchObject([
      { seriesLabels: { namespace: "/" }, exemplars: [{ labels: { trace_id: traceId, span_id: spanId } }] },
    ]);
    const counts = (await ask(`query?query=portage_events_total{event="fails",direction="in"}`)) as typeof up;
    expect(counts.result.map(({ value }) => value[1])).toEqual(["1"]);
    peer.cut();
    tracing.stop();
    await server.stop();
    exporter.closeAllConnections();
    exporter.close();
    await io.close();
    await host.drained();
  });
});
