import { execFile } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { io as connect } from "@portage/client";
import { build } from "esbuild";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findChromium, startChromium, type StartedBrowser } from "../browser/chromium.ts";
import { within } from "../support/waiting.ts";
import { type Running, start, stopAll } from "./running.ts";
import { findRuntime } from "./runtimes.ts";

// WebTransport on Deno, with the unmodified socket.io-client and with our client in Chromium.

const REFERENCE = join(
  dirname(createRequire(import.meta.url).resolve("socket.io-client/package.json")),
  "dist/socket.io.min.js",
);
const SERVER = fileURLToPath(new URL("webtransport-server.mjs", import.meta.url));

/** Adds our client to the page, which has the reference's. */
const BOTH = `
  import { Fetch, io, WebSocket } from "@portage/client";
  import { WebTransport } from "@portage/client/webtransport";
  const CLASSES = { polling: Fetch, websocket: WebSocket, webtransport: WebTransport };
  const reference = globalThis.io;
  globalThis.io = ({ client, transports, ...options }) =>
    client === "@portage/client"
      ? io({ ...options, transports: transports.map((name) => CLASSES[name]) })
      : reference({ ...options, transports });
`;

async function bundleBoth(): Promise<string> {
  const stdin = { contents: BOTH, resolveDir: import.meta.dirname };
  const { outputFiles } = await build({ stdin, bundle: true, write: false, format: "iife" });
  return outputFiles[0]!.text;
}

/** The global of the page's scripts. */
declare const io: (options: Parameters<typeof connect>[1] & { client: string }) => ReturnType<typeof connect>;

/** Makes a certificate that browsers accept by its hash: P-256, for at most 14 days. Undefined without the tool for it. */
async function makeCertificate(folder: string): Promise<{ files: [string, string]; hash: string } | undefined> {
  const files: [string, string] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  const [cert, key] = files;
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "10"];
  const names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  try {
    await promisify(execFile)("openssl", ["req", "-x509", ...kind, ...names, "-keyout", key, "-out", cert]);
  } catch (error) {
    process.stdout.write(`\nskipped, no openssl: ${String(error)}\n`);
    return undefined;
  }
  const { raw } = new X509Certificate(await readFile(cert));
  return { files, hash: createHash("sha256").update(raw).digest("base64") };
}

const folder = await mkdtemp(join(tmpdir(), "portage-webtransport-"));
const certificate = await makeCertificate(folder);
const deno = await findRuntime("deno");
const chromium = await findChromium();
if (!chromium) process.stdout.write("\nskipped, no Chromium\n");

/** Options of a client in the page. */
interface Visit {
  readonly client: string;
  readonly transports: string[];
  readonly hash: string;
}

const CASES = ["socket.io-client", "@portage/client"].flatMap((client) =>
  [["webtransport"], ["polling", "webtransport"], ["polling", "websocket", "webtransport"]].map(
    (transports): [string, string[]] => [client, transports],
  ),
);

describe.skipIf(!certificate || !deno || !chromium)("WebTransport on Deno", () => {
  let browser: StartedBrowser;
  let server: Running;
  let page: Page;

  beforeAll(async () => {
    const args = [...deno!.args, "--unstable-net"];
    server = start({ ...deno!, args }, SERVER, ...certificate!.files);
    const { port } = await server.json();
    browser = await startChromium(chromium!);
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    page = await context.newPage();
    await page.goto(`https://127.0.0.1:${port}/`);
    await page.addScriptTag({ path: REFERENCE });
    await page.addScriptTag({ content: await bundleBoth() });
  });

  afterAll(async () => {
    await browser?.stop();
    await stopAll();
    await rm(folder, { recursive: true });
  });

  test.each(CASES)("carries %s with %j", async (client, transports) => {
    const report = await page.evaluate(
      async ({ client, transports, hash }: Visit) => {
        const value = Uint8Array.from(atob(hash), (char) => char.charCodeAt(0));
        const options = { serverCertificateHashes: [{ algorithm: "sha-256", value }] };
        const socket = io({ client, transports, forceNew: true, transportOptions: { webtransport: options } });
        await new Promise((resolve, reject) => socket.once("connect", () => resolve(0)).once("connect_error", reject));
        const { engine } = socket.io;
        if (engine.transport.name !== "webtransport") await new Promise((resolve) => engine.once("upgrade", resolve));
        const echo = (sent: unknown): Promise<unknown> => socket.timeout(10_000).emitWithAck("echo", sent);
        const text = await echo("€ 😀");
        const bytes = new Uint8Array((await echo(Uint8Array.of(0, 255).buffer)) as ArrayBuffer);
        const long = "x".repeat(600_000);
        const isLongWhole = (await echo(long)) === long;
        const received: number[] = [];
        const all = new Promise<void>((resolve) => {
          socket.on("one", (i: number) => received.push(i) === 2000 && resolve());
        });
        socket.emit("many", 2000);
        await all;
        const isOrdered = received.every((i, at) => i === at);
        const last = new Promise((resolve) => socket.once("last", resolve));
        const ended = new Promise((resolve) => socket.once("disconnect", resolve));
        socket.emit("last words");
        const { name } = engine.transport;
        return { name, text, bytes: [...bytes], isLongWhole, isOrdered, last: await last, ended: await ended };
      },
      { client, transports, hash: certificate!.hash },
    );
    expect(report).toEqual({
      name: "webtransport",
      text: "€ 😀",
      bytes: [0, 255],
      isLongWhole: true,
      isOrdered: true,
      last: "words",
      ended: "io server disconnect",
    });
  });

  test.each([
    // Deno ends the connection with the session, which the browser takes for a fault.
    ["socket.io-client", "transport error"],
    // It leaves at the server's close packet.
    ["@portage/client", "transport close"],
  ])("delivers the last packet to %s before the server ends the session", async (client, reason) => {
    const report = await page.evaluate(
      async ({ client, transports, hash }: Visit) => {
        const value = Uint8Array.from(atob(hash), (char) => char.charCodeAt(0));
        const options = { serverCertificateHashes: [{ algorithm: "sha-256", value }] };
        const socket = io({
          client,
          transports,
          forceNew: true,
          reconnection: false,
          transportOptions: { webtransport: options },
        });
        const last = new Promise((resolve) => socket.once("last", resolve));
        const ended = new Promise((resolve) => socket.once("disconnect", resolve));
        socket.emit("end session");
        return [await last, await ended];
      },
      { client, transports: ["webtransport"], hash: certificate!.hash },
    );
    expect(report).toEqual(["packet", reason]);
  });

  test.each([[["webtransport"]], [["webtransport", "polling"]], [["polling", "websocket", "webtransport"]]])(
    "a session goes on when its connection dies: @portage/client with %j",
    async (transports) => {
      const report = await page.evaluate(
        async ({ client, transports, hash }: Visit) => {
          const value = Uint8Array.from(atob(hash), (char) => char.charCodeAt(0));
          const options = { serverCertificateHashes: [{ algorithm: "sha-256", value }] };
          const socket = io({ client, transports, forceNew: true, transportOptions: { webtransport: options } });
          await new Promise((resolve, reject) =>
            socket.once("connect", () => resolve(0)).once("connect_error", reject),
          );
          const { engine } = socket.io;
          const ends: string[] = [];
          socket.on("disconnect", (reason) => ends.push(reason));
          const carried: string[] = [];
          engine.on("carried" as never, ((from: string) => carried.push(from)) as never);
          const received: number[] = [];
          socket.on("number", (number: number) => received.push(number));
          const answers: Promise<unknown>[] = [];
          let sent = 0;
          for (let cuts = 1; cuts <= 5; cuts++) {
            while (engine.transport.name !== "webtransport") await new Promise((resolve) => setTimeout(resolve, 5));
            for (let count = 0; count < 10; count++) answers.push(socket.emitWithAck("number", sent++));
            socket.emit("cut");
            for (let count = 0; count < 10; count++) answers.push(socket.emitWithAck("number", sent++));
            while (carried.length < cuts) await new Promise((resolve) => setTimeout(resolve, 5));
          }
          const acknowledged = await Promise.all(answers);
          while (received.length < sent || engine.transport.name !== "webtransport")
            await new Promise((resolve) => setTimeout(resolve, 5));
          socket.disconnect();
          const isOrdered = [received, acknowledged].every((list) => list.every((number, at) => number === at));
          return { ends, carried, isOrdered, count: received.length };
        },
        { client: "@portage/client", transports, hash: certificate!.hash },
      );
      expect(report).toEqual({
        ends: ["io client disconnect"],
        carried: Array.from({ length: 5 }, () => "webtransport"),
        isOrdered: true,
        count: 100,
      });
    },
  );

  test("the server closes, and the process ends", async () => {
    server.child.stdin!.write("close\n");
    expect(await within(server.lines.next(), "io.close() to resolve")).toBe("closed");
    expect(await within(server.exited, "the server to end")).toBe(0);
  });
});
