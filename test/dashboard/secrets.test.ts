import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { io as ours } from "@portage/client";
import { Server } from "@portage/server";
import { dashboard, type Board } from "@portage/server/dashboard";
import type { Page } from "playwright-core";
import { io as theirs } from "socket.io-client";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Payloads } from "../../packages/server/src/dashboard/wire.ts";
import type { StartedBrowser } from "../browser/chromium.ts";
import { IS_LONG, openBrowser } from "./support/browser.ts";

/** Values that a client has sent, or that name its session. Each must stay in the server. */
const SENT = {
  cookie: "crumb-7f3a9e51c0",
  bearer: "Bearer bear-52d1b86e47",
  key: "key-90cc1fe2aa41",
  proxied: "via-61b0d9ffe1",
  token: "auth-token-1d5e0a7c33",
  query: "query-token-84afe2b019",
  password: "hunter2-0e9b7d",
  card: "4111-1111-secret",
  jwt: "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiJ9.c2lnbmF0dXJlLW9mLWpvaG4",
  answer: "short-5bd1",
  sentBytes: "bytes-3c9e70",
  returnedBytes: "bytes-d2106f",
} as const;

/** What a viewer may see of packets where `payloads` has values. */
const OPEN = { text: "ada", bytes: "pixels-of-a-face" } as const;

/** Hexadecimal digits, as bytes of a tap are shown. */
const hexOf = (text: string): string => Buffer.from(text).toString("hex");

const PASSWORD = "correct horse battery staple";

let chromium: StartedBrowser;
beforeAll(async () => {
  chromium = await openBrowser();
});
afterAll(() => chromium?.stop());

/** All that the server has sent to a page: frames of WebSockets, and answers. */
class Wire {
  readonly #texts: string[] = [];

  listen(page: Page): void {
    page.on("websocket", (socket) => {
      socket.on("framereceived", ({ payload }) => void this.#texts.push(payload.toString()));
    });
    page.on("response", (answer) => {
      this.#texts.push(JSON.stringify(answer.headers()).replace(/"set-cookie":"[^"]*"/g, ""));
      answer.body().then(
        (body) => void this.#texts.push(body.toString()),
        () => undefined,
      );
    });
  }

  get size(): number {
    return this.#texts.length;
  }

  /** Returns those secrets that occur. */
  findAny(secrets: readonly string[]): string[] {
    const all = this.#texts.join("\n");
    const forms = (secret: string): string[] => [secret, hexOf(secret), Buffer.from(secret).toString("base64")];
    return secrets.filter((secret) => forms(secret).some((form) => all.includes(form)));
  }
}

interface Run {
  readonly url: string;
  readonly secrets: string[];
  stop(): Promise<void>;
}

/** A server with recovery, and clients on each transport that carry secrets wherever a client can. */
async function startRun(payloads: Payloads): Promise<Run> {
  const http = createServer();
  const io = new Server(http, { connectionStateRecovery: { maxDisconnectionDuration: 60_000 } });
  const board: Board = dashboard(io, {
    auth: { token: PASSWORD },
    payloads,
    role: "act",
    label: ({ data }) => data.name,
  });
  io.use((socket, next) => {
    socket.data.name = `user of ${socket.handshake.auth["room"]}`;
    next(socket.handshake.auth["token"] === undefined ? new Error("a token is needed") : undefined);
  });
  io.on("connection", (socket) => {
    void socket.join(socket.handshake.auth["room"]);
    socket.on("login", (_form, done) => done({ token: SENT.token }));
    socket.on("getToken", (done) => done(SENT.answer));
    // Programs send ids of sessions, and bytes, under any name.
    socket.on("picture", (picture, done) => {
      socket.emit("pictures", { of: socket.conn.id, password: Buffer.from(SENT.returnedBytes), picture });
      done({ password: Buffer.from(SENT.returnedBytes) }, Buffer.from(`for ${socket.conn.id}`));
    });
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const clients = Array.from({ length: 6 }, (_, i) =>
    (i % 2 === 0 ? ours : (theirs as unknown as typeof ours))(origin, {
      forceNew: true,
      transports: i < 2 ? ["polling"] : i < 4 ? ["websocket"] : ["polling", "websocket"],
      auth: i === 5 ? { room: "refused" } : { token: SENT.token, room: `room ${i}` },
      query: { token: SENT.query },
      extraHeaders: {
        cookie: `session=${SENT.cookie}`,
        authorization: SENT.bearer,
        "x-api-token": SENT.key,
        "proxy-authorization": SENT.proxied,
      },
    }),
  );
  const chat = setInterval(() => {
    for (const client of clients) {
      client.emit("login", { user: "ada", password: SENT.password, card: SENT.card, note: SENT.jwt }, () => undefined);
      client.emit("getToken", () => undefined);
      client.emit("picture", { password: Buffer.from(SENT.sentBytes), face: Buffer.from(OPEN.bytes) }, () => undefined);
    }
  }, 200);
  await Promise.all(
    clients.slice(0, 5).map((client) => new Promise((resolve) => client.once("connect", () => resolve(undefined)))),
  );
  const ids = clients
    .slice(0, 5)
    .flatMap((client) => [
      client.id!,
      (client.io.engine as unknown as { id: string }).id,
      (client as unknown as { _pid: string })._pid,
    ]);
  return {
    url: `${origin}/dashboard/`,
    secrets: [...new Set(ids.filter((id) => id !== undefined)), ...Object.values(SENT), PASSWORD],
    async stop() {
      clearInterval(chat);
      for (const client of clients) client.disconnect();
      await board.close();
      await io.close();
    },
  };
}

/** Opens each view, and the story of each connection; taps it until packets with bytes and an answer are there. */
async function lookAtAll(page: Page, url: string): Promise<void> {
  for (const view of [
    "#/",
    "#/rooms",
    "#/rooms?nsp=%2F&room=room%201",
    "#/events",
    "#/problems",
    "#/ended",
    "#/cluster",
  ]) {
    await page.goto(url + view);
    await page.locator("main").first().waitFor();
    // Watched views are answered again every two seconds.
    await page.waitForTimeout(2200);
  }
  await page.goto(`${url}#/connections`);
  await page.locator("[data-handle]").nth(4).waitFor();
  const handles = await page
    .locator("[data-handle]")
    .evaluateAll((rows) => rows.map((row) => row.getAttribute("data-handle")));
  for (const handle of handles) {
    await page.goto(`${url}#/connection/${handle}`);
    await page.locator(".timeline").waitFor();
    await page.getByRole("button", { name: "Watch packets" }).click();
    await page.locator("main", { hasText: "BINARY_ACK" }).waitFor();
    await page.waitForTimeout(600);
  }
}

/** What of {@link OPEN} is shown, and whether shapes are. */
const SHOWN: Readonly<Record<Payloads, readonly [open: number, shapes: boolean]>> = {
  none: [0, false],
  shape: [0, true],
  values: [2, false],
};

it.each<Payloads>(IS_LONG ? ["none", "shape", "values"] : ["shape", "values"])(
  "sends no secret of a client to the page, with payloads: %s",
  async (payloads) => {
    const run = await startRun(payloads);
    const context = await chromium.newContext();
    const page = await context.newPage();
    const wire = new Wire();
    wire.listen(page);
    try {
      expect(run.secrets.length).toBeGreaterThanOrEqual(24);
      await page.goto(run.url);
      await page.locator("input[type=password]").fill(PASSWORD);
      await page.locator("input[type=password]").press("Enter");
      await page.locator(".cards").waitFor();
      await lookAtAll(page, run.url);
      expect(wire.size).toBeGreaterThan(20);
      expect(wire.findAny(["user of room 1"])).toHaveLength(1);
      const [open, shapes] = SHOWN[payloads];
      expect(wire.findAny([`user: \\"${OPEN.text}\\"`, OPEN.bytes])).toHaveLength(open);
      expect(wire.findAny(["user: string(3)"])).toHaveLength(shapes ? 1 : 0);
      expect(wire.findAny(run.secrets)).toEqual([]);
    } finally {
      await context.close();
      await run.stop();
    }
  },
);
