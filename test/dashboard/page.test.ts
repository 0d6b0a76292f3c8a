import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { findChromium, startChromium, type StartedBrowser } from "../browser/chromium.ts";
import { startFakeBoard, type FakeBoard } from "./fake-board.ts";
import { connectionRow, FINDINGS } from "./fake-data.ts";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const ROWS = 100_000;

/** Addresses of all views, and an element of each once it is drawn. */
const VIEWS: ReadonlyArray<readonly [address: string, selector: string]> = [
  ["#/", ".cards"],
  ["#/connections", "[data-handle]"],
  ["#/connections?slow=yes&order=queued", "[data-handle]"],
  [`#/connection/${connectionRow(3).handle}`, ".timeline"],
  ["#/rooms", "table"],
  ["#/rooms?nsp=%2F&room=lobby", "[data-handle]"],
  ["#/events", "table"],
  ["#/problems", "[data-problem]"],
  ["#/ended", "[data-handle]"],
  ["#/cluster", "table"],
];

interface Violation {
  readonly id: string;
  readonly nodes: ReadonlyArray<{ readonly html: string }>;
}

async function violationsOf(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const violations = await page.evaluate<Violation[]>("axe.run().then(({ violations }) => violations)");
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
}

const sidewaysOf = (page: Page): Promise<number> =>
  page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);

let chromium: StartedBrowser;
let board: FakeBoard;
/** Errors of the page: exceptions, and violations of its policy. */
let errors: string[];

beforeAll(async () => {
  const path = await findChromium();
  if (path === undefined) throw new Error("There is not a Chromium: set CHROME_PATH.");
  chromium = await startChromium(path);
  board = await startFakeBoard({ rights: { role: "act", payloads: "shape" }, findings: FINDINGS, connections: ROWS });
});

afterAll(async () => {
  await chromium?.stop();
  await board?.close();
});

beforeEach(() => {
  errors = [];
});

type Look = { readonly width?: number; readonly colorScheme?: "light" | "dark" };

async function open(url: string, { width = 1280, colorScheme = "light" }: Look = {}): Promise<Page> {
  const context = await chromium.newContext({ viewport: { width, height: 900 }, colorScheme });
  const page = await context.newPage();
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (line) => line.type() === "error" && errors.push(line.text()));
  await page.goto(url);
  return page;
}

const close = (page: Page): Promise<void> => page.context().close();

describe.each([
  [1280, "light"],
  [1280, "dark"],
  [360, "light"],
  [360, "dark"],
] as const)("at %d pixels, %s", (width, colorScheme) => {
  it("each view fits, obeys its policy, and has 0 violations of axe", async () => {
    const page = await open(board.url, { width, colorScheme });
    for (const [address, selector] of VIEWS) {
      await page.goto(board.url + address);
      await page.locator(selector).first().waitFor();
      expect(await violationsOf(page), address).toEqual([]);
      expect(await sidewaysOf(page), address).toBeLessThanOrEqual(0);
    }
    await page.goto(`${board.url}#/`);
    await page.getByRole("button", { name: "Chart of Round trip" }).click();
    await page.getByRole("button", { name: "Close chart of Round trip" }).waitFor();
    expect(await violationsOf(page), "a chart").toEqual([]);
    expect(errors).toEqual([]);
    await close(page);
  });
});

describe("the overview", () => {
  it("begins with the findings, and says politely when they change", async () => {
    const page = await open(board.url);
    const first = page.locator("[data-finding]").first();
    await first.waitFor();
    expect(await first.getAttribute("data-finding")).toBe("HOT_ROOM");
    expect(await first.getAttribute("data-subject")).toBe("lobby");
    expect(await page.locator("[data-finding=GROWS] table").innerText()).toContain("241 MB");
    const live = page.locator(".findings [aria-live=polite]");
    board.setFindings([]);
    await page.getByText("Nothing is wrong", { exact: true }).waitFor();
    expect(await live.textContent()).toBe("Nothing is wrong.");
    board.setFindings(FINDINGS);
    await first.waitFor();
    expect(await live.textContent()).toContain("takes 81% of all deliveries");
    await close(page);
  });

  it("shows what a finding says as text, and follows links within the page alone", async () => {
    const hostile = '<img src=x onerror="document.title=1"><script>document.title=2</script>';
    const finding = { ...FINDINGS[0]!, subject: hostile, sentence: hostile, advice: hostile };
    board.setFindings([{ ...finding, link: "javascript:document.title=3" }]);
    const page = await open(board.url);
    await page.locator(".sentence").getByText(hostile).waitFor();
    expect(await page.locator("[data-finding] img, [data-finding] script, [data-finding] a").count()).toBe(0);
    expect(await page.title()).toBe("Overview – Portage");
    board.setFindings(FINDINGS);
    await close(page);
  });

  it("has a sentence and a table for each chart, of 5 minutes and of 24 hours", async () => {
    const page = await open(board.url);
    await page.getByRole("button", { name: "Chart of Event loop" }).click();
    const chart = page.getByRole("img", { name: /^Chart of Event loop\./ });
    expect(await chart.getAttribute("aria-label")).toMatch(/p99: .* ms now, between .* in the last 5 minutes\./);
    await page.getByText("Figures as a table").click();
    const table = page.getByRole("table", { name: "Figures of Event loop" });
    expect(await table.getByRole("row").count()).toBe(13);
    await page.getByRole("button", { name: "24 h" }).click();
    await page.getByRole("img", { name: /in the last 24 hours\./ }).waitFor();
    await close(page);
  });
});

describe("the table of connections", () => {
  it("has 100,000 rows; the document holds only the rows in the window", async () => {
    const page = await open(`${board.url}#/connections`);
    const table = page.getByRole("table", { name: "Connections" });
    await page.locator("[data-handle]").first().waitFor();
    expect(await table.getAttribute("aria-rowcount")).toBe(String(ROWS + 1));
    await table.evaluate((element) => (element.scrollTop = 77_777 * 36));
    const row = page.locator(`[data-handle="${connectionRow(77_780).handle}"]`);
    await row.waitFor();
    expect(await row.innerText()).toContain("visitor 77780");
    expect(await row.getAttribute("aria-rowindex")).toBe("77782");
    expect(await page.locator(".long-row").count()).toBeLessThan(60);
    await close(page);
  });

  it("is used by keys alone", async () => {
    const page = await open(`${board.url}#/connections`);
    await page.locator("[data-handle] a[tabindex='0']").focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    await page.getByText("visitor 2", { exact: true }).and(page.locator(":focus")).waitFor();
    await page.keyboard.press("End");
    await page
      .getByText(`visitor ${ROWS - 1}`, { exact: true })
      .and(page.locator(":focus"))
      .waitFor();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: `visitor ${ROWS - 1}` }).waitFor();
    expect(page.url()).toContain(`#/connection/${connectionRow(ROWS - 1).handle}`);
    await close(page);
  });

  it("keeps filter and order in its address", async () => {
    const page = await open(`${board.url}#/connections?transport=polling`);
    await page.getByText(/connections match\.$/).waitFor();
    expect(await page.getByRole("searchbox", { name: "Filter" }).inputValue()).toBe("transport:polling");
    await page.getByRole("button", { name: "slow", exact: true }).click();
    await page.getByRole("columnheader", { name: "Queue" }).getByRole("button").click();
    await page.getByText(/this order shows the first 1,000|connections match/).waitFor();
    expect(new URL(page.url()).hash).toBe("#/connections?transport=polling&slow=yes&order=queued");
    await page.reload();
    await page.getByRole("columnheader", { name: "Queue" }).and(page.locator("[aria-sort=descending]")).waitFor();
    expect(await page.getByRole("searchbox", { name: "Filter" }).inputValue()).toBe("transport:polling slow:yes");
    await close(page);
  });
});

describe("actions", () => {
  it("ask for the number of targets before they touch more than one", async () => {
    const page = await open(`${board.url}#/connections?slow=yes`);
    await page.getByRole("button", { name: "Disconnect all that match…" }).click();
    const dialog = page.getByRole("dialog");
    const confirm = dialog.getByRole("button", { name: "Disconnect" });
    const count = Math.ceil((ROWS - 3) / 31);
    await dialog.getByLabel(`Type ${count} to go on`).fill("12");
    expect(await confirm.isDisabled()).toBe(true);
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    expect(board.actions).toEqual([]);
    await page.getByRole("button", { name: "Disconnect all that match…" }).click();
    await dialog.getByLabel(`Type ${count} to go on`).fill(String(count));
    await confirm.click();
    await page.getByText(/^Done: /).waitFor();
    expect(board.actions.splice(0)).toEqual([["disconnect", { filter: "slow:yes", count }]]);
    await close(page);
  });

  it("are not shown to a viewer who may only look", async () => {
    const other = await startFakeBoard({ rights: { role: "view", payloads: "none" }, findings: [], connections: 10 });
    const page = await open(`${other.url}#/connection/${connectionRow(3).handle}`);
    await page.locator(".timeline").waitFor();
    await page.getByText("may look").waitFor();
    expect(await page.getByRole("button", { name: /Disconnect|Emit|Join|Leave/ }).count()).toBe(0);
    await close(page);
    await other.close();
  });

  it("emit JSON to a socket, and refuse what is not an array", async () => {
    const page = await open(`${board.url}#/connection/${connectionRow(3).handle}`);
    await page.getByLabel("Event", { exact: true }).fill("hello");
    const args = page.getByLabel("Arguments, as a JSON array");
    await args.fill("{}");
    await page.getByRole("button", { name: "Emit" }).click();
    await page.getByText(/The arguments are a JSON array/).waitFor();
    await args.fill('["x"]');
    await page.getByRole("button", { name: "Emit" }).click();
    await page.getByText("Done: 1 target.").waitFor();
    const target = { namespace: "/", event: "hello", args: '["x"]', handle: connectionRow(3).handle, count: 1 };
    expect(board.actions.splice(0)).toEqual([["emit", target]]);
    await close(page);
  });
});

describe("the problems", () => {
  it("can be filtered, held, and copied as JSON", async () => {
    const page = await open(`${board.url}#/problems`);
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.locator("[data-problem]").nth(1).waitFor();
    await page.getByLabel("Kind").selectOption("refusal");
    await page.getByText("1 row.").waitFor();
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByRole("heading", { name: "Paused" }).waitFor();
    board.io.emit("rows", "problems", 2, []);
    await page.getByRole("button", { name: "Copy as JSON" }).click();
    await page.getByText("Copied.").waitFor();
    const copied = JSON.parse(await page.evaluate(() => navigator.clipboard.readText())) as Array<{ code: string }>;
    expect(copied.map(({ code }) => code)).toEqual(["ORIGIN_NOT_ALLOWED"]);
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByText("0 rows.").waitFor();
    await close(page);
  });
});

describe("one connection", () => {
  it("says why the client is on polling, and shows its packets while they are watched", async () => {
    const page = await open(`${board.url}#/connection/${connectionRow(3).handle}`);
    await page.locator("[data-why=UPGRADE_STRIPPED]").waitFor();
    await page.getByRole("button", { name: "Watch packets" }).click();
    await page.getByText("{ from: string(2), to: string(2) }").waitFor();
    await page.getByText("7 packets left out").waitFor();
    await close(page);
  });
});

describe("the connection to the server", () => {
  it("rests while the page is hidden", async () => {
    const page = await open(`${board.url}#/events`);
    await page.getByRole("table").first().waitFor();
    const turn = (isHidden: boolean) =>
      page.evaluate((hidden) => {
        Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
      }, isHidden);
    await expect.poll(() => board.watchersOf("events")).toBe(1);
    await turn(true);
    await expect.poll(() => board.watchersOf("events")).toBe(0);
    await turn(false);
    await expect.poll(() => board.watchersOf("events")).toBe(1);
    await close(page);
  });

  it("says that it is lost, and goes on by itself", async () => {
    const page = await open(board.url);
    await page.getByText("live", { exact: true }).waitFor();
    board.io.disconnectSockets(true);
    await page
      .getByRole("alert")
      .getByText(/The connection to the server is lost/)
      .waitFor();
    await page.getByText("live", { exact: true }).waitFor();
    await close(page);
  });
});

describe("the login page", () => {
  it("takes the right password, and asks for it again once the session has ended", async () => {
    const options = { rights: { role: "view", payloads: "shape" } as const, findings: [], connections: 10 };
    const other = await startFakeBoard({ ...options, password: "right" });
    const page = await open(other.url);
    await page.getByLabel("Token").fill("wrong");
    expect(await violationsOf(page)).toEqual([]);
    await page.keyboard.press("Enter");
    await page.getByRole("alert").getByText("That is not right. Try again.").waitFor();
    await page.getByLabel("Token").fill("right");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("live", { exact: true }).waitFor();
    await page.context().clearCookies();
    other.io.engine.close();
    await page.getByRole("link", { name: "Sign in again" }).click();
    await page.getByLabel("Token").waitFor();
    await close(page);
    await other.close();
  });
});
