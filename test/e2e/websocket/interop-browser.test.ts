import { createServer, type Server } from "node:http";
import { WebSocketServer } from "@portage/websocket";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findChromium, startChromium, type StartedBrowser } from "../../browser/chromium.ts";
import { urlOf } from "../../contract/websocket-api.ts";
import { nextEvent } from "../../support/waiting.ts";

const executable = await findChromium();
if (!executable) {
  console.warn("Browser tests skipped: no CHROME_PATH, no chromium or chrome on PATH, no @sparticuz/chromium.");
}

/** The page's report about one connection. */
interface Report {
  readonly extensions: string;
  readonly protocol: string;
  readonly wrong: string[];
  readonly close: { code: number; reason: string; wasClean: boolean };
}

/** Runs in the page: echoes of all sizes, then the end. */
async function exchange(url: string): Promise<Report> {
  const socket = new WebSocket(url, ["one", "two"]);
  socket.binaryType = "arraybuffer";
  await new Promise((resolve) => (socket.onopen = resolve));
  const wrong: string[] = [];
  const answer = (data: string | Uint8Array<ArrayBuffer>): Promise<unknown> => {
    socket.send(data);
    return new Promise((resolve) => (socket.onmessage = (event) => resolve(event.data)));
  };
  for (const size of [0, 1, 125, 126, 1024, 65_535, 65_536, 500_000]) {
    const text = "aé😀".repeat(size);
    if ((await answer(text)) !== text) wrong.push(`text ${size}`);
    const bytes = new Uint8Array(size).map((_, at) => at % 251);
    const echoed = new Uint8Array((await answer(bytes)) as ArrayBuffer);
    if (echoed.length !== size || echoed.some((byte, at) => byte !== at % 251)) wrong.push(`binary ${size}`);
  }
  const closed = new Promise<CloseEvent>((resolve) => (socket.onclose = resolve));
  socket.close(3456, "page");
  const { code, reason, wasClean } = await closed;
  return { extensions: socket.extensions, protocol: socket.protocol, wrong, close: { code, reason, wasClean } };
}

describe.skipIf(!executable)("the WebSocket of Chromium", () => {
  let chromium: StartedBrowser;
  let http: Server;
  let page: Page;

  beforeAll(async () => {
    http = createServer((_req, res) => res.end("<!doctype html><title>page</title>")).listen(0, "127.0.0.1");
    await nextEvent(http, "listening");
    chromium = await startChromium(executable as string);
    page = await (await chromium.newContext()).newPage();
    await page.goto(urlOf(http).replace("ws:", "http:"));
  });

  afterAll(async () => {
    await chromium.stop();
    http.close();
  });

  it.each([
    ["without compression", false, ""],
    ["with compression", true, "permessage-deflate"],
    ["without context takeover", { serverNoContextTakeover: true, threshold: 0 }, "permessage-deflate"],
  ])("echoes and closes %s", async (_how, perMessageDeflate, extension) => {
    const server = new WebSocketServer({ server: http, perMessageDeflate });
    const pongs: string[] = [];
    const closes: string[] = [];
    server.on("connection", (socket) => {
      socket.ping("hello page");
      socket.on("pong", (data) => pongs.push(data.toString()));
      socket.on("close", (code, reason) => closes.push(`${code} ${reason.toString()}`));
      socket.on("message", (data, isBinary) => socket.send(data as Buffer, { binary: isBinary }));
    });
    const report = await page.evaluate(exchange, urlOf(http));
    expect(report).toMatchObject({
      protocol: "one",
      wrong: [],
      close: { code: 3456, reason: "page", wasClean: true },
    });
    expect(report.extensions.startsWith(extension) && (extension !== "" || report.extensions === "")).toBe(true);
    expect([pongs, closes]).toEqual([["hello page"], ["3456 page"]]);
    server.close();
  });
});
