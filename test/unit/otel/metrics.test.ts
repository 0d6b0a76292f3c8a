import { createServer } from "node:http";
import type { BatchObservableCallback, MeterProvider } from "@opentelemetry/api";
import { Server } from "@portage/server";
import { METRICS } from "@portage/server/metrics";
import { instrument } from "@portage/server/otel";
import { afterEach, describe, expect, test } from "vitest";
import { CHANNELS } from "../../../packages/server/src/engine/report/reports.ts";
import { Bench } from "../socketio/peer.ts";

type Instrument = { readonly name: string; readonly kind: string };

/** A meter that keeps what it is given. */
class FakeMeter {
  readonly instruments: Instrument[] = [];
  readonly recorded: [name: string, value: number, attributes: unknown][] = [];
  callbacks: BatchObservableCallback[] = [];
  readonly provider = { getMeter: () => this } as unknown as MeterProvider;

  #make(kind: string, name: string): Instrument {
    const instrument = { name, kind };
    this.instruments.push(instrument);
    return instrument;
  }

  createObservableCounter = (name: string): Instrument => this.#make("counter", name);
  createObservableGauge = (name: string): Instrument => this.#make("gauge", name);
  createHistogram = (name: string) => ({
    ...this.#make("histogram", name),
    record: (value: number, attributes: unknown) => this.recorded.push([name, value, attributes]),
  });

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

let stop = (): void => {};
afterEach(() => stop());

function measured(meter: FakeMeter): Bench {
  const bench = new Bench();
  const instrumentation = instrument(bench.io, { traces: false, metrics: meter.provider });
  stop = () => instrumentation.stop();
  return bench;
}

describe("the metrics for OpenTelemetry", () => {
  test("come from the table, one instrument for each counter and gauge", () => {
    const meter = new FakeMeter();
    measured(meter);
    const wanted = METRICS.filter(({ kind, isOfCluster }) => kind !== "histogram" && !isOfCluster);
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
});
