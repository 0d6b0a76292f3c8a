import type { IncomingMessage } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import { Server, type ServerOptions } from "@portage/server";
import { Host } from "../../support/servers/host.ts";
import { call } from "../../support/raw/http.ts";
import { RawPolling } from "../../support/raw/polling.ts";
import { RawWebSocket, type Refused } from "../../support/raw/websocket.ts";
import { nextEvent } from "../../support/waiting.ts";

type Emitting = { once(event: string, listener: (value: unknown) => void): void };

const HANDSHAKE = "/socket.io/?EIO=4&transport=polling";
const running: { io: Server; host: Host }[] = [];

afterEach(async () => {
  for (const { io, host } of running.splice(0)) {
    await io.close();
    await host.drained();
  }
});

async function start(options: Partial<ServerOptions>) {
  const host = new Host();
  const io = new Server(host.http, options);
  const refusals: { name: string; code: number; hint: string }[] = [];
  io.engine.on("connection_error", ({ name, code, hint }: (typeof refusals)[0]) => refusals.push({ name, code, hint }));
  await host.listen();
  running.push({ io, host });
  return { io, host, port: host.port, refusals };
}

const refusedBy = (attempt: Promise<unknown>): Promise<Refused> =>
  attempt.then(
    () => expect.unreachable(),
    (error: Refused) => error,
  );

describe("a server that is full", () => {
  test("answers 503 and when to come back, over both transports", async () => {
    const { port, io, refusals } = await start({ maxConnections: 1, retryAfter: 1500 });
    const first = await RawWebSocket.connect({ port });
    const reply = await call({ port, path: HANDSHAKE });
    expect([reply.status, reply.headers["retry-after"]]).toEqual([503, "2"]);
    const body = { code: 6, message: "Too many connections", retryAfter: 1500 };
    expect(JSON.parse(reply.text)).toEqual(body);
    const refused = await refusedBy(RawWebSocket.connect({ port }));
    expect(refused.status).toBe(503);
    expect(JSON.parse(refused.body)).toEqual(body);
    expect(refusals.map(({ name }) => name)).toEqual(["TOO_MANY_CONNECTIONS", "TOO_MANY_CONNECTIONS"]);
    expect(io.stats().refusals).toEqual({ TOO_MANY_CONNECTIONS: 2 });
    await first.close();
    await (await RawWebSocket.connect({ port })).close();
  });
});

test("a WebSocket counts until it is gone, even if its peer does not answer the close frame", async () => {
  const { port, io } = await start({ maxConnections: 1 });
  const closed = new Promise((resolve) =>
    io.engine.once("connection", (session: Emitting) => session.once("close", resolve)),
  );
  const silent = await RawWebSocket.connect({ port, answersClose: false });
  silent.send("no packet");
  await closed;
  expect(io.engine.clientsCount).toBe(0);
  expect((await refusedBy(RawWebSocket.connect({ port }))).status).toBe(503);
  silent.cut();
  await expect.poll(() => call({ port, path: HANDSHAKE }).then(({ status }) => status)).toBe(200);
});

describe("sessions of one user", () => {
  type Known = IncomingMessage & { user?: string };
  const userOf = (req: Known) => req.user;
  const know = (req: Known): undefined => void (req.user = req.headers["x-user"] as string);
  const as = (user: string) => ({ headers: { "X-User": user } });
  const body = { code: 6, message: "Too many connections", retryAfter: 5000 };

  test.each([
    ["a middleware", {}],
    ["allowRequest", { allowRequest: (req, answer) => answer(know(req), true) }],
  ] as [string, Partial<ServerOptions>][])("are limited by whom %s has found", async (who, options) => {
    const { port, io, refusals } = await start({ maxConnectionsPerUser: 2, userOf, ...options });
    if (who === "a middleware") io.engine.use((req, _res, next) => next(know(req)));
    const first = await RawWebSocket.connect({ port, ...as("ann") });
    const polling = await RawPolling.open({ port, ...as("ann") });
    // An upgrade is not a new session.
    const upgrade = await RawWebSocket.connect({ port, sid: polling.sid, ...as("ann") });
    const reply = await call({ port, path: HANDSHAKE, ...as("ann") });
    expect([reply.status, reply.headers["retry-after"], JSON.parse(reply.text)]).toEqual([503, "5", body]);
    const refused = await refusedBy(RawWebSocket.connect({ port, ...as("ann") }));
    expect([refused.status, JSON.parse(refused.body)]).toEqual([503, body]);
    expect(io.stats().refusals).toEqual({ TOO_MANY_CONNECTIONS_OF_USER: 2 });
    expect(refusals[0]).toMatchObject({
      name: "TOO_MANY_CONNECTIONS_OF_USER",
      hint: expect.stringContaining("userOf"),
    });

    const others = [await RawWebSocket.connect({ port, ...as("bob") }), await RawWebSocket.connect({ port })];
    await first.close();
    others.push(await RawWebSocket.connect({ port, ...as("ann") }));
    for (const other of others) await other.close();
    upgrade.cut();
  });

  test("are limited while ids take their time", async () => {
    const { port, io } = await start({ maxConnectionsPerUser: 1, userOf: () => "ann" });
    const waiting: (() => void)[] = [];
    const bothWait = new Promise<void>((resolve) => {
      io.engine.generateId = () =>
        new Promise<string>((give) => {
          const id = `id${waiting.push(() => give(id))}`;
          if (waiting.length === 2) resolve();
        });
    });
    const replies = [1, 2].map(() => call({ port, path: HANDSHAKE }));
    await bothWait;
    for (const go of waiting) go();
    const statuses = (await Promise.all(replies)).map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([200, 503]));
  });

  test("a userOf that fails refuses the handshake, and is reported", async () => {
    const failure = new Error("a secret of the program");
    const userOf = () => {
      throw failure;
    };
    const { port, io } = await start({ maxConnectionsPerUser: 1, userOf });
    const told: unknown[] = [];
    io.on("handler_error", (error, context) => told.push(error, context));
    const reply = await call({ port, path: HANDSHAKE });
    expect([reply.status, reply.text]).toEqual([403, '{"code":4,"message":"Forbidden"}']);
    expect((await refusedBy(RawWebSocket.connect({ port }))).status).toBe(403);
    const context = { handler: "userOf", how: "thrown" };
    expect(told).toEqual([failure, context, failure, context]);
  });

  test("can't be limited without userOf: the server does not listen", async () => {
    const probe = await start({});
    const { port } = probe;
    await probe.io.close();
    expect(() => new Server(port, { maxConnectionsPerUser: 1 })).toThrow("maxConnectionsPerUser needs userOf");
    running.splice(
      running.findIndex(({ io }) => io === probe.io),
      1,
    );
    const io = new Server(port);
    await nextEvent(io.httpServer, "listening");
    await io.close();
  });
});

describe("a WebSocket of another origin", () => {
  const connect = (port: number, origin: string) => RawWebSocket.connect({ port, headers: { Origin: origin } });

  test("is refused if `cors` allows others only, also as an upgrade", async () => {
    const { port, refusals } = await start({ cors: { origin: "https://good.example" } });
    expect((await refusedBy(connect(port, "https://evil.example"))).status).toBe(403);
    const polling = await RawPolling.open({ port });
    const upgrade = RawWebSocket.connect({ port, sid: polling.sid, headers: { Origin: "https://evil.example" } });
    expect((await refusedBy(upgrade)).status).toBe(403);
    expect(refusals.map(({ name, code }) => [name, code])).toEqual([
      ["ORIGIN_NOT_ALLOWED", 4],
      ["ORIGIN_NOT_ALLOWED", 4],
    ]);
    await (await connect(port, "https://good.example")).close();
    await (await connect(port, `http://127.0.0.1:${port}`)).close();
    await polling.post("1");
  });

  test("is admitted without `cors`, and with the check off", async () => {
    const open = await start({});
    await (await connect(open.port, "https://evil.example")).close();
    const unchecked = await start({ cors: { origin: "https://good.example" }, checkOrigin: false });
    await (await connect(unchecked.port, "https://evil.example")).close();
  });
});

test("each refusal has a name and a possible cause; the body is as clients expect", async () => {
  const { port, refusals } = await start({});
  const bodies: unknown[] = [];
  for (const path of [`${HANDSHAKE}&sid=none`, "/socket.io/?EIO=3&transport=polling", "/socket.io/?EIO=4"]) {
    bodies.push(JSON.parse((await call({ port, path })).text));
  }
  expect(bodies).toEqual([
    { code: 1, message: "Session ID unknown" },
    { code: 5, message: "Unsupported protocol version" },
    { code: 0, message: "Transport unknown" },
  ]);
  expect(refusals.map(({ name }) => name)).toEqual([
    "UNKNOWN_SID",
    "UNSUPPORTED_PROTOCOL_VERSION",
    "UNKNOWN_TRANSPORT",
  ]);
  expect(refusals[0]?.hint).toContain("another process");
  expect(refusals[1]?.hint).toContain("allowEIO3");
});
