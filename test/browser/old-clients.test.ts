import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";
import type { Socket } from "socket.io";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Running, serve } from "../support/servers/host.ts";
import { subject } from "../support/targets.ts";
import { nextEvent } from "../support/waiting.ts";
import { findChromium, startChromium, type StartedBrowser } from "./chromium.ts";

const executable = await findChromium();
if (!executable) {
  console.warn("Browser tests skipped: no CHROME_PATH, no chromium or chrome on PATH, no @sparticuz/chromium.");
}

const { resolve } = createRequire(import.meta.url);
/** The bundles that pages of the time have. */
const BUNDLES: Readonly<Record<string, string>> = {
  "1.7": resolve("socket.io-client-1/dist/socket.io.js"),
  "2.5": resolve("socket.io-client-2/dist/socket.io.js"),
};

/** The page's options for `io()`. */
const WAYS: Readonly<Record<string, object>> = {
  polling: { transports: ["polling"] },
  JSONP: { transports: ["polling"], forceJSONP: true },
  websocket: { transports: ["websocket"] },
  "polling, then the upgrade": {},
  "JSONP, then the upgrade": { forceJSONP: true },
};

/**
 * Client 1.x encodes text twice when it polls without binary support, as with JSONP. Answers on the same transport are
 * correct, answers after the upgrade are not, with any server. Before the upgrade ends, only ASCII is supported.
 */
const mixesEncodings = (version: string, way: string): boolean =>
  version === "1.7" && way === "JSONP, then the upgrade";

const ASCII = 'plain \\ "text"\n &+%';
const TEXT = `${ASCII} \u2028 \u20ac`;

/** The members of the client that the page uses; the bundles have no typings. */
declare const io: (options: object) => {
  readonly io: { readonly engine: { once(event: string, listener: () => void): void } };
  on(event: string, listener: (...args: unknown[]) => void): void;
  emit(event: string, ...args: unknown[]): void;
  close(): void;
};

describe.skipIf(!executable)("old clients in Chromium", () => {
  let chromium: StartedBrowser;
  let server: Running;

  beforeAll(async () => {
    const http = createServer((req, res) => {
      const bundle = BUNDLES[req.url?.slice("/client/".length) ?? ""];
      res.setHeader("content-type", bundle ? "text/javascript" : "text/html");
      // JSONP puts its scripts before the first one.
      res.end(bundle ? readFileSync(bundle) : "<!doctype html><title>old</title><script></script><body>");
    });
    [server, chromium] = await Promise.all([
      serve(subject, { allowEIO3: true }, http),
      startChromium(executable as string),
    ]);
    server.io.on("connection", (socket) => {
      socket.on("echo", (...args: unknown[]) => (args.pop() as (...answers: unknown[]) => void)(...args));
    });
  });
  afterAll(async () => {
    await chromium.stop();
    await server.stop();
  });

  async function open(version: string): Promise<Page> {
    const page = await (await chromium.newContext()).newPage();
    await page.goto(server.url);
    await page.addScriptTag({ url: `/client/${version}` });
    return page;
  }

  describe.each(Object.keys(BUNDLES))("socket.io-client %s", (version) => {
    test.each(Object.keys(WAYS))("talks to the server: %s", async (way) => {
      const page = await open(version);
      const connection = nextEvent<[Socket]>(server.io, "connection");
      const talk = page.evaluate(
        ({ options, first, second }) =>
          new Promise<unknown[]>((resolve) => {
            const client = io({ reconnection: false, ...options });
            const answers: unknown[] = [];
            const onText = (text: unknown): void => void (answers.push(text) === 2 && resolve(answers));
            // A namespace's worth of events in order, then text and bytes there and back.
            client.on("connect", () => {
              let count = 0;
              for (let index = 0; index < 20; index++) client.emit("echo", index, () => (count += 1));
              const bytes = new Uint8Array([0, 255]).buffer;
              client.emit("echo", first, bytes, (text: string, back: ArrayBuffer) =>
                onText([count, text, [...new Uint8Array(back)]]),
              );
              if (second === undefined) onText(undefined);
              else client.io.engine.once("upgrade", () => client.emit("echo", second, onText));
            });
            for (const event of ["error", "connect_error"])
              client.on(event, (error) => resolve([event, String(error)]));
          }),
        mixesEncodings(version, way)
          ? { options: WAYS[way] as object, first: ASCII, second: TEXT }
          : { options: WAYS[way] as object, first: TEXT },
      );
      const [socket] = await connection;
      const { conn } = socket;
      const upgraded =
        way.endsWith("upgrade") && conn.transport.name === "polling" ? nextEvent(conn, "upgrade") : undefined;
      const isMixed = mixesEncodings(version, way);
      const answers = await talk;
      expect(answers).toContainEqual([20, isMixed ? ASCII : TEXT, [0, 255]]);
      expect(answers).toContainEqual(isMixed ? TEXT : undefined);
      await upgraded;
      expect(conn.transport.name).toBe(/polling$|JSONP$/.test(way) ? "polling" : "websocket");
      await page.context().close();
      conn.close();
    });
  });
});
