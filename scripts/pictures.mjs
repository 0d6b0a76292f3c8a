// Takes the pictures of the README and of docs/live-page.md from the running demo: `node scripts/pictures.mjs` writes docs/pictures/*.png.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** Milliseconds of history that the charts of the live page show. */
const HISTORY = 60_000;

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = join(root, "docs/pictures");
const ofTests = createRequire(join(root, "test/package.json"));

/** An installed browser by CHROME_PATH, else the one of the tests. */
async function findChromium() {
  if (process.env.CHROME_PATH) return process.env.CHROME_PATH;
  const { default: packaged } = await import(pathToFileURL(ofTests.resolve("@sparticuz/chromium")).href);
  return packaged.executablePath();
}

/** The demo on a free port; resolves once it listens. */
function startDemo() {
  const demo = spawn(process.execPath, ["examples/chat/server.mjs", "--port", "0"], { cwd: root });
  return new Promise((resolve, reject) => {
    let output = "";
    demo.stdout.setEncoding("utf8").on("data", (chunk) => {
      output += chunk;
      const [origin] = /http:\/\/localhost:\d+(?=\/broadcast)/.exec(output) ?? [];
      if (origin) resolve({ origin, stop: () => demo.kill() });
    });
    demo.once("error", reject).once("exit", () => reject(new Error(`the demo ended: ${output}`)));
  });
}

/** Somebody who has joined and chats. */
async function openPage(browser, origin, name, colorScheme) {
  const page = await browser.newPage({ colorScheme, viewport: { width: 1040, height: 760 }, reducedMotion: "reduce" });
  await page.goto(`${origin}/websocket.html`);
  await page.locator('#crossing[data-state="websocket"]').waitFor();
  await page.fill("#name", name);
  await page.click("#nickname button");
  await page.locator("#members", { hasText: name }).waitFor();
  return page;
}

async function say(page, text) {
  await page.fill("#text", text);
  await page.press("#text", "Enter");
  await page.locator(".message:visible", { hasText: text }).waitFor();
}

async function take(browser, colorScheme) {
  const demo = await startDemo();
  const [ada, bo] = [
    await openPage(browser, demo.origin, "Ada", colorScheme),
    await openPage(browser, demo.origin, "Bo", colorScheme),
  ];
  await say(bo, "The office proxy blocks WebSocket again.");
  await say(ada, "Then your boat is carried over land: polling until it is free.");
  await say(bo, "And nothing got lost.");
  await ada.locator(".message:visible", { hasText: "And nothing got lost." }).waitFor();
  const path = join(folder, `demo-${colorScheme}.png`);
  await ada.evaluate(() => scrollTo(0, 0));
  await ada.screenshot({ path, clip: { x: 0, y: 0, width: 1040, height: 700 } });
  console.log(`${path}: ${Math.round(statSync(path).size / 1024)} KiB`);
  for (const page of [ada, bo]) await page.close();
  demo.stop();
}

/** Clients of the demo that send now and then, and one that sends a lot: the live page says so. */
async function openCrowd(origin) {
  const { io } = ofTests("@portage/client");
  const timers = [];
  const clients = [];
  for (let number = 0; number < 12; number += 1) {
    const client = io(origin, { forceNew: true, transports: [number % 4 === 0 ? "polling" : "websocket"] });
    clients.push(client);
    await once(client, "connect");
    timers.push(setInterval(() => client.emit("position", { x: number }), number === 5 ? 8 : 900));
  }
  return () => {
    for (const timer of timers) clearInterval(timer);
    for (const client of clients) client.disconnect();
  };
}

const LIVE_PAGES = [
  { name: "live-page", colorScheme: "light", viewport: { width: 1280, height: 800 } },
  { name: "live-page-phone", colorScheme: "dark", viewport: { width: 390, height: 780 } },
];

/** The overview of the live page, with findings and some history. */
async function takeLivePages(browser) {
  const demo = await startDemo();
  const endCrowd = await openCrowd(demo.origin);
  const opened = await Promise.all(
    LIVE_PAGES.map(async ({ name, ...options }) => {
      const page = await browser.newPage({ reducedMotion: "reduce", ...options });
      await page.goto(`${demo.origin}/dashboard/`);
      await page.locator("[data-finding=HOT_CLIENT]").waitFor({ timeout: 120_000 });
      return { name, page };
    }),
  );
  await new Promise((resolve) => setTimeout(resolve, HISTORY));
  for (const { name, page } of opened) {
    const path = join(folder, `${name}.png`);
    await page.screenshot({ path });
    console.log(`${path}: ${Math.round(statSync(path).size / 1024)} KiB`);
    await page.close();
  }
  endCrowd();
  demo.stop();
}

mkdirSync(folder, { recursive: true });
const home = mkdtempSync(join(tmpdir(), "portage-pictures-"));
const { chromium } = ofTests("playwright-core");
const browser = await chromium.launch({
  executablePath: await findChromium(),
  args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
  env: { ...process.env, HOME: home },
});
for (const colorScheme of ["light", "dark"]) await take(browser, colorScheme);
await takeLivePages(browser);
await browser.close();
rmSync(home, { recursive: true, force: true });
