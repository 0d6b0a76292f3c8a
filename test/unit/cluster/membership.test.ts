import { describe, expect, test } from "vitest";
import {
  decodeReport,
  encodeReport,
  MEMBER_STEPS,
  Membership,
  type NodeReport,
} from "../../../packages/cluster/src/core/membership.ts";
import { isLife, isTag, makeLife, makeTag, tagOf } from "../../../packages/cluster/src/core/tag.ts";

const UP: NodeReport = { state: "up", sessions: 3, since: 1000 };
const DRAINING: NodeReport = { ...UP, state: "draining" };

type Signal = "up" | "draining" | "silence" | "loss";

function send(membership: Membership, signal: Signal): unknown {
  if (signal === "silence") return membership.silence("abcd");
  if (signal === "loss") return membership.lose("abcd", 5).change;
  return membership.report("abcd", signal === "up" ? UP : DRAINING);
}

/** How a node gets into each state. */
const WAYS: Record<keyof typeof MEMBER_STEPS, readonly Signal[]> = {
  unknown: [],
  up: ["up"],
  draining: ["draining"],
  silent: ["up", "silence"],
  lost: ["up", "loss"],
};

const SIGNALS: readonly Signal[] = ["up", "draining", "silence", "loss"];
const cells = (Object.keys(WAYS) as (keyof typeof WAYS)[]).flatMap((state) =>
  SIGNALS.map((signal) => ({ state, signal })),
);

describe("membership", () => {
  test.each(cells)("$state, $signal", ({ state, signal }) => {
    const membership = new Membership();
    for (const step of WAYS[state]) send(membership, step);
    const [next, change] = MEMBER_STEPS[state][signal] ?? [state, undefined];
    expect(send(membership, signal)).toBe(change);
    const isMember = next === "up" || next === "draining" || next === "silent";
    expect(membership.get("abcd")?.state).toBe(isMember ? next : undefined);
    expect(membership.lostAt("abcd")).toBe(next === "lost" ? 5 : undefined);
    expect(membership.counts).toEqual({ up: 0, draining: 0, silent: 0, ...(isMember && { [next]: 1 }) });
  });

  test("counts follow any sequence of signals", () => {
    const membership = new Membership();
    for (let i = 0; i < 500; i++) {
      const tag = `tag${(i * 7) % 5}`;
      const signal = (i * 31) % 11;
      if (signal < 4) membership.report(tag, signal < 2 ? UP : DRAINING);
      else if (signal < 8) membership.silence(tag);
      else membership.lose(tag, i);
      const counts = { up: 0, draining: 0, silent: 0 };
      for (const { state } of membership.all()) counts[state] += 1;
      expect(membership.counts).toEqual(counts);
    }
  });

  test("lost nodes are remembered for a minute, and a thousand of them", () => {
    const membership = new Membership();
    for (let i = 0; i < 3000; i++) membership.lose(`n${i}`, i);
    expect(membership.lostAt("n2999")).toBe(2999);
    expect(membership.lostAt("n2000")).toBe(2000);
    expect(membership.lostAt("n1999")).toBeUndefined();
    membership.lose("late", 62_500);
    expect(membership.lostAt("n2999")).toBe(2999);
    membership.lose("later", 1_000_000);
    expect(membership.lostAt("n2999")).toBeUndefined();
    expect(membership.lostAt("late")).toBeUndefined();
  });

  test("a node that was lost may return", () => {
    const membership = new Membership();
    membership.report("abcd", UP);
    expect(membership.lose("abcd", 1).member?.sessions).toBe(3);
    expect(membership.report("abcd", UP)).toBe("node");
    expect(membership.lostAt("abcd")).toBeUndefined();
  });

  test("a report survives its encoding, and may have more members", () => {
    expect(decodeReport(encodeReport(DRAINING))).toEqual(DRAINING);
    expect(decodeReport(Buffer.from(JSON.stringify({ ...UP, more: [1] })))).toEqual(UP);
  });

  test.each([
    "",
    "{",
    "null",
    "[]",
    "1",
    '{"state":"silent","sessions":1,"since":1}',
    '{"state":"up","sessions":-1,"since":1}',
    '{"state":"up","sessions":1.5,"since":1}',
    '{"state":"up","sessions":"1","since":1}',
    '{"state":"up","sessions":1}',
    `{"state":"up","sessions":1,"since":1,"more":"${"x".repeat(1024)}"}`,
  ])("a malformed report is refused: %s", (text) => {
    expect(decodeReport(Buffer.from(text))).toBeUndefined();
  });
});

describe("tags", () => {
  test("a tag is four characters that are safe in URLs", () => {
    for (let i = 0; i < 100; i++) expect(isTag(makeTag())).toBe(true);
    expect(isLife(makeLife())).toBe(true);
    expect(new Set(Array.from({ length: 100 }, makeTag)).size).toBeGreaterThan(95);
  });

  test.each([
    ["abcd0123456789abcdef", "abcd"],
    ["-_A90123", "-_A9"],
    ["abcd", undefined],
    ["abc", undefined],
    ["", undefined],
    ["a/cd0123", undefined],
    ["../x0123", undefined],
  ])("%s begins with the tag %s", (sid, tag) => {
    expect(tagOf(sid)).toBe(tag);
  });
});
