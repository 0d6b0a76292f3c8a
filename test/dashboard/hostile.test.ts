import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { io as connect, type Socket as ClientSocket } from "@portage/client";
import { Server } from "@portage/server";
import { dashboard, type Board } from "@portage/server/dashboard";
import type { BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import type { StartedBrowser } from "../browser/chromium.ts";
import { openBrowser } from "./support/browser.ts";

const TOKEN = "correct horse battery staple";

/** Texts that would run in a page that writes them as HTML, as an address, or as a style. Each sets `window.ran`. */
const SCRIPTS = [
  "<script>window.ran=1</script>",
  '<img src=x onerror="window.ran=2">',
  "<svg onload=window.ran=3>",
  '"><script>window.ran=4</script>',
  "' autofocus onfocus='window.ran=5",
  "javascript:window.ran=6",
  "<iframe srcdoc='<script>parent.ran=7</script>'></iframe>",
  "<style>@import 'javascript:window.ran=8'</style>",
  "{{constructor.constructor('window.ran=9')()}}",
  "${window.ran=10}",
  "<a href=javascript:window.ran=11>x</a>",
  "\u202Egnp.exe<details open ontoggle=window.ran=12>",
  "</title><script>window.ran=13</script>",
  "<math><mtext></p><img src onerror=window.ran=14>",
  "]]><script>window.ran=15</script>",
] as const;

interface Rig {
  readonly io: Server;
  readonly board: Board;
  readonly port: number;
}

let chromium: StartedBrowser;
let hostile: HttpServer;
/** The address of a page that means harm, on the same machine, at another port. */
let hostileUrl: string;
let local: Rig;
let guarded: Rig;
const clients: ClientSocket[] = [];

const portOf = (http: HttpServer): number => (http.address() as AddressInfo).port;

async function openRig(options: Parameters<typeof dashboard>[1]): Promise<Rig> {
  const http = createServer((_req, res) => void res.writeHead(404).end());
  const io = new Server(http);
  const board = dashboard(io, options);
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  return { io, board, port: portOf(http) };
}

beforeAll(async () => {
  chromium = await openBrowser();
  hostile = createServer((_req, res) => {
    res.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>harm</title><body>");
  });
  await new Promise<void>((resolve) => hostile.listen(0, "127.0.0.1", resolve));
  hostileUrl = `http://127.0.0.1:${portOf(hostile)}/`;
  local = await openRig({ label: ({ handshake }) => String(handshake.auth["name"]), payloads: "values", role: "act" });
  guarded = await openRig({ auth: { token: TOKEN } });
});

afterAll(async () => {
  for (const client of clients) client.disconnect();
  await chromium?.stop();
  for (const { io, board } of [local, guarded].filter(Boolean)) {
    await board.close();
    await io.close();
  }
  hostile?.close();
});

let context: BrowserContext;
let page: Page;
beforeEach(async () => {
  context = await chromium.newContext();
  page = await context.newPage();
  return () => context.close();
});

async function logIn(): Promise<void> {
  await page.goto(`http://127.0.0.1:${guarded.port}/dashboard/`);
  await page.locator("input[type=password]").fill(TOKEN);
  await page.locator("input[type=password]").press("Enter");
  await page.locator(".cards").waitFor();
}

/** Tries all ways of a page to read from the door of another origin. Returns its catch. */
const REACH = (port: number): Promise<string[]> => {
  const got: string[] = [];
  const live = `127.0.0.1:${port}/dashboard/live/?EIO=4&transport=`;
  const over = new Promise<void>((resolve) => {
    const socket = new WebSocket(`ws://${live}websocket`);
    socket.onmessage = ({ data }) => void got.push(`websocket: ${data}`);
    socket.onopen = () => void got.push("websocket: open");
    socket.onclose = () => resolve();
    setTimeout(resolve, 3000);
  });
  const asks = ["same-origin", "no-cors", "cors"].map(async (mode) => {
    for (const path of [`http://${live}polling`, `http://127.0.0.1:${port}/dashboard/`]) {
      const answer = await fetch(path, { mode: mode as RequestMode, credentials: "include" }).catch(() => undefined);
      const text = (await answer?.text().catch(() => "")) ?? "";
      if (text !== "") got.push(`${mode} ${path}: ${text}`);
    }
  });
  return Promise.all([over, ...asks]).then(() => got);
};

it.each(["local", "guarded"] as const)("a page of another port reaches nothing of the door: %s", async (which) => {
  if (which === "guarded") await logIn();
  await page.goto(hostileUrl);
  expect(await page.evaluate(REACH, (which === "local" ? local : guarded).port)).toEqual([]);
});

it("a page of another port can't log a visitor in, by fetch or by a form", async () => {
  const login = `http://127.0.0.1:${guarded.port}/dashboard/login`;
  await page.goto(hostileUrl);
  await page.evaluate(
    ({ url, password }) =>
      fetch(url, {
        method: "POST",
        mode: "no-cors",
        credentials: "include",
        body: new URLSearchParams({ password }),
      }).catch(() => undefined),
    { url: login, password: TOKEN },
  );
  expect(await context.cookies(login)).toEqual([]);
  const answered = page.waitForResponse((answer) => answer.url() === login);
  await page.setContent(`<form method=post action="${login}"><input name=password value="${TOKEN}"></form>`);
  await page.evaluate(() => document.forms[0]!.submit());
  expect((await answered).status()).toBe(403);
  expect(await context.cookies(login)).toEqual([]);
});

it("no page may frame it", async () => {
  await page.goto(hostileUrl);
  const url = `http://127.0.0.1:${local.port}/dashboard/`;
  const refusal = page.waitForEvent("console", (line) => line.text().includes("frame-ancestors"));
  await page.setContent(`<iframe src="${url}"></iframe>`);
  await refusal;
  expect(page.frames().map((frame) => frame.url())).not.toContain(url);
});

it("a name that leads to this machine by DNS does not open it", async () => {
  // Chromium resolves all names below localhost to this machine.
  const answer = await page.goto(`http://rebound.localhost:${local.port}/dashboard/`);
  expect(answer!.status()).toBe(403);
  expect(await page.locator("script, .cards").count()).toBe(0);
  const live = `http://rebound.localhost:${local.port}/dashboard/live/?EIO=4&transport=polling`;
  expect((await page.goto(live))!.status()).toBe(403);
});

async function bring(script: string): Promise<void> {
  const client = connect(`http://127.0.0.1:${local.port}`, {
    forceNew: true,
    auth: { name: script, [script]: script },
    query: { [script]: script },
    extraHeaders: { "user-agent": encodeURI(script), "x-note": script.replace(/[^\x20-\x7e]/g, "") },
    reconnection: false,
    transports: ["websocket"],
  });
  clients.push(client);
  await new Promise((resolve) => client.once("connect", () => resolve(undefined)));
  for (let i = 0; i < 5; i++) client.emit(script, { [script]: script });
}

it("hostile texts in names, rooms, events, agents, payloads and reasons are text everywhere", async () => {
  const { io, port } = local;
  io.on("connection", (socket) => {
    const script = String(socket.handshake.auth["name"]);
    void socket.join(script);
    socket.onAny(() => io.to(script).emit(script, script));
    socket.on(SCRIPTS[0], () => {
      throw new Error(script);
    });
  });
  io.on("handler_error", () => undefined);
  io.of(SCRIPTS[1].replace(/[,?]/g, ""));
  const violations: string[] = [];
  page.on("console", (line) => line.type() === "error" && violations.push(line.text()));
  page.on("pageerror", ({ message }) => violations.push(message));
  page.on("dialog", (dialog) => void violations.push(dialog.message()));
  for (const script of SCRIPTS) await bring(script);
  const url = `http://127.0.0.1:${port}/dashboard/`;
  const addresses = ["#/", "#/connections", "#/rooms", "#/events", "#/problems", "#/ended", "#/cluster"];
  for (const script of SCRIPTS) addresses.push(`#/rooms?nsp=%2F&room=${encodeURIComponent(script)}`, `#/${script}`);
  await page.goto(`${url}#/connections`);
  await page
    .locator("[data-handle]")
    .nth(SCRIPTS.length - 1)
    .waitFor();
  const rows = await page
    .locator("[data-handle]")
    .evaluateAll((all) => all.map((row) => row.getAttribute("data-handle")));
  addresses.push(...rows.map((handle) => `#/connection/${handle}`));
  clients[2]!.disconnect();
  for (const address of addresses) {
    await page.goto(url + address);
    await page.locator("main").first().waitFor();
    await page.waitForTimeout(150);
    expect(await page.evaluate(() => Reflect.get(window, "ran") as unknown), address).toBeUndefined();
  }
  expect(violations).toEqual([]);
});
