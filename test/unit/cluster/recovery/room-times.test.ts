import { describe, expect, test } from "vitest";
import { RoomTimes } from "../../../../packages/cluster/src/recovery/room-times.ts";

const at = (number: number, epoch = "ep-1") => ({ epoch, number });
const to = (rooms: string[], except: string[] = []) => ({ rooms: new Set(rooms), except: new Set(except) });

describe("a session receives", () => {
  const memberships = RoomTimes.start(["sid"], at(10));
  memberships.join("red", at(20));
  memberships.leave("red", at(30), 0);
  memberships.join("blue", at(25));
  memberships.join("red", at(40));

  test.each([
    ["what came before it", 10, to([]), false],
    ["the first event for all", 11, to([]), true],
    ["an event of its own", 11, to(["sid"]), true],
    ["the last event of a room before it joined", 20, to(["red"]), false],
    ["the first event of a room", 21, to(["red"]), true],
    ["the last event of a room before it left", 30, to(["red"]), true],
    ["an event of a room that it has left", 31, to(["red"]), false],
    ["the event before it joined again", 40, to(["red"]), false],
    ["an event after it joined again", 41, to(["red"]), true],
    ["an event of one of several rooms", 31, to(["red", "blue"]), true],
    ["an event of another room", 50, to(["green"]), false],
    ["an event for all but a room that it was in", 30, to([], ["red"]), false],
    ["an event for all but a room that it was not in", 31, to([], ["red"]), true],
    ["an event of a room but for itself", 50, to(["red"], ["sid"]), false],
  ])("%s: number %i", (_name, number, receivers, isReceived) => {
    expect(memberships.receives(number, receivers, "sid")).toBe(isReceived);
    const again = RoomTimes.from(memberships.toRecord(), 0);
    expect(again.receives(number, receivers, "sid")).toBe(isReceived);
  });
});

test("joining twice and leaving twice change nothing", () => {
  const memberships = RoomTimes.start(["sid"], at(1));
  memberships.join("red", at(2));
  memberships.join("red", at(5));
  memberships.leave("red", at(6), 0);
  memberships.leave("red", at(9), 0);
  expect(memberships.toRecord()).toMatchObject({ rooms: [["sid", 1]], past: [["red", 2, 6]] });
});

test("a room that was left before its first event leaves no trace", () => {
  const memberships = RoomTimes.start(["sid"], at(1));
  memberships.join("red", at(2));
  memberships.leave("red", at(2), 0);
  expect(memberships.toRecord().past).toEqual([]);
});

test("in a new epoch, a session is in its rooms from the first event on", () => {
  const memberships = RoomTimes.start(["sid"], at(50));
  memberships.join("red", at(60));
  memberships.leave("red", at(70), 0);
  memberships.join("blue", at(3, "ep-2"));
  expect(memberships.toRecord()).toEqual({
    epoch: "ep-2",
    rooms: [
      ["sid", 0],
      ["blue", 3],
    ],
    past: [],
    forgotten: 0,
  });
});

test("memberships of long ago are dropped, but not those of which the client may lack events", () => {
  const memberships = RoomTimes.start(["sid"], at(1));
  for (const [number, room] of ["a", "b", "c"].entries()) {
    memberships.join(room, at(number * 10 + 2));
    memberships.leave(room, at(number * 10 + 9), number * 100);
  }
  memberships.dropBefore(100);
  expect(memberships.toRecord().past).toEqual([
    ["b", 12, 19],
    ["c", 22, 29],
  ]);
  expect(memberships.forgotten).toBe(0);
});

test("beyond a bound, memberships are forgotten, and it is known up to where", () => {
  const memberships = RoomTimes.start(["sid"], at(0));
  for (let i = 0; i < 250; i++) {
    memberships.join(`room ${i}`, at(i * 2));
    memberships.leave(`room ${i}`, at(i * 2 + 1), 0);
  }
  expect(memberships.toRecord().past).toHaveLength(200);
  expect(memberships.forgotten).toBe(99);
  expect(RoomTimes.from(memberships.toRecord(), 0).forgotten).toBe(99);
});
