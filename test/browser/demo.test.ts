import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { findChromium, startChromium, type StartedBrowser } from "./chromium.ts";
import { startDemo, type Demo } from "./demo.ts";

const SCREENSHOTS = fileURLToPath(new URL("./screenshots/", import.meta.url));

const executable = await findChromium();
if (!executable) {
  console.warn("Browser tests skipped: no CHROME_PATH, no chromium or chrome on PATH, no @sparticuz/chromium.");
}

describe.skipIf(!executable)("the demo in Chromium", () => {
  let chromium: StartedBrowser;
  let demo: Demo;
  let problems: string[] = [];
  /** The browser's own message when a server refuses, which is not an error of the page. */
  let expected = /$^/;

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

  const closePages = () => Promise.all(chromium.browser.contexts().map((context) => context.close()));

  afterEach(async () => {
    await closePages();
    const seen = problems.filter((problem) => !expected.test(problem));
    problems = [];
    expected = /$^/;
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

  /** A user's page under a name, after its upgrade. */
  async function openUser(name: string, options?: Parameters<StartedBrowser["newContext"]>[0]): Promise<Page> {
    const page = await open("/websocket.html", options);
    await state(page, "websocket");
    await page.fill("#name", name);
    await page.click("#nickname button");
    await page.locator("#members", { hasText: name }).waitFor();
    return page;
  }

  const openSender = async (options?: Parameters<StartedBrowser["newContext"]>[0]): Promise<Page> => {
    const page = await open("/broadcast.html", options);
    await page.locator("#send:enabled").waitFor();
    return page;
  };

  const state = (page: Page, name: string): Promise<void> => page.locator(`#crossing[data-state="${name}"]`).waitFor();

  /** The message as the page shows it: of a room it has open. */
  const message = (page: Page, text: string) => page.locator(".message:visible", { hasText: text });

  async function say(page: Page, text: string): Promise<void> {
    await page.fill("#text", text);
    await page.press("#text", "Enter");
  }

  async function joinRoom(page: Page, room: string): Promise<void> {
    await page.fill("#room", room);
    await page.press("#room", "Enter");
    await page.locator("#room-title", { hasText: room }).waitFor();
  }

  /** A picture made by the browser itself. */
  const drawPicture = async (page: Page, width = 40): Promise<Buffer> => {
    const base64 = await page.evaluate((width) => {
      const canvas = document.createElement("canvas");
      canvas.width = width;
      canvas.height = width / 2;
      const context = canvas.getContext("2d");
      if (context) context.fillStyle = "#1b7687";
      context?.fillRect(0, 0, width, width);
      return canvas.toDataURL("image/png").split(",")[1] ?? "";
    }, width);
    return Buffer.from(base64, "base64");
  };

  const fitsItsWidth = (page: Page): Promise<boolean> =>
    page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth);

  describe("the user's page", () => {
    test("shows the upgrade, step by step", async () => {
      const page = await open("/websocket.html");
      await state(page, "websocket");
      expect(await page.textContent("#transport")).toBe("websocket");
      const steps = await page
        .locator("#steps li")
        .evaluateAll((items) =>
          items.map((item) => [
            item.querySelector("code")?.textContent,
            item.className,
            item.querySelector("small")?.textContent,
          ]),
        );
      expect(steps.map(([name, className]) => [name, className])).toEqual([
        ["polling", "done"],
        ["2probe", "done"],
        ["3probe", "done"],
        ["5", "done"],
        ["websocket", "done"],
      ]);
      for (const [, , time] of steps.slice(1)) expect(time).toMatch(/^\+\d+(\.\d)? ms$/);

      const lines = await page.locator("#log li span:last-child").allTextContents();
      const order = ["open: polling", "ws 2probe", "ws 3probe", "ws 5", "upgraded to websocket"];
      const places = order.map((start) => lines.findIndex((line) => line.startsWith(start)));
      expect(places).not.toContain(-1);
      expect(places).toEqual([...places].sort((a, b) => a - b));
      await page.locator("#round-trip", { hasText: /^\d+(\.\d)? ms$/ }).waitFor();
      await page.locator("#river[data-at='4']").waitFor();
    });

    test("chats with another page and shows how far each message got", async () => {
      const [ada, bo] = await Promise.all([openUser("Ada"), openUser("Bo")]);
      await say(ada, "<b>Ahoy</b> & well met");
      await message(bo, "<b>Ahoy</b> & well met").waitFor();
      await message(ada, "Ahoy").locator("[data-ticks=delivered]", { hasText: "delivered to 1 of 1" }).waitFor();
      await say(bo, "Ahoy yourself");
      await message(ada, "Ahoy yourself").waitFor();
      expect(await message(ada, "Ahoy yourself").locator("b").textContent()).toBe("Bo");
      expect(await ada.textContent("#members")).toMatch(/2 aboard: (Ada, Bo|Bo, Ada)/);
    });

    test("keeps rooms apart, and has their history for who comes later", async () => {
      const [ada, bo] = await Promise.all([openUser("Ada"), openUser("Bo")]);
      await joinRoom(ada, "upper lake");
      await say(ada, "Is anybody up here?");
      await message(ada, "up here").locator("[data-ticks]", { hasText: "nobody else here" }).waitFor();
      await say(bo, "Only the harbour hears this");
      await ada.locator("#rooms .badge", { hasText: "1" }).waitFor();
      expect(await message(ada, "Only the harbour").count()).toBe(0);

      await joinRoom(bo, "upper lake");
      await message(bo, "Is anybody up here?").waitFor();
      await ada.click("#leave");
      await ada.locator("#room-title", { hasText: "harbour" }).waitFor();
      await message(ada, "Only the harbour").waitFor();
      await bo.locator("#members", { hasText: "1 aboard: Bo" }).waitFor();
    });

    test("sends a picture that every page of the room shows", async () => {
      const [ada, bo] = await Promise.all([openUser("Ada"), openUser("Bo")]);
      const buffer = await drawPicture(ada);
      await ada.setInputFiles("#picture", { name: "lake.png", mimeType: "image/png", buffer });
      await ada.locator("#picture-preview", { hasText: "lake.png" }).waitFor();
      await say(ada, "The lake");
      const width = (page: Page) =>
        page.waitForFunction(() => document.querySelector<HTMLImageElement>(".message img")?.naturalWidth === 40);
      await Promise.all([width(ada), width(bo)]);
    });

    test("accepts a pasted picture, and refuses a large or invalid one", async () => {
      const ada = await openUser("Ada");
      const buffer = await drawPicture(ada);
      await ada.evaluate(
        (bytes) => {
          const clipboardData = new DataTransfer();
          clipboardData.items.add(new File([new Uint8Array(bytes)], "pasted.png", { type: "image/png" }));
          document.dispatchEvent(new ClipboardEvent("paste", { clipboardData, cancelable: true }));
        },
        [...buffer],
      );
      await ada.locator("#picture-preview", { hasText: "pasted.png" }).waitFor();
      await ada.click("#picture-preview button");

      const large = Buffer.concat([buffer, Buffer.alloc(2 * 1024 * 1024)]);
      await ada.setInputFiles("#picture", { name: "large.png", mimeType: "image/png", buffer: large });
      await ada.locator("#problem", { hasText: "“large.png” has 2.0 MB, a picture may have 1.0 MB." }).waitFor();
      await ada.setInputFiles("#picture", { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("x") });
      await ada.locator("#problem", { hasText: "“notes.txt” is not a PNG, JPEG, GIF or WebP picture." }).waitFor();
      expect(await ada.locator("#picture-preview").isVisible()).toBe(false);
    });

    test("stays usable on polling while WebSocket is blocked, and crosses again when it is let through", async () => {
      expected = /WebSocket connection to .* failed/;
      const [ada, bo] = await Promise.all([openUser("Ada"), openUser("Bo")]);
      await joinRoom(ada, "blocked");
      await joinRoom(bo, "blocked");
      await ada.click("#block");
      await state(ada, "refused");
      expect(await ada.textContent("#transport")).toBe("polling");
      expect(await ada.locator("#steps li").nth(1).getAttribute("class")).toBe("refused");
      await ada.screenshot({ path: `${SCREENSHOTS}blocked.png` });

      await bo.locator("#members", { hasText: "2 aboard" }).waitFor();
      await say(ada, "Still here");
      await message(bo, "Still here").waitFor();
      await say(bo, "So I see");
      await message(ada, "So I see").waitFor();
      const buffer = await drawPicture(ada);
      await ada.setInputFiles("#picture", { name: "lake.png", mimeType: "image/png", buffer });
      await say(ada, "Bytes travel by polling, too");
      await message(bo, "Bytes travel").locator("img").waitFor();
      expect(await ada.textContent("#transport")).toBe("polling");

      await ada.click("#block");
      await state(ada, "websocket");
      await say(ada, "Across again");
      await message(bo, "Across again").waitFor();
    });

    test("reconnects by itself after a cut, with its rooms and the messages sent meanwhile", async () => {
      const [ada, bo] = await Promise.all([openUser("Ada"), openUser("Bo")]);
      await joinRoom(ada, "the cut");
      await joinRoom(bo, "the cut");
      await bo.locator("#members", { hasText: "2 aboard" }).waitFor();
      // Said in the moment of the loss: the page has no connection when the message is typed.
      await ada.evaluate(() => {
        new MutationObserver((_records, observer) => {
          const panel = document.querySelector<HTMLElement>("#crossing");
          const text = document.querySelector<HTMLInputElement>("#text");
          if (panel?.dataset.state !== "lost" || !text) return;
          observer.disconnect();
          text.value = "Said while adrift";
          text.form?.requestSubmit();
        }).observe(document.querySelector("#crossing") as Node, { attributes: true });
      });
      await ada.click("#cut");
      await bo.locator("#members", { hasText: "1 aboard" }).waitFor();
      await say(bo, "Said meanwhile");

      await ada.locator("#connections", { hasText: "2" }).waitFor();
      await state(ada, "websocket");
      await message(ada, "Said meanwhile").waitFor();
      await message(bo, "Said while adrift").waitFor();
      await message(ada, "Said while adrift").locator("[data-ticks=delivered]").waitFor();
      expect(await message(ada, "Said").count()).toBe(2);
      const lines = await ada.locator("#log").textContent();
      expect(lines).toContain("disconnect: transport close");
      expect(lines).toContain("reconnect after 1 attempt");
    });

    test("is usable with the keyboard alone", async () => {
      const [ada, bo] = await Promise.all([openUser("Ada"), openUser("Bo")]);
      await ada.reload();
      await state(ada, "websocket");
      await ada.keyboard.press("Tab");
      expect(await ada.evaluate(() => document.activeElement?.textContent)).toBe("Skip to the chat");
      await ada.keyboard.press("Enter");
      await ada.keyboard.type("Typed without a mouse");
      const outline = await ada.evaluate(() => getComputedStyle(document.activeElement as Element).outlineStyle);
      expect(outline).toBe("solid");
      await ada.keyboard.press("Enter");
      await message(bo, "Typed without a mouse").waitFor();

      for (let tabs = 0; tabs < 20; tabs += 1) {
        await ada.keyboard.press("Shift+Tab");
        if (await ada.evaluate(() => document.activeElement?.id === "room")) break;
      }
      await ada.keyboard.type("by keys");
      await ada.keyboard.press("Enter");
      await ada.locator("#room-title", { hasText: "by keys" }).waitFor();
      expect(await ada.evaluate(() => document.activeElement?.id)).toBe("text");
      const unnamed = await ada.evaluate(() =>
        [...document.querySelectorAll<HTMLElement>("button, input:not([hidden])")]
          .filter(
            (control) =>
              !control.textContent?.trim() && !control.ariaLabel && !(control as HTMLInputElement).labels?.length,
          )
          .map((control) => control.outerHTML),
      );
      expect(unnamed).toEqual([]);
    });
  });

  describe("the sender's page", () => {
    // It counts pages. A page closed while it polled is counted until its ping times out.
    let shared: Demo;
    beforeEach(async () => {
      shared = demo;
      demo = await startDemo();
    });
    afterEach(async () => {
      await closePages();
      expect(demo.errors()).toBe("");
      await demo.stop();
      demo = shared;
    });

    test("broadcasts to all, to a room and to all but one, and counts the receipts", async () => {
      const [ada, bo, cleo] = await Promise.all([openUser("Ada"), openUser("Bo"), openUser("Cleo")]);
      await joinRoom(bo, "upper lake");
      const sender = await openSender();
      await sender.locator("#fleet-count", { hasText: "3" }).waitFor();
      await sender
        .locator("#fleet li", { hasText: "Bo" })
        .locator("span", { hasText: "harbour, upper lake" })
        .waitFor();

      const broadcast = async (text: string, count: string): Promise<void> => {
        await sender.fill("#text", text);
        await sender.press("#text", "Enter");
        const result = sender.locator(".result", { hasText: text });
        await result.locator("dd", { hasText: count }).waitFor();
        expect(await result.locator("dd").allTextContents()).toEqual([
          count,
          ...Array(3).fill(expect.stringMatching(/^\d+(\.\d)? ms$/)),
        ]);
      };
      await broadcast("To everyone", "3 of 3");
      await Promise.all(
        [ada, bo, cleo].map((page) => page.locator("#announcements p", { hasText: "To everyone" }).waitFor()),
      );

      await sender.check("[value=room]");
      await sender.selectOption("#room", "upper lake");
      await broadcast("To the lake", "1 of 1");
      await bo.locator("#announcements p", { hasText: "To the lake" }).waitFor();

      await sender.check("[value=except]");
      const option = await sender.locator("#page option", { hasText: "Cleo" }).getAttribute("value");
      await sender.selectOption("#page", option);
      await broadcast("To all but Cleo", "2 of 2");
      await bo.locator("#announcements p", { hasText: "To all but Cleo" }).waitFor();
      expect(await cleo.locator("#announcements").textContent()).toBe("To everyone");
      await sender.screenshot({ path: `${SCREENSHOTS}broadcast.png` });
      await sender.locator("#log li", { hasText: "receipt from Ada after" }).first().waitFor();
    });

    test("shows the pages as they come, change and go", async () => {
      const sender = await openSender();
      await sender.locator("#fleet-empty").waitFor();
      const ada = await openUser("Ada");
      await sender.locator("#fleet li", { hasText: "Ada" }).locator("code", { hasText: "websocket" }).waitFor();
      await ada.close();
      await sender.locator("#fleet-empty").waitFor();
      await sender.fill("#text", "Anyone?");
      await sender.click("#send");
      await sender.locator(".result", { hasText: "0 of 0" }).waitFor();
    });
  });

  test("shows the whole chat within one and a half screens of a phone", async () => {
    const page = await open("/websocket.html", { viewport: { width: 360, height: 640 } });
    await state(page, "websocket");
    const { y, height } = (await page.locator("#say").boundingBox())!;
    expect(y + height).toBeLessThan(1.5 * 640);
    await expect(page.locator("#figures").getAttribute("open")).resolves.toBe(null);
    await page.click("#figures summary");
    await page.locator("#round-trip", { hasText: /ms$/ }).waitFor();
  });

  test("takes the first round trip when the upgrade is done, with minified files", async () => {
    const context = await chromium.newContext();
    const page = await context.newPage();
    const loaded: string[] = [];
    page.on("request", (request) => loaded.push(new URL(request.url()).pathname));
    await page.goto(`${demo.origin}/websocket.html`);
    await page.locator("#round-trip", { hasText: /ms$/ }).waitFor();
    const lines = await page.locator("#log li span:last-child").allTextContents();
    const [question] = lines.filter((line) => line.includes('["echo"'));
    expect(question).toMatch(/^ws /);
    expect(loaded.filter((path) => path.startsWith("/socket.io/socket.io"))).toEqual(["/socket.io/socket.io.min.js"]);
  });

  describe.each(["/websocket.html", "/broadcast.html"])("%s shows failures", (path) => {
    test("without JavaScript", async () => {
      const page = await open(path, { javaScriptEnabled: false });
      const notice = page.locator("noscript p");
      expect(await notice.textContent()).toContain("This page needs JavaScript");
      expect(await notice.isVisible()).toBe(true);
      expect(await page.locator("#state").textContent()).toBe("");
    });

    test.each([/socket\.io\.min\.js/, /\/js\/.*\.js/])("where a script is blocked: %s", async (blocked) => {
      expected = /ERR_FAILED|was not loaded/;
      const context = await chromium.newContext();
      const page = await context.newPage();
      await page.route(blocked, (route) => route.abort());
      await page.goto(demo.origin + path);
      await page.getByText("Something may block them").waitFor({ timeout: 8000 });
      expect(await page.locator("#state").textContent()).toBe("");
    });
  });

  test.each([360, 520, 600, 1280])("links the live page from both pages at %d pixels", async (width) => {
    for (const openPage of [openSender, () => openUser("ada", { viewport: { width, height: 760 } })]) {
      const page = await openPage({ viewport: { width, height: 760 } });
      const link = page.getByRole("link", { name: "Live page" });
      const { x, width: wide } = (await link.boundingBox())!;
      expect(x + wide).toBeLessThanOrEqual(width);
      expect(await fitsItsWidth(page)).toBe(true);
      await link.click();
      await page.getByRole("heading", { name: "Findings" }).waitFor();
    }
  });

  test("fits a phone of 360 pixels, in light and in dark", async () => {
    const phone = { viewport: { width: 360, height: 760 }, deviceScaleFactor: 2 };
    const long = "longnamewithoutanyspaces";
    const ada = await openUser(long, phone);
    await joinRoom(ada, "anotherverylongroomname1");
    await say(ada, "w".repeat(200));
    await message(ada, "wwww").waitFor();
    expect(await fitsItsWidth(ada)).toBe(true);
    await ada.screenshot({ path: `${SCREENSHOTS}phone.png`, fullPage: true });

    const sender = await openSender({ ...phone, colorScheme: "dark" });
    await sender.locator("#fleet li", { hasText: long }).waitFor();
    await sender.fill("#text", "w".repeat(200));
    await sender.press("#text", "Enter");
    await sender.locator(".result", { hasText: "1 of 1" }).waitFor();
    expect(await fitsItsWidth(sender)).toBe(true);
    await sender.screenshot({ path: `${SCREENSHOTS}phone-broadcast-dark.png`, fullPage: true });
    await ada.setViewportSize({ width: 1280, height: 860 });
    await ada.emulateMedia({ colorScheme: "dark" });
    await ada.screenshot({ path: `${SCREENSHOTS}desktop-dark.png` });
  });
});
