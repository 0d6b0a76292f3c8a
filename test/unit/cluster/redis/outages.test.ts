import { expect, test } from "vitest";
import { Outages } from "../../../../packages/cluster/src/redis/outages.ts";
import type { RedisObserver } from "../../../../packages/cluster/src/redis/port.ts";
import { FakeClock } from "../../support/fake-clock.ts";

/** The outages of a port, and what the program hears of them. */
function create() {
  const clock = new FakeClock();
  const reports: unknown[] = [];
  let observer: RedisObserver = {};
  const port = { observe: (given: RedisObserver) => ((observer = given), () => undefined) };
  const emit = (name: string, error?: Error): void => void reports.push(error === undefined ? name : error.message);
  const outages = new Outages(port as never, { clock, emit } as never);
  return { clock, reports, outages, port: { break: breakOff, mend: (): void => observer.onRestored?.("commands") } };
  function breakOff(message: string): void {
    observer.onInterrupted?.("commands", new Error(message));
  }
}

test("a break of less than a second is not reported", () => {
  const { clock, reports, port } = create();
  port.break("cut");
  clock.advance(999);
  port.mend();
  clock.advance(5000);
  expect(reports).toEqual([]);
});

test("a longer one is reported once, with its first error, and so is its end", () => {
  const { clock, reports, port } = create();
  port.break("first");
  clock.advance(500);
  port.break("second");
  clock.advance(500);
  expect(reports).toEqual(["first"]);
  port.mend();
  expect(reports).toEqual(["first", "restored"]);
});

test("what has lasted is reported at once", () => {
  const { reports, outages, port } = create();
  outages.begin("namespace /", { error: new Error("refused"), since: "before" });
  port.break("cut");
  port.mend();
  expect(reports).toEqual(["refused"]);
  outages.end("namespace /");
  expect(reports).toEqual(["refused", "restored"]);
});

test("nothing is reported after the end", () => {
  const { clock, reports, outages, port } = create();
  port.break("cut");
  outages.close();
  clock.advance(5000);
  expect(reports).toEqual([]);
});
