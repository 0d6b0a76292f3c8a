import { expect, test } from "vitest";
import { BROWSERS } from "./browsers.ts";
import { cutBrowser } from "./cut-listener.ts";

const [, executable, launch] = BROWSERS[0];

// A Firefox waits for half a second before it returns: walls/events.test.ts has it as well.
test.skipIf(!executable)("an EventSource whose connection is cut returns by itself, and misses nothing", async () => {
  const browser = await launch(executable as string);
  const outcome = await cutBrowser({ browser, seed: 1, cuts: 20, bytes: 3000 });
  await browser.stop();
  expect(outcome).toMatchObject({ heard: 2 * outcome.sent, gaps: 0, doubled: 0, reordered: 0, fresh: 0 });
  expect(outcome.cuts).toBeGreaterThanOrEqual(20);
});
