import { createServer, type IncomingMessage, type Server as HttpServer } from "node:http";
import { Socket as EngineClient } from "engine.io-client";
import type { Server as EngineServer, Socket as Session } from "engine.io";
import { afterEach, describe, expect, test } from "vitest";
import { type RunningEngine, serveEngine } from "../support/servers/host.ts";
import { call } from "../support/raw/http.ts";
import { exportsOf } from "../support/reference-names.ts";
import { subject } from "../support/targets.ts";
import { nextEvent } from "../support/waiting.ts";

// The engine: options, members of server, session and transport.

const ends: Array<() => unknown> = [];
afterEach(async () => {
  while (ends.length > 0) await ends.pop()?.();
});

async function start(options: ConstructorParameters<typeof EngineServer>[0] = {}): Promise<RunningEngine> {
  const running = await serveEngine(subject, options);
  ends.push(() => running.stop());
  return running;
}

const inside = (value: unknown): Record<string, unknown> => value as Record<string, unknown>;

type VerifyArguments = [
  req: IncomingMessage & { _query: Record<string, string> },
  upgrade: boolean,
  fn: (code?: 0 | 1 | 2 | 3 | 4 | 5, context?: Record<string, unknown>) => void,
];

/** A client and its session. */
async function open(
  { engine, port }: RunningEngine,
  options: object = { transports: ["websocket"] },
): Promise<[EngineClient, Session]> {
  const connection = nextEvent<[Session]>(engine, "connection");
  const client = new EngineClient(`ws://127.0.0.1:${port}`, options);
  ends.push(() => client.close());
  await nextEvent(client as never, "open");
  return [client, (await connection)[0]];
}

const handshake = (transport = "polling", extra = ""): string => `/engine.io/?EIO=4&transport=${transport}${extra}`;

describe("options", () => {
  test("defaults", () => {
    const { opts } = new exportsOf["engine.io"].Server();
    expect(opts).toMatchObject({
      pingInterval: 25_000,
      pingTimeout: 20_000,
      upgradeTimeout: 10_000,
      maxHttpBufferSize: 1e6,
      transports: expect.arrayContaining(["polling", "websocket"]),
      allowUpgrades: true,
      httpCompression: { threshold: 1024 },
      allowEIO3: false,
    });
  });

  test("the handshake has the configured numbers", async () => {
    const running = await start({ pingInterval: 1234, pingTimeout: 567, maxHttpBufferSize: 89, allowUpgrades: false });
    const { text } = await call({ port: running.port, path: handshake() });
    const shaken = JSON.parse(text.slice(1)) as Record<string, unknown>;
    expect(Object.keys(shaken)).toEqual(["sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"]);
    expect(shaken).toMatchObject({ upgrades: [], pingInterval: 1234, pingTimeout: 567, maxPayload: 89 });
  });

  test.each([
    [true, /^io=[^;]+; Path=\/; HttpOnly; SameSite=Lax$/],
    [
      { name: "sid", path: "/x", httpOnly: false, sameSite: "strict" as const },
      /^sid=[^;]+; Path=\/x; SameSite=Strict$/,
    ],
    [{ name: "sid", path: false as never }, /^sid=[^;]+; HttpOnly; SameSite=Lax$/],
  ])("cookie: %j", async (cookie, expected) => {
    const running = await start({ cookie });
    const { headers } = await call({ port: running.port, path: handshake() });
    expect(String(headers["set-cookie"])).toMatch(expected);
  });

  test("allowRequest, initialPacket, transports", async () => {
    const running = await start({
      allowRequest: (req, answer) => answer(req.headers["x-no"] ? "not you" : null, !req.headers["x-no"]),
      initialPacket: "first",
      transports: ["polling"],
    });
    const { port } = running;
    const refused = await call({ port, path: handshake(), headers: { "x-no": "1" } });
    expect([refused.status, refused.text]).toEqual([403, '{"code":4,"message":"not you"}']);
    expect((await call({ port, path: handshake("websocket") })).text).toBe('{"code":0,"message":"Transport unknown"}');
    expect((await call({ port, path: handshake() })).text).toMatch(/^0\{.*\}.*4first$|^0\{/);
  });

  test("cors", async () => {
    const running = await start({ cors: { origin: "https://a.example", credentials: true } });
    const { headers } = await call({ port: running.port, path: handshake(), headers: { origin: "https://a.example" } });
    expect([headers["access-control-allow-origin"], headers["access-control-allow-credentials"]]).toEqual([
      "https://a.example",
      "true",
    ]);
    expect((await call({ port: running.port, path: handshake(), method: "OPTIONS" })).status).toBe(204);
  });

  test("attach: path, and a listener for everything else", async () => {
    const http = createServer((_req, res) => res.end("mine"));
    const engine = exportsOf["engine.io"].attach(http, { path: "/live", addTrailingSlash: false });
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    const { port } = http.address() as { port: number };
    expect((await call({ port, path: "/live?EIO=4&transport=polling" })).text[0]).toBe("0");
    expect((await call({ port, path: "/other" })).text).toBe("mine");
    engine.close();
    await new Promise((resolve) => {
      http.close(resolve);
      http.closeAllConnections();
    });
  });

  test("listen() answers everything else with 501", async () => {
    const engine = await new Promise<EngineServer>((resolve) => {
      const made = exportsOf["engine.io"].listen(0, {}, () => resolve(made));
    });
    const { httpServer } = engine as unknown as { httpServer: HttpServer };
    const { port } = httpServer.address() as { port: number };
    expect((await call({ port, path: "/" })).status).toBe(501);
    engine.close();
    await new Promise((resolve) => httpServer.close(resolve));
  });
});

describe("Server", () => {
  test("errors and their sentences", () => {
    const { Server } = exportsOf["engine.io"];
    expect(Server.errors).toEqual({
      UNKNOWN_TRANSPORT: 0,
      UNKNOWN_SID: 1,
      BAD_HANDSHAKE_METHOD: 2,
      BAD_REQUEST: 3,
      FORBIDDEN: 4,
      UNSUPPORTED_PROTOCOL_VERSION: 5,
    });
    expect(Object.values(Server.errorMessages)).toHaveLength(6);
  });

  test("clients, generateId, middlewares, headers", async () => {
    const running = await start();
    const { engine, port } = running;
    engine.generateId = () => Promise.resolve("my-id");
    engine.use((_req: IncomingMessage, res: { setHeader(name: string, value: string): void }, next: () => void) => {
      res.setHeader("x-custom-a", "middleware");
      next();
    });
    engine.on("initial_headers", (headers: Record<string, string>) => (headers["x-custom-b"] = "initial"));
    engine.on("headers", (headers: Record<string, string>, req: IncomingMessage & { _query: object }) => {
      headers["x-custom-c"] = JSON.stringify(req._query);
    });
    const { text, headers } = await call({ port, path: handshake() });
    expect(JSON.parse(text.slice(1))).toMatchObject({ sid: "my-id" });
    expect([headers["x-custom-a"], headers["x-custom-b"], headers["x-custom-c"]]).toEqual([
      "middleware",
      "initial",
      '{"EIO":"4","transport":"polling"}',
    ]);
    expect(Object.keys(inside(engine)["clients"] as object)).toEqual(["my-id"]);
    expect(engine.clientsCount).toBe(1);
    expect(engine.close()).toBe(engine);
    expect(engine.clientsCount).toBe(0);
  });

  test("connection_error has the request, the code and the message", async () => {
    const { engine, port } = await start();
    const seen: unknown[] = [];
    engine.on("connection_error", ({ code, context, req }: { code: number; context: object; req: IncomingMessage }) =>
      seen.push([code, context, typeof req.url]),
    );
    await call({ port, path: handshake("none") });
    await call({ port, path: handshake("polling", "&sid=none") });
    await call({ port, path: handshake(), method: "POST" });
    await call({ port, path: "/engine.io/?EIO=3&transport=polling" });
    await call({ port, path: handshake("websocket") });
    expect(seen).toEqual([
      [0, { transport: "none" }, "string"],
      [1, { sid: "none" }, "string"],
      [2, { method: "POST" }, "string"],
      [5, { protocol: 3 }, "string"],
      [3, { name: "TRANSPORT_HANDSHAKE_ERROR" }, "string"],
    ]);
  });

  test("requests without attach()", async () => {
    const engine = new exportsOf["engine.io"].Server();
    const http = createServer((req, res) => engine.handleRequest(req as never, res));
    http.on("upgrade", (req, stream, head) => engine.handleUpgrade(req, stream, head));
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    const { port } = http.address() as { port: number };
    const running = { engine, port } as unknown as RunningEngine;
    const [client] = await open(running);
    expect((await call({ port, path: handshake() })).text[0]).toBe("0");
    client.close();
    engine.close();
    await new Promise((resolve) => {
      http.close(resolve);
      http.closeAllConnections();
    });
  });

  test("the methods that subclasses use", async () => {
    const order: string[] = [];
    class Own extends exportsOf["engine.io"].Server {
      protected override init(): void {
        order.push("init");
        super.init();
      }
      protected override cleanup(): void {
        order.push("cleanup");
        super.cleanup();
      }
      protected override _computePath(): string {
        return "/own/";
      }
      override upgrades(): string[] {
        return ["websocket"];
      }
      override generateId(): string {
        return "own-id";
      }
      protected override verify(...[req, upgrade, fn]: VerifyArguments): void {
        order.push(`verify ${typeof req._query} ${upgrade}`);
        if (req.headers["x-no"]) fn(4, { message: "not here" });
        else super.verify(req, upgrade, fn);
      }
      protected override createTransport(...[name, req]: [never, never]): never {
        order.push(`createTransport ${String(name)}`);
        return super.createTransport(name, req) as never;
      }
      protected override _applyMiddlewares(...[req, res, done]: [never, never, never]): void {
        order.push("middlewares");
        super._applyMiddlewares(req, res, done);
      }
    }
    const engine = new Own();
    const http = createServer();
    engine.attach(http);
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    const { port } = http.address() as { port: number };
    const { text } = await call({ port, path: "/own/?EIO=4&transport=polling" });
    expect(JSON.parse(text.slice(1))).toMatchObject({ sid: "own-id", upgrades: ["websocket"] });
    const refused = await call({ port, path: "/own/?EIO=4&transport=polling", headers: { "x-no": "1" } });
    expect([refused.status, refused.text]).toEqual([403, '{"code":4,"message":"not here"}']);
    engine.close();
    const once = [...new Set(order)];
    expect(once).toEqual(["init", "middlewares", "verify object false", "createTransport polling", "cleanup"]);
    await new Promise((resolve) => {
      http.close(resolve);
      http.closeAllConnections();
    });
  });
});

describe("Socket and Transport", () => {
  test("members", async () => {
    const running = await start();
    const [client, session] = await open(running);
    expect(session).toMatchObject({ readyState: "open", upgraded: false, upgrading: false, protocol: 4 });
    expect(inside(session)).toMatchObject({ id: client.id, server: running.engine });
    expect(session.remoteAddress).toContain("127.0.0.1");
    expect(session.request.url).toContain("transport=websocket");
    const { transport } = session;
    expect(transport).toMatchObject({
      name: "websocket",
      writable: true,
      protocol: 4,
      readyState: "open",
      sid: client.id,
    });
    expect(exportsOf["engine.io"].transports.polling).toHaveProperty(
      "upgradesTo",
      expect.arrayContaining(["websocket"]),
    );
    for (const name of ["send", "close", "discard", "onRequest"])
      expect(typeof inside(transport)[name]).toBe("function");
    expect(inside(session)["writeBuffer"]).toEqual([]);
  });

  test("messages, events of packets, callbacks", async () => {
    const running = await start();
    const [client, session] = await open(running, { transports: ["websocket"] });
    const seen: unknown[] = [];
    session.on("packetCreate", ({ type, data }: { type: string; data: unknown }) => seen.push(["create", type, data]));
    session.on("packet", ({ type, data }: { type: string; data: unknown }) => seen.push(["packet", type, data]));
    session.on("flush", (buffer: unknown[]) => seen.push(["flush", buffer.length]));
    session.on("drain", () => seen.push(["drain"]));
    running.engine.on("flush", (of: Session) => seen.push(["server flush", of === session]));
    const sent = new Promise((resolve) => session.send("a", { compress: false }, resolve));
    expect(session.write(Buffer.from("b"))).toBe(session);
    expect(await sent).toBe(session.transport);
    const message = nextEvent(session, "message");
    const data = nextEvent(session, "data");
    client.send("from the client");
    expect([await message, await data]).toEqual([["from the client"], ["from the client"]]);
    const names = seen.map((entry) => (entry as unknown[])[0]);
    expect(names[0]).toBe("create");
    expect(new Set(names)).toEqual(new Set(["create", "flush", "server flush", "drain", "packet"]));
  });

  test("the upgrade", async () => {
    const running = await start();
    const connection = nextEvent<[Session]>(running.engine, "connection");
    const client = new EngineClient(`ws://127.0.0.1:${running.port}`);
    ends.push(() => client.close());
    const [session] = await connection;
    expect([session.transport.name, session.upgraded]).toEqual(["polling", false]);
    const upgrading = nextEvent(session, "upgrading");
    const upgraded = nextEvent(session, "upgrade");
    expect((await upgrading)[0]).toMatchObject({ name: "websocket" });
    expect((await upgraded)[0]).toBe(session.transport);
    expect([session.transport.name, session.upgraded, session.upgrading]).toEqual(["websocket", true, false]);
  });

  test("closing sends queued packets, unless they are discarded", async () => {
    const running = await start();
    const [client, session] = await open(running);
    const heard: unknown[] = [];
    client.on("message", (message) => heard.push(message));
    const ended = nextEvent(client as never, "close");
    const closed = nextEvent(session, "close");
    session.send("last words");
    session.close();
    await ended;
    expect([heard, (await closed)[0], session.readyState]).toEqual([["last words"], "forced close", "closed"]);
    const [, other] = await open(running);
    const cut = nextEvent(other, "close");
    other.close(true);
    expect((await cut)[0]).toBe("forced close");
  });
});

describe("programs that wrap", () => {
  /** Wraps a method, like libraries for metrics do, and records its arguments. */
  function wrap(object: object, name: string): unknown[][] {
    const calls: unknown[][] = [];
    const methods = object as Record<string, (...args: unknown[]) => unknown>;
    const original = methods[name]!;
    methods[name] = function (this: unknown, ...args) {
      calls.push(args);
      return original.apply(this, args);
    };
    return calls;
  }

  test("sendPacket() of a session is behind send() and write()", async () => {
    const [client, session] = await open(await start());
    const calls = wrap(session, "sendPacket");
    const heard = nextEvent(client as never, "data");
    session.send("a");
    session.write("b");
    expect(await heard).toEqual(["a"]);
    expect(calls.map(([type, data]) => [type, data])).toEqual([
      ["message", "a"],
      ["message", "b"],
    ]);
  });

  test("sendPacket() sends a packet of any type, and calls back", async () => {
    const [client, session] = await open(await start());
    const packet = nextEvent<[{ type: string; data?: string }]>(client, "packet");
    const { sendPacket } = session as unknown as { sendPacket: (...args: unknown[]) => void };
    const sent = new Promise<void>((resolve) => sendPacket.call(session, "noop", undefined, {}, () => resolve()));
    expect((await packet)[0].type).toBe("noop");
    await sent;
    expect(inside(session)["getAvailableUpgrades"]).toBeTypeOf("function");
  });

  test("a session on polling offers its upgrades", async () => {
    const [, session] = await open(await start(), { transports: ["polling"] });
    expect((inside(session)["getAvailableUpgrades"] as () => string[]).call(session)).toEqual(["websocket"]);
  });

  test("onPacket() of a transport receives packets, and can be called", async () => {
    const [client, session] = await open(await start());
    const calls = wrap(session.transport, "onPacket");
    const heard = nextEvent(session, "data");
    client.send("hello");
    expect(await heard).toEqual(["hello"]);
    expect(calls).toMatchObject([[{ type: "message", data: "hello" }]]);
    const pretended = nextEvent(session, "data");
    (inside(session.transport)["onPacket"] as (packet: object) => void).call(session.transport, {
      type: "message",
      data: "pretended",
    });
    expect(await pretended).toEqual(["pretended"]);
  });
});

describe("the WebSocket of a transport", () => {
  interface Below {
    [name: string]: unknown;
    on(event: string, listener: (...args: never[]) => void): void;
    send(...args: unknown[]): void;
    ping(...args: unknown[]): void;
    pong(...args: unknown[]): void;
    close(): void;
  }

  const below = (session: Session): Below => (session.transport as unknown as { socket: Below }).socket;

  test("has the negotiated values, and the constants", async () => {
    const running = await start({ perMessageDeflate: true });
    const [, session] = await open(running, { transports: ["websocket"], protocols: ["mine"] });
    const { url, protocol, extensions, binaryType, readyState } = below(session);
    expect([url, protocol, extensions, binaryType, readyState]).toEqual([
      undefined,
      "mine",
      "permessage-deflate",
      "nodebuffer",
      1,
    ]);
    const { CONNECTING, OPEN, CLOSING, CLOSED } = below(session);
    expect([CONNECTING, OPEN, CLOSING, CLOSED]).toEqual([0, 1, 2, 3]);
    const [, plain] = await open(await start());
    expect([below(plain)["protocol"], below(plain)["extensions"]]).toEqual(["", ""]);
  });

  test("sends and calls back; emits messages, pings and pongs", async () => {
    const [client, session] = await open(await start());
    const heard: unknown[] = [];
    const socket = below(session);
    socket.on("message", (data: Buffer, isBinary: boolean) => heard.push([String(data), isBinary]));
    const data = nextEvent(session, "data");
    client.send("hello");
    expect(await data).toEqual(["hello"]);
    const bytes = nextEvent(session, "data");
    client.send(Buffer.from("bytes"));
    await bytes;
    expect(heard).toEqual([
      ["4hello", false],
      ["bytes", true],
    ]);
    const pong = new Promise((resolve) => socket.on("pong", (payload: Buffer) => resolve(String(payload))));
    await new Promise((resolve) => socket.ping("p", false, resolve));
    expect(await pong).toBe("p");
    const message = nextEvent(client as never, "data");
    await new Promise((resolve) => socket.send("4raw", { compress: false }, resolve));
    expect(await message).toEqual(["raw"]);
    const binary = nextEvent(client as never, "data");
    socket.send(new Uint8Array([1, 2]));
    expect(Buffer.from((await binary)[0] as Buffer)).toEqual(Buffer.from([1, 2]));
    socket.pong();
    const closed = nextEvent(session, "close");
    socket.close();
    await closed;
    const late = await new Promise<Error>((resolve) => socket.send("4late", resolve));
    expect(late.message).toMatch(/^WebSocket is not open: readyState [23]/);
  });
});
