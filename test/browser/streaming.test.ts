import type { IncomingMessage, ServerResponse } from "node:http";
import { Server, type Socket } from "@portage/server";
import type { Page } from "playwright-core";
import { afterEach, describe, expect, test } from "vitest";
import { Host } from "../support/servers/host.ts";
import { nextEvent } from "../support/waiting.ts";
import { findChromium, startChromium } from "./chromium.ts";
import { findFirefox, Firefox } from "./firefox.ts";

/** Globals of the page's script. */
declare const received: unknown[];
declare const ends: string[];

const PAGE = `<!doctype html><title>Test</title><script src="/socket.io/socket.io.min.js"></script><script>
  const received = [], ends = [];
  const socket = io({ transports: ["polling"] });
  socket.on("n", (n, done) => (received.push(n), done()));
  socket.on("text", (text) => received.push(text));
  socket.on("disconnect", (reason) => ends.push(reason));
</script>`;

interface TestPage {
  evaluate<Result>(fn: () => Promise<Result>): Promise<Result>;
}

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (let cleanup = cleanups.pop(); cleanup; cleanup = cleanups.pop()) await cleanup();
});

async function openChromium(executable: string, url: string): Promise<TestPage> {
  const chromium = await startChromium(executable);
  cleanups.push(() => chromium.stop());
  const page: Page = await (await chromium.newContext()).newPage();
  await page.goto(url);
  return { evaluate: (fn) => page.evaluate(fn) };
}

async function openFirefox(executable: string, url: string): Promise<TestPage> {
  const firefox = await Firefox.start(executable);
  cleanups.push(() => firefox.stop());
  await firefox.open(url);
  return { evaluate: (fn) => firefox.evaluate(fn, undefined) };
}

const BROWSERS = [
  ["Chromium", await findChromium(), openChromium],
  ["Firefox", findFirefox(), openFirefox],
] as const;

async function serve(): Promise<{ io: Server; url: string; polls: string[] }> {
  const host = new Host();
  const io = new Server(host.http);
  const polls: string[] = [];
  host.http.on("request", ({ url = "", method }: IncomingMessage, response: ServerResponse) => {
    if (url === "/page") response.setHeader("content-type", "text/html").end(PAGE);
    else if (!url.startsWith("/socket.io/")) response.writeHead(404).end();
    else if (method === "GET" && url.includes("EIO=")) polls.push(url);
  });
  await host.listen();
  cleanups.push(() => io.close());
  return { io, url: `${host.url}/page`, polls };
}

describe.each(BROWSERS)("%s", (name, executable, open) => {
  if (!executable) console.warn(`Browser tests of streamed polls skipped: no ${name}.`);

  test.skipIf(!executable)("reads answers as they come", async () => {
    const { io, url, polls } = await serve();
    const connection = nextEvent<[Socket]>(io, "connection");
    const page = await open(executable as string, url);
    const [client] = await connection;
    for (let index = 0; index < 50; index++) await client.timeout(5000).emitWithAck("n", index);
    client.emit("text", "line\r\nbreak é\u2028".repeat(20_000));
    client.disconnect(true);
    const [numbers, length, reason] = await page.evaluate(async () => {
      while (ends.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
      return [received.slice(0, 50), String(received[50]).length, ends[0]] as const;
    });
    expect(numbers).toEqual(Array.from({ length: 50 }, (_, index) => index));
    expect([length, reason]).toEqual([14 * 20_000, "io server disconnect"]);
    expect(polls).toHaveLength(2);
  });
});
