import { describe, expect, it } from "vitest";
import { Rate } from "../../../../packages/websocket/src/core/rate.ts";
import { FakeClock } from "../../support/fake-clock.ts";

describe("Rate", () => {
  it("allows so many a second, and as many in the next", () => {
    const clock = new FakeClock();
    clock.advance(5000);
    const rate = new Rate(2, clock);
    expect([rate.count(), rate.count(), rate.count()]).toEqual([true, true, false]);
    clock.advance(999);
    expect(rate.count()).toBe(false);
    clock.advance(1);
    expect([rate.count(), rate.count(), rate.count()]).toEqual([true, true, false]);
  });
});
