import { expect, test } from "vitest";
import { formatOffset, parseOffset } from "../../../../packages/cluster/src/order/offset.ts";

test.each([
  [{ epoch: "aZ-_", number: 0 }, "aZ-_0"],
  [{ epoch: "0000", number: 35 }, "0000z"],
  [{ epoch: "abcd", number: Number.MAX_SAFE_INTEGER }, "abcd2gosa7pa2gv"],
])("an offset says %o", (position, offset) => {
  expect(formatOffset(position)).toBe(offset);
  expect(parseOffset(offset)).toEqual(position);
});

test.each(["", "abcd", "abc1", "abcd!", "abcdZ", 'ab"d1', "abcd1\n", "abcdzzzzzzzzzzz", "abcd-1", "abcd1.5", "äbcd1"])(
  "%j is not an offset",
  (offset) => expect(parseOffset(offset)).toBeUndefined(),
);
