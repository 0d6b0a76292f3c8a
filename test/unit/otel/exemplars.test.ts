import { AlwaysOffSampler, type Sampler } from "@opentelemetry/sdk-trace-base";
import { type Instrumentation, instrument } from "@portage/server/otel";
import type { ServerOptions } from "@portage/server";
import { collectMetrics } from "@portage/server/metrics";
import prometheus from "prom-client-15";
import { afterEach, describe, expect, test } from "vitest";
import { CHANNELS } from "../../../packages/server/src/engine/report/reports.ts";
import type { Exemplar } from "../../../packages/server/src/engine/report/histogram.ts";
import { LAYER_CHANNELS } from "../../../packages/server/src/socketio/report/channels.ts";
import { Bench, type Peer, settle } from "../socketio/peer.ts";
import { Recorder } from "./spans.ts";

let recorder: Recorder;
let tracing: Instrumentation | undefined;
afterEach(() => {
  tracing?.stop();
  recorder.stop();
});

function traced(options: Partial<ServerOptions> = {}, sampler?: Sampler): Bench {
  recorder = new Recorder(sampler);
  const bench = new Bench(options);
  tracing = instrument(bench.io, { traces: recorder.provider, metrics: false, ignore: ["typing"] });
  bench.io.on("connection", (socket) => {
    socket.on("work", (ms: number) => bench.clock.advance(ms));
    socket.on("typing", () => bench.clock.advance(1));
  });
  return bench;
}

const MEASURED = { eventMetrics: ["work", "typing"] };

const kept = (exemplars: readonly (Exemplar | undefined)[] = []): [bucket: number, exemplar: Exemplar][] =>
  exemplars.flatMap((exemplar, bucket) => (exemplar === undefined ? [] : [[bucket, exemplar]]));

const ofEvent = ({ io }: Bench, event: string): ReturnType<typeof kept> =>
  kept(io.stats().events?.["/"]![event]!.duration?.exemplars);

/** The ids of the last span of a name. */
function lastIds(name: string): { traceId: string; spanId: string } {
  const { traceId, spanId } = recorder.named(name).at(-1)!.spanContext();
  return { traceId, spanId };
}

/** Ends the session of a peer, as the engine does. */
async function end({ session, transport }: Peer): Promise<void> {
  transport.lose();
  await settle();
  CHANNELS.closed.publish({ session, reason: session.closeReason });
}

describe("the exemplar of an event", () => {
  test("is the span of its listeners, the last one of each bucket", async () => {
    const bench = traced(MEASURED);
    const { peer } = await bench.join();
    const before = Date.now();
    await peer.say('2["work",4]');
    const first = lastIds("process / work");
    await peer.say('2["work",300]', '2["work",400]');
    const exemplars = ofEvent(bench, "work");
    // Up to 5 ms, and up to 500 ms.
    expect(exemplars).toMatchObject([
      [0, { value: 0.004, ...first }],
      [6, { value: 0.4, ...lastIds("process / work") }],
    ]);
    for (const [, { at }] of exemplars) expect(at).toBeGreaterThanOrEqual(before);
    const { traceId, spanId } = first;
    const line = `le="0.005"} 1 # {trace_id="${traceId}",span_id="${spanId}"} 0.004 `;
    expect(bench.io.metrics({ exemplars: true })).toContain(line);
    // Text that scrapers may read in the older format has none.
    expect(bench.io.metrics()).not.toContain("trace_id");
  });

  test("is there only for spans that are sampled, and for events that have one", async () => {
    const bench = traced(MEASURED);
    const { peer } = await bench.join();
    await peer.say('2["typing"]');
    expect(bench.io.stats().events!["/"]!["typing"]).toMatchObject({ in: 1, duration: { sum: 0.001 } });
    expect(ofEvent(bench, "typing")).toEqual([]);
    tracing!.stop();
    await peer.say('2["work",4]');
    expect(ofEvent(bench, "work")).toEqual([]);
    expect(LAYER_CHANNELS.handled.hasSubscribers).toBe(false);
    const unsampled = traced(MEASURED, new AlwaysOffSampler());
    await (await unsampled.join()).peer.say('2["work",4]');
    expect(unsampled.io.stats().events!["/"]!["work"]!.duration).toEqual({
      counts: expect.any(Array) as number[],
      sum: 0.004,
    });
  });

  test("is that of its own server", async () => {
    const bench = traced(MEASURED);
    const other = new Bench(MEASURED);
    other.io.on("connection", (socket) => socket.on("work", () => undefined));
    await (await other.join()).peer.say('2["work",4]');
    expect(other.io.stats().events!["/"]!["work"]!.duration!.sum).toBe(0);
    expect(ofEvent(other, "work")).toEqual([]);
    expect(ofEvent(bench, "work")).toEqual([]);
  });

  test("is in the OpenMetrics text of prom-client", async () => {
    const bench = traced(MEASURED);
    const { peer } = await bench.join();
    await peer.say('2["work",4]');
    const register = new prometheus.Registry<typeof prometheus.openMetricsContentType>();
    collectMetrics(bench.io, prometheus, register);
    expect(await register.metrics()).not.toContain("trace_id");
    register.setContentType(prometheus.openMetricsContentType);
    const { traceId, spanId } = lastIds("process / work");
    expect(await register.metrics()).toContain(` # {trace_id="${traceId}",span_id="${spanId}"} 0.004 `);
  });
});

describe("the exemplar of a session", () => {
  test("is the span of its end", async () => {
    const bench = traced();
    const { peer } = await bench.join();
    bench.clock.advance(1500);
    await end(peer);
    const durations = bench.io.stats().sessions.durations["websocket>CONNECTION_CLOSED"]!;
    // Up to 2 s.
    expect(kept(durations.exemplars)).toMatchObject([[2, { value: 1.5, ...lastIds("disconnect") }]]);
    const { traceId, spanId } = lastIds("disconnect");
    const line = `code="CONNECTION_CLOSED",le="2.0"} 1 # {trace_id="${traceId}",span_id="${spanId}"} 1.5 `;
    expect(bench.io.metrics({ exemplars: true })).toContain(line);
  });

  test("is not there if the span is not sampled", async () => {
    const bench = traced({}, new AlwaysOffSampler());
    const { peer } = await bench.join();
    await end(peer);
    const durations = bench.io.stats().sessions.durations["websocket>CONNECTION_CLOSED"]!;
    expect(durations).not.toHaveProperty("exemplars");
  });
});
