import type { IncomingMessage, Server as HttpServer, ServerResponse } from "node:http";
import { createSecureServer, type Http2ServerResponse, type ServerHttp2Stream } from "node:http2";
import type { io as connect } from "@portage/client";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { TEST_CERTIFICATE, TEST_KEY } from "../support/servers/certificate.ts";
import { type Running, serve } from "../support/servers/host.ts";
import { portage } from "../support/targets.ts";
import { BROWSERS, type TestBrowser } from "./browsers.ts";

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

/** The pages of the server, each with a client. */
const CLIENTS = [
  ["Portage's client", "/own"],
  ["socket.io-client", "/reference"],
] as const;
const SCRIPTS: Record<string, string> = { "/own": "/socket.io/socket.io.min.js", "/reference": "/reference.js" };

/** Runs in the page. */
function connectPage({ options, wanted }: { options: object; wanted: string }): Promise<Report> {
  return new Promise((resolve) => {
    const socket = io({ reconnection: false, ...options });
    socket.on("connect_error", ({ message }) => resolve({ transport: "", echoes: false, error: message }));
    socket.on("connect", () => {
      const report = async (): Promise<void> => {
        const { name } = socket.io.engine.transport;
        if (name !== wanted) return;
        const text = "x".repeat(600_000);
        const bytes = Uint8Array.of(1, 2, 255);
        const [answer, large] = await Promise.all([
          socket.emitWithAck("echo", bytes) as Promise<ArrayBuffer>,
          socket.emitWithAck("echo", text) as Promise<string>,
        ]);
        socket.disconnect();
        resolve({ transport: name, echoes: large === text && String(new Uint8Array(answer)) === String(bytes) });
      };
      socket.io.engine.on("upgrade", () => void report());
      void report();
    });
  });
}

/** Runs in the page. */
function untilDisconnected(): Promise<string> {
  return new Promise((resolve) => {
    const socket = io({ reconnection: false, transports: ["websocket"] });
    socket.on("connect", () => socket.emit("ready"));
    socket.on("disconnect", resolve);
  });
}

/** Runs in the page. Has the server reset the WebSocket, and goes on. */
function surviveReset(): Promise<unknown[]> {
  return new Promise((resolve) => {
    const socket = io({ reconnection: false });
    let disconnects = 0;
    socket.on("disconnect", () => disconnects++);
    socket.io.engine.on("upgrade", () => {
      socket.emit("reset me");
      void socket.emitWithAck("echo", "after").then((answer) => resolve([answer, disconnects]));
    });
  });
}

describe.each(BROWSERS)("%s over HTTP/2", (name, executable, launch) => {
  if (!executable) console.warn(`Browser tests of HTTP/2 skipped: no ${name}.`);
  let browser: TestBrowser | undefined;
  let server: Running;
  let connects: number;
  let upgrades: number;

  beforeAll(async () => {
    if (executable) browser = await launch(executable);
  });
  afterAll(() => browser?.stop());
  afterEach(async () => {
    await browser?.closePage();
    await server?.stop();
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

  async function servePage({ url = "" }: IncomingMessage, res: ServerResponse): Promise<void> {
    if (url.startsWith("/socket.io/")) return;
    const isScript = url === SCRIPTS["/reference"];
    const page = `<!doctype html><title>HTTP/2</title><script src="${SCRIPTS[url] ?? ""}"></script>`;
    res.setHeader("content-type", isScript ? "text/javascript" : "text/html");
    res.end(isScript ? await readFile(REFERENCE) : page);
  }

  /** Connects the page, exchanges messages, and reports once the transport is the wanted one. */
  async function run(path: string, options: object, wanted = "websocket"): Promise<Report> {
    await browser!.open(`https://localhost:${server.port}${path}`);
    return browser!.evaluate(connectPage, { options, wanted });
  }

  test.skipIf(!executable).each(CLIENTS)("%s on WebSocket alone", async (_name, script) => {
    await start({ enableConnectProtocol: true });
    expect(await run(script, { transports: ["websocket"] })).toEqual({ transport: "websocket", echoes: true });
    expect([connects, upgrades]).toEqual([1, 0]);
  });

  test.skipIf(!executable).each(CLIENTS)("%s by polling, then the upgrade", async (_name, script) => {
    await start({ enableConnectProtocol: true }, { perMessageDeflate: { threshold: 0 } });
    expect(await run(script, {})).toEqual({ transport: "websocket", echoes: true });
    expect([connects, upgrades]).toEqual([1, 0]);
  });

  test.skipIf(!executable)("Portage's client in a race", async () => {
    await start({ enableConnectProtocol: true });
    const options = { transports: ["websocket", "polling"], race: true };
    expect(await run("/own", options)).toEqual({ transport: "websocket", echoes: true });
    expect(upgrades).toBe(0);
  });

  test.skipIf(!executable)("without the setting, WebSocket goes by HTTP/1.1", async () => {
    await start({});
    expect(await run("/own", {})).toEqual({ transport: "websocket", echoes: true });
    expect([connects, upgrades]).toEqual([0, 1]);
  });

  test.skipIf(!executable)("a refused WebSocket leaves polling", async () => {
    await start({ enableConnectProtocol: true });
    server.io.engine.use(({ method }: IncomingMessage, _res: unknown, next: (error?: Error) => void) =>
      next(method === "CONNECT" ? new Error("no") : undefined),
    );
    expect(await run("/own", {}, "polling")).toEqual({ transport: "polling", echoes: true });
  });

  test.skipIf(!executable)("a WebSocket whose stream is reset: the session goes on without it", async () => {
    await start({ enableConnectProtocol: true });
    const streams: ServerHttp2Stream[] = [];
    server.host.http.on(
      "connect",
      ((_req: unknown, { stream }: Http2ServerResponse) => void streams.push(stream)) as never,
    );
    server.io.on("connection", (socket) => socket.on("reset me", () => streams.at(-1)!.close(8)));
    await browser!.open(`https://localhost:${server.port}/own`);
    expect(await browser!.evaluate(surviveReset, undefined)).toEqual(["after", 0]);
    expect(streams.length).toBeGreaterThan(0);
  });

  test.skipIf(!executable)("io.close() resolves while the page is connected", async () => {
    await start({ enableConnectProtocol: true });
    await browser!.open(`https://localhost:${server.port}/own`);
    const reason = browser!.evaluate(untilDisconnected, undefined);
    await new Promise<void>((resolve) => server.io.on("connection", (socket) => socket.on("ready", () => resolve())));
    await server.io.close();
    expect(await reason).toBe("transport close");
  });
});
