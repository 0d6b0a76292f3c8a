import type { Socket as ClientSocket } from "@portage/client";
import type { Server } from "@portage/server";
import { expect, test } from "vitest";
import type {
  ConnectionRow,
  ConnectionStory,
  EndedRow,
  History,
  OverviewView,
  Page,
  PageQuestion,
  ProblemRow,
} from "../../../packages/server/src/dashboard/wire.ts";
import { CLIENTS } from "../../support/clients.ts";
import { nextEvent, turn } from "../../support/waiting.ts";
import { FakeClock } from "../../unit/support/fake-clock.ts";
import type { BoardSocket } from "../../../packages/server/src/dashboard/sockets.ts";
import { ask, atEnd, openBoard, openPage } from "./support/board.ts";
import { gather } from "./support/crowd.ts";

const QUESTION: PageQuestion = { order: "natural", descending: false, filter: "", from: 0, count: 200 };

async function askPage(
  page: ClientSocket,
  question: Partial<PageQuestion> = {},
  view: "connections" | "members" = "connections",
): Promise<Page<ConnectionRow>> {
  return page.emitWithAck("page", view, { ...QUESTION, ...question });
}

const labelOf = (io: Server): void =>
  void io.use((socket, next) => {
    socket.data.name = `user-${String(socket.handshake.query["room"])}`;
    next();
  });

const LABEL = { label: (socket: { data: { name?: string } }) => socket.data.name };

test("natural order shows each connection once, at any place", async () => {
  const { io, host } = await openBoard(LABEL);
  labelOf(io);
  await gather(io, 2500);
  io.of("/other");
  const page = await openPage(host.port);
  const seen: string[] = [];
  for (let from = 0; from < 2600; from += 200) {
    const { rows, total, exact } = await askPage(page, { from });
    expect([total, exact]).toEqual([2500, true]);
    seen.push(...rows.map(({ label }) => label));
  }
  expect(seen).toEqual(Array.from({ length: 2500 }, (_, index) => `user-${index}`));
});

test("any other order shows the first 1,000", async () => {
  const { io, host } = await openBoard(LABEL);
  labelOf(io);
  await gather(io, 2500);
  const all = [...io.sockets.sockets.values()];
  all.forEach((socket, index) => {
    for (let room = 0; room < index % 7; room += 1) void socket.join(`room ${room}`);
  });
  const page = await openPage(host.port);
  const { rows, total, exact } = await askPage(page, { order: "rooms", descending: true });
  expect([rows.length, total, exact]).toEqual([200, 2500, false]);
  expect(new Set(rows.map(({ rooms }) => rooms))).toEqual(new Set([6]));
  const least = await askPage(page, { order: "rooms", from: 900 });
  expect([least.rows.length, least.rows[0]?.rooms]).toEqual([100, 2]);
  expect((await askPage(page, { order: "rooms", from: 1000 })).rows).toEqual([]);
  expect(await askPage(page, { order: "__proto__" })).toEqual({ error: "BAD_QUESTION" });
});

test.each<[filter: string, labels: readonly string[]]>([
  ["user-7", ["user-7"]],
  ["user:USER-3", ["user-3"]],
  ["room:lobby", ["user-1", "user-2"]],
  ["room:lobby user-2", ["user-2"]],
  ["transport:polling", []],
  ["slow:yes", []],
  ["rooms>0", ["user-1", "user-2"]],
  ["rev:3", []],
  ["address:10.", []],
  ["age<60 user-9", ["user-9"]],
  ["stuck:yes", []],
  ["nsp:/other", []],
  ["constructor:x", []],
])("the filter %j finds %j", async (filter, labels) => {
  const { io, host } = await openBoard(LABEL);
  labelOf(io);
  await gather(io, 10);
  const [, one, two] = io.sockets.sockets.values();
  void one?.join("lobby");
  void two?.join("lobby");
  const page = await openPage(host.port);
  const { rows, total } = await askPage(page, { filter });
  expect(rows.map(({ label }) => label)).toEqual(labels);
  expect(total).toBe(labels.length);
});

test("names that a program makes from ids of sessions have handles instead", async () => {
  const { io, host } = await openBoard({}, { allowEIO3: true });
  const old = CLIENTS["socket.io-client 2.5"]!(`http://127.0.0.1:${host.port}`, { transports: ["websocket"] });
  atEnd(() => old.disconnect());
  const [socket] = await nextEvent<[BoardSocket]>(io, "connection");
  const { id } = socket.conn;
  // With revision 3, both have the same id.
  expect(socket.id).toBe(id);
  await socket.join(`call_${id}-video`);
  io.to(`call_${id}-video`).emit(`answer:${id}`);
  await turn();
  const page = await openPage(host.port);
  const { handle } = (await askPage(page)).rows[0]!;
  const answers = async (): Promise<string> =>
    JSON.stringify([
      await page.emitWithAck("watch", "rooms", {}),
      await page.emitWithAck("watch", "events", {}),
      await page.emitWithAck("watch", "connection", { handle }),
    ]);
  const open = await answers();
  expect(open).not.toContain(id);
  expect(open).toContain(`"call_${handle}-video"`);
  expect(open).toContain(`"answer:${handle}"`);
  old.disconnect();
  await nextEvent(socket, "disconnect");
  expect(await answers()).not.toContain(id);
});

test("the members of a room, whose name may have spaces", async () => {
  const { io, host } = await openBoard(LABEL);
  labelOf(io);
  await gather(io, 5);
  const [first] = io.sockets.sockets.values();
  void first?.join("a room: with words");
  const page = await openPage(host.port);
  const { rows } = await askPage(page, { filter: "nsp:/ room:a room: with words" }, "members");
  expect(rows.map(({ label }) => label)).toEqual(["user-0"]);
  for (const view of ["members", "connections"] as const) {
    const filter = "nsp:/ room:a%20room:%20with%20words";
    expect((await askPage(page, { filter }, view)).total).toBe(1);
  }
  expect((await askPage(page, { filter: "nsp:/ room:none" }, "members")).rows).toEqual([]);
  expect(await askPage(page, { filter: "nsp:/none room:x" }, "members")).toEqual({ error: "UNKNOWN" });
});

test("a connection has one story, open and ended, without its secrets", async () => {
  const { io, host } = await openBoard(LABEL);
  labelOf(io);
  const [client] = await gather(io, 1);
  const [socket] = io.sockets.sockets.values();
  await socket?.join("lobby");
  const page = await openPage(host.port);
  const frames: string[] = [];
  page.onAny((...frame) => frames.push(JSON.stringify(frame)));
  const { handle } = (await askPage(page)).rows[0]!;
  const look = async (): Promise<ConnectionStory> => page.emitWithAck("watch", "connection", { handle });
  const story = await look();
  expect(story.row).toMatchObject({ handle, label: "user-0", state: "open", transport: "websocket", rooms: 1 });
  expect(story.sockets).toMatchObject([{ namespace: "/", rooms: ["lobby"], pendingAcks: 0, recovered: false }]);
  expect(story.timeline.map(({ kind }) => kind)).toEqual(["open", "join"]);
  expect(Object.fromEntries(story.handshake)).toMatchObject({ cookie: "(hidden)", "user-agent": "crowd" });
  expect(story.handshake[0]?.[1]).toBe("/socket.io/?EIO=4&transport=websocket&room=(hidden)");
  client?.leave();
  const after = await look();
  expect(after.row).toBeNull();
  expect(after.ended).toMatchObject({ handle, label: "user-0", code: expect.any(String), advice: expect.any(String) });
  expect(after.timeline.map(({ kind }) => kind)).toEqual(["open", "join", "end", "leave"]);
  const ended: EndedRow[] = await page.emitWithAck("watch", "ended", {});
  expect(ended).toMatchObject([{ handle, transport: "websocket" }]);
  expect(await page.emitWithAck("watch", "connection", { handle: "0123456789" })).toEqual({ error: "UNKNOWN" });
  const text = JSON.stringify([story, after, ended, frames]);
  for (const secret of [socket!.id, socket!.conn.id, "secret=1"]) expect(text).not.toContain(secret);
});

test("problems are grouped by code and minute", async () => {
  const { io, host } = await openBoard();
  for (let count = 0; count < 7; count += 1) await ask(host.port, "/socket.io/?EIO=4&transport=smoke");
  const clients = await gather(io, 2);
  for (const client of clients) client.send("?");
  while (io.stats().sessions.open > 0) await turn();
  const page = await openPage(host.port);
  const problems: ProblemRow[] = await page.emitWithAck("watch", "problems", {});
  expect(problems.map(({ kind, code, count }) => [kind, code, count])).toEqual([
    ["end", "INVALID_MESSAGE", 2],
    ["refusal", "UNKNOWN_TRANSPORT", 7],
  ]);
  for (const { advice, sentence } of problems) expect([advice, sentence]).not.toContain("");
  expect(problems[1]?.subjects).toEqual(["127.0.0.0/24"]);
  expect(problems[0]?.subjects).toHaveLength(2);
  const overview: OverviewView = await page.emitWithAck("watch", "overview", {});
  expect(overview.ends.find(({ total }) => total > 0)).toMatchObject({
    code: "INVALID_MESSAGE",
    total: 2,
    abnormal: true,
  });
  expect(overview.limits.map(({ name }) => name)).toContain("maxHttpBufferSize");
});

test("a server beside this one leaves no records here", async () => {
  const { host } = await openBoard();
  const other = await openBoard({ path: "/other" }, { path: "/other.io" });
  const [client] = await gather(other.io, 1);
  client?.send("?");
  await ask(other.host.port, "/other.io/?EIO=4&transport=smoke");
  const page = await openPage(host.port);
  expect(await page.emitWithAck("watch", "problems", {})).toEqual([]);
  expect(await page.emitWithAck("watch", "ended", {})).toEqual([]);
});

test("the history has a value for each second, and for each minute the least, the greatest and the mean", async () => {
  const clock = new FakeClock();
  let value = 0;
  const { host } = await openBoard({ gauges: { value: () => (value += 1) } }, { clock });
  for (let second = 0; second < 120; second += 1) clock.advance(1000);
  const page = await openPage(host.port);
  const read = async (step: "1s" | "1m"): Promise<{ history: History; numbers: number[] }> => {
    const history: History = await page.emitWithAck("history", ["value"], step);
    const bytes = Uint8Array.from(history.values);
    return { history, numbers: [...new Float32Array(bytes.buffer)] };
  };
  const seconds = await read("1s");
  expect([seconds.history.count, seconds.history.step]).toEqual([120, 1000]);
  expect(seconds.numbers).toEqual(Array.from({ length: 120 }, (_, index) => index + 1));
  const minutes = await read("1m");
  expect([minutes.history.count, minutes.history.step]).toEqual([2, 60_000]);
  expect(minutes.numbers).toEqual([1, 61, 60, 120, 30.5, 90.5]);
  expect(await page.emitWithAck("history", ["nothing"], "1s")).toEqual({ error: "UNKNOWN" });
});

test("views that this server does not have are answered", async () => {
  const { host } = await openBoard();
  const page = await openPage(host.port);
  expect(await page.emitWithAck("tap", "0123456789")).toMatchObject({ error: expect.any(String) });
  expect(await page.emitWithAck("watch", "cluster", {})).toEqual({ error: "UNKNOWN" });
});
