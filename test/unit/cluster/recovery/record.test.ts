import { describe, expect, test } from "vitest";
import { decodeRecord, encodeState, encodeRecord } from "../../../../packages/cluster/src/recovery/record.ts";

const HEAD = {
  sid: "sid",
  start: { epoch: "ep-1", number: 5 },
  memberships: { epoch: "ep-1", rooms: [["sid", 5] as const], past: [["red", 6, 7] as const], forgotten: 2 },
};
const BYTES = encodeRecord(HEAD, encodeState({ user: 1 }));
const WITH_ANSWERS = encodeRecord(HEAD, encodeState({ user: 1 }), encodeState([[1]]));

test("a record is read as it was written, with bytes in its data", () => {
  const data = { deep: [Buffer.from([0, 255])], text: "ü" };
  expect(decodeRecord(encodeRecord(HEAD, encodeState(data)))).toEqual({ ...HEAD, data });
});

test("a record has the answers of events that its client may repeat", () => {
  const answers = [[1], [2, "3[1]", Buffer.from([0])]];
  const record = encodeRecord(HEAD, encodeState("data"), encodeState(answers));
  expect(decodeRecord(record)).toEqual({ ...HEAD, data: "data", answers });
});

test.each([null, undefined, 7, "text", [], {}])("data may be anything: %j", (data) => {
  expect(decodeRecord(encodeRecord(HEAD, encodeState(data)))?.data).toEqual(data);
});

describe("a malformed record is refused", () => {
  test("cut anywhere", () => {
    for (let length = 0; length < WITH_ANSWERS.length; length++) {
      // Without answers, it is complete.
      if (length === BYTES.length) continue;
      expect(decodeRecord(WITH_ANSWERS.subarray(0, length)), String(length)).toBeUndefined();
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
    expect(decodeRecord(encodeRecord(head as never, encodeState(1)))).toBeUndefined();
  });
});
