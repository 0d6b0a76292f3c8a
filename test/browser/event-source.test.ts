import { expect, test } from "vitest";
import { BROWSERS } from "./browsers.ts";
import { cutBrowser } from "./cut-listener.ts";

const [, executable, launch] = BROWSERS[0];

// A Firefox waits for half a second before it returns: walls/events.test.ts has it as well.
test.skipIf(!executable)("an EventSource whose connection is cut returns by itself, and misses nothing", async () => {
  const browser = await launch(executable as string);
  const { sent, cuts, ...heard } = await cutBrowser(browser, 20);
  await browser.stop();
  expect(heard).toEqual({ heard: sent, gaps: 0, doubled: 0, reordered: 0, fresh: 0 });
  expect(cuts).toBeGreaterThanOrEqual(20);
});
