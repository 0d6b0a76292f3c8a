import { expect, onTestFinished, test } from "vitest";
import { BROWSERS } from "../browser/browsers.ts";
import { cutBrowser } from "../browser/cut-listener.ts";
import { runCuts } from "../e2e/streaming/cuts.ts";

const isLong = process.env["WALLS"] !== undefined;
const seed = Number(process.env["WALLS_SEED"] ?? 1);

// The short forms are in e2e/streaming/event-source-recovery.test.ts and browser/event-source.test.ts.
test.runIf(isLong)("pages whose connections are cut under load miss nothing", { timeout: 120_000 }, async () => {
  const outcome = await runCuts({ seed, readers: 20, cuts: 1000, bytes: 60_000, pace: 2 });
  console.table(outcome);
  expect(outcome, `WALLS_SEED=${seed}`).toMatchObject({ gaps: 0, doubled: 0, reordered: 0, fresh: 0 });
});

test.runIf(isLong).each(BROWSERS)(
  "an EventSource of %s misses nothing when its connection is cut 100 times",
  { timeout: 240_000 },
  async (name, path, launch) => {
    if (!path) return console.warn(`Skipped: no ${name}.`);
    const browser = await launch(path);
    onTestFinished(() => browser.stop());
    // Firefox waits for half a second before each return, whatever `retry` says. Meanwhile some 25 kB are sent. A connection
    // has to carry as much on average: else all cuts come in the events that the page has missed.
    const bytes = name === "Firefox" ? 60_000 : 3000;
    const outcome = await cutBrowser({ browser, seed, cuts: 100, bytes });
    console.table(outcome);
    const whole = { heard: 2 * outcome.sent, gaps: 0, doubled: 0, reordered: 0, fresh: 0 };
    expect(outcome, `WALLS_SEED=${seed}`).toMatchObject(whole);
    expect(outcome.cuts).toBeGreaterThanOrEqual(100);
  },
);
