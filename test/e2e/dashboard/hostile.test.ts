import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { Server } from "@portage/server";
import { expect, test } from "vitest";
import { io as connectClient } from "@portage/client";
import { safeHandshake } from "../../../packages/server/src/dashboard/handshake.ts";
import { Redaction } from "../../../packages/server/src/dashboard/redaction.ts";
import { networkOf } from "../../../packages/server/src/dashboard/sockets.ts";
import { nextEvent } from "../../support/waiting.ts";
import { ask, atEnd, boardOf, isLetIn, logIn, openBoard, openPage } from "./support/board.ts";

/** Sends text over TCP, and returns the first line of the answer. */
async function statusOf(port: number, text: string): Promise<string> {
  const stream = connect(port, "127.0.0.1");
  stream.write(text);
  const [chunk] = (await once(stream, "data")) as [Buffer];
  stream.destroy();
  return chunk.toString("latin1").split("\r\n", 1)[0] ?? "";
}

// ---- the door ------------------------------------------------------------------------------------------------------

test.each([
  ["HTTP/1.0", "GET /dashboard/ HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\n\r\n"],
  ["an upgrade to nothing", "GET /dashboard/ HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\n\r\n"],
])("without auth, a proxy is known by %s, though it adds no header", async (_name, text) => {
  const { host } = await openBoard();
  expect(await statusOf(host.port, text)).toContain("403");
});

test.each(["127.1", "2130706433", "0.0.0.0", "localhost.", "[::ffff:127.0.0.1]", "[::]", "localhost, x.example"])(
  "without auth, the host %j is not this machine",
  async (Host) => {
    const { host } = await openBoard();
    expect((await ask(host.port, "/dashboard/", { headers: { Host } })).status).not.toBe(200);
  },
);

test("a cookie is for TLS alone where the browser says so, or any proxy in front", async () => {
  const { host } = await openBoard({ auth: { token: "abc" } });
  const secureWith = async (headers: Record<string, string>): Promise<boolean> => {
    const { headers: sent } = await logIn(host.port, { password: "abc" }, { headers });
    return /; Secure/.test(sent["set-cookie"]?.[0] ?? "");
  };
  expect(await secureWith({})).toBe(false);
  expect(await secureWith({ "X-Forwarded-Proto": "HTTPS, http" })).toBe(true);
  expect(await secureWith({ Origin: `https://localhost:${host.port}` })).toBe(true);
});

test("an id that was not given out does not log in, whatever its name", async () => {
  const { host } = await openBoard({ auth: { token: "abc" } });
  for (const id of ["__proto__", "constructor", "", "x".repeat(4000)]) {
    const headers = { Cookie: `portage-dashboard=${id}` };
    expect((await ask(host.port, "/dashboard/", { headers })).status).toBe(401);
  }
});

test("no path leads out of the files", async () => {
  const { host } = await openBoard();
  for (const rest of [
    "../package.json",
    "%2e%2e/package.json",
    "assets/../../x",
    "assets\\..\\x",
    "/etc/passwd",
    "index.html.gz",
  ]) {
    expect((await ask(host.port, `/dashboard/${rest}`)).status).not.toBe(200);
  }
});

test("the polls of the page have its headers too", async () => {
  const { host } = await openBoard();
  const { headers } = await ask(host.port, "/dashboard/live/?EIO=4&transport=polling");
  expect(headers["x-content-type-options"]).toBe("nosniff");
  expect(headers["cross-origin-resource-policy"]).toBe("same-origin");
});

// ---- questions -----------------------------------------------------------------------------------------------------

const QUESTION = { order: "natural", descending: false, filter: "", from: 0, count: 10 };

test.each([
  ["bytes for an object", "watch", "problems", Buffer.alloc(0)],
  ["a list for an object", "watch", "problems", []],
  ["an inherited name of an order", "page", "connections", { ...QUESTION, order: "constructor" }],
  ["a series twice", "history", ["heap", "heap"], "1m"],
  ["bytes for the target of an action", "act", "log", Buffer.alloc(8), ""],
])("%s is answered BAD_QUESTION", async (_name, event, ...args) => {
  const { host } = await openBoard();
  const page = await openPage(host.port);
  expect(await page.emitWithAck(event, ...args)).toEqual({ error: "BAD_QUESTION" });
});

test("names of every object find nothing", async () => {
  const { host } = await openBoard();
  const page = await openPage(host.port);
  for (const name of ["__proto__", "constructor", "toString"]) {
    expect(await page.emitWithAck("history", [name], "1s")).toEqual({ error: "UNKNOWN" });
    expect(await page.emitWithAck("why", name)).toEqual({ error: "UNKNOWN" });
    expect(await page.emitWithAck("tap", name)).toMatchObject({ error: expect.any(String) as string });
    for (const sign of [":", ">", "<"]) {
      const answer: unknown = await page.emitWithAck("page", "connections", { ...QUESTION, filter: `${name}${sign}1` });
      expect(answer).toMatchObject({ total: 0 });
    }
  }
});

// ---- text that clients choose --------------------------------------------------------------------------------------

test("a client can't make the lists large by long names", async () => {
  const { io, host } = await openBoard();
  io.on("connection", (socket) =>
    socket.onAny(() => {
      throw new Error("listener");
    }),
  );
  io.on("handler_error", () => undefined);
  const client = connectClient(`http://localhost:${host.port}`, { transports: ["websocket"], forceNew: true });
  atEnd(() => client.disconnect());
  await nextEvent(client, "connect");
  for (let i = 0; i < 20; i += 1) client.emit(`${i}${"x".repeat(100_000)}`);
  const other = client.io.socket(`/${"n".repeat(200)}`);
  other.connect();
  await nextEvent(other, "connect_error");
  const page = await openPage(host.port);
  for (const view of ["events", "problems", "rooms"]) {
    const answer: unknown = await page.emitWithAck("watch", view, {});
    expect(answer).not.toHaveProperty("error");
    expect(JSON.stringify(answer).length).toBeLessThan(40_000);
  }
});

test("a room named after another socket is not shown: with revision 3 it is the id of a session", async () => {
  const { io, host } = await openBoard();
  const sockets: string[] = [];
  io.on("connection", (socket) => {
    sockets.push(socket.id);
    for (const id of sockets) void socket.join(id);
    void socket.join("shown");
  });
  for (let i = 0; i < 2; i += 1) {
    const client = connectClient(`http://localhost:${host.port}`, { transports: ["websocket"], forceNew: true });
    atEnd(() => client.disconnect());
    await nextEvent(client, "connect");
  }
  const page = await openPage(host.port);
  const { rows } = (await page.emitWithAck("page", "connections", QUESTION)) as { rows: { handle: string }[] };
  const story: unknown = await page.emitWithAck("watch", "connection", { handle: rows[1]?.handle });
  expect(story).toMatchObject({ sockets: [{ rooms: ["shown"] }] });
  for (const id of sockets) expect(JSON.stringify(story)).not.toContain(id);
});

test.each([
  ["1.2.3.4:5678", "1.2.3.0/24"],
  ['for="1.2.3.4:80";proto=http', "1.2.3.0/24"],
  ["::ffff:1.2.3.4", "1.2.3.0/24"],
  ['for="[2001:db8:7:8::1]:4711"', "2001:db8:7::/48"],
  ["2001:db8:7:8:9:a:b:c", "2001:db8:7::/48"],
  ["::1", "0:0:0::/48"],
  ["_hidden", "unknown"],
  ["", ""],
])("of the address %s pages see %s", (address, network) => {
  expect(networkOf(address)).toBe(network);
});

test("headers with secrets and addresses are hidden by their names, and by their form", () => {
  const headers = {
    "x-id": "Bearer abcdef",
    "x-user": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "x-forwarded-client-cert": "Hash=1",
    "x-envoy-external-address": "9.8.7.6",
    "fly-client-ip": "9.8.7.6",
    forwarded: "for=9.8.7.6",
    accept: "*/*",
  };
  const shown = Object.fromEntries(safeHandshake({ url: "/", headers } as unknown as IncomingMessage));
  expect(shown).toEqual({
    URL: "/",
    "x-id": "(hidden)",
    "x-user": "(hidden)",
    "x-forwarded-client-cert": "(hidden)",
    "x-envoy-external-address": "9.8.7.0/24",
    "fly-client-ip": "9.8.7.0/24",
    forwarded: "9.8.7.0/24",
    accept: "*/*",
  });
});

test("a text of a client takes no long search for secrets", () => {
  const redaction = new Redaction({ level: "values", isSessionId: () => false });
  const texts = ["a.".repeat(2048), "token".repeat(819), `token${" ".repeat(4000)}`];
  const start = performance.now();
  for (const text of texts) for (let i = 0; i < 20; i += 1) redaction.value(text);
  // It took 1,000 ms before the forms had bounds.
  expect(performance.now() - start).toBeLessThan(500);
});

// ---- the program's calls -------------------------------------------------------------------------------------------

test("a second page at the same path is refused, and the first one goes on", async () => {
  const { io, host } = await openBoard();
  expect(() => boardOf(io)).toThrow(expect.objectContaining({ code: "PATH_TAKEN" }));
  for (const transport of ["polling", "websocket"] as const)
    expect(await isLetIn(host.port, { transports: [transport] })).toBe(true);
});

test("a page at the path of the server is refused", () => {
  for (const path of ["/socket.io", "/socket.io/"])
    expect(() => boardOf(new Server(), { path })).toThrow(
      expect.objectContaining({ code: "DASHBOARD_OPTION_INVALID" }),
    );
  expect(() => boardOf(new Server({ path: "/live/io" }), { path: "/live" })).toThrow("/live/io");
});

test("after close(), handle() takes nothing, and close() may be called again", async () => {
  const io = new Server();
  const board = boardOf(io);
  const http = createServer((req, res) => {
    if (!board.handle(req, res)) res.writeHead(404).end();
  }).listen(0, "127.0.0.1");
  await once(http, "listening");
  atEnd(() => http.close());
  const { port } = http.address() as { port: number };
  const page = await openPage(port, { transports: ["polling"] });
  const gone = nextEvent(page, "disconnect");
  const asked = page.emitWithAck("page", "connections", QUESTION).catch(() => undefined);
  await Promise.all([board.close(), board.close()]);
  await gone;
  page.disconnect();
  await Promise.race([asked, new Promise((resolve) => setImmediate(resolve))]);
  await board.close();
  expect((await ask(port, "/dashboard/")).status).toBe(404);
});
