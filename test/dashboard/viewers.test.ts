import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Server } from "@portage/server";
import { dashboard, type Board } from "@portage/server/dashboard";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import type { StartedBrowser } from "../browser/chromium.ts";
import { openBrowser } from "./support/browser.ts";

let chromium: StartedBrowser;
let io: Server;
let board: Board;
let port: number;
const pages: Page[] = [];

beforeAll(async () => {
  chromium = await openBrowser();
  const http = createServer();
  io = new Server(http);
  board = dashboard(io);
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  port = (http.address() as AddressInfo).port;
});

afterEach(async () => {
  for (const page of pages.splice(0)) await page.context().close();
});

afterAll(async () => {
  await chromium?.stop();
  await board?.close();
  await io?.close();
});

async function open(): Promise<Page> {
  const page = await (await chromium.newContext()).newPage();
  pages.push(page);
  await page.goto(`http://127.0.0.1:${port}/dashboard/`);
  return page;
}

it("serves eight viewers, and says why the ninth has to wait", async () => {
  for (let i = 0; i < 8; i++) await (await open()).locator(".cards").first().waitFor();
  const ninth = await open();
  await ninth.getByText("As many viewers look at this server as there may be.").waitFor();
  expect(await ninth.locator(".cards").count()).toBe(0);
  await pages.shift()!.context().close();
  await ninth.locator(".cards").first().waitFor();
});
