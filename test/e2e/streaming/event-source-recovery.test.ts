/*
 * Pages that return: a browser sends the id of the last event, and gets what it has missed, once and in order.
 */
import type { Socket } from "@portage/server";
import { localCluster } from "@portage/cluster";
import { describe, expect, test } from "vitest";
import type { StreamEvent } from "../../support/peers/event-source.ts";
import { startCluster } from "../../support/servers/cluster.ts";
import { portage } from "../../support/targets.ts";
import { nextEvent } from "../../support/waiting.ts";
import { atEnd, readAt, station, type Station } from "./readers.ts";
import { runCuts } from "./cuts.ts";

const recovering = (): Promise<Station> => station({ connectionStateRecovery: {} });

describe("recovery", () => {
  test("each event has an id; a page that returns gets what it missed, in its rooms", async () => {
    const { io, read } = await recovering();
    io.on("connection", (socket) => !socket.recovered && socket.join("room"));
    const first = read();
    const { id } = await first.event("connect");
    expect(id).toMatch(/^[\w-]{20}\.$/);
    io.emit("n", 1);
    io.to("room").emit("n", 2, "text");
    await first.event("n");
    const { data } = await first.event("n");
    expect(JSON.parse(data)).toEqual([2, "text"]);
    first.cut();
    const gone = first.ended;
    io.emit("n", 3);
    io.to("room").emit("n", 4, "at the end");
    io.to("elsewhere").emit("n", 5);
    await gone;
    const second = read("", { "last-event-id": first.parser.lastEventId });
    const events: StreamEvent[] = [];
    while (events.length < 3) events.push((await second.next()) as StreamEvent);
    const got = events.filter(({ name }) => name === "n");
    expect(got.map((event) => JSON.parse(event.data) as unknown)).toEqual([3, [4, "at the end"]]);
    const hello = events.find(({ name }) => name === "connect");
    expect([hello?.id, JSON.parse(hello!.data)]).toMatchObject([undefined, { recovered: true }]);
    expect(second.parser.lastEventId).toBe(got.at(-1)?.id);
  });

  test("a page that missed more than the soft limit resumes from any of it", async () => {
    const { io, read } = await station({ connectionStateRecovery: {}, slowReader: { soft: 1000 } });
    const first = read();
    await first.event("connect");
    first.cut();
    await first.ended;
    for (let number = 0; number < 30; number += 1) io.emit("n", number, "x".repeat(100));
    const got: number[] = [];
    let { lastEventId } = first.parser;
    for (let page = 0; page < 3; page += 1) {
      const reader = read("", { "last-event-id": lastEventId });
      for (let each = 0; each < 10; each += 1) {
        const { id, data } = await reader.event("n");
        got.push((JSON.parse(data) as [number])[0]);
        lastEventId = id ?? lastEventId;
      }
      reader.cut();
    }
    expect(got).toEqual(Array.from({ length: 30 }, (_, number) => number));
  });

  test("before its first event, too; and while the server has not noticed that it left", async () => {
    const { io, read } = await recovering();
    const first = read();
    await first.event("connect");
    const end = first.rest();
    io.emit("n", 1);
    const second = read("", { "last-event-id": first.parser.lastEventId.replace(/\..*/, ".") });
    expect(JSON.parse((await second.event("n")).data)).toBe(1);
    await end;
    expect(io.engine.clientsCount).toBe(1);
  });

  test("the header is newer than the parameter, which a browser repeats", async () => {
    const { io, read } = await recovering();
    const first = read();
    const { id: start = "" } = await first.event("connect");
    io.emit("n", 1);
    const { id: one = "" } = await first.event("n");
    first.cut();
    const second = read(`&last_event_id=${start}`);
    expect(JSON.parse((await second.event("n")).data)).toBe(1);
    second.cut();
    const third = read(`&last_event_id=${start}`, { "last-event-id": one });
    io.emit("n", 2);
    expect(JSON.parse((await third.event("n")).data)).toBe(2);
  });

  test("a volatile event has no id and loses no argument; nor has a question", async () => {
    const { io, read } = await recovering();
    const reader = read();
    await reader.event("connect");
    io.volatile.emit("v", 1, 2);
    const plain = await reader.event("v");
    io.volatile.emit("v", "text");
    const text = await reader.event("v");
    io.timeout(1000).emit("ask", "text", () => {});
    const asked = await reader.event("ask");
    expect([plain, asked].map(({ id, data }) => [id, JSON.parse(data)])).toEqual([
      [undefined, [1, 2]],
      [undefined, "text"],
    ]);
    expect(JSON.parse(text.data)).toBe("text");
  });

  test("what a program emits to a page alone has an id, unless it is not kept", async () => {
    const { io, read } = await recovering();
    const connection = nextEvent<[Socket]>(io, "connection");
    const reader = read();
    const [socket] = await connection;
    socket.emit("n", "text");
    expect(await reader.event("n")).toMatchObject({ data: '"text"', id: expect.stringMatching(/^.{20}\../) as string });
    socket.volatile.emit("v", 1);
    expect(await reader.event("v")).toMatchObject({ data: "1", id: undefined });
  });
});

test("on another node of a cluster", async () => {
  const name = `pages-${process.pid}`;
  const end = (): Promise<void> => Promise.resolve();
  const bus = { adapter: () => Promise.resolve({ options: { cluster: localCluster({ name }) }, end }) };
  const options = { transports: ["polling", "websocket", "sse"], connectionStateRecovery: {} } as const;
  const cluster = await startCluster(bus, [portage, portage], options);
  atEnd(() => cluster.stop());
  const [one, two] = cluster.nodes;
  const path = "/socket.io/?transport=sse";
  const portOf = ({ url }: { url: string }): number => Number(new URL(url).port);
  const first = readAt(portOf(one), path);
  await first.event("connect");
  two.io.emit("n", "text");
  expect(JSON.parse((await first.event("n")).data)).toBe("text");
  first.cut();
  await first.ended;
  one.io.emit("n", 2);
  const second = readAt(portOf(two), path, { "last-event-id": first.parser.lastEventId });
  const got = [await second.next(), await second.next()] as StreamEvent[];
  const dataOf = (wanted: string): unknown => JSON.parse(got.find((event) => event.name === wanted)?.data ?? "null");
  expect([dataOf("n"), dataOf("connect")]).toMatchObject([2, { recovered: true }]);
});

test("a page whose connection is cut again and again under load misses nothing", async () => {
  const outcome = await runCuts({ seed: 1, readers: 4, cuts: 40, bytes: 3000, pace: 2 });
  expect(outcome).toMatchObject({ gaps: 0, doubled: 0, reordered: 0, fresh: 0 });
  expect(outcome.cuts).toBeGreaterThanOrEqual(40);
});
