import type { IncomingMessage } from "node:http";
import { io as connectClient, type Socket } from "socket.io-client";
import { Server, type HandlerErrorContext, type ServerOptions } from "@portage/server";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Bystander } from "../../support/bystander.ts";
import { Host } from "../../support/servers/host.ts";
import { call } from "../../support/raw/http.ts";
import { RawWebSocket } from "../../support/raw/websocket.ts";
import { nextEvent } from "../../support/waiting.ts";

// Failures of the program's own code: the peer gets an answer, the program a report, and others are not affected.

const WAYS: Array<["thrown" | "rejected", () => never]> = [
  [
    "thrown",
    () => {
      throw new Error("a secret of the program");
    },
  ],
  ["rejected", (async () => Promise.reject(new Error("a secret of the program"))) as unknown as () => never],
];

let host: Host;
let io: Server;
let told: Array<[string, HandlerErrorContext]>;
let bystander: Bystander;
let failing: (() => never) | undefined;

/** A server with hooks that fail once `failing` is set. */
async function start(options: Partial<ServerOptions>): Promise<void> {
  host = new Host();
  io = new Server(host.http, options);
  told = [];
  io.on("handler_error", (error, context) => told.push([(error as Error).message, context]));
  await host.listen();
  bystander = await Bystander.join(io as never, host.url);
}

beforeEach(() => {
  failing = undefined;
});
afterEach(async () => {
  await bystander.check();
  bystander.leave();
  await io.close();
});

const handshake = { path: "/socket.io/?EIO=4&transport=polling" };
const refusals: unknown[] = [];

/** The bystanders' sessions are left alone. */
const isNew = (req: IncomingMessage): boolean => !req.url?.includes("sid=");

async function refusedOverPolling(): Promise<[number, string]> {
  const { status, text } = await call({ port: host.port, ...handshake });
  return [status, text];
}

async function refusedOverWebSocket(): Promise<string> {
  const attempt = RawWebSocket.connect({ port: host.port, path: "/socket.io/", revision: 4 } as never);
  return attempt.then(
    () => "accepted",
    (error: Error) => error.message,
  );
}

describe.each(WAYS)("a hook of the engine that has %s", (how, fail) => {
  test.each([
    ["allowRequest", "allowRequest", 403, '{"code":4,"message":"Forbidden"}'],
    ["generateId", "generateId", 400, '{"code":3,"message":"Bad request"}'],
    ["a middleware", "engine middleware", 400, '{"code":3,"message":"Bad request"}'],
    ["the function of cors", "engine middleware", 400, '{"code":3,"message":"Bad request"}'],
  ] as const)("%s refuses the request", async (hook, handler, status, body) => {
    await start({
      ...(hook === "allowRequest" && { allowRequest: (_req, answer) => (failing ? failing() : answer(null, true)) }),
      ...(hook === "the function of cors" && {
        cors: ((req: IncomingMessage, answer: (error: null, options: object) => void) =>
          isNew(req) && failing ? failing() : answer(null, {})) as never,
      }),
    });
    if (hook === "a middleware") io.engine.use((req, _res, next) => (isNew(req) && failing ? failing() : next()));
    if (hook === "generateId") {
      let ids = 0;
      io.engine.generateId = () => (failing ? failing() : `id${ids++}`);
    }
    refusals.length = 0;
    io.engine.on("connection_error", (error: { code: number; context: object }) => refusals.push(error));
    failing = fail;
    expect(await refusedOverPolling()).toEqual([status, body]);
    expect(await refusedOverWebSocket()).toContain(String(status));
    failing = undefined;
    expect(told.map(([message, context]) => [message, context.handler, context.how])).toEqual(
      [1, 2].map(() => ["a secret of the program", handler, how]),
    );
    expect(refusals).toHaveLength(2);
    expect(refusals[0]).toMatchObject({ context: { error: new Error("a secret of the program") } });
    if (hook === "the function of cors") {
      failing = fail;
      const file = await call({
        port: host.port,
        path: "/socket.io/socket.io.js",
        headers: { origin: "https://a.example" },
      });
      failing = undefined;
      // A public file; without the header no other origin may read it.
      expect([file.status, file.headers["access-control-allow-origin"]]).toEqual([200, undefined]);
    }
  });
});

test("listeners of the engine that throw keep no request from its answer", async () => {
  await start({});
  for (const event of ["connection", "connection_error", "headers", "initial_headers"]) {
    io.engine.on(event, () => failing?.());
  }
  failing = WAYS[0]?.[1];
  expect((await refusedOverPolling())[0]).toBe(200);
  expect((await call({ port: host.port, path: "/socket.io/?EIO=4&transport=none" })).status).toBe(400);
  failing = undefined;
  const events = told.map(([, { handler, event }]) => `${handler} ${String(event)}`);
  expect(new Set(events)).toEqual(
    new Set(["connection", "connection_error", "headers", "initial_headers"].map((event) => `listener ${event}`)),
  );
});

describe.each(WAYS)("a listener of a socket that has %s", (how, fail) => {
  test.each([["polling"], ["websocket"]])("over %s", async (transport) => {
    await start({});
    io.on("connection", (socket) => {
      socket.on("fail", fail);
      socket.on("echo", (value: unknown, answer: (value: unknown) => void) => answer(value));
      socket.on("ask me", () => socket.emit("question", fail));
    });
    const client: Socket = connectClient(host.url, { transports: [transport], forceNew: true, reconnection: false });
    await nextEvent(client, "connect");
    client.on("question", (answer: () => void) => answer());
    client.emit("fail");
    client.emit("ask me");
    expect(await client.emitWithAck("echo", 1)).toBe(1);
    expect(await client.emitWithAck("echo", 2)).toBe(2);
    expect(told.map(([message, context]) => [message, context.handler, context.how, context.socket?.id])).toEqual([
      ["a secret of the program", "listener", how, client.id],
      ["a secret of the program", "acknowledgement", how, client.id],
    ]);
    client.disconnect();
  });
});

describe("generateId", () => {
  test.each([
    ["empty text", () => ""],
    ["undefined", () => undefined],
    ["null", () => null],
    ["a record", () => ({})],
    ["a list", () => []],
    ["a symbol", () => Symbol("id")],
    ["a function", () => () => "id"],
    ["half a character", () => "\ud800"],
    ["a promise of nothing", () => Promise.resolve()],
  ])("that gives %s refuses the session, and says so", async (_what, make) => {
    await start({ cookie: true });
    io.engine.generateId = make as never;
    expect(await refusedOverPolling()).toEqual([400, '{"code":3,"message":"Bad request"}']);
    expect(told).toEqual([
      ["generateId() must return a number or a non-empty string", expect.objectContaining({ handler: "generateId" })],
    ]);
  });

  test.each([
    ["a number", () => 5, "5"],
    ["a promise of a number", () => Promise.resolve(0), "0"],
    ["text of any characters", () => 'a b&"c"', 'a b&"c"'],
  ])("may give %s", async (_what, make, id) => {
    await start({ cookie: true });
    io.engine.generateId = make;
    const { text } = await call({ port: host.port, path: "/socket.io/?EIO=4&transport=polling" });
    expect((JSON.parse(text.slice(1)) as { sid: unknown }).sid).toBe(id);
    expect((await call({ port: host.port, path: "/socket.io/?EIO=4&transport=polling" })).status).toBe(400);
  });
});
