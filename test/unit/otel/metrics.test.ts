import { createServer } from "node:http";
import type { BatchObservableCallback, MeterProvider, MetricOptions } from "@opentelemetry/api";
import { Server, type ServerOptions } from "@portage/server";
import { METRICS } from "@portage/server/metrics";
import { instrument } from "@portage/server/otel";
import { afterEach, describe, expect, test } from "vitest";
import { kHeartbeatPhase } from "../../../packages/server/src/engine/keys.ts";
import { CHANNELS } from "../../../packages/server/src/engine/report/reports.ts";
import { LATENCY_BOUNDS } from "../../../packages/server/src/engine/report/histogram.ts";
import { LAYER_CHANNELS } from "../../../packages/server/src/socketio/report/channels.ts";
import { Bench, type Peer } from "../socketio/peer.ts";

type Instrument = { readonly name: string; readonly kind: string };

/** A meter that keeps what it is given. */
class FakeMeter {
  readonly instruments: Instrument[] = [];
  readonly recorded: [name: string, value: number, attributes: unknown][] = [];
  /** The advised bounds of each histogram. */
  readonly bounds = new Map<string, unknown>();
  callbacks: BatchObservableCallback[] = [];
  readonly provider = { getMeter: () => this } as unknown as MeterProvider;

  #make(kind: string, name: string): Instrument {
    const instrument = { name, kind };
    this.instruments.push(instrument);
    return instrument;
  }

  createObservableCounter = (name: string): Instrument => this.#make("counter", name);
  createObservableGauge = (name: string): Instrument => this.#make("gauge", name);
  createHistogram = (name: string, { advice }: MetricOptions) => {
    this.bounds.set(name, advice?.explicitBucketBoundaries);
    return {
      ...this.#make("histogram", name),
      record: (value: number, attributes: unknown) => this.recorded.push([name, value, attributes]),
    };
  };

  addBatchObservableCallback(callback: BatchObservableCallback): void {
    this.callbacks.push(callback);
  }

  removeBatchObservableCallback(callback: BatchObservableCallback): void {
    this.callbacks = this.callbacks.filter((each) => each !== callback);
  }

  /** What an exporter would read. */
  read(): [name: string, value: number, attributes: unknown][] {
    const seen: [string, number, unknown][] = [];
    const observe = ({ name }: Instrument, value: number, attributes: unknown) => seen.push([name, value, attributes]);
    for (const callback of this.callbacks) void callback({ observe } as never);
    return seen;
  }
}

const isOfChat = (labels: unknown): boolean => Object.values(labels as object).includes("chat");

let stop = (): void => {};
afterEach(() => stop());

function measured(meter: FakeMeter, options?: Partial<ServerOptions>): Bench {
  const bench = new Bench(options);
  const instrumentation = instrument(bench.io, { traces: false, metrics: meter.provider });
  stop = () => instrumentation.stop();
  return bench;
}

describe("the metrics for OpenTelemetry", () => {
  test("come from the table, one instrument for each counter and gauge", () => {
    const meter = new FakeMeter();
    measured(meter);
    const wanted = METRICS.filter(({ kind, option }) => kind !== "histogram" && option === undefined);
    expect(meter.instruments.filter(({ kind }) => kind !== "histogram")).toEqual(
      wanted.map(({ kind, otel }) => ({ name: otel.name, kind })),
    );
    expect(new Set(meter.instruments.map(({ name }) => name)).size).toBe(meter.instruments.length);
  });

  test("are read when the exporter asks, in one report, until it stops", () => {
    const meter = new FakeMeter();
    const io = new Server();
    const instrumentation = instrument(io, { traces: false, metrics: meter.provider });
    stop = () => instrumentation.stop();
    expect(meter.read()).toEqual([]);
    io.attach(createServer());
    let reports = 0;
    const stats = io.stats.bind(io);
    io.stats = () => {
      reports++;
      return stats();
    };
    expect(meter.read()).toContainEqual(["portage.sockets", 0, { "messaging.destination.name": "/" }]);
    expect(reports).toBe(1);
    stop();
    expect(meter.read()).toEqual([]);
  });

  test("have the duration of each connection, with its code if it failed", async () => {
    const meter = new FakeMeter();
    const bench = measured(meter);
    const { peer } = await bench.join();
    bench.clock.advance(1500);
    CHANNELS.closed.publish({ session: peer.session, reason: { code: "PING_TIMEOUT" } });
    CHANNELS.closed.publish({ session: peer.session, reason: { code: "CLIENT_CLOSED" } });
    const attributes = { "portage.transport": "websocket", "portage.close.code": "PING_TIMEOUT" };
    expect(meter.recorded).toEqual([
      ["portage.server.connection.duration", 1.5, { ...attributes, "error.type": "PING_TIMEOUT" }],
      ["portage.server.connection.duration", 1.5, { ...attributes, "portage.close.code": "CLIENT_CLOSED" }],
    ]);
  });

  test("have the round trip of each ping as it is answered, of this server alone and until it stops", async () => {
    const meter = new FakeMeter();
    const bench = measured(meter);
    const other = new Bench();
    const answerPing = ({ clock }: Bench, { session }: Peer, ms: number): void => {
      for (let waited = 0; waited < 60_000 && session[kHeartbeatPhase] === "interval"; waited += 1) clock.advance(1);
      clock.advance(ms);
      session.onPacket({ type: "pong" } as never);
    };
    const { peer } = await bench.join();
    answerPing(bench, peer, 120);
    answerPing(other, (await other.join()).peer, 30);
    answerPing(bench, peer, 2);
    stop();
    answerPing(bench, peer, 7);
    expect(meter.recorded).toEqual([
      ["portage.heartbeat.rtt", 0.12, undefined],
      ["portage.heartbeat.rtt", 0.002, undefined],
    ]);
    for (const name of ["portage.heartbeat.rtt", "portage.upgrade.duration"])
      expect(meter.bounds.get(name)).toEqual(LATENCY_BOUNDS);
    for (const { hasSubscribers } of [CHANNELS.heartbeat, CHANNELS.upgrade]) expect(hasSubscribers).toBe(false);
  });

  test("have the duration of each upgrade, in its last step", async () => {
    const meter = new FakeMeter();
    const bench = measured(meter);
    const { session } = (await bench.join()).peer;
    for (const phase of ["probing", "probed"]) CHANNELS.upgrade.publish({ session, phase, transport: "websocket" });
    CHANNELS.upgrade.publish({ session, phase: "upgraded", transport: "websocket", took: 45 });
    CHANNELS.upgrade.publish({ session: (await new Bench().join()).peer.session, phase: "upgraded", took: 50 });
    expect(meter.recorded).toEqual([["portage.upgrade.duration", 0.045, undefined]]);
  });

  test("have the events of the option eventMetrics by the names of the conventions, as consumed and sent", async () => {
    const meter = new FakeMeter();
    const bench = measured(meter, { eventMetrics: ["chat"] });
    const { peer, socket } = await bench.join();
    await peer.say('2["chat"]', '2["chat"]');
    socket.emit("chat");
    const attributes = {
      "messaging.system": "socket.io",
      "messaging.destination.name": "/",
      "messaging.socket.io.event_name": "chat",
    };
    const counts = meter.read().filter(([name, , labels]) => name.startsWith("messaging.") && isOfChat(labels));
    expect(counts).toEqual([
      [
        "messaging.client.consumed.messages",
        2,
        { ...attributes, "messaging.operation.type": "process", "messaging.operation.name": "on" },
      ],
      [
        "messaging.client.sent.messages",
        1,
        { ...attributes, "messaging.operation.type": "send", "messaging.operation.name": "emit" },
      ],
    ]);
  });

  test("have the duration of each event, with what its listeners threw, of this server alone and until it stops", async () => {
    const meter = new FakeMeter();
    const bench = measured(meter, { eventMetrics: ["chat"] });
    const other = new Bench({ eventMetrics: ["chat"] });
    bench.io.on("handler_error", () => undefined);
    for (const { io, clock } of [bench, other]) {
      io.on("connection", (socket) => {
        socket.on("chat", (ms: number) => clock.advance(ms));
        socket.on("made up", () => Promise.reject(new RangeError("mine")));
      });
    }
    const { peer } = await bench.join();
    await (await other.join()).peer.say('2["chat",70]');
    await peer.say('2["chat",250]', '2["made up"]');
    stop();
    await peer.say('2["chat",5]');
    const attributes = {
      "messaging.system": "socket.io",
      "messaging.operation.type": "process",
      "messaging.operation.name": "on",
      "messaging.destination.name": "/",
    };
    expect(meter.recorded).toEqual([
      ["messaging.process.duration", 0.25, { ...attributes, "messaging.socket.io.event_name": "chat" }],
      [
        "messaging.process.duration",
        0,
        { ...attributes, "messaging.socket.io.event_name": "_OTHER", "error.type": "RangeError" },
      ],
    ]);
    expect(meter.bounds.get("messaging.process.duration")).toEqual(LATENCY_BOUNDS);
    expect(LAYER_CHANNELS.handled.hasSubscribers).toBe(false);
  });

  test("have none of events without the option", () => {
    const meter = new FakeMeter();
    measured(meter);
    expect(meter.instruments.filter(({ name }) => name.startsWith("messaging."))).toEqual([]);
    expect(LAYER_CHANNELS.handled.hasSubscribers).toBe(false);
  });
});
