import { mkdir } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { findChromium, startChromium, type StartedBrowser } from "./chromium.ts";
import { startDemo, type Demo } from "./demo.ts";

const SCREENSHOTS = fileURLToPath(new URL("./screenshots/", import.meta.url));

/** The browser's own messages about connections that are sunk. */
const SUNK = /Failed to load resource|WebSocket connection to .* failed/;

/** A relay that can cut a connection when the answer to a request of Socket.IO comes, instead of passing it on. */
async function startRelay(target: number) {
  const wanted = { method: "" };
  const server = createServer((client) => {
    const upstream = connect(target, "localhost");
    const life = { requests: 0, isCut: false };
    client.on("data", (chunk: Buffer) => {
      const text = chunk.toString("latin1");
      if (/^(?:GET|POST) /.test(text)) life.requests += 1;
      // browsers repeat a request only if its connection has been used before
      if (wanted.method && life.requests > 1 && text.startsWith(`${wanted.method} /socket.io/`)) {
        wanted.method = "";
        life.isCut = true;
      }
      // plain polls: with an answer that goes on, the next GET would follow the next ping
      upstream.write(Buffer.from(text.replace("&stream=", "&plainly="), "latin1"));
    });
    upstream.on("data", (chunk: Buffer) => (life.isCut ? client.resetAndDestroy() : client.write(chunk)));
    for (const [side, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      side.on("error", () => undefined).on("close", () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
  const { port } = server.address() as AddressInfo;
  return { port, stop: () => void server.close(), cutNext: (method: string) => (wanted.method = method) };
}

const executable = await findChromium();

describe.skipIf(!executable)("the carry in the demo, in Chromium", () => {
  let chromium: StartedBrowser;
  let demo: Demo;
  let problems: string[] = [];

  beforeAll(async () => {
    [demo, chromium] = await Promise.all([
      startDemo(),
      startChromium(executable as string),
      mkdir(SCREENSHOTS, { recursive: true }),
    ]);
  });

  afterAll(async () => {
    await chromium.stop();
    await demo.stop();
    expect(demo.errors()).toBe("");
  });

  afterEach(async () => {
    await Promise.all(chromium.browser.contexts().map((context) => context.close()));
    const seen = problems.filter((problem) => !SUNK.test(problem));
    problems = [];
    expect(seen).toEqual([]);
  });

  /** A user's page after its upgrade. */
  async function open(
    options?: Parameters<StartedBrowser["newContext"]>[0],
    origin: string = demo.origin,
  ): Promise<Page> {
    const context = await chromium.newContext(options);
    context.setDefaultTimeout(8000);
    const page = await context.newPage();
    page.on("pageerror", (error) => problems.push(error.stack ?? error.message));
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") problems.push(message.text());
    });
    await page.goto(`${origin}/websocket.html`);
    await state(page, "websocket");
    return page;
  }

  const state = (page: Page, name: string): Promise<void> => page.locator(`#crossing[data-state="${name}"]`).waitFor();

  /** Waits until a number of deaths has been survived. */
  const carried = (page: Page, times: number): Promise<unknown> =>
    page.waitForFunction(
      (times) =>
        [...document.querySelectorAll("#log li")].filter((line) => line.textContent?.includes("carried from")).length >=
        times,
      times,
    );

  const message = (page: Page, text: string) => page.locator(".message:visible", { hasText: text });

  const logOf = (page: Page): Promise<string[]> => page.locator("#log li span:last-child").allTextContents();

  async function expectConnected(page: Page): Promise<void> {
    expect(await page.textContent("#connections")).toBe("1");
    expect((await logOf(page)).filter((line) => line.startsWith("disconnect"))).toEqual([]);
  }

  /** Clicks a button, and says something before anything of it has come back. */
  const clickAndSay = (page: Page, selector: string, text: string): Promise<void> =>
    page.evaluate(
      ([selector, text]) => {
        document.querySelector<HTMLButtonElement>(selector as string)!.click();
        const input = document.querySelector<HTMLInputElement>("#text")!;
        input.value = text as string;
        input.form!.requestSubmit();
      },
      [selector, text],
    );

  test("a sunk WebSocket is carried by polling and comes back, and a message sent meanwhile arrives once", async () => {
    const [ada, bo] = await Promise.all([open(), open()]);
    await clickAndSay(ada, "#sink", "Said while sinking");
    await message(bo, "Said while sinking").waitFor();
    await carried(ada, 1);
    await state(ada, "websocket");
    await ada.locator("#river[data-at='4']:not(.sunk)").waitFor();
    expect(await ada.textContent("#transport")).toBe("websocket");
    expect(await ada.textContent("#state")).toMatch(
      /^The boat sank\. Polling carried on after .* ms, and nothing was lost\. Now it is back on the water\.$/,
    );
    await message(ada, "Said while sinking").locator("[data-ticks=delivered]").waitFor();
    expect(await message(bo, "Said while sinking").count()).toBe(1);
    await expectConnected(ada);

    const steps = await ada.locator("#carry-steps li").evaluateAll((items) => items.map(({ className }) => className));
    expect(steps).toEqual(["done", "done", "done", "done"]);
    const lines = await logOf(ada);
    const order = [
      "carry: the WebSocket broke off (1006)",
      "carry: returning by polling, turn 1",
      "carry: the server has",
      "carried from websocket to polling",
      "upgraded to websocket",
    ];
    const places = order.map((start) => lines.map((line) => line.startsWith(start)).lastIndexOf(true));
    expect(places).not.toContain(-1);
    expect(places).toEqual([...places].sort((a, b) => a - b));
  });

  test("WebSocket rests after the second time, and the page says for how long", async () => {
    const [ada, bo] = await Promise.all([open(), open()]);
    await ada.click("#sink");
    await carried(ada, 1);
    await state(ada, "websocket");
    await clickAndSay(ada, "#sink", "Said before the rest");
    await carried(ada, 2);
    await state(ada, "resting");
    await ada.locator("#rest", { hasText: /^WebSocket rests for (?:30|29|28) s$/ }).waitFor();
    expect(await ada.textContent("#transport")).toBe("polling");
    await ada.locator("#river[data-at='0']:not(.sunk)").waitFor();
    await message(bo, "Said before the rest").waitFor();
    await ada.screenshot({ path: `${SCREENSHOTS}resting.png` });

    // a poll can be sunk as well
    expect(await ada.textContent("#sink")).toBe("Sink the poll");
    await clickAndSay(ada, "#sink", "Said over a poll");
    await carried(ada, 3);
    await message(bo, "Said over a poll").waitFor();
    await ada.locator("#rest", { hasText: /^WebSocket rests for \d+ s$/ }).waitFor();
    expect(await message(bo, "Said over a poll").count()).toBe(1);
    expect(await message(bo, "Said before the rest").count()).toBe(1);
    await expectConnected(ada);
  });

  test("clicks in a row, in two tabs, are survived", async () => {
    const [ada, bo] = await Promise.all([open(), open()]);
    const sinkOften = (page: Page): Promise<void> =>
      page.evaluate(async () => {
        const button = document.querySelector<HTMLButtonElement>("#sink")!;
        for (let clicks = 0; clicks < 12; clicks += 1) {
          button.click();
          await new Promise((resolve) => setTimeout(resolve, 40));
        }
      });
    await Promise.all([sinkOften(ada), sinkOften(bo)]);
    await clickAndSay(ada, "#sink", "After many times");
    await message(bo, "After many times").waitFor();
    await message(ada, "After many times").locator("[data-ticks=delivered]").waitFor();
    for (const page of [ada, bo]) await expectConnected(page);
  });

  test.each(["POST", "GET"])("a %s that the browser repeats neither doubles nor loses a message", async (method) => {
    const relay = await startRelay(demo.port);
    const ada = await open({}, `http://localhost:${relay.port}`);
    await ada.click("#block");
    await state(ada, "refused");
    await ada.waitForFunction(() => /^[1-9]/.test(document.querySelector("#round-trip")!.textContent));
    await ada.click("#log-clear");
    relay.cutNext(method);
    await ada.fill("#text", `Repeated ${method}`);
    await ada.press("#text", "Enter");
    await carried(ada, 1);
    await message(ada, `Repeated ${method}`)
      .locator("[data-ticks]", { hasText: /nobody else|delivered to/ })
      .waitFor({ timeout: 15_000 });
    const answers = (await logOf(ada)).filter((line) => line.includes('"id":"harbour/') && line.includes('"ok":true'));
    expect(answers).toHaveLength(1);
    relay.stop();
  });

  test("a storm loses, doubles and disorders nothing", { timeout: 30_000 }, async () => {
    const phone = { viewport: { width: 360, height: 760 }, deviceScaleFactor: 2, colorScheme: "dark" } as const;
    const [ada, bo] = await Promise.all([open(phone), open()]);
    await ada.focus("#storm");
    await ada.keyboard.press("Enter");
    await ada.locator("#storm-state", { hasText: "A storm" }).waitFor();
    expect(await ada.locator("#storm").isDisabled()).toBe(true);
    await carried(ada, 4);
    await clickAndSay(bo, "#pick", "Into the storm");
    await message(ada, "Into the storm").waitFor();
    const over = ada.locator("#storm-state", { hasText: "The storm is over" });
    await over.waitFor({ timeout: 15_000 });
    expect(await over.textContent()).toMatch(
      /^The storm is over\. Sunk (?:9|1\d) times, \d{3} messages: 0 lost, 0 doubled, 0 out of order\.$/,
    );
    const counts = await ada.locator("#storm-panel dd").allTextContents();
    expect(Number(counts[0])).toBeGreaterThan(300);
    expect(counts.slice(1)).toEqual(["0", "0", "0"]);
    expect(await ada.locator("#storm").isEnabled()).toBe(true);
    await expectConnected(ada);
    expect(await ada.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth)).toBe(
      true,
    );
    await ada.screenshot({ path: `${SCREENSHOTS}storm-phone-dark.png`, fullPage: true });
  });
});
