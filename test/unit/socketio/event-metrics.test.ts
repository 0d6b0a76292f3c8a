import { Server } from "@portage/server";
import { METRICS } from "@portage/server/metrics";
import { describe, expect, test } from "vitest";
import { LATENCY_BOUNDS } from "../../../packages/server/src/engine/report/histogram.ts";
import type { EventReport } from "../../../packages/server/src/socketio/host/event-tally.ts";
import { metricLines } from "../../../packages/server/src/socketio/host/open-metrics.ts";
import type { ServerReport } from "../../../packages/server/src/socketio/host/server-tally.ts";
import { MeasuredSocket } from "../../../packages/server/src/socketio/socket/measured.ts";
import { Socket } from "../../../packages/server/src/socketio/socket/socket.ts";
import { TRACES } from "../../../packages/server/src/socketio/tracing.ts";
import { Bench, settle, tallyOf } from "./peer.ts";

const eventsOf = (bench: Bench): NonNullable<ServerReport["events"]> => tallyOf(bench).events!;
const count = (namespace: Readonly<Record<string, EventReport>>, event: string): [number, number] => [
  namespace[event]!.in,
  namespace[event]!.out,
];
const NOTHING = { in: 0, out: 0 };

describe("the option eventMetrics", () => {
  test("counts the events that it names, and all others together", async () => {
    const bench = new Bench({ eventMetrics: ["chat", "order"] });
    const { peer, socket } = await bench.join();
    socket.on("chat", () => undefined);
    await peer.say('2["chat"]', '2["chat",1]', '2["made up"]', '2["__proto__"]');
    socket.emit("order", 1);
    socket.emit("tick");
    const { "/": main } = eventsOf(bench);
    expect(Object.keys(main!)).toEqual(["chat", "order", "_OTHER"]);
    expect(count(main!, "chat")).toEqual([2, 0]);
    expect(main!["order"]).toEqual({ in: 0, out: 1 });
    // None of the others has a listener: they took no time.
    expect(main!["_OTHER"]).toEqual({ in: 2, out: 1 });
  });

  test("counts a broadcast once, however many clients get it", async () => {
    const bench = new Bench({ eventMetrics: ["news"] });
    const { socket } = await bench.join();
    await bench.join();
    bench.io.emit("news");
    bench.io.to("room").emit("news");
    socket.broadcast.emit("news");
    bench.io.timeout(10).emit("news", () => undefined);
    expect(count(eventsOf(bench)["/"]!, "news")).toEqual([0, 4]);
  });

  test("counts an event to one client once, also by way of an adapter that keeps it", async () => {
    const bench = new Bench({ eventMetrics: ["news"], connectionStateRecovery: {} });
    const { peer, socket } = await bench.join();
    socket.emit("news", 1);
    expect(await peer.hear()).toHaveLength(1);
    bench.io.emit("news", 2);
    expect(count(eventsOf(bench)["/"]!, "news")).toEqual([0, 2]);
  });

  test("counts what listeners are given: not what a middleware refuses", async () => {
    const bench = new Bench({ eventMetrics: ["chat"] });
    const { peer, socket } = await bench.join();
    const seen: unknown[] = [];
    socket.on("error", ({ message }) => seen.push(message));
    socket.use(([, allowed], next) => next(allowed === true ? undefined : new Error("refused")));
    await peer.say('2["chat",false]', '2["chat",true]');
    expect(seen).toEqual(["refused"]);
    expect(eventsOf(bench)["/"]).toEqual({ chat: { in: 1, out: 0 }, _OTHER: NOTHING });
  });

  test("has the first 50 namespaces of the program by name, and nothing that a client chose", async () => {
    const bench = new Bench({ eventMetrics: ["chat"] });
    for (let index = 1; index <= 60; index += 1) bench.io.of(`/mine-${index}`);
    bench.io.of(/^\/tenant-\d+$/);
    for (const name of ["/mine-1", "/mine-60", "/tenant-7"]) {
      const { peer } = await bench.join(name);
      await peer.say(`2${name},["chat"]`);
    }
    const events = eventsOf(bench);
    expect(Object.keys(events)).toHaveLength(51);
    expect(count(events["/mine-1"]!, "chat")).toEqual([1, 0]);
    expect(count(events["_OTHER"]!, "chat")).toEqual([2, 0]);
  });

  test.each(["chat", {}, [[1]], true])("can't be %j", (given) => {
    const message = expect.stringContaining("the option eventMetrics takes a list of names, not") as string;
    const refused = expect.objectContaining({ code: "OPTION_INVALID", message }) as Error;
    expect(() => new Server({ eventMetrics: given as never })).toThrow(refused);
  });
});

describe("the duration of an event", () => {
  const durationOf = (bench: Bench, event = "work"): EventReport["duration"] => eventsOf(bench)["/"]![event]!.duration;
  /** Counts, by the bound of the bucket. */
  const buckets = ({ counts }: NonNullable<EventReport["duration"]>): [bound: number, count: number][] =>
    counts.flatMap((each, index) => (each === 0 ? [] : [[LATENCY_BOUNDS[index] ?? Infinity, each]]));

  test("is the time of its listeners", async () => {
    const bench = new Bench({ eventMetrics: ["work"] });
    const { peer, socket } = await bench.join();
    socket.on("work", (ms: number) => bench.clock.advance(ms));
    await peer.say('2["work",4]', '2["work",300]');
    expect(durationOf(bench)!.sum).toBeCloseTo(0.304);
    expect(buckets(durationOf(bench)!)).toEqual([
      [0.005, 1],
      [0.5, 1],
    ]);
  });

  test("ends when the last promise has settled, fulfilled or rejected", async () => {
    const bench = new Bench({ eventMetrics: ["work"] });
    bench.io.on("handler_error", () => undefined);
    const { peer, socket } = await bench.join();
    const done: (() => void)[] = [];
    const failed: ((error: Error) => void)[] = [];
    for (let index = 0; index < 2; index += 1) {
      socket.on("work", () => new Promise<void>((resolve, reject) => void (done.push(resolve), failed.push(reject))));
    }
    await peer.say('2["work"]');
    bench.clock.advance(100);
    done[1]!();
    await settle();
    expect(durationOf(bench)).toBeUndefined();
    bench.clock.advance(900);
    failed[0]!(new Error("late"));
    await settle();
    expect(durationOf(bench)!.sum).toBe(1);
    expect(buckets(durationOf(bench)!)).toEqual([[1, 1]]);
    expect(tallyOf(bench).handlerErrors).toEqual({ listener: 1 });
  });

  test("counts a listener that throws, and passes the error on", async () => {
    const bench = new Bench({ eventMetrics: ["work"] });
    const errors: unknown[] = [];
    bench.io.on("handler_error", (error) => errors.push(error));
    const { peer, socket } = await bench.join();
    const mine = new Error("mine");
    socket.once("work", () => {
      bench.clock.advance(20);
      throw mine;
    });
    await peer.say('2["work"]', '2["work"]');
    expect(errors).toEqual([mine]);
    expect(eventsOf(bench)["/"]!["work"]).toMatchObject({ in: 2, duration: { sum: 0.02 } });
    expect(buckets(durationOf(bench)!)).toEqual([[0.025, 1]]);
  });
});

test("io.metrics() has the counts and times", async () => {
  const bench = new Bench({ eventMetrics: ['say "hi"'] });
  const { peer, socket } = await bench.join();
  socket.on('say "hi"', () => bench.clock.advance(40));
  await peer.say(String.raw`2["say \"hi\""]`);
  const rows = METRICS.filter(({ option }) => option === "eventMetrics");
  const text = `${rows.flatMap((row) => metricLines(row, row.read(tallyOf(bench)))).join("\n")}\n`;
  const labels = String.raw`namespace="/",event="say \"hi\""`;
  expect(text).toContain(`portage_events_total{direction="in",${labels}} 1\n`);
  expect(text).toContain(`portage_events_total{direction="out",${labels}} 0\n`);
  expect(text).toContain(`portage_event_duration_seconds_bucket{${labels},le="0.025"} 0\n`);
  expect(text).toContain(`portage_event_duration_seconds_bucket{${labels},le="0.05"} 1\n`);
  expect(text).toContain(`portage_event_duration_seconds_sum{${labels}} 0.04\n`);
});

describe("without the option", () => {
  test("sockets and adapters have the same functions as ever, and channels are not subscribed to", async () => {
    const bench = new Bench();
    const { socket } = await bench.join();
    expect(Object.getPrototypeOf(socket)).toBe(Socket.prototype);
    expect(Object.hasOwn(bench.io.sockets.adapter, "broadcast")).toBe(false);
    expect(TRACES.event.hasSubscribers).toBe(false);
    expect(tallyOf(bench)).not.toHaveProperty("events");
    const measured = await new Bench({ eventMetrics: [] }).join();
    expect(measured.socket).toBeInstanceOf(MeasuredSocket);
    expect(TRACES.event.hasSubscribers).toBe(false);
  });

  test("io.metrics() does not name them", () => {
    const io = new Server();
    io.attach(0);
    expect(io.metrics()).not.toContain("portage_event");
    expect(io.stats()).not.toHaveProperty("events");
    return io.close();
  });
});
