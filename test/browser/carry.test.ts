import type { ServerResponse } from "node:http";
import { Server, type Socket } from "@portage/server";
import type { io as connect } from "@portage/client";
import type { BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Host } from "../support/servers/host.ts";
import { nextEvent, turn } from "../support/waiting.ts";
import { type Line, Road } from "../walls/line.ts";
import { findChromium, startChromium, type StartedBrowser } from "./chromium.ts";

const executable = await findChromium();
if (!executable) console.warn("Browser tests of the carry skipped: no Chromium.");

/** Globals of the page's script. */
type PageSocket = ReturnType<typeof connect>;
declare const socket: PageSocket;
declare const events: string[];
declare const received: number[];
declare let settled: number;

const PAGE = `<!doctype html><title>Test</title><script src="/socket.io/socket.io.min.js"></script><script>
  const events = [], received = [];
  let settled = 0;
  const socket = io({ transports: new URLSearchParams(location.search).get("transports")?.split(",") });
  socket.on("disconnect", (reason) => events.push(reason));
  socket.on("connect_error", ({ message }) => events.push(message));
  socket.io.engine.on("carried", (from, to) => events.push(from + " to " + to));
  socket.on("down", (number) => received.push(number));
</script>`;

describe.skipIf(!executable)("in Chromium a session survives", () => {
  let chromium: StartedBrowser;
  let context: BrowserContext;
  let page: Page;
  let io: Server;
  let host: Host;
  let road: Road;
  let lines: Set<Line>;
  let atServer: number[];

  beforeAll(async () => {
    chromium = await startChromium(executable as string);
  });
  afterAll(() => chromium.stop());

  beforeEach(async () => {
    host = new Host();
    io = new Server(host.http, { pingInterval: 1000, pingTimeout: 2000 });
    host.http.on("request", ({ url }: { url?: string }, response: ServerResponse) => {
      if (url?.startsWith("/page")) response.setHeader("content-type", "text/html").end(PAGE);
    });
    await host.listen();
    lines = new Set();
    road = new Road(host.port, (line) => (lines.add(line), {}));
    atServer = [];
    io.on("connection", (client) => {
      client.on("up", (number: number, done: () => void) => {
        atServer.push(number);
        done();
      });
      client.on("disconnect", (reason) => atServer.push(reason as never));
    });
  });
  afterEach(async () => {
    await context.close();
    await road.stop();
    await io.close();
  });

  async function open(transports: string): Promise<Socket> {
    context = await chromium.newContext();
    page = await context.newPage();
    const connection = nextEvent<[Socket]>(io, "connection");
    await page.goto(`${await road.listen()}/page?transports=${transports}`);
    const [client] = await connection;
    await page.waitForFunction((last) => socket.io.engine.transport.name === last, transports.split(",").at(-1));
    return client;
  }

  /** Both sides send numbers; the page's are acknowledged. */
  async function talk(client: Socket, from: number, to: number): Promise<void> {
    for (let number = from; number < to; number++) client.emit("down", number);
    await page.evaluate(
      ([from, to]) => {
        for (let number = from!; number < to!; number++) socket.emit("up", number, () => settled++);
      },
      [from, to],
    );
  }

  async function expectAll(count: number, ...carried: string[]): Promise<void> {
    await page.waitForFunction((count) => settled >= count && received.length >= count, count);
    const all = Array.from({ length: count }, (_value, number) => number);
    expect(await page.evaluate(() => ({ received, settled, events }))).toEqual({
      received: all,
      settled: count,
      events: carried,
    });
    expect(atServer).toEqual(all);
  }

  test.each([
    ["polling,websocket", "websocket to polling"],
    ["websocket", "websocket to websocket"],
    ["polling", "polling to polling"],
  ])("a cut: %s", async (transports, carried) => {
    const client = await open(transports);
    await talk(client, 0, 10);
    await page.waitForFunction(() => settled >= 10 && received.length >= 10);
    // polling: until the page polls
    const { transport } = client.conn as unknown as { transport: { writable: boolean } };
    while (!transport.writable) await turn();
    const returned = nextEvent(client.conn as never, "carried");
    for (const line of lines) line.cut("reset");
    await talk(client, 10, 20);
    await returned;
    await expectAll(20, carried);
  });

  test.each(["polling,websocket", "websocket"])("a network that goes and comes: %s", async (transports) => {
    const client = await open(transports);
    await talk(client, 0, 10);
    const returned = nextEvent(client.conn as never, "carried");
    await context.setOffline(true);
    await talk(client, 10, 20);
    await page.waitForFunction(() => !navigator.onLine);
    await context.setOffline(false);
    await returned;
    // the tries alternate
    await expectAll(20, expect.stringMatching(/^websocket to (?:polling|websocket)$/));
  });
});
