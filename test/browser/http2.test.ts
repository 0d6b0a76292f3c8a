import type { IncomingMessage, Server as HttpServer, ServerResponse } from "node:http";
import { createSecureServer } from "node:http2";
import type { io as connect } from "@portage/client";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { TEST_CERTIFICATE, TEST_KEY } from "../support/servers/certificate.ts";
import { type Running, serve } from "../support/servers/host.ts";
import { portage } from "../support/targets.ts";
import { findChromium, startChromium, type StartedBrowser } from "./chromium.ts";

const executable = await findChromium();
if (!executable) console.warn("Browser tests of HTTP/2 skipped: no Chromium.");

const require = createRequire(import.meta.url);
const REFERENCE = join(dirname(require.resolve("socket.io-client/package.json")), "dist/socket.io.min.js");

/** What the page's script has as a global. */
declare const io: typeof connect;

/** What the page reports. */
interface Report {
  readonly transport: string;
  readonly echoes: boolean;
  readonly error?: string;
}

const CLIENTS = [
  ["Portage's client", "/socket.io/socket.io.min.js"],
  ["socket.io-client", "/reference.js"],
] as const;

describe.skipIf(!executable)("Chromium over HTTP/2", () => {
  let chromium: StartedBrowser;
  let context: BrowserContext;
  let page: Page;
  let server: Running;
  let connects: number;
  let upgrades: number;

  beforeAll(async () => {
    chromium = await startChromium(executable as string);
  });
  afterAll(() => chromium.stop());
  beforeEach(async () => {
    context = await chromium.newContext({ ignoreHTTPSErrors: true });
    context.setDefaultTimeout(10_000);
    page = await context.newPage();
  });
  afterEach(async () => {
    await context.close();
    await server.stop();
  });

  async function start(settings: object, options: object = {}): Promise<void> {
    const tls = { key: TEST_KEY, cert: TEST_CERTIFICATE, allowHTTP1: true };
    const http = createSecureServer({ ...tls, settings }) as unknown as HttpServer;
    [connects, upgrades] = [0, 0];
    server = await serve(portage, { maxHttpBufferSize: 1e6, ...options }, http);
    http.on("request", (req: IncomingMessage, res: ServerResponse) => void servePage(req, res));
    server.io.on("connection", (socket) =>
      socket.on("echo", (value, answer: (value: unknown) => void) => answer(value)),
    );
    server.io.engine.use(({ method, headers }: IncomingMessage, _res: unknown, next: () => void) => {
      if (method === "CONNECT") connects++;
      if (headers.upgrade) upgrades++;
      next();
    });
  }

  async function servePage({ url }: IncomingMessage, res: ServerResponse): Promise<void> {
    if (url?.startsWith("/socket.io/")) return;
    const isScript = url === "/reference.js";
    res.setHeader("content-type", isScript ? "text/javascript" : "text/html");
    res.end(isScript ? await readFile(REFERENCE) : "<!doctype html><title>HTTP/2</title>");
  }

  /** Connects the page, exchanges messages, and reports once the transport is the wanted one. */
  async function run(script: string, options: object, wanted = "websocket"): Promise<Report> {
    await page.goto(`https://localhost:${server.port}/`);
    await page.addScriptTag({ url: script });
    return page.evaluate(
      ([options, wanted]) =>
        new Promise<Report>((resolve) => {
          const socket = io({ reconnection: false, ...options });
          socket.on("connect_error", ({ message }) => resolve({ transport: "", echoes: false, error: message }));
          socket.on("connect", () => {
            const report = async (): Promise<void> => {
              const { name } = socket.io.engine.transport;
              if (name !== wanted) return;
              const text = "x".repeat(600_000);
              const bytes = Uint8Array.of(1, 2, 255);
              const [answer, large] = await Promise.all([
                socket.emitWithAck("echo", bytes),
                socket.emitWithAck("echo", text),
              ]);
              const echoes = large === text && String(new Uint8Array(answer as ArrayBuffer)) === String(bytes);
              socket.disconnect();
              resolve({ transport: name, echoes });
            };
            socket.io.engine.on("upgrade", () => void report());
            void report();
          });
        }),
      [options, wanted] as const,
    );
  }

  test.each(CLIENTS)("%s on WebSocket alone", async (_name, script) => {
    await start({ enableConnectProtocol: true });
    expect(await run(script, { transports: ["websocket"] })).toEqual({ transport: "websocket", echoes: true });
    expect([connects, upgrades]).toEqual([1, 0]);
  });

  test.each(CLIENTS)("%s by polling, then the upgrade", async (_name, script) => {
    await start({ enableConnectProtocol: true }, { perMessageDeflate: { threshold: 0 } });
    expect(await run(script, {})).toEqual({ transport: "websocket", echoes: true });
    expect([connects, upgrades]).toEqual([1, 0]);
  });

  test("Portage's client in a race", async () => {
    await start({ enableConnectProtocol: true });
    const options = { transports: ["websocket", "polling"], race: true };
    expect(await run(CLIENTS[0][1], options)).toEqual({ transport: "websocket", echoes: true });
    expect(upgrades).toBe(0);
  });

  test("without the setting, WebSocket goes by HTTP/1.1", async () => {
    await start({});
    expect(await run(CLIENTS[0][1], {})).toEqual({ transport: "websocket", echoes: true });
    expect([connects, upgrades]).toEqual([0, 1]);
  });

  test("a refused WebSocket leaves polling", async () => {
    await start({ enableConnectProtocol: true });
    server.io.engine.use(({ method }: IncomingMessage, _res: unknown, next: (error?: Error) => void) =>
      next(method === "CONNECT" ? new Error("no") : undefined),
    );
    expect(await run(CLIENTS[0][1], {}, "polling")).toEqual({ transport: "polling", echoes: true });
  });

  test("io.close() resolves while the page is connected", async () => {
    await start({ enableConnectProtocol: true });
    await page.goto(`https://localhost:${server.port}/`);
    await page.addScriptTag({ url: CLIENTS[0][1] });
    const reason = page.evaluate(
      () =>
        new Promise((resolve) => {
          const socket = io({ reconnection: false, transports: ["websocket"] });
          socket.on("connect", () => socket.emit("ready"));
          socket.on("disconnect", resolve);
        }),
    );
    await new Promise<void>((resolve) => server.io.on("connection", (socket) => socket.on("ready", () => resolve())));
    await server.io.close();
    expect(await reason).toBe("transport close");
  });
});
