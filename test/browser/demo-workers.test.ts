import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { io } from "@portage/client";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { findChromium, startChromium, type StartedBrowser } from "./chromium.ts";
import { runDemo, startDemo, type Demo } from "./demo.ts";

const SCREENSHOTS = fileURLToPath(new URL("./screenshots/", import.meta.url));
const WORKERS = 4;
const WORKER = /^Served by worker (?<tag>[\w-]{4}), one of 4$/;

const executable = await findChromium();

describe.skipIf(!executable)("the demo in several processes, in Chromium", () => {
  let chromium: StartedBrowser;
  let demo: Demo;
  let problems: string[] = [];

  beforeAll(async () => {
    [demo, chromium] = await Promise.all([
      startDemo("server", "--workers", String(WORKERS)),
      startChromium(executable as string),
      mkdir(SCREENSHOTS, { recursive: true }),
    ]);
  });

  afterAll(async () => {
    await chromium.stop();
    expect(await demo.stop()).toBe(0);
    expect(demo.errors()).toBe("");
  });

  afterEach(async () => {
    await Promise.all(chromium.browser.contexts().map((context) => context.close()));
    const seen = problems;
    problems = [];
    expect(seen).toEqual([]);
  });

  async function open(path: string, options?: Parameters<StartedBrowser["newContext"]>[0]): Promise<Page> {
    const context = await chromium.newContext(options);
    context.setDefaultTimeout(8000);
    const page = await context.newPage();
    page.on("pageerror", (error) => problems.push(`${path}: ${error.stack ?? error.message}`));
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") problems.push(`${path}: ${message.text()}`);
    });
    await page.goto(demo.origin + path);
    return page;
  }

  async function openUser(name: string, options?: Parameters<StartedBrowser["newContext"]>[0]): Promise<Page> {
    const page = await open("/websocket.html", options);
    await page.locator("#crossing[data-state=websocket]").waitFor();
    await page.fill("#name", name);
    await page.click("#nickname button");
    await page.locator("#members", { hasText: name }).waitFor();
    return page;
  }

  async function workerOf(page: Page): Promise<string> {
    await page.locator("#worker", { hasText: WORKER }).waitFor();
    return WORKER.exec((await page.textContent("#worker")) ?? "")!.groups!["tag"]!;
  }

  /** Opens users' pages until two of them are with different workers. */
  async function openTwo(): Promise<readonly [Page, Page]> {
    const first = await openUser("Ada");
    for (let tries = 0; tries < 12; tries += 1) {
      const other = await openUser("Bo");
      if ((await workerOf(other)) !== (await workerOf(first))) return [first, other];
      await other.context().close();
    }
    throw new Error("all pages are with one worker");
  }

  test("shows which worker serves the page, and how many there are", async () => {
    const phone = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2 };
    const page = await openUser("Ada", phone);
    const tag = await workerOf(page);
    const lines = await page.locator("#log li span:last-child").allTextContents();
    expect(lines.find((line) => line.startsWith("open: polling"))).toContain(`session ${tag}`);
    const fits = () =>
      page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth);
    expect(await fits()).toBe(true);
    await page.evaluate(() => scrollTo(0, 0));
    await page.screenshot({ path: `${SCREENSHOTS}workers-phone.png` });
    await page.emulateMedia({ colorScheme: "dark" });
    await page.screenshot({ path: `${SCREENSHOTS}workers-phone-dark.png` });
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.screenshot({ path: `${SCREENSHOTS}workers-desktop-dark.png` });
    await page.emulateMedia({ colorScheme: "light" });
    await page.screenshot({ path: `${SCREENSHOTS}workers-desktop.png` });
  });

  test("pages of different workers chat, with pictures, members and history", async () => {
    const [ada, bo] = await openTwo();
    await bo.locator("#members", { hasText: /2 aboard/ }).waitFor();
    await ada.locator("#members", { hasText: /2 aboard/ }).waitFor();
    const picture = await ada.evaluate(() => {
      const canvas = Object.assign(document.createElement("canvas"), { width: 40, height: 20 });
      return canvas.toDataURL("image/png").split(",")[1] ?? "";
    });
    const buffer = Buffer.from(picture, "base64");
    await ada.setInputFiles("#picture", { name: "lake.png", mimeType: "image/png", buffer });
    await ada.fill("#text", "Ahoy");
    await ada.press("#text", "Enter");
    await bo.locator(".message:visible", { hasText: "Ahoy" }).waitFor();
    await bo.waitForFunction(() => document.querySelector<HTMLImageElement>(".message img")?.naturalWidth === 40);
    await ada.locator("[data-ticks=delivered]", { hasText: "delivered to 1 of 1" }).waitFor();

    await bo.reload();
    await bo.locator(".message:visible", { hasText: "Ahoy" }).waitFor();
    await ada.context().close();
    await bo.locator("#members", { hasText: "1 aboard" }).waitFor();
  });

  test("broadcasts to the pages of all workers", async () => {
    await openTwo();
    const sender = await open("/broadcast.html");
    await sender.locator("#send:enabled").waitFor();
    await sender.locator("#fleet, main", { hasText: "Ada" }).first().waitFor();
    await sender.fill("#text", "All hands on deck");
    await sender.click("#send");
    await sender.locator("main", { hasText: "2 of 2" }).waitFor();
  });

  test("the live page shows all workers, whichever serves it", async () => {
    await openUser("Ada");
    const page = await open("/dashboard/#/cluster");
    const rows = page.locator("main tbody tr, main [role=row]:has([role=cell])");
    await expect.poll(() => rows.count(), { timeout: 15_000 }).toBe(WORKERS);
    expect(await page.locator("main", { hasText: "(this one)" }).count()).toBe(1);
  });

  test("the live page begins with the findings of all workers", async () => {
    const clients = Array.from({ length: 32 }, () => io(demo.origin, { forceNew: true, transports: ["websocket"] }));
    const timers = clients.map((client, i) => setInterval(() => client.emit("position", { x: i }), i === 0 ? 8 : 900));
    try {
      const pages = await Promise.all(Array.from({ length: 4 }, () => open("/dashboard/")));
      const isOfOther = '[data-finding="HOT_CLIENT"][data-node]';
      await Promise.any(pages.map((page) => page.locator(isOfOther).waitFor({ timeout: 60_000 })));
      const other = (await Promise.all(pages.map((page) => page.locator(isOfOther).all()))).flat()[0]!;
      expect(await other.getAttribute("data-node")).toMatch(/^[\w-]{4}$/);
      expect(await other.getAttribute("data-subject")).toMatch(/^Guest /);
      await other.page().screenshot({ path: `${SCREENSHOTS}workers-findings.png` });
    } finally {
      for (const timer of timers) clearInterval(timer);
      for (const client of clients) client.disconnect();
    }
  }, 90_000);

  test('refuses "many" as a number of workers', async () => {
    const { code, err } = await runDemo(["--workers", "many"]);
    expect([code, err]).toEqual([1, expect.stringContaining('"many" is not a number of workers.')]);
  });
});
