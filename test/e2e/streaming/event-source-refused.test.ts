/*
 * Requests for events that are refused, and readers that misbehave: each has a code, and the server goes on.
 */
import { request } from "node:http";
import { connect } from "node:net";
import { Server, type Socket } from "@portage/server";
import { describe, expect, test } from "vitest";
import type { EventReader } from "../../support/peers/event-source.ts";
import { nextEvent, within } from "../../support/waiting.ts";
import { atEnd, readAt, station } from "./readers.ts";

/** Returns status and body of a request that is answered at once. */
function call(
  port: number,
  path: string,
  method = "GET",
  headers = {},
): Promise<{ status: number; allow: string | undefined; body: unknown }> {
  return new Promise((resolve, reject) => {
    const req = request({ host: "127.0.0.1", port, path, method, headers, agent: false }, async (res) => {
      let text = "";
      for await (const chunk of res.setEncoding("utf8")) text += chunk;
      const body: unknown = text === "" ? undefined : JSON.parse(text);
      resolve({ status: res.statusCode ?? 0, allow: res.headers.allow, body });
    });
    req.once("error", reject).end();
  });
}

/** Returns what a reader that is refused gets, and when it returns. */
async function refused(reader: EventReader): Promise<{ status: number; data: unknown; retry: number | undefined }> {
  const { status } = await reader.head();
  const [event, ...others] = await reader.rest();
  expect([event?.name, others]).toEqual(["refused", []]);
  return { status, data: JSON.parse(event?.data ?? "null"), retry: reader.parser.retry };
}

describe("what never passes is refused by its status", () => {
  test.each([
    ["POST", 405],
    ["PUT", 405],
    ["DELETE", 405],
    ["OPTIONS", 405],
  ])("the method %s", async (method, status) => {
    const { port, io } = await station();
    const error = nextEvent(io.engine, "connection_error");
    const answer = await call(port, "/socket.io/?transport=sse", method);
    expect(answer).toEqual({ status, allow: "GET", body: { code: 2, message: "Method not allowed" } });
    expect(await error).toMatchObject([{ name: "METHOD_NOT_ALLOWED" }]);
  });

  test("a page of another origin, as for WebSocket", async () => {
    const { port } = await station({ cors: { origin: "https://mine.example" } });
    const origin = "https://foreign.example";
    const answer = await call(port, "/socket.io/?transport=sse", "GET", { origin });
    expect(answer).toMatchObject({ status: 403, body: { code: 4, message: "Origin not allowed" } });
    const own = readAt(port, "/socket.io/?transport=sse", { origin: "https://mine.example" });
    await own.event("connect");
    expect((await own.head()).headers["access-control-allow-origin"]).toBe("https://mine.example");
  });

  test.each(["nope", "/no,pe", "/%F0%9F%92%A9"])("the unknown namespace %s", async (nsp) => {
    const { port, io } = await station();
    const answer = await call(port, `/socket.io/?transport=sse&nsp=${nsp}`);
    expect(answer).toMatchObject({ status: 404, body: { code: "UNKNOWN_NAMESPACE", message: "Invalid namespace" } });
    expect(io.engine.clientsCount).toBe(0);
  });

  test("a server that does not offer it", async () => {
    const { port } = await station({ transports: ["polling"] });
    expect(await call(port, "/socket.io/?transport=sse")).toMatchObject({ status: 400, body: { code: 0 } });
  });

  test("a request with the id of a session", async () => {
    const { port, io, read } = await station();
    const connection = nextEvent<[Socket]>(io, "connection");
    const reader = read();
    const [{ conn }] = await connection;
    for (const transport of ["sse", "polling", "websocket"]) {
      const path = `/socket.io/?EIO=4&transport=${transport}&sid=${conn.id}`;
      expect(await call(port, path)).toMatchObject({ status: 400, body: { code: 3 } });
      const post = await call(port, path, "POST");
      expect(post).toMatchObject({ status: 400, body: { code: 3 } });
    }
    io.emit("still", "here");
    await reader.event("still");
  });

  test("a middleware of the engine, and allowRequest", async () => {
    const { port, io } = await station({ allowRequest: (_req, answer) => answer("mine", false) });
    expect(await call(port, "/socket.io/?transport=sse")).toMatchObject({ status: 403, body: { message: "mine" } });
    io.engine.use((_req: unknown, _res: unknown, next: (error?: unknown) => void) => next(new Error("no")));
    expect(await call(port, "/socket.io/?transport=sse")).toMatchObject({ status: 400, body: { code: 3 } });
  });
});

describe("what may pass later is an event, as an EventSource gives up for good at any status but 200", () => {
  test("a middleware of the namespace: its data is for the page", async () => {
    const { io, read } = await station();
    io.use((_socket, next) => next(Object.assign(new Error("not you"), { data: { why: 7 } })));
    const answer = await refused(read());
    expect(answer).toEqual({ status: 200, data: { message: "not you", data: { why: 7 } }, retry: 30_000 });
    expect(io.engine.clientsCount).toBe(0);
  });

  test.each([
    ["maxConnections", { maxConnections: 1 }, "TOO_MANY_CONNECTIONS"],
    ["maxConnectionsPerAddress", { maxConnectionsPerAddress: 1 }, "TOO_MANY_CONNECTIONS_FROM_ADDRESS"],
    ["maxHandshakesPerSecond", { maxHandshakesPerSecond: 1 }, "TOO_MANY_HANDSHAKES"],
  ])("the limit %s: pages return spread over time", async (_name, options, code) => {
    const { read } = await station({ ...options, retryAfter: 4000 });
    await read().event("connect");
    const answers = await Promise.all([refused(read()), refused(read()), refused(read())]);
    for (const { status, data, retry } of answers) {
      expect([status, data]).toMatchObject([200, { code, retryAfter: 4000 }]);
      expect(retry).toBeGreaterThanOrEqual(4000);
      expect(retry).toBeLessThanOrEqual(8000);
    }
    expect(new Set(answers.map(({ retry }) => retry)).size).toBeGreaterThan(1);
  });

  test("a server that drains: open pages hear when to return, new ones are refused", async () => {
    const { io, read } = await station({ retryAfter: 3000 });
    const open = read();
    await open.event("connect");
    const drained = io.drain({ deadline: 1000 });
    expect(await open.rest()).toEqual([]);
    expect(open.parser.retry).toBeGreaterThanOrEqual(3000);
    expect(await refused(read())).toMatchObject({ status: 200, data: { code: "SERVER_DRAINING" } });
    await drained;
  });

  test("a server that closes: open pages hear when to return, each at another time", async () => {
    const { io, read } = await station();
    const pages = [read(), read(), read()];
    for (const page of pages) await page.event("connect");
    void io.close();
    for (const page of pages) expect(await page.rest()).toEqual([]);
    const delays = pages.map(({ parser }) => parser.retry ?? 0);
    for (const delay of delays) expect(Math.abs(delay - 1500)).toBeLessThanOrEqual(500);
    expect(new Set(delays).size).toBeGreaterThan(1);
  });

  test("credentials that are too large, and too many dynamic namespaces", async () => {
    const { io, read } = await station({ maxDynamicNamespaces: 1 });
    io.of(/^\/d/);
    await read("&nsp=/d1").event("connect");
    const code = "TOO_MANY_DYNAMIC_NAMESPACES";
    expect(await refused(read("&nsp=/d2"))).toMatchObject({ status: 200, data: { data: { code } } });
  });
});

describe("a Last-Event-ID of elsewhere is a fresh start, and a comment says why", () => {
  const strange = { "last-event-id": "aaaaaaaaaaaaaaaaaaaa.0" };
  test.each([
    ["unknown", {}, strange, "RECOVERY_SESSION_UNKNOWN"],
    ["without recovery", undefined, strange, "RECOVERY_OFF"],
    ["malformed", {}, { "last-event-id": "?" }, "RECOVERY_MALFORMED"],
    ["not text", {}, { "last-event-id": "ÿ.\x01".replace("\x01", "é") }, "RECOVERY_MALFORMED"],
    ["long", {}, { "last-event-id": `${"a".repeat(5000)}.1` }, "RECOVERY_MALFORMED"],
  ])("%s", async (_name, connectionStateRecovery, headers, code) => {
    const { read } = await station({ ...(connectionStateRecovery && { connectionStateRecovery }) });
    const reader = read("", headers);
    const { data } = await reader.event("connect");
    expect(JSON.parse(data)).toMatchObject({ recovered: false });
    expect(reader.parser.comments[0]).toContain(`${code}: `);
  });
});

describe("a reader that stalls", () => {
  test("is ended by the limits of slow readers, and others are not affected", async () => {
    const slowReader = { soft: 1e5, hard: 1e6, burst: 2e6 };
    const { io, read } = await station({ slowReader });
    const connection = nextEvent<[Socket]>(io, "connection");
    const slow = read();
    const [socket] = await connection;
    await slow.event("connect");
    await slow.stall();
    const other = read();
    await other.event("connect");
    const gone = nextEvent(socket, "disconnect");
    for (let sent = 0; socket.connected; sent += 1) {
      io.emit("n", sent, "x".repeat(50_000));
      await other.event("n");
    }
    await gone;
    expect(socket.closeReason?.code).toBe("SLOW_READER");
    expect(socket.conn.bufferedBytes).toBeLessThan(4e6);
    io.emit("last");
    await other.event("last");
  });

  test("without traffic it ends by its heartbeat once nothing more fits", async () => {
    const { io, read } = await station({ pingInterval: 50, pingTimeout: 50 });
    const connection = nextEvent<[Socket]>(io, "connection");
    const slow = read();
    const [socket] = await connection;
    await slow.event("connect");
    await slow.stall();
    const gone = nextEvent(socket, "disconnect");
    // More than the buffers of a loopback connection.
    io.emit("n", "x".repeat(12_000_000));
    expect((await gone)[0]).toBe("ping timeout");
  });

  test("volatile events are dropped for it", async () => {
    const { io, read } = await station();
    const connection = nextEvent<[Socket]>(io, "connection");
    const slow = read();
    const [socket] = await connection;
    await slow.event("connect");
    await slow.stall();
    io.emit("n", "x".repeat(12_000_000));
    await new Promise((resolve) => setImmediate(resolve));
    const { out } = io.stats().packets;
    for (let index = 0; index < 10; index += 1) socket.volatile.emit("v");
    expect(io.stats().packets.out).toBe(out);
  });
});

test("pipelined requests end with their connection, though they were never their turn", async () => {
  const { io, port } = await station({ pingInterval: 100, pingTimeout: 100 });
  const stream = connect(port, "127.0.0.1");
  atEnd(() => stream.destroy());
  let open = 0;
  const allGone = new Promise<void>((resolve) => {
    io.on("connection", (socket) => {
      open += 1;
      socket.on("disconnect", () => (open -= 1) === 0 && resolve());
      if (open === 5) stream.destroy();
    });
  });
  stream.write("GET /socket.io/?transport=sse HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(5));
  await within(allGone, "all of them to be gone");
  expect(io.engine.clientsCount).toBe(0);
});

test("a parent of dynamic namespaces has no pages of its own", () => {
  const io = new Server();
  expect(() => io.of(/^\/d/).eventSource()).toThrow(expect.objectContaining({ code: "NOT_LOCAL" }));
});

test.each([
  [{ auth: "token" }, "NOT_A_FUNCTION"],
  [{ rooms: new Set(["a"]) }, "OPTION_INVALID"],
  [{ binary: "hex" }, "OPTION_INVALID"],
  [{ retry: -1 }, "OPTION_INVALID"],
  [{ retry: Number.NaN }, "OPTION_INVALID"],
])("the options %j are refused", (options, code) => {
  const io = new Server();
  expect(() => io.of("/n").eventSource(options as never)).toThrow(expect.objectContaining({ code }));
});
