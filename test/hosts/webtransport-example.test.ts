import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { findChromium, startChromium, type StartedBrowser } from "../browser/chromium.ts";
import { within } from "../support/waiting.ts";
import { type Running, start, stopAll } from "./running.ts";
import { findRuntime } from "./runtimes.ts";

// The example in Chromium, started as in its README.

const PROGRAM = fileURLToPath(new URL("../../examples/webtransport/server.mjs", import.meta.url));

const deno = await findRuntime("deno");
const chromium = await findChromium();

function hasOpenSsl(): boolean {
  try {
    execFileSync("openssl", ["version"]);
    return true;
  } catch {
    process.stdout.write("\nskipped, no openssl\n");
    return false;
  }
}

describe.skipIf(!deno || !chromium || !hasOpenSsl())("the example webtransport", () => {
  let browser: StartedBrowser;
  let server: Running;
  let page: Page;

  beforeAll(async () => {
    vi.stubEnv("PORT", "0");
    server = start({ ...deno!, args: ["run", "--allow-all", "--unstable-net"] }, PROGRAM);
    const line = await within(server.lines.next(), "the example to start", 30_000);
    browser = await startChromium(chromium!);
    page = await (await browser.newContext()).newPage();
    await page.goto(/http:\S+/.exec(line)![0]);
  });

  afterAll(async () => {
    vi.unstubAllEnvs();
    await browser?.stop();
    await stopAll();
  });

  test("moves its session from polling to WebTransport, and shows that", async () => {
    await page.locator("#transport", { hasText: "webtransport" }).waitFor();
    const rows = await page.locator("#attempts tr").allInnerTexts();
    expect(rows.map((row) => row.split("\t"))).toEqual([
      ["polling", "open", "opened"],
      ["webtransport", "upgrade", "upgraded"],
    ]);
    await page.locator("#echo").click();
    await page.locator("#time", { hasText: "ms over webtransport" }).waitFor();
    expect(await page.locator("#problem").innerText()).toBe("");
  });

  test("ends by SIGTERM", async () => {
    server.child.kill("SIGTERM");
    expect(await within(server.exited, "the example to end")).toBe(0);
  });
});
