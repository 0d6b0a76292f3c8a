import { afterAll, beforeAll, expect, it } from "vitest";
import type { StartedBrowser } from "../browser/chromium.ts";
import { FAULTS } from "./seeded/faults.mjs";
import { findingsOf, IS_LONG, note, openBrowser } from "./support/browser.ts";
import { startSeeded } from "./support/seeded.ts";

/** Milliseconds from the moment at which the page is open: a person has to know the fault within a minute. */
const NAMED_WITHIN = 60_000;

/** The quick ones, one of each kind. */
const QUICK: ReadonlyArray<readonly [fault: string, variant: number]> = [
  ["stalled", 1],
  ["hot room", 1],
  ["blocking handler", 1],
  ["leak of rooms", 1],
  ["unsticky balancer", 1],
];

const ALL = Object.entries(FAULTS).flatMap(([fault, { named }]) => named.map((_, i) => [fault, i + 1] as const));

let chromium: StartedBrowser;
beforeAll(async () => {
  chromium = await openBrowser();
});
afterAll(() => chromium?.stop());

it.concurrent.each(IS_LONG ? ALL : QUICK)(
  "names the fault on the first screen: %s, variant %d",
  async (fault, variant) => {
    const [codes, subject] = FAULTS[fault]!.named[variant - 1]!;
    const run = await startSeeded(fault, variant);
    const page = await (await chromium.newContext({ viewport: { width: 1280, height: 900 } })).newPage();
    try {
      await page.goto(run.url);
      const began = performance.now();
      const wanted = codes.map((code) => `[data-finding="${code}"][data-subject="${subject}"]`).join(", ");
      const named = await page
        .locator(wanted)
        .first()
        .waitFor({ timeout: NAMED_WITHIN })
        .then(
          () => true,
          () => false,
        );
      const seconds = Math.round((performance.now() - began) / 100) / 10;
      const findings = await findingsOf(page);
      note(
        `${named ? "named" : "MISSED"}\t${fault}\t${variant}\t${seconds}\t${findings.map(({ code, subject: who }) => `${code} ${who}`).join("; ")}`,
      );
      expect(named, `${codes.join(" or ")} ${subject}, but: ${JSON.stringify(findings)}`).toBe(true);
    } finally {
      await page.context().close();
      await run.stop();
    }
  },
);
