import { expect, test } from "vitest";
import { TokenBucket } from "../../packages/server/src/base/token-bucket.ts";
import { FakeClock } from "./support/fake-clock.ts";

test("allows a burst, then the configured number per second", () => {
  const clock = new FakeClock();
  const bucket = new TokenBucket(clock, 2, 3);
  expect([1, 2, 3, 4].map(() => bucket.take())).toEqual([true, true, true, false]);
  expect(bucket.wait).toBe(500);
  clock.advance(500);
  expect([bucket.take(), bucket.take()]).toEqual([true, false]);
  clock.advance(60_000);
  expect([1, 2, 3, 4].map(() => bucket.take())).toEqual([true, true, true, false]);
});
