import { afterAll, beforeAll, expect, it } from "vitest";
import type { StartedBrowser } from "../browser/chromium.ts";
import { FAULTS } from "./seeded/faults.mjs";
import { findingsOf, IS_LONG, note, openBrowser } from "./support/browser.ts";
import { startSeeded } from "./support/seeded.ts";

const SECOND = 1000;
/** How long a program without a fault is looked at. */
const SECONDS = IS_LONG ? 600 : 30;
const HEALTHY = Object.keys(FAULTS).filter((name) => FAULTS[name]!.named.length === 0);

let chromium: StartedBrowser;
beforeAll(async () => {
  chromium = await openBrowser();
});
afterAll(() => chromium?.stop());

it.concurrent.each(IS_LONG ? HEALTHY : ["healthy: chat", "healthy: come and go"])(
  "finds nothing in a program without a fault: %s",
  { timeout: (SECONDS + 120) * SECOND },
  async (name) => {
    const run = await startSeeded(name, 1);
    const page = await (await chromium.newContext()).newPage();
    const found = new Map<string, string>();
    try {
      await page.goto(run.url);
      await page.locator(".cards").first().waitFor();
      for (let second = 0; second < SECONDS; second += 2) {
        for (const { code, subject, text } of await findingsOf(page)) found.set(`${code} ${subject}`, text);
        await page.waitForTimeout(2 * SECOND);
      }
      note(`healthy\t${name}\t${SECONDS} s\t${JSON.stringify([...found])}`);
      expect([...found]).toEqual([]);
    } finally {
      await page.context().close();
      await run.stop();
    }
  },
);
