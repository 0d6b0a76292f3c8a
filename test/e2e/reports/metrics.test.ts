import { io as connect } from "@portage/client";
import { Server, type Socket } from "@portage/server";
import server from "@portage/server/package.json" with { type: "json" };
import { collectMetrics } from "@portage/server/metrics";
import { instrument } from "@portage/server/otel";
import type { MeterProvider } from "@opentelemetry/api";
import prometheus from "prom-client";
import prometheus15 from "prom-client-15";
import { expect, test } from "vitest";
import { ALL_CLOSE_CODES } from "../../../packages/server/src/socketio/report/close-codes.ts";
import { ALL_LIMIT_CODES } from "../../../packages/server/src/socketio/report/limit-codes.ts";
import { HANDLER_KINDS } from "../../../packages/server/src/base/handler-errors.ts";
import { UPGRADE_FAILURES } from "../../../packages/server/src/engine/report/stats.ts";
import { REFUSALS } from "../../../packages/server/src/engine/report/refusals.ts";
import { Host } from "../../support/servers/host.ts";
import { RawPolling } from "../../support/raw/polling.ts";
import { RawWebSocket } from "../../support/raw/websocket.ts";
import { nextEvent, turn } from "../../support/waiting.ts";

/** Parses OpenMetrics 1.0.0: each family with its kind and unit, and its samples. */
function readOpenMetrics(text: string): Map<string, { kind: string; unit?: string; samples: Map<string, number> }> {
  const families = new Map<string, { kind: string; unit?: string; samples: Map<string, number> }>();
  const lines = text.split("\n");
  expect(lines.pop()).toBe("");
  expect(lines.pop()).toBe("# EOF");
  let family = { kind: "", samples: new Map<string, number>() } as {
    kind: string;
    unit?: string;
    samples: Map<string, number>;
  };
  let name = "";
  for (const line of lines) {
    const [, word, subject = "", rest = ""] = /^# (TYPE|UNIT|HELP) (\S+) (.+)$/.exec(line) ?? [];
    if (word === "TYPE") {
      expect(families.has(subject)).toBe(false);
      [name, family] = [subject, { kind: rest, samples: new Map() }];
      families.set(name, family);
    } else if (word !== undefined) {
      expect([subject, family.samples.size]).toEqual([name, 0]);
      if (word === "UNIT") family.unit = rest;
    } else {
      const label = '[a-z]+="(?:[^"\\\\\n]|\\\\[\\\\"n])*"';
      const sample = new RegExp(`^([a-z_]+)(\\{${label}(?:,${label})*\\})? ([\\d.e+-]+)$`).exec(line);
      const suffixes = { counter: ["_total"], histogram: ["_bucket", "_count", "_sum"] }[family.kind] ?? [""];
      expect(
        suffixes.map((suffix) => `${name}${suffix}`),
        line,
      ).toContain(sample?.[1]);
      family.samples.set(
        `${family.kind === "histogram" ? sample![1]!.slice(name.length) : ""}${sample?.[2] ?? ""}`,
        Number(sample?.[3]),
      );
    }
  }
  return families;
}

test("the metrics are OpenMetrics, with units, and every counter is there at 0", () => {
  const io = new Server();
  io.attach(0);
  const families = readOpenMetrics(io.metrics());
  for (const [name, { unit }] of families) expect(unit).toBe(/_(bytes|seconds)$/.exec(name)?.[1]);
  // Each transport and code that ends a session has 14 lines here: those that never did are not listed.
  const absent = [...families].filter(([, { samples }]) => samples.size === 0).map(([name]) => name);
  expect(absent).toEqual(["portage_session_duration_seconds"]);
  expect(Date.now() / 1000 - families.get("portage_start_time_seconds")!.samples.get("")!).toBeLessThan(60);
  expect([...families.get("portage_build_info")!.samples]).toEqual([[`{version="${server.version}",node=""}`, 1]]);
  for (const [name, { samples }] of families) {
    const isOfInstance = name === "portage_build_info" || name === "portage_start_time_seconds";
    if (!isOfInstance) for (const value of samples.values()) expect(value, name).toBe(0);
  }
  const labels = (name: string): string[] => [...families.get(name)!.samples.keys()];
  const by = (label: string, codes: object): string[] => Object.keys(codes).map((code) => `{${label}="${code}"}`);
  expect(labels("portage_sessions_closed")).toEqual(by("code", ALL_CLOSE_CODES));
  expect(labels("portage_limits")).toEqual(by("code", ALL_LIMIT_CODES));
  expect(labels("portage_refusals")).toEqual(by("name", REFUSALS));
  expect(labels("portage_rules_broken")).toContain('{code="SOCKET_TOO_DEEP"}');
  expect(labels("portage_upgrades_failed")).toEqual(by("step", UPGRADE_FAILURES));
  expect(labels("portage_handler_errors")).toEqual(by("handler", HANDLER_KINDS));
  expect(labels("portage_sessions")).toEqual(by("transport", { polling: 0, websocket: 0, webtransport: 0, sse: 0 }));
  return io.close();
});

/** Parses the text format 0.0.4: comments, and samples of metrics with one TYPE each. */
function readText(text: string): Map<string, number> {
  const types = new Set<string>();
  const samples = new Map<string, number>();
  for (const line of text.split("\n")) {
    const [, type] = /^# TYPE (\S+) \S+$/.exec(line) ?? [];
    if (type !== undefined) {
      expect(types.has(type)).toBe(false);
      types.add(type);
    }
    if (line === "" || line.startsWith("#")) continue;
    const [, name, value] = /^([a-zA-Z_:][\w:]*(?:\{.*\})?) (\S+)$/.exec(line) ?? [];
    expect(value, line).toBeDefined();
    samples.set(name!, Number(value));
  }
  return samples;
}

test("they combine with the metrics of prom-client, in either order", async () => {
  const io = new Server();
  io.attach(0);
  const register = new prometheus.Registry();
  new prometheus.Counter({ name: "mine_total", help: "Mine.", registers: [register] }).inc(3);
  for (const text of [(await register.metrics()) + io.metrics(), io.metrics() + (await register.metrics())]) {
    const samples = readText(text);
    expect([samples.get("mine_total"), samples.get("portage_sessions_opened_total")]).toEqual([3, 0]);
  }
  // OpenMetrics of others may follow, which has the last line
  expect(`${io.metrics({ eof: false })}# EOF\n`).toBe(io.metrics());
  await io.close();
});

test("the running totals equal a count over all sessions", async () => {
  const host = new Host();
  const io = new Server(host.http, { allowEIO3: true, slowReader: { soft: 1e5, hard: 1e8, burst: 1e8 } });
  await host.listen();
  const { port } = host;
  const check = (): void => {
    const sessions = Object.values((io.engine as { clients: Record<string, Socket["conn"]> }).clients);
    const tally = (of: (session: Socket["conn"]) => string): Record<string, number> => {
      const counts: Record<string, number> = {};
      for (const session of sessions) counts[of(session)] = (counts[of(session)] ?? 0) + 1;
      return counts;
    };
    const waiting = (session: Socket["conn"]): number =>
      session.writeBuffer.reduce((sum, { data }) => sum + (data?.length ?? 0), 0);
    const stats = io.stats();
    expect(stats.sessions).toMatchObject({
      open: sessions.length,
      closing: sessions.filter(({ readyState }) => readyState === "closing").length,
    });
    expect(stats.sessions.byTransport).toEqual(tally(({ transport }) => transport.name));
    expect(stats.sessions.byRevision).toEqual(tally(({ protocol }) => String(protocol)));
    expect(stats.bytes.queued).toBe(sessions.reduce((sum, session) => sum + waiting(session), 0));
    const sockets = [...io._nsps.values()].reduce((sum, nsp) => sum + nsp.sockets.size, 0);
    expect(io.metrics()).toContain(`portage_sockets{namespace="/"} ${sockets}\n`);
  };
  check();
  const upgraded = connect(`http://localhost:${port}`, { forceNew: true });
  await nextEvent(upgraded.io.engine, "upgrade");
  await expect.poll(() => io.stats().sessions.byTransport["websocket"]).toBe(1);
  check();
  const old = await RawWebSocket.connect({ port, revision: 3 });
  const polling = await RawPolling.open({ port });
  const connection = nextEvent<[Socket]>(io, "connection");
  const slow = await RawWebSocket.connect({ port });
  slow.send("40");
  await slow.until((packet) => packet.startsWith("40{"));
  const [socket] = await connection;
  check();
  slow.stream.pause();
  while (io.stats().sessions.slow === 0) {
    for (let count = 0; count < 10; count += 1) socket.emit("text", "x".repeat(100_000));
    await turn();
  }
  expect(io.stats().bytes.queued).toBeGreaterThan(0);
  check();
  socket.slowPolicy = "drop-oldest";
  socket.emit("text", "x");
  check();
  slow.stream.resume();
  await expect.poll(() => io.stats().bytes.queued).toBe(0);
  expect(io.stats().sessions.slow).toBe(0);
  check();
  slow.stream.pause();
  while (io.stats().sessions.slow === 0) {
    for (let count = 0; count < 10; count += 1) socket.emit("text", "x".repeat(100_000));
    await turn();
  }
  slow.cut();
  await expect.poll(() => io.stats().sessions.slow).toBe(0);
  check();
  // no poll waits: this session is ending until one does
  Object.values((io.engine as { clients: Record<string, Socket["conn"]> }).clients)
    .find(({ transport }) => transport.name === "polling")!
    .close();
  expect(io.stats().sessions.closing).toBe(1);
  check();
  await polling.poll();
  old.cut();
  upgraded.disconnect();
  await expect.poll(() => io.stats().sessions.open).toBe(0);
  check();
  expect(io.stats().sessions).toMatchObject({ closing: 0, slow: 0, byTransport: {}, byRevision: {} });
  expect(io.stats().bytes.queued).toBe(0);
  await io.close();
  await host.drained();
});

test("io.stats() looks at none of the sessions, sockets and rooms", async () => {
  const host = new Host();
  const io = new Server(host.http);
  await host.listen();
  const connection = nextEvent(io, "connection");
  const peer = await RawWebSocket.connect({ port: host.port });
  peer.send("40");
  await connection;
  const { engine } = io as unknown as { engine: { clients: object } };
  const { clients } = engine;
  engine.clients = new Proxy({}, { ownKeys: () => expect.fail("a walk over all sessions") });
  const { sockets, adapter } = io.sockets;
  const walks = ["forEach", "keys", "values", "entries", "get", Symbol.iterator] as const;
  for (const map of [sockets, adapter.rooms, adapter.sids] as object[]) {
    for (const walk of walks) Object.assign(map, { [walk]: () => expect.fail("a walk over all sockets or rooms") });
  }
  expect(io.stats().sessions.open).toBe(1);
  expect(io.stats().namespaces["/"]).toEqual({ sockets: 1, rooms: 1 });
  expect(io.metrics()).toContain('portage_sessions{transport="websocket"} 1\n');
  engine.clients = clients;
  for (const map of [sockets, adapter.rooms, adapter.sids] as object[])
    for (const walk of walks) Reflect.deleteProperty(map, walk);
  peer.cut();
  await io.close();
  await host.drained();
});

/** The samples that both formats have: OpenMetrics writes bounds with a decimal point. */
const samplesOf = (text: string): string[] =>
  text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.replaceAll(/le="(\d+)\.0"/g, 'le="$1"'))
    .map((line) =>
      line.replace(/^(\w+\{)(.*)(\} )/, (_, name, labels: string, end) => name + labels.split(",").sort().join() + end),
    )
    .sort();

test.each([
  ["14", prometheus],
  ["15", prometheus15 as unknown as typeof prometheus],
])("prom-client %s has the same figures", async (_version, client) => {
  const host = new Host();
  const io = new Server(host.http, { eventMetrics: ["chat"] });
  io.on("connection", (socket) => socket.on("chat", () => socket.emit("chat")));
  await host.listen();
  const register = new client.Registry();
  new client.Counter({ name: "mine_total", help: "Mine.", registers: [register] }).inc(3);
  collectMetrics(io, client, register);
  const without = (lines: string[]): string[] => lines.filter((line) => !line.startsWith("mine_total"));
  expect(without(samplesOf(await register.metrics()))).toEqual(samplesOf(io.metrics()));
  const connection = nextEvent(io, "connection");
  const client1 = connect(`http://localhost:${host.port}`, { forceNew: true });
  await connection;
  await expect.poll(() => io.stats().upgrades.completed).toBe(1);
  client1.emit("chat");
  await nextEvent(client1, "chat");
  client1.disconnect();
  await expect.poll(() => io.stats().sessions.open).toBe(0);
  const text = await register.metrics();
  expect(without(samplesOf(text))).toEqual(samplesOf(io.metrics()));
  expect(text).toContain("portage_upgrade_duration_seconds_count 1\n");
  for (const direction of ["in", "out"])
    expect(text).toContain(`portage_events_total{direction="${direction}",namespace="/",event="chat"} 1\n`);
  expect(text).toMatch(/portage_event_duration_seconds_count\{.*event="chat".*\} 1\n/);
  expect(text).toMatch(/portage_session_duration_seconds_count\{.*code="CLIENT_CLOSED".*\} 1\n/);
  expect(text).toContain("mine_total 3\n");
  await io.close();
  await host.drained();
});

test("the histograms of OpenTelemetry record what the text has", async () => {
  const host = new Host();
  const io = new Server(host.http, { pingInterval: 50, pingTimeout: 5000 });
  await host.listen();
  const recorded = new Map<string, number[]>();
  const meter = {
    createHistogram: (name: string) => ({
      record: (value: number) => recorded.set(name, [...(recorded.get(name) ?? []), value]),
    }),
    createObservableCounter: () => ({}),
    createObservableGauge: () => ({}),
    addBatchObservableCallback: () => undefined,
    removeBatchObservableCallback: () => undefined,
  };
  const metrics = { getMeter: () => meter } as unknown as MeterProvider;
  const instrumentation = instrument(io, { traces: false, metrics });
  const client = connect(`http://localhost:${host.port}`, { forceNew: true });
  const total = ({ counts }: { counts: readonly number[] }): number => counts.reduce((sum, each) => sum + each, 0);
  await expect.poll(() => io.stats().upgrades.completed).toBe(1);
  await expect.poll(() => total(io.stats().heartbeats.rtt)).toBeGreaterThan(1);
  const { heartbeats, upgrades } = io.stats();
  const sum = (name: string): number => recorded.get(name)!.reduce((all, each) => all + each, 0);
  expect(recorded.get("portage.upgrade.duration")).toEqual([upgrades.duration.sum]);
  expect(recorded.get("portage.heartbeat.rtt")).toHaveLength(total(heartbeats.rtt));
  expect(sum("portage.heartbeat.rtt")).toBeCloseTo(heartbeats.rtt.sum, 9);
  instrumentation.stop();
  client.disconnect();
  await io.close();
  await host.drained();
});

test("a scrape of prom-client makes one report", async () => {
  const io = new Server();
  io.attach(0);
  let reports = 0;
  const register = new prometheus15.Registry();
  collectMetrics({ stats: () => (reports++, io.stats()) }, prometheus15, register);
  await register.metrics();
  expect(reports).toBe(1);
  await register.metrics();
  expect(reports).toBe(2);
  await io.close();
});

test("namespaces that clients choose have no series of their own", async () => {
  const host = new Host();
  const io = new Server(host.http, { maxNamespaces: 200 });
  io.of(/^\/tenant-\d+$/);
  for (let index = 0; index < 60; index += 1) io.of(`/mine-${index}`);
  await host.listen();
  const peer = await RawWebSocket.connect({ port: host.port });
  for (let index = 0; index < 100; index += 1) peer.send(`40/tenant-${index},`);
  peer.send("40/mine-1,");
  await expect
    .poll(() => io.stats().namespaces)
    .toMatchObject({ "/mine-1": { sockets: 1, rooms: 1 }, _OTHER: { sockets: 100 } });
  const names = Object.keys(io.stats().namespaces);
  expect(names).toHaveLength(51);
  expect(names.join()).not.toContain("tenant");
  expect(io.metrics()).toContain('portage_sockets{namespace="_OTHER"} 100\n');
  peer.cut();
  await io.close();
  await host.drained();
});

test("acknowledgements that are late, and functions that fail, are counted", async () => {
  const host = new Host();
  const io = new Server(host.http);
  io.on("handler_error", () => undefined);
  await host.listen();
  const connection = nextEvent<[Socket]>(io, "connection");
  const peer = await RawWebSocket.connect({ port: host.port });
  peer.send("40");
  const [socket] = await connection;
  await expect(socket.timeout(1).emitWithAck("one")).rejects.toThrow("timed out");
  await expect(io.timeout(1).emitWithAck("all")).rejects.toThrow("timed out");
  socket.on("fails", () => {
    throw new Error("mine");
  });
  peer.send('42["fails"]');
  await expect.poll(() => io.stats().handlerErrors).toEqual({ listener: 1 });
  expect(io.metrics()).toContain("portage_ack_timeouts_total 2\n");
  expect(io.metrics()).toContain('portage_handler_errors_total{handler="listener"} 1\n');
  peer.cut();
  await io.close();
  await host.drained();
});
