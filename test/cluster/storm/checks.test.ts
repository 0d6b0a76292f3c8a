import { expect, test } from "vitest";
import { endsWithoutCode, faultsOfReceipts, faultsOfRooms, faultsOfUps, inversions, returnsOf } from "./checks.ts";
import { type ClientJournal, type JournalLine, type Journals, parseJournal, type SentEvent } from "./journal.ts";

// The checker of the runs: what it must not overlook.

const rooms = ["red", "green"];

const lifeOf = (life: string, lines: readonly JournalLine[], isKilled = false) => ({ life, lines, isKilled });

/** Events of a sender, numbered from 0. */
const sent = (...targets: readonly Partial<SentEvent>[]): SentEvent[] =>
  targets.map((target, n) => ({ is: "sent", n, at: n, ...target }));

/** A client with one session. Each receipt: life, number, offset. */
const clientOf = (id: number, ...got: readonly (string | number)[][]): ClientJournal => ({
  id,
  kind: "4.8 polling",
  sessions: [{ sid: `sid${id}`, at: 0, recoveries: 1, got: got.flat() }],
  faults: [],
  answered: [],
  sent: 0,
  isConnected: true,
  pids: [],
});

const TO_ALL = sent({}, {}, {});
const journalsOf = (lines: readonly JournalLine[], ...clients: readonly ClientJournal[]): Journals => ({
  rooms,
  lives: [lifeOf("A0", lines), lifeOf("B0", TO_ALL)],
  clients,
});

const sentences = (journals: Journals): string[] =>
  faultsOfReceipts(journals).map((fault) => fault.slice(fault.lastIndexOf(": ") + 2));

test("all events in order are not a fault", () => {
  const early = ["A0", 0, "abcd1"];
  const late = [
    ["A0", 1, "abcd2"],
    ["A0", 2, "abcd3"],
  ];
  expect(sentences(journalsOf(TO_ALL, clientOf(0, early, ...late), clientOf(1, ...late)))).toEqual([]);
});

test("a gap of a sender is found, also without offsets", () => {
  expect(sentences(journalsOf(TO_ALL, clientOf(0, ["A0", 0, "-"], ["A0", 2, "-"])))).toEqual([
    "A0#1 is missing before 2 of 3",
  ]);
});

test("events for other rooms and sockets are not missed", () => {
  const lines = sent({ room: "red" }, { room: "green" }, { but: "red" }, { sid: "sid1" }, { room: "red" });
  const red = clientOf(0, ["A0", 0, "abcd1"], ["A0", 4, "abcd5"]);
  const green = clientOf(1, ["A0", 1, "abcd2"], ["A0", 2, "abcd3"], ["A0", 3, "abcd4"]);
  expect(sentences(journalsOf(lines, red, green))).toEqual([]);
});

test("an event for another room is found", () => {
  expect(sentences(journalsOf(sent({ room: "green" }), clientOf(0, ["A0", 0, "abcd1"])))).toEqual([
    "A0#0 was not for it",
  ]);
});

test("an event that comes twice or late is found", () => {
  const twice = clientOf(0, ["A0", 0, "-"], ["A0", 0, "-"]);
  const late = clientOf(1, ["A0", 1, "-"], ["A0", 0, "-"]);
  expect(sentences(journalsOf(TO_ALL, twice, late))).toEqual(["A0#0 twice", "A0#0 after 1"]);
});

test("the last event of a sender that another client has got is missing", () => {
  const has = clientOf(0, ["A0", 0, "abcd1"], ["A0", 1, "abcd2"], ["B0", 0, "abcd3"]);
  const hasNot = clientOf(1, ["A0", 0, "abcd1"], ["B0", 0, "abcd3"]);
  expect(sentences(journalsOf(TO_ALL, has, hasNot))).toEqual(["A0#1 at place 2 is missing"]);
});

test("two events at one place, and places that do not rise, are found", () => {
  const one = clientOf(0, ["A0", 0, "abcd1"], ["B0", 0, "abcd1"]);
  expect(sentences(journalsOf(TO_ALL, one))).toEqual(["abcd 1 is also B0#0", "place 1 after 1"]);
});

test("two clients with opposite orders are found, unless a node was without the log", () => {
  const one = clientOf(0, ["A0", 0, "abcd1"], ["B0", 0, "abcd2"]);
  const other = clientOf(1, ["B0", 0, "abcd1"], ["A0", 0, "abcd2"]);
  expect(inversions(journalsOf(TO_ALL, one, other)).sort()).toEqual(["A0#0", "B0#0"]);
  const degraded = clientOf(1, ["B0", 0, "-"], ["A0", 0, "abcd2"]);
  expect(inversions(journalsOf(TO_ALL, one, degraded))).toEqual([]);
});

test("failed returns are counted by reason", () => {
  const up = { is: "up", sid: "sid0", client: 0, at: 0 } as const;
  const lines: JournalLine[] = [
    { ...up, isReturn: false, recovered: false },
    { ...up, isReturn: true, recovered: true },
    { ...up, isReturn: true, recovered: false, code: "RECOVERY_EPOCH" },
    { ...up, isReturn: true, recovered: false },
  ];
  expect(returnsOf(journalsOf(lines))).toEqual({
    count: 3,
    recovered: 1,
    refused: { RECOVERY_EPOCH: 1, "without a code": 1 },
  });
});

test("an event of a client that arrives twice is a fault, unless its first node was killed", () => {
  const got = (at: number): JournalLine => ({ is: "got", sid: "sid0", client: 0, n: 0, at });
  const client = { ...clientOf(0), answered: [0, 1], sent: 2 };
  const lives = (isKilled: boolean) => [lifeOf("A0", [got(1)], isKilled), lifeOf("B0", [got(2)])];
  const missing = "client 0: event 1 has not arrived";
  expect(faultsOfUps({ rooms, lives: lives(true), clients: [client] })).toEqual([missing]);
  expect(faultsOfUps({ rooms, lives: lives(false), clients: [client] })).toEqual([
    "client 0: event 0 of sid0 on A0 and B0",
    missing,
  ]);
});

test("a socket that is not where it moved to is found, unless the move was not finished", () => {
  const move = (is: "moving" | "moved", sid: string, n: number, isIn: boolean): JournalLine => {
    return { is, sid, n, isIn, at: n };
  };
  const journals = journalsOf([
    move("moving", "in", 1, true),
    move("moved", "in", 1, true),
    move("moving", "out", 2, true),
    move("moving", "out", 3, false),
    move("moved", "out", 3, false),
    move("moved", "out", 2, true),
    move("moving", "doubtful", 4, true),
    move("moved", "doubtful", 4, true),
    move("moving", "doubtful", 5, false),
    move("moving", "gone", 6, true),
    move("moved", "gone", 6, true),
  ]);
  const at = (isIn: boolean) => new Map(["in", "out", "doubtful"].map((sid) => [sid, isIn]));
  expect(faultsOfRooms(journals, at(true))).toEqual(["out is in the room"]);
  expect(faultsOfRooms(journals, at(false))).toEqual(["in is not in the room"]);
});

test("an end without a code is found, and half a line is not read", () => {
  const text = '{"is":"down","sid":"sid0","reason":"transport close","at":1}\n{"is":"do';
  expect(endsWithoutCode(journalsOf(parseJournal(text)))).toEqual(["sid0: transport close"]);
});
