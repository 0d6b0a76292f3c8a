import { describe, expect, test } from "vitest";
import { LOOK_EVERY, OwnLateness } from "../../../packages/server/src/dashboard/findings/own-lateness.ts";
import { loopLate } from "../../../packages/server/src/dashboard/findings/rules/loop-late.ts";
import type { Snapshot } from "../../../packages/server/src/dashboard/findings/snapshot.ts";
import { FindingWatch } from "../../../packages/server/src/dashboard/findings/watch.ts";

/** A delay of the loop, at a time in milliseconds. */
interface Delay {
  readonly at: number;
  readonly ms: number;
  /** Milliseconds of work of the process in it. */
  readonly worked: number;
}

/** Listeners that block for so long. */
const listeners = (longest: number): Snapshot["handlers"] => [
  { event: "report", namespace: "/", share: 0.05, p99: longest, longest },
];

/** Returns the first second with a finding, if it is within so many. */
function lateAt(
  seconds: number,
  delays: readonly Delay[],
  { p99 = 400, handlers = [] }: { readonly p99?: number; readonly handlers?: Snapshot["handlers"] } = {},
): number | undefined {
  const lateness = new OwnLateness();
  const watch = new FindingWatch();
  const left = [...delays].sort((one, other) => one.at - other.at);
  let now = 0;
  let worked = 0;
  for (let second = 1; second <= seconds; second += 1) {
    while (now < second * 1000) {
      now += LOOK_EVERY;
      while (left[0] !== undefined && left[0].at < now) {
        const { ms, worked: own } = left.shift()!;
        now += ms;
        worked += own;
      }
      lateness.look(now, worked);
    }
    if (second % 5 === 0) lateness.turn();
    const loop = {
      p99,
      own: lateness.ms,
      stalls: 400,
      habit: lateness.habit,
      busy: 0.5,
      gc: 0,
      worked: 0.3,
      crowded: 0,
    };
    if (watch.update(now, loopLate({ loop, handlers } as unknown as Snapshot)).length > 0) return second;
  }
  return undefined;
}

const each = (ms: number, from: number, to: number, delay: Omit<Delay, "at">): Delay[] =>
  Array.from({ length: Math.ceil((to - from) / ms) }, (_, turn) => ({ at: from + turn * ms, ...delay }));

describe("the event loop is called late", () => {
  test("within a minute where the program blocks it for 150 ms each second", () => {
    expect(lateAt(60, each(1000, 20_000, 60_000, { ms: 150, worked: 150 }))).toBeLessThan(45);
  });

  test("where the program blocks it, and a neighbour too", () => {
    expect(lateAt(60, each(800, 0, 60_000, { ms: 400, worked: 200 }))).toBeLessThan(25);
  });

  test("not where a neighbour has the processor", () => {
    expect(lateAt(120, each(500, 0, 120_000, { ms: 300, worked: 20 }))).toBeUndefined();
  });

  test.each([0, 3500, 4000, 4900, 9300])("not for a burst of two seconds at a start, at %d ms", (at) => {
    expect(lateAt(60, each(250, at, at + 2000, { ms: 240, worked: 240 }))).toBeUndefined();
  });

  test("within a minute where a listener blocks it now and then", () => {
    const delays = each(10_000, 3000, 120_000, { ms: 700, worked: 690 });
    expect(lateAt(60, delays, { p99: 9, handlers: listeners(700) })).toBeLessThan(45);
    expect(lateAt(120, delays, { p99: 9 })).toBeLessThan(45);
    const shorter = each(3000, 1000, 120_000, { ms: 320, worked: 310 });
    expect(lateAt(60, shorter, { p99: 9, handlers: listeners(320) })).toBeLessThan(30);
    expect(lateAt(120, shorter, { p99: 9, handlers: listeners(5) })).toBeUndefined();
  });

  test("not for two long delays, nor for short ones that a neighbour makes longer", () => {
    const handlers = listeners(700);
    expect(lateAt(120, each(10_000, 0, 20_000, { ms: 700, worked: 700 }), { p99: 9, handlers })).toBeUndefined();
    expect(lateAt(120, each(3000, 0, 120_000, { ms: 700, worked: 60 }), { p99: 9, handlers })).toBeUndefined();
  });
});
