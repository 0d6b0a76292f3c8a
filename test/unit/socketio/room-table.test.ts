import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import {
  membersOf,
  pruneMember,
  RoomTable,
  memberCount,
} from "../../../packages/server/src/socketio/adapter/room-table.ts";

function tableOf(content: Record<string, string[]>): RoomTable {
  const table = new RoomTable();
  for (const [key, members] of Object.entries(content)) for (const member of members) table.add(key, member);
  return table;
}

const plain = (table: RoomTable): Record<string, string[]> =>
  Object.fromEntries([...table].map(([key, members]) => [key, [...members]]));

describe("a member", () => {
  test("is there once", () => {
    const table = new RoomTable();
    expect([table.add("a", "1"), table.add("a", "1"), table.add("a", "2"), table.add("a", "2")]).toEqual([
      true,
      false,
      true,
      false,
    ]);
    expect(plain(table)).toEqual({ a: ["1", "2"] });
  });

  test("can be taken away, and leaves an empty Set", () => {
    const table = tableOf({ one: ["1"], two: ["1", "2"] });
    expect(table.remove("one", "other")).toBe(false);
    expect(table.remove("missing", "1")).toBe(false);
    expect(table.isEmpty("one")).toBe(false);
    expect(table.remove("one", "1")).toBe(true);
    expect(table.isEmpty("one")).toBe(true);
    expect(table.has("one")).toBe(true);
    expect(table.remove("two", "1")).toBe(true);
    expect(table.isEmpty("two")).toBe(false);
    expect(table.isEmpty("missing")).toBe(false);
    expect(plain(table)).toEqual({ one: [], two: ["2"] });
  });

  test.each([
    ["of its own", tableOf({ one: ["1"], two: ["1", "2"], none: ["1"] })],
    ["of the program", new Map(Object.entries({ one: new Set("1"), two: new Set("12"), none: new Set("1") }))],
  ])("can be taken away together with what it leaves empty, in a table %s", (_whose, table) => {
    table.get("none")?.clear();
    for (const key of ["one", "two", "missing", "none"]) pruneMember(table, key, "other");
    expect([...table.keys()]).toEqual(["one", "two"]);
    for (const key of ["one", "two"]) pruneMember(table, key, "1");
    expect([...table]).toEqual([["two", new Set(["2"])]]);
    pruneMember(table, "two", "2");
    expect(table.size).toBe(0);
  });

  test("is found by those who only look", () => {
    const table = tableOf({ one: ["1"], two: ["1", "2"] });
    expect([...table.membersOf("one")]).toEqual(["1"]);
    expect([...table.membersOf("two")]).toEqual(["1", "2"]);
    expect([...table.membersOf("missing")]).toEqual([]);
  });
});

describe("like a Map", () => {
  test("get() returns the stored Set", () => {
    const table = tableOf({ one: ["1"] });
    const members = table.get("one");
    expect(members).toBeInstanceOf(Set);
    table.add("one", "2");
    expect(members).toEqual(new Set(["1", "2"]));
    members?.delete("1");
    expect([...table.membersOf("one")]).toEqual(["2"]);
    expect(table.get("missing")).toBeUndefined();
  });

  test("all ways to go through it give Sets", () => {
    const content = { one: ["1"], two: ["1", "2"] };
    const sets = [new Set(["1"]), new Set(["1", "2"])];
    expect([...tableOf(content).values()]).toEqual(sets);
    expect([...tableOf(content).entries()]).toEqual([
      ["one", sets[0]],
      ["two", sets[1]],
    ]);
    const seen: unknown[] = [];
    const self = {};
    const table = tableOf(content);
    table.forEach(function (this: unknown, members, key, map) {
      seen.push([key, members, map === table, this === self]);
    }, self);
    expect(seen).toEqual([
      ["one", sets[0], true, true],
      ["two", sets[1], true, true],
    ]);
    expect(new Map(tableOf(content)).get("one")).toEqual(sets[0]);
    expect(tableOf(content)).toBeInstanceOf(Map);
    expect(tableOf(content).size).toBe(2);
  });

  test("keys may be deleted during an iteration", () => {
    const table = tableOf({ one: ["1"], two: ["2"], three: ["3"] });
    for (const [key] of table) table.delete(key === "one" ? "two" : key);
    expect(plain(table)).toEqual({ one: ["1"] });
  });

  test("it is printed as one", () => {
    expect(inspect(tableOf({ one: ["1"] }))).toBe("Map(1) { 'one' => Set(1) { '1' } }");
  });
});

describe("a Set that a program has read", () => {
  const held = (): { table: RoomTable; set: Set<string> } => {
    const table = tableOf({ a: ["1"] });
    return { table, set: table.get("a") as Set<string> };
  };

  test("is the same one for as long as it is held", () => {
    const { table, set } = held();
    expect(table.get("a")).toBe(set);
    expect([...table.values()][0]).toBe(set);
  });

  test("changes with the table", () => {
    const { table, set } = held();
    table.add("a", "2");
    expect([...set]).toEqual(["1", "2"]);
    table.remove("a", "1");
    table.remove("a", "2");
    expect([...set]).toEqual([]);
    table.add("a", "3");
    expect([...set]).toEqual(["3"]);
  });

  test("is empty when its only member has left, and has nothing to do with a key that comes again", () => {
    const { table, set } = held();
    table.prune("a", "1");
    expect([set.size, table.has("a")]).toEqual([0, false]);
    table.add("a", "2");
    set.add("3");
    expect(plain(table)).toEqual({ a: ["2"] });
  });

  test.each<[string, (set: Set<string>) => unknown, string[]]>([
    ["add()", (set) => set.add("2"), ["1", "2"]],
    ["delete()", (set) => set.delete("1"), []],
    ["clear()", (set) => set.clear(), []],
  ])("changes the table when the program calls its %s", (_name, change, members) => {
    const { table, set } = held();
    change(set);
    expect(plain(table)).toEqual({ a: members });
    expect(table.get("a")).toBe(set);
  });

  test("stays as it is when the key is deleted or set", () => {
    const { table, set } = held();
    table.set("a", new Set(["2"]));
    expect([...set]).toEqual(["1"]);
    expect(plain(table)).toEqual({ a: ["2"] });
    table.delete("a");
    expect(table.get("a")).toBeUndefined();
  });

  test("equals a common Set", () => {
    expect(held().set).toEqual(new Set(["1"]));
  });
});

describe("reading sizes and members", () => {
  test("makes no Set of a key with one member", () => {
    const table = tableOf({ one: ["1"], two: ["1", "2"] });
    expect(["one", "two", "none"].map((key) => memberCount(table, key))).toEqual([1, 2, 0]);
    expect([...membersOf(table, "one")]).toEqual(["1"]);
    expect(Map.prototype.get.call(table, "one")).toBe("1");
    for (const key of table.keys()) memberCount(table, key);
    expect(Map.prototype.get.call(table, "one")).toBe("1");
  });

  test("works with the Map of a program as well", () => {
    expect(memberCount(new Map([["a", new Set(["1"])]]), "a")).toBe(1);
    expect(memberCount(new Map(), "a")).toBe(0);
  });
});
