import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { io as connect, type Socket as ClientSocket } from "@portage/client";
import { Server } from "@portage/server";
import { dashboard, type Board } from "@portage/server/dashboard";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { findChromium, startChromium, type StartedBrowser } from "../browser/chromium.ts";

/** A name that would be a script, if the page wrote it as HTML. */
const HOSTILE = '<img src=x onerror="document.title=1">';

let chromium: StartedBrowser;
let io: Server;
let board: Board;
let url: string;
const clients: ClientSocket[] = [];
const errors: string[] = [];

async function join(name: string, transports: string[]): Promise<void> {
  const client = connect(url, {
    forceNew: true,
    auth: { name },
    transports: transports as ["polling"],
    reconnection: false,
  });
  clients.push(client);
  await new Promise((resolve) => client.once("connect", () => resolve(undefined)));
}

beforeAll(async () => {
  const path = await findChromium();
  if (path === undefined) throw new Error("There is not a Chromium: set CHROME_PATH.");
  chromium = await startChromium(path);
  const http = createServer();
  io = new Server(http, { maxConnections: 5 });
  board = dashboard(io, { label: ({ handshake }) => String(handshake.auth["name"]) });
  io.on("connection", (socket) => void socket.join(["lobby", "a room of 100%"]));
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  await join("alice", ["websocket"]);
  await join("bob", ["polling"]);
  await join(HOSTILE, ["websocket"]);
});

afterAll(async () => {
  for (const client of clients) client.disconnect();
  await chromium?.stop();
  await board?.close();
  await io?.close();
});

async function open(hash: string): Promise<Page> {
  const page = await (await chromium.newContext()).newPage();
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (line) => line.type() === "error" && errors.push(line.text()));
  await page.goto(`${url}/dashboard${hash}`);
  return page;
}

it("shows the figures of the server, and its limits with what is used", async () => {
  const page = await open("");
  await page.getByText(/^3 clients are connected, 33% of them on polling/).waitFor();
  await page.getByRole("row", { name: "maxConnections" }).getByText("3 (60%)").waitFor();
  await page.getByRole("row", { name: "maxHttpBufferSize" }).getByText("1 MB").waitFor();
  await page.context().close();
});

it("shows names as text, and finds connections by words and by name", async () => {
  const page = await open("#/connections");
  await page.getByRole("link", { name: HOSTILE }).waitFor();
  await page.getByRole("button", { name: "polling" }).click();
  await page.getByText("1 connection matches.").waitFor();
  expect(await page.locator("[data-handle]").innerText()).toContain("bob");
  const filter = page.getByRole("searchbox", { name: "Filter" });
  await filter.fill("nobody");
  await page.getByText("0 connections match.").waitFor();
  await filter.fill("ali");
  await page.getByRole("link", { name: "alice" }).click();
  await page.getByRole("heading", { name: "alice" }).waitFor();
  await page.getByText("websocket", { exact: true }).first().waitFor();
  await page.context().close();
});

it("lists the members of a room whose name has white space and a percent sign", async () => {
  const page = await open(`#/rooms?nsp=%2F&room=${encodeURIComponent("a room of 100%")}`);
  await page.getByText("3 connections match.").waitFor();
  await page.context().close();
});

it("says that a connection of an address is not known", async () => {
  const page = await open("#/connection/AAAAAAAAAA");
  await page.getByText(/This connection is not known/).waitFor();
  await page.context().close();
});

it("keeps the story of a connection that has ended, and says why it did", async () => {
  await join("carol", ["websocket"]);
  const page = await open("#/connections?user=carol");
  const handle = await page.locator("[data-handle]").getAttribute("data-handle");
  await page.getByRole("link", { name: "carol" }).click();
  clients.pop()?.disconnect();
  await page.getByRole("heading", { name: "How it ended" }).waitFor();
  await page.getByText("CLIENT_CLOSED").first().waitFor();
  await page.goto(`${url}/dashboard/#/ended`);
  await page.locator(`[data-handle="${handle}"]`).waitFor();
  await page.context().close();
});

it("names refusals as problems, with advice, and opens although the server is full", async () => {
  for (const name of ["dave", "erin"]) await join(name, ["websocket"]);
  const refused = await fetch(`${url}/socket.io/?EIO=4&transport=polling`);
  expect(refused.status).toBe(503);
  const page = await open("#/problems");
  const problem = page.locator("[data-problem]").filter({ hasText: "maxConnections" });
  await problem.first().waitFor();
  expect(await problem.first().locator(".advice").innerText()).toMatch(/^[A-Z].*\.$/s);
  await page.context().close();
});

it("breaks its own policy nowhere", () => {
  expect(errors).toEqual([]);
});
