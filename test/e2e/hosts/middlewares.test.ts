import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import createExpress from "express";
import session from "express-session";
import helmet from "helmet";
import passport from "passport";
import { Strategy } from "passport-local";
import { io as connectClient, type Socket as ClientSocket } from "socket.io-client";
import { afterEach, describe, expect, test } from "vitest";
import { type Running, serve } from "../../support/servers/host.ts";
import { call } from "../../support/raw/http.ts";
import { RawWebSocket } from "../../support/raw/websocket.ts";
import { subject } from "../../support/targets.ts";
import { nextEvent } from "../../support/waiting.ts";

// Middlewares written for Express, on the requests of the engine: polls and WebSocket handshakes.

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (let cleanup = cleanups.pop(); cleanup; cleanup = cleanups.pop()) await cleanup();
});

/** The part of Express that these tests use. */
interface Express {
  (req: IncomingMessage, res: ServerResponse): void;
  use(middleware: Middleware): void;
  get(path: string, handler: (req: IncomingMessage, res: { send(text: string): void }) => void): void;
  post(path: string, guard: Middleware, handler: (req: unknown, res: { send(text: string): void }) => void): void;
}
const express = createExpress as unknown as { (): Express; urlencoded(options: object): Middleware };

const WAYS = [["polling"], ["websocket"]] as const;
const HANDSHAKE = "/socket.io/?EIO=4&transport=polling";

type Next = (error?: unknown) => void;
type Middleware = (req: IncomingMessage, res: ServerResponse, next: Next) => void;
type SessionRequest = IncomingMessage & { session: { count?: number; save(done: () => void): void } };

async function start(middlewares: readonly Middleware[], http = createServer()): Promise<Running> {
  const running = await serve(subject, {}, http);
  cleanups.push(() => running.stop());
  for (const middleware of middlewares) running.io.engine.use(middleware);
  return running;
}

function connect(url: string, options: object): ClientSocket {
  const client = connectClient(url, { forceNew: true, reconnection: false, ...options });
  cleanups.push(() => client.disconnect());
  return client;
}

describe("helmet", () => {
  test("sets its headers on polls", async () => {
    const { port } = await start([helmet()]);
    const { headers, status } = await call({ port, path: HANDSHAKE });
    expect(status).toBe(200);
    expect(headers).toMatchObject({ "x-content-type-options": "nosniff", "x-frame-options": "SAMEORIGIN" });
    expect(headers["content-security-policy"]).toContain("default-src 'self'");
  });

  test("sets its headers on WebSocket handshakes", async () => {
    const { port } = await start([helmet()]);
    const socket = await RawWebSocket.connect({ port, path: "/socket.io/" });
    expect(socket.headers).toMatchObject({ "x-content-type-options": "nosniff", "x-frame-options": "SAMEORIGIN" });
    await socket.close();
  });
});

const withSession = (): Middleware => session({ secret: "only for tests", resave: false, saveUninitialized: true });

describe("express-session", () => {
  test.each(WAYS)("shares a session with the pages, by %s", async (transport) => {
    const shared = withSession();
    const app = express();
    app.use(shared);
    app.get("/count", (req, res) => {
      const { session } = req as SessionRequest;
      session.count = (session.count ?? 0) + 1;
      res.send(String(session.count));
    });
    const { io, port, url } = await start([shared], createServer(app));
    io.on("connection", (socket) => {
      const { session } = socket.request as SessionRequest;
      socket.on("count", (answer: (count: unknown) => void) => {
        session.count = (session.count ?? 0) + 10;
        session.save(() => answer(session.count));
      });
    });
    const first = await call({ port, path: "/count" });
    const headers = { cookie: String(first.headers["set-cookie"]).split(";")[0] ?? "" };
    const client = connect(url, { transports: [transport], extraHeaders: headers });
    expect(await client.emitWithAck("count")).toBe(11);
    expect((await call({ port, path: "/count", headers })).text).toBe("12");
  });

  test("gives a newcomer a cookie, with a poll or with the 101 of a WebSocket handshake", async () => {
    const { port } = await start([withSession()]);
    const polled = await call({ port, path: HANDSHAKE });
    expect(String(polled.headers["set-cookie"])).toMatch(/^connect\.sid=/);
    const socket = await RawWebSocket.connect({ port, path: "/socket.io/" });
    expect(socket.headers["set-cookie"]).toMatch(/^connect\.sid=/);
    await socket.close();
  });
});

describe("passport", () => {
  const onlyHandshakes =
    (middleware: Middleware): Middleware =>
    (req, res, next) =>
      (req as { _query?: { sid?: string } })._query?.sid === undefined ? middleware(req, res, next) : next();

  async function startGuarded(): Promise<Running> {
    passport.use(new Strategy((name, password, done) => done(null, password === "secret" && { name })));
    passport.serializeUser((user, done) => done(null, user.name));
    passport.deserializeUser((name, done) => done(null, { name }));
    const shared = withSession();
    const app = express();
    for (const middleware of [shared, express.urlencoded({ extended: false }), passport.session()]) app.use(middleware);
    app.post("/login", passport.authenticate("local"), (_req, res) => res.send("welcome"));
    const guard: Middleware = (req, res, next) => {
      if ((req as { user?: unknown }).user) return next();
      res.writeHead(401);
      res.end();
    };
    const guards = [shared, passport.session(), guard].map(onlyHandshakes);
    return start(guards, createServer(app));
  }

  test.each(WAYS)("admits logged-in users, by %s", async (transport) => {
    const { io, port, url } = await startGuarded();
    const login = await call({
      port,
      path: "/login",
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: "username=ada&password=secret",
    });
    expect(login.text).toBe("welcome");
    const cookie = String(login.headers["set-cookie"]).split(";")[0] ?? "";
    const joined = nextEvent<[{ request: { user: unknown } }]>(io, "connection");
    const client = connect(url, { transports: [transport], extraHeaders: { cookie } });
    await nextEvent(client, "connect");
    expect((await joined)[0].request.user).toEqual({ name: "ada" });
  });

  test("answers 401 to anybody else", async () => {
    const { port } = await startGuarded();
    expect((await call({ port, path: HANDSHAKE })).status).toBe(401);
    const refused = RawWebSocket.connect({ port, path: "/socket.io/" });
    await expect(refused).rejects.toMatchObject({ status: 401 });
  });
});
