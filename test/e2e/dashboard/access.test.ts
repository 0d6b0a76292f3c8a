import { createServer } from "node:http";
import { Server } from "@portage/server";
import type { DashboardOptions } from "@portage/server/dashboard";
import { expect, test } from "vitest";
import { FakeClock } from "../../unit/support/fake-clock.ts";
import { nextEvent } from "../../support/waiting.ts";
import { ask, atEnd, boardOf, isLetIn, logIn, openBoard, openPage } from "./support/board.ts";

const TOKEN = { auth: { token: "correct horse battery staple" } };
const USER = { auth: { user: "ada", password: "lovelace" } };

/** Returns the cookie of an answer. */
function cookieOf(answer: { readonly headers: { readonly "set-cookie"?: string[] | undefined } }): string {
  return answer.headers["set-cookie"]?.[0]?.split(";")[0] ?? "";
}

async function loggedIn(port: number): Promise<string> {
  const answer = await logIn(port, { password: TOKEN.auth.token });
  expect(answer.status).toBe(303);
  return cookieOf(answer);
}

/** Turns the clock, and lets what it starts run. */
async function pass(clock: FakeClock, seconds: number): Promise<void> {
  for (let i = 0; i < seconds; i += 1) clock.advance(1000);
  await new Promise((resolve) => setImmediate(resolve));
}

// ---- exposed by accident -------------------------------------------------------------------------------------------

test.each([
  "X-Forwarded-For",
  "X-Forwarded-Host",
  "X-Forwarded-Proto",
  "X-Forwarded-Anything",
  "Forwarded",
  "Via",
  "X-Real-IP",
  "True-Client-IP",
  "CF-Connecting-IP",
])("without auth, a request with %s is refused: a proxy passes it on", async (name) => {
  const { host } = await openBoard();
  const headers = { [name]: "127.0.0.1" };
  for (const path of ["/dashboard/", "/dashboard/assets/app-0123abcd.js"])
    expect((await ask(host.port, path, { headers })).status).toBe(403);
  for (const transport of ["polling", "websocket"] as const)
    expect(await isLetIn(host.port, { headers, transports: [transport] })).toBe(false);
});

test.each(["localhost", "localhost:3000", "127.0.0.1", "127.1.2.3:80", "[::1]", "[::1]:3000", "LOCALHOST"])(
  "without auth, the host %s is this machine",
  async (Host) => {
    const { host } = await openBoard();
    expect((await ask(host.port, "/dashboard/", { headers: { Host } })).status).toBe(200);
  },
);

test.each([
  "rebind.example",
  "localhost.rebind.example",
  "127.0.0.1.rebind.example",
  "localhost:3000.example",
  "x@localhost",
])("without auth, the host %j is not: a page may have rebound its own name", async (Host) => {
  const { host } = await openBoard();
  expect((await ask(host.port, "/dashboard/", { headers: { Host } })).status).not.toBe(200);
  expect(await isLetIn(host.port, { headers: { Host } })).toBe(false);
});

test("without auth, addresses beside the loopback are refused, and IPv6 forms of it are not", async () => {
  const io = new Server();
  const board = boardOf(io);
  const http = createServer((req, res) => board.handle(req, res));
  await new Promise<void>((resolve) => http.listen(0, "::", resolve));
  atEnd(() => http.close());
  const { port } = http.address() as { port: number };
  // Seen as ::ffff:127.0.0.1.
  expect((await ask(port, "/dashboard/")).status).toBe(200);
  for (const address of [
    "::ffff:203.0.113.5",
    "203.0.113.5",
    "10.0.0.1",
    "2001:db8::1",
    "::2",
    "127.0.0.1.example",
    "",
  ])
    expect(await statusFrom(board, address)).toBe(403);
  for (const address of ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
    expect(await statusFrom(board, address)).toBe(200);
});

/** The status of an answer to a request from an address, which this machine need not have. */
async function statusFrom(board: { handle: (...args: never) => boolean }, remoteAddress: string): Promise<number> {
  return new Promise((resolve) => {
    const req = { url: "/dashboard/", method: "GET", headers: { host: "localhost" }, socket: { remoteAddress } };
    const ignore = (): void => undefined;
    const res = { setHeader: ignore, writeHead: (status: number) => resolve(status), end: ignore, destroyed: false };
    Reflect.apply(board.handle, board, [req, res]);
  });
}

// ---- pages of other origins ----------------------------------------------------------------------------------------

test.each<[name: string, headers: Record<string, string>, isIn: boolean]>([
  ["of another port", { Origin: "http://localhost:1" }, false],
  ["of another site", { Origin: "https://evil.example" }, false],
  ["without an origin, such as a sandboxed frame", { Origin: "null" }, false],
  ["of another site, as its browser says", { "Sec-Fetch-Site": "cross-site" }, false],
  ["of another port, as its browser says", { "Sec-Fetch-Site": "same-site" }, false],
  ["of this server, as its browser says", { "Sec-Fetch-Site": "same-origin" }, true],
])("a page %s: %j lets it in: %s", async (_name, headers, isIn) => {
  const { host } = await openBoard();
  for (const transport of ["polling", "websocket"] as const)
    expect(await isLetIn(host.port, { headers, transports: [transport] })).toBe(isIn);
});

test("a page of this server is let in", async () => {
  const { host } = await openBoard();
  const headers = { Origin: `http://localhost:${host.port}` };
  expect(await isLetIn(host.port, { headers })).toBe(true);
});

test("a form of another origin can't log in, and cookies are for this site alone", async () => {
  const { host } = await openBoard(TOKEN);
  const headers = { Origin: "https://evil.example" };
  expect((await logIn(host.port, { password: TOKEN.auth.token }, { headers })).status).toBe(403);
  const { headers: got } = await logIn(host.port, { password: TOKEN.auth.token });
  expect(got["set-cookie"]?.[0]).toMatch(/^portage-dashboard=[\w-]{22}; Path=\/dashboard; HttpOnly; SameSite=Strict$/);
  const secure = await logIn(host.port, { password: TOKEN.auth.token }, { headers: { "X-Forwarded-Proto": "https" } });
  expect(secure.headers["set-cookie"]?.[0]).toContain("; Secure");
});

// ---- guessing ------------------------------------------------------------------------------------------------------

test("the token opens the page, and nothing else does", async () => {
  const { host } = await openBoard(TOKEN);
  const { status, body } = await ask(host.port, "/dashboard/");
  expect([status, body]).toEqual([401, expect.stringContaining('type="password"')]);
  expect(await isLetIn(host.port)).toBe(false);
  expect((await logIn(host.port, { password: "wrong" })).status).toBe(401);
  const Cookie = await loggedIn(host.port);
  expect((await ask(host.port, "/dashboard/", { headers: { Cookie } })).status).toBe(200);
  expect(await isLetIn(host.port, { headers: { Cookie } })).toBe(true);
  const Authorization = `Bearer ${TOKEN.auth.token}`;
  expect(await isLetIn(host.port, { headers: { Authorization } })).toBe(true);
  expect(await isLetIn(host.port, { headers: { Authorization: "Bearer wrong" } })).toBe(false);
  expect(await isLetIn(host.port, { headers: { Cookie: "portage-dashboard=" } })).toBe(false);
  expect((await ask(host.port, "/dashboard/logout", { method: "POST", headers: { Cookie } })).status).toBe(303);
  expect((await ask(host.port, "/dashboard/", { headers: { Cookie } })).status).toBe(401);
});

test("user and password are both needed", async () => {
  const { host } = await openBoard(USER);
  expect((await ask(host.port, "/dashboard/")).body).toContain('name="user"');
  expect((await logIn(host.port, { user: "ada", password: "wrong" })).status).toBe(401);
  expect((await logIn(host.port, { user: "eve", password: "lovelace" })).status).toBe(401);
  expect((await logIn(host.port, USER.auth)).status).toBe(303);
});

test("after 5 failures in a minute an address waits, and after 50 all do", async () => {
  const clock = new FakeClock();
  const { host } = await openBoard(TOKEN, { clock });
  for (let count = 0; count < 5; count += 1) expect((await logIn(host.port, { password: "no" })).status).toBe(401);
  const refused = await logIn(host.port, { password: TOKEN.auth.token });
  expect([refused.status, refused.headers["retry-after"]]).toEqual([429, "60"]);
  // Other addresses of this machine: 9 more with 5 failures each.
  for (let address = 2; address <= 10; address += 1) {
    for (let count = 0; count < 5; count += 1)
      await logIn(host.port, { password: "no" }, { from: `127.0.0.${address}` });
  }
  expect((await logIn(host.port, { password: TOKEN.auth.token }, { from: "127.0.0.99" })).status).toBe(429);
  clock.advance(60_000);
  expect((await logIn(host.port, { password: TOKEN.auth.token })).status).toBe(303);
});

test("of more than 100 logins the oldest ends", async () => {
  const { host } = await openBoard(TOKEN);
  const first = await loggedIn(host.port);
  for (let count = 0; count < 100; count += 1) await loggedIn(host.port);
  expect((await ask(host.port, "/dashboard/", { headers: { Cookie: first } })).status).toBe(401);
});

test("a form that is too long, or none, is answered", async () => {
  const { host } = await openBoard(TOKEN);
  expect((await logIn(host.port, { password: "x".repeat(10_000) })).status).toBe(400);
  expect((await logIn(host.port, {})).status).toBe(401);
  expect((await ask(host.port, "/dashboard/login")).status).toBe(405);
});

// ---- roles ---------------------------------------------------------------------------------------------------------

test("a function decides about each request; a failing one admits none", async () => {
  let role: unknown = "act";
  const { host } = await openBoard({ auth: () => role as "act" });
  const page = await openPage(host.port);
  expect(await page.emitWithAck("hello", { build: "" })).toMatchObject({ role: "act" });
  const rejected = Promise.reject(new Error("failed"));
  rejected.catch(() => undefined);
  for (role of [false, "admin", rejected, undefined, true]) {
    expect(await isLetIn(host.port)).toBe(false);
    expect((await ask(host.port, "/dashboard/")).status).toBe(403);
  }
});

test("a role that is withdrawn ends the page within a minute", async () => {
  const clock = new FakeClock();
  let role: "act" | "view" | false = "act";
  const { host } = await openBoard({ auth: () => role }, { clock });
  const page = await openPage(host.port);
  await page.emitWithAck("hello", { build: "" });
  role = false;
  const bye = nextEvent(page, "bye");
  await pass(clock, 60);
  expect(await bye).toEqual(["ROLE_WITHDRAWN"]);
});

test("an action needs the role of now, and a nonce that is used once", async () => {
  let role: "act" | "view" = "view";
  const asked: unknown[] = [];
  const onAction: DashboardOptions["onAction"] = (action, viewer) => {
    asked.push([action, viewer]);
    return false;
  };
  const { host } = await openBoard({ auth: () => role, onAction });
  const page = await openPage(host.port);
  const act = async (nonce: string): Promise<unknown> => page.emitWithAck("act", "drain", { timeout: 1 }, nonce);
  const nonce = async (): Promise<string> => ((await page.emitWithAck("nonce")) as { nonce: string }).nonce;
  expect(await act(await nonce())).toEqual({ error: "FORBIDDEN" });
  role = "act";
  expect(await act("guessed")).toEqual({ error: "FORBIDDEN" });
  expect(await act("")).toEqual({ error: "FORBIDDEN" });
  const once = await nonce();
  expect(await act(once)).toEqual({ error: "REFUSED" });
  expect(await act(once)).toEqual({ error: "FORBIDDEN" });
  expect(asked).toEqual([[{ name: "drain", target: { timeout: 1 } }, expect.stringContaining("127.0.0.1")]]);
  role = "view";
  expect(await act(await nonce())).toEqual({ error: "FORBIDDEN" });
});

// ---- mistakes of the program ---------------------------------------------------------------------------------------

test.each<[name: string, options: unknown]>([
  ["an empty token", { auth: { token: "" } }],
  ["a token from a variable that is not set", { auth: { token: undefined } }],
  ["a user without a password", { auth: { user: "ada" } }],
  ["auth that is null", { auth: null }],
  ["auth that is true", { auth: true }],
  ["an unknown role", { role: "admin" }],
  ["unknown payloads", { payloads: true }],
  ["a path without a slash", { path: "dashboard" }],
  ["the root as path", { path: "/" }],
  ["gauges that are no functions", { gauges: { games: 7 } }],
  ["too many gauges", { gauges: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`g${i}`, () => i])) }],
])("dashboard() throws for %s", (_name, options) => {
  const io = new Server();
  expect(() => boardOf(io, options as DashboardOptions)).toThrow(
    expect.objectContaining({ code: "DASHBOARD_OPTION_INVALID" }),
  );
});
