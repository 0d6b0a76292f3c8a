import { describe, expect, it } from "vitest";
import { asksForCount, Ledger, readCount } from "@portage/parser/engine";

const LIMITS = { maxBytes: 1000, maxPackets: 100 };
const sizeOf = (text: string): number => text.length;

function ledgerOf(...texts: string[]): Ledger<string> {
  const ledger = new Ledger(LIMITS, sizeOf);
  for (const text of texts) ledger.sent(text);
  return ledger;
}

describe("a ledger of sent messages", () => {
  it("keeps unconfirmed messages, in order", () => {
    const ledger = ledgerOf("a", "bb", "ccc");
    expect([ledger.total, ledger.unconfirmed, ledger.unconfirmedBytes]).toEqual([3, 3, 6]);
    expect(ledger.confirm(1)).toBe(true);
    expect([ledger.unconfirmed, ledger.unconfirmedBytes]).toEqual([2, 5]);
    expect(ledger.rewind(1)).toEqual(["bb", "ccc"]);
  });

  it.each([
    ["the same count again", 1],
    ["an older count", 0],
    ["a count from the future", 4],
    ["a negative count", -1],
    ["a count that is not a number", Number.NaN],
  ])("ignores %s", (_, count) => {
    const ledger = ledgerOf("a", "b", "c");
    ledger.confirm(1);
    expect(ledger.confirm(count)).toBe(false);
    expect(ledger.unconfirmed).toBe(2);
  });

  it.each([0, 1, 2, 3])("takes back all messages after the first %i", (count) => {
    expect(ledgerOf("a", "b", "c").rewind(count)).toEqual(["a", "b", "c"].slice(count));
  });

  it.each([-1, 4, Number.NaN])("can't take back the messages after the first %d of three", (count) => {
    const ledger = ledgerOf("a", "b", "c");
    expect(ledger.reaches(count)).toBe(false);
    expect(ledger.rewind(count)).toBeUndefined();
    expect(ledger.unconfirmed).toBe(3);
  });

  it("counts rewound packets as not sent", () => {
    const ledger = ledgerOf("a", "b");
    ledger.rewind(1);
    expect([ledger.unconfirmed, ledger.unconfirmedBytes]).toEqual([0, 0]);
    ledger.sent("b");
    ledger.sent("c");
    expect(ledger.rewind(2)).toEqual(["c"]);
  });

  it("forgets the oldest messages beyond the limit of packets", () => {
    const ledger = new Ledger({ maxBytes: 1000, maxPackets: 2 }, sizeOf);
    expect(["a", "b", "c"].map((text) => ledger.sent(text))).toEqual([true, true, false]);
    expect(ledger.reaches(0)).toBe(false);
    expect(ledger.rewind(1)).toEqual(["b", "c"]);
  });

  it("forgets the oldest messages beyond the limit of bytes, but keeps the last one", () => {
    const ledger = new Ledger({ maxBytes: 4, maxPackets: 10 }, sizeOf);
    expect(["aa", "bb", "c", "ddddd"].map((text) => ledger.sent(text))).toEqual([true, true, false, false]);
    expect([ledger.unconfirmed, ledger.unconfirmedBytes]).toEqual([1, 5]);
    expect([2, 3, 4, 5].map((count) => ledger.reaches(count))).toEqual([false, true, true, false]);
  });
});

describe("a ledger of received messages", () => {
  it("asks for a report after the first message, and after the first that follows a death", () => {
    const ledger = ledgerOf();
    expect(ledger.received(1)).toBe(true);
    ledger.report();
    expect(ledger.received(1)).toBe(false);
    ledger.rewind(0);
    expect(ledger.received(1)).toBe(true);
  });

  it("asks for a report after 256 messages", () => {
    const ledger = ledgerOf();
    ledger.received(0);
    ledger.report();
    const due = Array.from({ length: 512 }, () => {
      const isDue = ledger.received(1);
      if (isDue) ledger.report();
      return isDue;
    });
    expect(due.flatMap((isDue, index) => (isDue ? [index + 1] : []))).toEqual([256, 512]);
    expect(ledger.report()).toBe(513);
  });

  it("asks for a report after 64 KiB", () => {
    const ledger = ledgerOf();
    ledger.received(0);
    ledger.report();
    expect(ledger.received(65_535)).toBe(false);
    expect(ledger.received(1)).toBe(true);
    expect(ledger.report()).toBe(3);
    expect(ledger.received(65_535)).toBe(false);
  });
});

it.each([
  ["0", 0, false],
  ["12", 12, false],
  ["12?", 12, true],
  ["999999999999999", 999_999_999_999_999, false],
  ["", Number.NaN, false],
  ["?", Number.NaN, true],
  ["-1", Number.NaN, false],
  ["1.5", Number.NaN, false],
  ["1e3", Number.NaN, false],
  ["probe", Number.NaN, false],
  ["9999999999999999", Number.NaN, false],
  [undefined, Number.NaN, false],
])("reads the count %j", (data, count, asks) => {
  expect(readCount(data)).toBe(count);
  expect(asksForCount(data)).toBe(asks);
});
