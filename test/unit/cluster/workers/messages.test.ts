import { expect, test } from "vitest";
import { type WorkerMessage, readMessage, writeMessage } from "../../../../packages/cluster/src/workers/messages.ts";
import { TagTable } from "../../../../packages/cluster/src/workers/tag-table.ts";

const request = { method: "GET", url: "/", httpVersion: "1.1", rawHeaders: ["Host", "a"], head: "" };
const MESSAGES: readonly WorkerMessage[] = [
  { name: "began" },
  { name: "ready" },
  { name: "leave", drain: 10 },
  { name: "hello" },
  { name: "primary" },
  { name: "join", tag: "a-_9" },
  { name: "part", tag: "abcd" },
  { name: "pass", id: 1, tag: "abcd", request },
  { name: "take", id: 1, tag: "abcd", request, front: 2 },
  { name: "taken", id: 1, front: 2 },
  { name: "missed", id: 1, front: 2 },
];

test.each(MESSAGES)("$name survives the channel", (message) => {
  expect(readMessage(JSON.parse(JSON.stringify(writeMessage(message))))).toEqual(message);
});

const KEY = Object.keys(writeMessage({ name: "ready" }))[0] as string;

test.each([
  undefined,
  null,
  "ready",
  7,
  [],
  {},
  { type: "process:msg" },
  { [KEY]: "constructor" },
  { [KEY]: 7 },
  { [KEY]: "leave" },
  { [KEY]: "leave", drain: -1 },
  { [KEY]: "leave", drain: "10" },
  { [KEY]: "join", tag: "abc" },
  { [KEY]: "join", tag: "abcde" },
  { [KEY]: "join", tag: ["abcd"] },
  { [KEY]: "taken", id: 1 },
  { [KEY]: "taken", id: 1.5, front: 2 },
  { [KEY]: "pass", id: 1, tag: "abcd" },
  { [KEY]: "pass", id: 1, tag: "abcd", request: null },
  { [KEY]: "pass", id: 1, tag: "abcd", request: { ...request, url: 7 } },
  { [KEY]: "pass", id: 1, tag: "abcd", request: { ...request, rawHeaders: ["a", 7] } },
  { [KEY]: "pass", id: 1, tag: "abcd", request: { ...request, rawHeaders: "ab" } },
  { [KEY]: "pass", id: 1, tag: "abcd", request: { ...request, head: "x".repeat(200_000) } },
])("ignores %j", (received) => {
  expect(readMessage(received)).toBeUndefined();
});

test("tags belong to the worker that joined with them last, until it parts or ends", () => {
  const table = new TagTable();
  table.join("aaaa", 1);
  table.join("bbbb", 1);
  table.join("cccc", 2);
  expect([table.owner("aaaa"), table.owner("cccc"), table.owner("dddd")]).toEqual([1, 2, undefined]);
  table.join("aaaa", 2);
  table.part("aaaa", 1);
  expect(table.owner("aaaa")).toBe(2);
  table.remove(1);
  expect([table.owner("aaaa"), table.owner("bbbb")]).toEqual([2, undefined]);
  table.part("aaaa", 2);
  table.remove(2);
  expect(table.size).toBe(0);
});

test("a worker has 64 tags at most", () => {
  const table = new TagTable();
  for (let index = 0; index < 100; index += 1) table.join(String(1000 + index), 1);
  expect(table.size).toBe(64);
});
