import { io as connect } from "@portage/client";
import { expect, test } from "vitest";
import { findChromium, startChromium } from "./chromium.ts";
import { startDemo } from "./demo.ts";

const executable = await findChromium();

test.skipIf(!executable)("a page without a library shows boats, chat and announcements", async () => {
  const [demo, chromium] = await Promise.all([startDemo(), startChromium(executable as string)]);
  const problems: string[] = [];
  const context = await chromium.newContext();
  context.setDefaultTimeout(8000);
  const page = await context.newPage();
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  await page.goto(`${demo.origin}/events.html`);
  await page.locator("#state", { hasText: "Connected." }).waitFor();
  expect(await page.locator("#curl").textContent()).toBe(`curl -N ${demo.origin}/events`);
  const ada = connect(demo.origin, { forceNew: true, auth: { name: "Ada", rooms: ["harbour"] } });
  const sender = connect(`${demo.origin}/broadcast`, { forceNew: true });
  ada.on("announcement", (_news: unknown, confirm: () => void) => confirm());
  await page.locator("li", { hasText: "boats in harbour: Ada" }).waitFor();
  ada.emit("say", { room: "harbour", key: "1", text: "ahoy" });
  await page.locator("li", { hasText: "Ada: ahoy" }).waitFor();
  sender.emit("announce", { to: "all", text: "all hands" });
  await page.locator("li", { hasText: "announcement: all hands" }).waitFor();
  for (const client of [ada, sender]) client.disconnect();
  await chromium.stop();
  expect(await demo.stop()).toBe(0);
  expect([problems, demo.errors()]).toEqual([[], ""]);
});

test.skipIf(!executable)("a page without a library opens another stream when its browser has given up", async () => {
  const [demo, chromium] = await Promise.all([startDemo(), startChromium(executable as string)]);
  const context = await chromium.newContext();
  context.setDefaultTimeout(8000);
  const page = await context.newPage();
  await page.clock.install();
  await page.route("**/events?*", (route) => route.fulfill({ status: 502 }), { times: 1 });
  await page.goto(`${demo.origin}/events.html`);
  const state = page.locator("#state");
  await state.filter({ hasText: "Reconnecting." }).waitFor();
  await page.clock.fastForward(4000);
  await state.filter({ hasText: "Connected." }).waitFor();
  await chromium.stop();
  expect(await demo.stop()).toBe(0);
  expect(demo.errors()).toBe("");
});
