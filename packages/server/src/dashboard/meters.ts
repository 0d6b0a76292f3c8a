import { type IntervalHistogram, monitorEventLoopDelay, performance, PerformanceObserver } from "node:perf_hooks";
import { getHeapStatistics } from "node:v8";
import { Server as EngineServer } from "../engine.ts";
import type { EngineReport } from "../index.ts";
import type { BoardCore } from "./part.ts";
import { RoundTrips } from "./round-trips.ts";
import type { Series, Unit } from "./wire.ts";

/** Milliseconds between two looks at the delay of the event loop. */
const RESOLUTION = 20;
const MS_PER_NS = 1e-6;

/** Measured over one second. */
interface Reading {
  /** Undefined before the server has an engine of its own. */
  readonly now: EngineReport | undefined;
  readonly before: EngineReport | undefined;
  readonly seconds: number;
  readonly loop: IntervalHistogram;
  readonly busy: number;
  readonly gc: number;
  readonly roundTrips: RoundTrips;
}

type ReadMeter = (reading: Reading) => number;

const gaugeOf =
  (pick: (report: EngineReport) => number): ReadMeter =>
  ({ now }) =>
    now === undefined ? Number.NaN : pick(now);

/** A counter, per second. It begins anew with each engine. */
const rate =
  (pick: (report: EngineReport) => number): ReadMeter =>
  ({ now, before, seconds }) =>
    now === undefined || before === undefined ? Number.NaN : Math.max(0, pick(now) - pick(before)) / seconds;

const delay =
  (percentile: number): ReadMeter =>
  ({ loop }) =>
    Math.max(0, loop.percentile(percentile) * MS_PER_NS - RESOLUTION);

const endsIn = ({ sessions }: EngineReport): number => sessions.opened - sessions.open;

/** The series of the history, in the order of ticks. */
const SERIES: readonly (readonly [name: string, label: string, unit: Unit, read: ReadMeter])[] = [
  ["connections", "Connections", "count", gaugeOf(({ sessions }) => sessions.open)],
  ["polling", "Connections on polling", "count", gaugeOf(({ sessions }) => sessions.byTransport["polling"] ?? 0)],
  ["opens", "Connections opened", "rate", rate(({ sessions }) => sessions.opened)],
  ["ends", "Connections ended", "rate", rate(endsIn)],
  ["events.in", "Packets received", "rate", rate(({ packets }) => packets.in)],
  ["events.out", "Packets sent", "rate", rate(({ packets }) => packets.out)],
  ["bytes.in", "Bytes received", "byteRate", rate(({ bytes }) => bytes.in)],
  ["bytes.out", "Bytes sent", "byteRate", rate(({ bytes }) => bytes.out)],
  ["waiting", "Bytes that wait for clients", "bytes", gaugeOf(({ bytes }) => bytes.waiting)],
  ["slow", "Slow readers", "count", gaugeOf(({ sessions }) => sessions.slow)],
  ["refusals", "Requests refused", "rate", rate(({ refusals }) => sum(refusals))],
  ["loop.p50", "Delay of the event loop, median", "ms", delay(50)],
  ["loop.p99", "Delay of the event loop, p99", "ms", delay(99)],
  ["loop.busy", "Share of time that the event loop is busy", "share", ({ busy }) => busy],
  ["gc", "Share of time in garbage collection", "share", ({ gc }) => gc],
  ["heap", "Heap used", "bytes", () => getHeapStatistics().used_heap_size],
  ["rtt.p50", "Round trip, median", "ms", ({ roundTrips }) => roundTrips.percentile(50)],
  ["rtt.p99", "Round trip, p99", "ms", ({ roundTrips }) => roundTrips.percentile(99)],
];

function sum(tally: Readonly<Record<string, number | undefined>>): number {
  let total = 0;
  for (const count of Object.values(tally)) total += count ?? 0;
  return total;
}

/** The names, labels and units of the series. */
export const METER_SERIES: readonly Series[] = SERIES.map(([name, label, unit]) => ({ name, label, unit }));

/** Reads the figures of a server and of its process, once a second. */
export class Meters {
  readonly #core: BoardCore;
  readonly #gauges: readonly (() => number)[];
  readonly #roundTrips: RoundTrips;
  readonly #loop = monitorEventLoopDelay({ resolution: RESOLUTION });
  readonly #observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) this.#gcTime += duration;
  });
  #gcTime = 0;
  #readAt = 0;
  #report: EngineReport | undefined;
  #utilization = performance.eventLoopUtilization();

  constructor(core: BoardCore) {
    this.#core = core;
    this.#gauges = Object.values(core.options.gauges);
    this.#roundTrips = new RoundTrips(core.io);
  }

  start(): void {
    this.#loop.enable();
    this.#observer.observe({ entryTypes: ["gc"] });
    this.#readAt = this.#core.clock.now();
    this.#report = currentReport(this.#core);
  }

  stop(): void {
    this.#loop.disable();
    this.#observer.disconnect();
    this.#roundTrips.stop();
  }

  /** Returns a value of each series, then of each gaugeOf of the program. */
  read(): number[] {
    const { clock } = this.#core;
    const now = clock.now();
    const seconds = Math.max(0.001, (now - this.#readAt) / 1000);
    const utilization = performance.eventLoopUtilization();
    const { utilization: busy } = performance.eventLoopUtilization(utilization, this.#utilization);
    this.#roundTrips.look();
    const reading: Reading = {
      now: currentReport(this.#core),
      before: this.#report,
      seconds,
      loop: this.#loop,
      busy,
      gc: this.#gcTime / 1000 / seconds,
      roundTrips: this.#roundTrips,
    };
    const row = SERIES.map(([, , , read]) => read(reading));
    this.#loop.reset();
    this.#gcTime = 0;
    this.#readAt = now;
    this.#report = reading.now;
    this.#utilization = utilization;
    return [...row, ...this.#gauges.map(readGauge)];
  }
}

/** Returns the counters of the engine, if it is one of ours. */
export function currentReport({ io }: BoardCore): ReturnType<BoardCore["io"]["stats"]> | undefined {
  return io.engine instanceof EngineServer ? io.stats() : undefined;
}

/** A function of the program that fails must not end the history. */
function readGauge(read: () => unknown): number {
  try {
    return Number(read());
  } catch {
    return Number.NaN;
  }
}
