import { describe, expect, test } from "vitest";
import { decodeRecord, encodeData, encodeRecord } from "../../../../packages/cluster/src/recovery/record.ts";

const HEAD = {
  sid: "sid",
  start: { epoch: "ep-1", number: 5 },
  memberships: { epoch: "ep-1", rooms: [["sid", 5] as const], past: [["red", 6, 7] as const], forgotten: 2 },
};
const BYTES = encodeRecord(HEAD, encodeData({ user: 1 }));

test("a record is read as it was written, with bytes in its data", () => {
  const data = { deep: [Buffer.from([0, 255])], text: "ü" };
  expect(decodeRecord(encodeRecord(HEAD, encodeData(data)))).toEqual({ ...HEAD, data });
});

test.each([null, undefined, 7, "text", [], {}])("data may be anything: %j", (data) => {
  expect(decodeRecord(encodeRecord(HEAD, encodeData(data)))?.data).toEqual(data ?? null);
});

describe("a malformed record is refused", () => {
  test("cut anywhere", () => {
    for (let length = 0; length < BYTES.length; length++) {
      expect(decodeRecord(BYTES.subarray(0, length)), String(length)).toBeUndefined();
    }
  });

  test("of another version", () => {
    const other = Buffer.from(BYTES);
    other[0] = 2;
    expect(decodeRecord(other)).toBeUndefined();
  });

  test.each([
    [],
    {},
    { ...HEAD, sid: 1 },
    { ...HEAD, start: {} },
    { ...HEAD, start: { epoch: "ep-1", number: -1 } },
    { ...HEAD, start: { epoch: 1, number: 1 } },
    { ...HEAD, memberships: {} },
    { ...HEAD, memberships: { ...HEAD.memberships, rooms: [["sid"]] } },
    { ...HEAD, memberships: { ...HEAD.memberships, rooms: [["sid", "5"]] } },
    { ...HEAD, memberships: { ...HEAD.memberships, past: [[{}, 1, 2]] } },
    { ...HEAD, memberships: { ...HEAD.memberships, forgotten: null } },
  ])("with another head: %j", (head) => {
    expect(decodeRecord(encodeRecord(head as never, encodeData(1)))).toBeUndefined();
  });
});
