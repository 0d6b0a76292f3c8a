import { appendFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { findChromium, startChromium, type StartedBrowser } from "../../browser/chromium.ts";

/** A Chromium; throws if there is not one. */
export async function openBrowser(): Promise<StartedBrowser> {
  const path = await findChromium();
  if (path === undefined) throw new Error("There is not a Chromium: set CHROME_PATH.");
  return startChromium(path);
}

/** Whether the runs that take minutes are wanted too. */
export const IS_LONG = process.env["DASHBOARD"] === "long";

/** The findings on the first screen of a page. */
export function findingsOf(page: Page): Promise<Array<{ code: string; subject: string; text: string }>> {
  return page.locator("[data-finding]").evaluateAll((elements) =>
    elements.map((element) => ({
      code: element.getAttribute("data-finding") ?? "",
      subject: element.getAttribute("data-subject") ?? "",
      text: (element as HTMLElement).innerText.split("\n")[0] ?? "",
    })),
  );
}

/** Adds a line to the file of DASHBOARD_NOTES, if it is set: how long each fault took. */
export function note(line: string): void {
  const file = process.env["DASHBOARD_NOTES"];
  if (file !== undefined) appendFileSync(file, `${line}\n`);
}
