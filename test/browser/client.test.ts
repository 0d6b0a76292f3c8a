import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { io as connect } from "@portage/client";
import type { BrowserContext, Page } from "playwright-core";
import type { Socket } from "socket.io";
import * as msgpack from "socket.io-msgpack-parser";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { serve, type Running } from "../support/servers/host.ts";
import { portage } from "../support/targets.ts";
import { PATIENCE } from "../support/waiting.ts";
import { bundle, BUNDLERS } from "./bundlers.ts";
import { findChromium, startChromium, type StartedBrowser } from "./chromium.ts";

const executable = await findChromium();
if (!executable) console.warn("Browser tests of the client skipped: no Chromium.");

const DIST = fileURLToPath(new URL("../../packages/client/dist/", import.meta.url));

/** Globals of the page's script. */
declare const io: typeof connect;
type PageSocket = ReturnType<typeof connect>;
declare const socket: PageSocket;

function serveSocket(socket: Socket): void {
  socket.on("echo", (...args: unknown[]) => (args.pop() as (...answers: unknown[]) => void)(...args));
  socket.on("cut me", () => socket.conn.close());
}

describe.skipIf(!executable)("the client in Chromium", () => {
  let chromium: StartedBrowser;
  let server: Running;
  let packed: Running;
  let context: BrowserContext;
  let page: Page;
  let problems: string[];
  let html: string;
  let folder: string;

  beforeAll(async () => {
    const options = { cors: { origin: "*" }, pingInterval: 300, pingTimeout: 5000, carry: { window: 2000 } };
    [server, packed, chromium, folder] = await Promise.all([
      serve(portage, options),
      serve(portage, { ...options, parser: msgpack }),
      startChromium(executable as string),
      mkdtemp(join(tmpdir(), "portage-client-")),
    ]);
    for (const { io, host } of [server, packed]) {
      host.http.on("request", (request, response) => void servePage(request.url ?? "", response));
      io.on("connection", serveSocket);
      io.engine.use(
        (req: { url: string; headers: Record<string, unknown> }, _res: unknown, next: (e?: Error) => void) =>
          next(req.headers["upgrade"] && req.url.includes("websocket=blocked") ? new Error("blocked") : undefined),
      );
    }
  });
  afterEach(() => context.close());
  afterAll(async () => {
    await chromium.stop();
    await Promise.all([server.stop(), packed.stop()]);
    await rm(folder, { recursive: true, force: true });
  });

  /** Answers with the page under test, or with a file that it loads. */
  async function servePage(url: string, response: ServerResponse): Promise<void> {
    if (url === "/download") response.setHeader("content-disposition", "attachment").end("file");
    if (url.startsWith("/page")) response.setHeader("content-type", "text/html").end(html);
    if (!url.startsWith("/dist/")) return;
    const name = url.slice("/dist/".length);
    const file = await readFile(join(DIST, name)).catch(() => readFile(join(folder, name)));
    response.setHeader("content-type", "text/javascript").end(file);
  }

  /** Opens a page of the server with a script in it. */
  async function open(script: string, from: Running = server): Promise<void> {
    html = `<!doctype html><title>Test</title>${script}`;
    context = await chromium.newContext();
    context.setDefaultTimeout(6000);
    page = await context.newPage();
    problems = [];
    page.on("pageerror", (error) => problems.push(String(error)));
    await page.goto(`${from.url}/page`);
  }

  const SERVED = `<script src="/socket.io/socket.io.min.js"></script>`;

  /** Connects the page, with its events in `window.events`. */
  async function connectPage(options: object, script = SERVED, from = server): Promise<void> {
    await open(script, from);
    await page.waitForFunction("window.io");
    await page.evaluate((options) => {
      const page = window as unknown as { socket: PageSocket; events: unknown[] };
      page.socket = io({ reconnectionDelay: 50, ...options });
      page.events = [];
      page.socket.on("connect", () => page.events.push("connect"));
      page.socket.on("disconnect", (reason, details) => {
        const description = (details as { description?: unknown } | undefined)?.description;
        page.events.push([reason, ...(description ? [description] : [])]);
      });
      page.socket.io.on("reconnect_attempt", (n) => page.events.push(n));
    }, options);
    await page.waitForFunction("socket.connected");
  }

  const transport = (name: string): Promise<unknown> =>
    page.waitForFunction((name) => socket.io.engine.transport.name === name, name);

  const events = (): Promise<unknown> => page.evaluate("events");

  /** Sends values of all kinds there and back. */
  async function echo(): Promise<void> {
    const answers = await page.evaluate(async () => {
      const echo = (...args: unknown[]): Promise<unknown[]> =>
        new Promise((resolve) => socket.emit("echo", ...args, (...answers: unknown[]) => resolve(answers)));
      const bytes = Uint8Array.of(1, 2, 255);
      const [text, buffer, view, blob] = await echo("text ✓", bytes.buffer, { deep: [bytes] }, new Blob([bytes]));
      const [far] = await echo("x".repeat(300_000));
      const show = (value: unknown): string =>
        `${Object.prototype.toString.call(value)} ${[...new Uint8Array(value as ArrayBuffer)].join()}`;
      return [text, show(buffer), show((view as { deep: unknown[] }).deep[0]), show(blob), (far as string).length];
    });
    const bytes = "[object ArrayBuffer] 1,2,255";
    expect(answers).toEqual(["text ✓", bytes, bytes, bytes, 300_000]);
  }

  describe("builds", () => {
    test.each(["socket.io.js", "socket.io.min.js"])("%s sets the global `io`", async (file) => {
      await connectPage({}, `<script src="/socket.io/${file}"></script>`);
      await transport("websocket");
      await echo();
      expect(await page.evaluate("[typeof io, Object.keys(io).sort().join(), io.io === io]")).toEqual([
        "function",
        "Manager,Socket,connect,io",
        true,
      ]);
      expect(problems).toEqual([]);
    });

    const LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_$".split("");
    const DECLARED: Readonly<Record<string, (name: string) => string>> = {
      functions: (name) => `function ${name}() { return "page"; }`,
      constants: (name) => `const ${name} = () => "page";`,
    };
    const cases = ["socket.io.js", "socket.io.min.js", "socket.io.msgpack.min.js"].flatMap((file) =>
      Object.keys(DECLARED).map((kind) => [file, kind] as const),
    );
    test.each(cases)("%s leaves nothing but `io` behind on a page with %s of one letter", async (file, kind) => {
      await open(
        `<script>${LETTERS.map((name) => DECLARED[kind]?.(name)).join("")} var before = Object.getOwnPropertyNames(window);</script>
        <script src="/socket.io/${file}"></script>`,
      );
      expect(problems).toEqual([]);
      const left = await page.evaluate(`[
        Object.getOwnPropertyNames(window).filter((name) => !before.includes(name)),
        [${LETTERS.join()}].filter((each) => each() !== "page").length,
        typeof io.Manager,
      ]`);
      expect(left).toEqual([["io"], 0, "function"]);
    });

    test("socket.io.esm.min.js has the names of the reference", async () => {
      await connectPage(
        {},
        `<script type="module">
        import * as client from "/socket.io/socket.io.esm.min.js";
        window.io = client.default;
        window.names = Object.keys(client);
      </script>`,
      );
      await transport("websocket");
      await echo();
      expect(await page.evaluate("names")).toEqual(
        expect.arrayContaining([
          "Fetch",
          "Manager",
          "NodeWebSocket",
          "NodeXHR",
          "Socket",
          "WebSocket",
          "XHR",
          "connect",
          "default",
          "io",
          "protocol",
        ]),
      );
    });

    test("socket.io.msgpack.min.js speaks MessagePack", async () => {
      await connectPage({}, `<script src="/socket.io/socket.io.msgpack.min.js"></script>`, packed);
      const answer = await page.evaluate(() => socket.emitWithAck("echo", { bytes: Uint8Array.of(7) }));
      expect(answer).toEqual({ bytes: expect.anything() });
      expect(problems).toEqual([]);
    });

    test("websocket.esm.min.js connects over WebSocket at once", async () => {
      await connectPage(
        {},
        `<script type="module">
        import { io } from "/dist/websocket.esm.min.js";
        window.io = io;
      </script>`,
      );
      expect(await page.evaluate("socket.io.diagnosis.attempts.map(({ transport }) => transport)")).toEqual([
        "websocket",
      ]);
      await echo();
      expect(problems).toEqual([]);
    });
  });

  describe("logs", () => {
    const SCOPES = ["engine.io-client:socket", "engine.io-client:transport", "socket.io-client:manager"];
    const OWN = "socket.io-client:socket";

    /** Connects a page with `localStorage.debug`; returns its console output by scope. */
    async function connectLogging(script: string, namespaces: string): Promise<() => Record<string, string>> {
      const keep = `<script>
        localStorage.debug = ${JSON.stringify(namespaces)};
        window.lines = [];
        console.debug = (...args) => lines.push(args.map(String).join(" "));
      </script>`;
      await connectPage({}, keep + script);
      await transport("websocket");
      await echo();
      const lines = await page.evaluate<string[]>("lines");
      return () => {
        const found: Record<string, string> = {};
        for (const line of lines) {
          const scope = /(?:engine|socket)\.io-client:\w+/.exec(line)?.[0] ?? "other";
          found[scope] = `${found[scope] ?? ""}${line}\n`;
        }
        return found;
      };
    }

    const PLAIN = `<script src="/socket.io/socket.io.js"></script>`;

    test("socket.io.js logs the scopes of localStorage.debug", async () => {
      const found = (await connectLogging(PLAIN, "*"))();
      expect(Object.keys(found).sort()).toEqual([...SCOPES, OWN]);
      expect(found[SCOPES[0]!]).toMatch(/creating transport[^]*handshake[^]*upgraded to/);
      expect(found[SCOPES[1]!]).toMatch(/%s is open/);
      expect(found[SCOPES[2]!]).toMatch(/opening/);
      expect(found[OWN]).toMatch(/is connected as/);
      expect(problems).toEqual([]);
    });

    test("one scope alone", async () => {
      const found = (await connectLogging(PLAIN, "socket.io-client:socket"))();
      expect(Object.keys(found)).toEqual([OWN]);
    });

    test("the other files have none", async () => {
      const found = (await connectLogging(SERVED, "*"))();
      expect(found).toEqual({});
    });

    test("the entry `debug` in a bundle follows debug.enable() of the page", async () => {
      const input = join(folder, "page.js");
      const { resolve } = createRequire(new URL("../../packages/client/package.json", import.meta.url));
      const debug = dirname(resolve("debug/package.json"));
      await writeFile(
        input,
        `import { io } from "@portage/client/debug";
        import debug from ${JSON.stringify(debug)};
        Object.assign(window, { io, debug });`,
      );
      await writeFile(join(folder, "bundle.js"), await bundle("esbuild", input, folder));
      const found = (await connectLogging(`<script type="module" src="/dist/bundle.js"></script>`, ""))();
      expect(found).toEqual({});
      const emitLogged = (namespaces: string): Promise<unknown> =>
        page.evaluate(async (namespaces) => {
          Object.assign(window, { lines: [] });
          (window as unknown as { debug: { enable(namespaces: string): void } }).debug.enable(namespaces);
          await socket.emitWithAck("echo", 1);
          return (window as unknown as { lines: string[] }).lines.length;
        }, namespaces);
      expect(await emitLogged("socket.io-client:*")).toBeGreaterThan(1);
      expect(await emitLogged("")).toBe(0);
      expect(problems).toEqual([]);
    });
  });

  describe("bundlers", () => {
    test.each(
      BUNDLERS.flatMap((name) => [
        [name, "@portage/client"],
        [name, "@portage/client/websocket"],
      ]),
    )("%s builds a page with %s that connects", async (name: string, entry: string) => {
      const input = join(folder, "page.js");
      await writeFile(input, `import { io } from "${entry}";\nwindow.io = io;\n`);
      const code = await bundle(name, input, folder);
      expect(code).not.toMatch(/node:|require\(/);
      await writeFile(join(folder, "bundle.js"), code);
      await connectPage({}, `<script type="module" src="/dist/bundle.js"></script>`);
      await transport("websocket");
      await echo();
      expect(problems).toEqual([]);
    });
  });

  describe("transports", () => {
    test.each([["polling"], ["websocket"]])("%s alone carries text, ArrayBuffer and Blob", async (name) => {
      await connectPage({ transports: [name] });
      await echo();
      expect(await page.evaluate("socket.io.engine.transport.name")).toBe(name);
    });

    test("polling is upgraded", async () => {
      await connectPage({});
      await transport("websocket");
      await echo();
    });

    test("where WebSocket is blocked the client stays on polling, and reports why", async () => {
      await connectPage({ query: { websocket: "blocked" } });
      await page.waitForFunction(() =>
        socket.io.diagnosis.attempts?.some(
          ({ transport, outcome }) => transport === "websocket" && outcome === "failed",
        ),
      );
      await echo();
      expect(await page.evaluate("socket.io.engine.transport.name")).toBe("polling");
    });
  });

  describe("the network and the page", () => {
    test("offline ends a connection without carry at once, online brings it back at once", async () => {
      const delays = { reconnectionDelay: 60_000, reconnectionDelayMax: 60_000 };
      await connectPage({ transports: ["websocket"], carry: false, ...delays });
      await context.setOffline(true);
      await page.waitForFunction("!socket.connected");
      await context.setOffline(false);
      await page.waitForFunction("socket.connected");
      expect(await events()).toEqual(["connect", ["transport close", "network connection lost"], 1, "connect"]);
    });

    test("a page that was frozen comes back when it is shown", async () => {
      await connectPage({ reconnectionDelay: 60_000, reconnectionDelayMax: 60_000 });
      await page.evaluate(() => window.dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true })));
      expect(await page.evaluate("socket.connected")).toBe(false);
      await page.evaluate(() => window.dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true })));
      await page.waitForFunction("socket.connected");
      expect(await events()).toEqual(["connect", ["transport close", "page frozen"], 1, "connect"]);
    });

    test.each([
      ["polling", false],
      ["polling", true],
      ["websocket", false],
      ["websocket", true],
    ])(
      "a page emits no disconnect when the user leaves it, and works on when the user stays (%s, closeOnBeforeunload: %s)",
      async (name, closes) => {
        await connectPage({ transports: [name], closeOnBeforeunload: closes });
        await page.evaluate(() => {
          const note = (): void => sessionStorage.setItem("left", "reported");
          for (const event of ["disconnect", "connect_error"] as const) socket.on(event, note);
          addEventListener("beforeunload", () => sessionStorage.setItem("asked", "yes"));
        });
        // a download: the page is asked, and stays
        await page.evaluate(() => {
          const link = document.createElement("a");
          link.href = "/download";
          link.click();
        });
        await page.waitForFunction(() => sessionStorage.getItem("asked"));
        await echo();
        await page.reload();
        expect(await page.evaluate(() => sessionStorage.getItem("left"))).toBe(null);
        // the session of a page that polled ends once nothing has come back for it
        await vi.waitFor(() => expect(server.io.sockets.sockets.size).toBe(0), PATIENCE);
      },
    );

    // The headless shell has no back/forward cache; CHROME_PATH may name a whole Chromium.
    test("does not keep its page out of the back/forward cache, and comes back with it", async ({ skip }) => {
      await connectPage({ reconnectionDelay: 60_000, reconnectionDelayMax: 60_000 });
      await transport("websocket");
      const devtools = await context.newCDPSession(page);
      await devtools.send("Page.enable");
      const reasonsAgainst = new Promise<string[]>((resolve) => {
        devtools.on("Page.backForwardCacheNotUsed", ({ notRestoredExplanations }) =>
          resolve(notRestoredExplanations.map(({ reason }) => reason)),
        );
        devtools.on("Page.frameNavigated", ({ type }) => type === "BackForwardCacheRestore" && resolve([]));
      });
      await page.goto(`${server.url}/page/there`);
      const { entries } = await devtools.send("Page.getNavigationHistory");
      // page.goBack() does not know of the cache
      await devtools.send("Page.navigateToHistoryEntry", { entryId: entries.at(-2)!.id });
      const reasons = await reasonsAgainst;
      skip(reasons.includes("BackForwardCacheDisabledForDelegate"), "this Chromium has no back/forward cache");
      expect(reasons).toEqual([]);
      await page.waitForFunction("socket.connected");
      expect(await events()).toEqual(["connect", ["transport close", "page frozen"], 1, "connect"]);
    });

    test("a page that comes into view does not wait for its next attempt", async () => {
      await connectPage({ transports: ["websocket"], reconnectionDelay: 60_000, reconnectionDelayMax: 60_000 });
      await page.evaluate(() => socket.emit("cut me"));
      await page.waitForFunction("!socket.connected");
      await page.evaluate(() => {
        Object.defineProperty(document, "hidden", { value: true, configurable: true });
        document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
      });
      expect(await page.evaluate("socket.io._readyState")).toBe("closed");
      await page.evaluate(() => {
        Object.defineProperty(document, "hidden", { value: false, configurable: true });
        document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
      });
      await page.waitForFunction("socket.connected");
    });

    test("the diagnosis shows past attempts", async () => {
      await connectPage({ transports: ["websocket"], reconnectionDelay: 60_000, reconnectionDelayMax: 60_000 });
      await page.evaluate(() => socket.emit("cut me"));
      await page.waitForFunction("!socket.connected");
      const diagnosis = await page.evaluate(() => socket.io.diagnosis);
      expect(diagnosis).toMatchObject({
        attempts: [{ transport: "websocket", purpose: "open", outcome: "opened" }],
        closed: { reason: "transport close" },
        reconnectAttempts: 1,
        nextAttemptAt: expect.any(Number),
      });
    });
  });
});
