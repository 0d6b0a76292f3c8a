import { expect, test } from "vitest";
import { ClosingBacklog } from "../../../packages/server/src/engine/transports/closing-backlog.ts";
import { FakeClock } from "../support/fake-clock.ts";

test("cuts connections that do not end in time, and at once beyond the limit", () => {
  const clock = new FakeClock();
  const closingBacklog = new ClosingBacklog(clock);
  const cut: number[] = [];
  const leaving = Array.from({ length: 102 }, (_, index) => ({ discard: () => cut.push(index) }));
  for (const each of leaving.slice(0, 101)) closingBacklog.add(each);
  expect(cut).toEqual([100]);
  closingBacklog.delete(leaving[0]!);
  closingBacklog.add(leaving[101]!);
  expect(cut).toEqual([100]);
  clock.advance(4999);
  expect(cut).toEqual([100]);
  clock.advance(1);
  expect(cut).toEqual([100, ...Array.from({ length: 99 }, (_, index) => index + 1), 101]);
  expect(clock.pending).toBe(0);
});
