import { type EventEmitter, once } from "node:events";
import type { IncomingMessage, Server as HttpServer, ServerResponse } from "node:http";
import {
  type ClientHttp2Session,
  connect,
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from "node:http2";
import { connect as connectTls } from "node:tls";
import { WebSocketServer } from "@portage/websocket";
import session from "express-session";
import type { Socket } from "socket.io";
import { afterEach, describe, expect, test } from "vitest";
import { WebSocketServer as ForeignServer } from "ws";
import { OPCODE } from "../../support/raw/frames.ts";
import { CONNECT, Http2WebSocket } from "../../support/raw/http2-websocket.ts";
import { data, RawHttp2, reset } from "../../support/raw/http2.ts";
import { TEST_CERTIFICATE, TEST_KEY } from "../../support/servers/certificate.ts";
import { type Running, serve } from "../../support/servers/host.ts";
import { portage } from "../../support/targets.ts";
import { nextEvent, turn, within } from "../../support/waiting.ts";

// WebSocket over HTTP/2 (RFC 8441), as browsers and some proxies use it if the server allows it.

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (let cleanup = cleanups.pop(); cleanup; cleanup = cleanups.pop()) await cleanup();
});

const WS = "/socket.io/?EIO=4&transport=websocket";
const TLS = { key: TEST_KEY, cert: TEST_CERTIFICATE, allowHTTP1: true };
const settings = { enableConnectProtocol: true };

type Host = Http2SecureServer & HttpServer;
const host = (options: object = { settings }): Host => createSecureServer({ ...TLS, ...options }) as unknown as Host;

async function start(options: object = {}, http: Host = host()): Promise<Running> {
  const running = await serve(portage, options, http);
  cleanups.push(() => running.stop());
  return running;
}

async function browse(port: number): Promise<ClientHttp2Session> {
  const session = connect(`https://localhost:${port}`, { ca: TEST_CERTIFICATE, rejectUnauthorized: false });
  session.on("error", () => undefined);
  cleanups.push(() => session.destroy());
  await within(once(session, "remoteSettings"), "the settings of the server");
  return session;
}

/** A client that has joined the main namespace. */
async function join(
  running: Running,
  { path = WS, headers = {} }: { path?: string; headers?: Record<string, string> } = {},
): Promise<{ ws: Http2WebSocket; socket: Socket; session: ClientHttp2Session }> {
  const session = await browse(running.port);
  const connection = nextEvent<[Socket]>(running.io, "connection");
  const ws = await Http2WebSocket.open(session, path, headers);
  expect(ws.status).toBe(200);
  await ws.next();
  ws.send("40");
  await ws.next();
  const [socket] = await connection;
  return { ws, socket, session };
}

async function get(session: ClientHttp2Session, path: string): Promise<string> {
  const stream = session.request({ ":path": path });
  let text = "";
  for await (const chunk of stream) text += String(chunk);
  return text;
}

async function post(session: ClientHttp2Session, path: string, body: string): Promise<void> {
  const stream = session.request({ ":method": "POST", ":path": path });
  stream.end(body);
  await nextEvent(stream.resume(), "end");
}

describe("a session", () => {
  test("on WebSocket alone: text, binary, 700 KB, acknowledgements", async () => {
    const running = await start({ maxHttpBufferSize: 1e6 });
    const { ws, socket } = await join(running);
    socket.on("echo", (...args: unknown[]) => socket.emit("echo", ...args));
    ws.send('42["echo","hello"]');
    expect(await ws.next()).toBe('42["echo","hello"]');
    ws.send('451-["echo",{"_placeholder":true,"num":0}]');
    ws.send(Buffer.of(1, 2, 255));
    expect(await ws.next()).toBe('451-["echo",{"_placeholder":true,"num":0}]');
    expect((await ws.frames.next()).payload).toEqual(Buffer.of(1, 2, 255));
    const large = `42["echo","${"x".repeat(700_000)}"]`;
    ws.send(large);
    expect(await ws.next()).toBe(large);
    expect(socket.conn.transport.name).toBe("websocket");
  });

  test("that polls moves to WebSocket, on the same connection", async () => {
    const running = await start();
    const session = await browse(running.port);
    const { sid } = JSON.parse((await get(session, WS.replace("websocket", "polling"))).slice(1)) as { sid: string };
    const polling = `${WS.replace("websocket", "polling")}&sid=${sid}`;
    const connection = nextEvent<[Socket]>(running.io, "connection");
    await post(session, polling, "40");
    const [socket] = await connection;
    const upgraded = nextEvent(socket.conn, "upgrade");
    const ws = await Http2WebSocket.open(session, `${WS}&sid=${sid}`);
    ws.send("2probe");
    expect(await ws.next()).toBe("3probe");
    expect(await get(session, polling)).toMatch(/^40/);
    const waiting = get(session, polling);
    expect(await waiting).toBe("6");
    ws.send("5");
    await upgraded;
    socket.emit("moved");
    expect(await ws.next()).toBe('42["moved"]');
  });

  test("of revision 3", async () => {
    const running = await start({ allowEIO3: true });
    const session = await browse(running.port);
    const ws = await Http2WebSocket.open(session, WS.replace("EIO=4", "EIO=3"));
    expect(await ws.next()).toMatch(/^0\{"sid"/);
    expect(await ws.next()).toBe("40");
    ws.send("2");
    expect(await ws.next()).toBe("3");
  });

  test("with permessage-deflate", async () => {
    const running = await start({ perMessageDeflate: { threshold: 0 } });
    const session = await browse(running.port);
    const ws = await Http2WebSocket.open(session, WS, { "sec-websocket-extensions": "permessage-deflate" });
    expect(ws.headers["sec-websocket-extensions"]).toMatch(/^permessage-deflate/);
    expect((await ws.frames.next()).reserved).toBe(4);
  });

  test("of a client without TLS", async () => {
    const running = await start({}, createServer({ settings }) as unknown as Host);
    const session = connect(`http://127.0.0.1:${running.port}`);
    cleanups.push(() => session.destroy());
    await once(session, "remoteSettings");
    const ws = await Http2WebSocket.open(session, WS);
    expect(await ws.next()).toMatch(/^0\{"sid"/);
  });

  test("whose message is too large ends with close code 1009", async () => {
    const running = await start({ maxHttpBufferSize: 1000 });
    const { ws, socket } = await join(running);
    const ended = nextEvent(socket, "disconnect");
    ws.send("4".repeat(1001));
    expect(await ws.closeCode()).toBe(1009);
    await ended;
  });

  test.each([
    ["NO_ERROR", 0],
    ["CANCEL", 8],
  ])(
    "whose stream is reset with %s in the middle of a frame is lost, and nothing of the frame is read",
    async (_, code) => {
      const running = await start();
      const raw = await RawHttp2.open(running.port);
      cleanups.push(() => raw.tls.destroy());
      const connection = nextEvent<[Socket]>(running.io, "connection");
      const { ":method": method, ...rest } = CONNECT;
      const { id, bytes } = raw.open(method, WS, rest);
      raw.write(bytes, data(id, Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x34, 0x30]), false));
      const [socket] = await connection;
      const heard: unknown[] = [];
      socket.onAny((...event: unknown[]) => heard.push(event));
      const ended = nextEvent(socket, "disconnect");
      raw.write(data(id, Buffer.from([0x81, 0x8a, 0, 0, 0, 0, 0x34, 0x32]), false), reset(id, code));
      expect((await ended)[0]).toBe("transport close");
      expect(heard).toEqual([]);
      expect((socket as unknown as { closeReason: { code: string } }).closeReason.code).toBe("CONNECTION_CLOSED");
    },
  );
});

describe("a program sees", () => {
  test.each([
    ["parked", {}],
    [
      "seen by allowRequest",
      { allowRequest: (_req: unknown, done: (e: null, ok: boolean) => void) => done(null, true) },
    ],
  ])("the request (%s): method, host, address, encryption, cookies", async (_, options) => {
    const running = await start(options);
    const { socket } = await join(running, { headers: { cookie: "a=b", origin: "https://x.example" } });
    const { headers, secure, address, query } = socket.handshake;
    expect([headers.host, headers.cookie, headers.origin]).toEqual([
      `localhost:${running.port}`,
      "a=b",
      "https://x.example",
    ]);
    expect([secure, address, query["transport"]]).toEqual([true, "127.0.0.1", "websocket"]);
    const { request } = socket;
    expect([request.httpVersion, request.method, request.url]).toEqual(["2.0", "CONNECT", WS]);
    const { remoteAddress, encrypted } = request.socket as never as Record<string, unknown>;
    expect([remoteAddress, encrypted, socket.conn.remoteAddress]).toEqual(["127.0.0.1", true, "127.0.0.1"]);
    const { socket: webSocket } = socket.conn.transport as unknown as {
      socket: { _socket: { remoteAddress: string } };
    };
    expect(webSocket._socket.remoteAddress).toBe("127.0.0.1");
  });

  test("headers that its middlewares and listeners set, in the answer", async () => {
    const running = await start({ cookie: true });
    running.io.engine.use((_req: IncomingMessage, res: ServerResponse, next: () => void) => {
      res.setHeader("x-from", "a middleware");
      setImmediate(next);
    });
    running.io.engine.use(session({ secret: "s", resave: false, saveUninitialized: true, cookie: { secure: false } }));
    running.io.engine.on("headers", (headers: Record<string, string>) => (headers["x-also"] = "a listener"));
    const { ws, socket } = await join(running);
    expect(ws.headers).toMatchObject({ "x-from": "a middleware", "x-also": "a listener" });
    const cookies = ws.headers["set-cookie"]?.join() ?? "";
    expect(cookies).toContain("connect.sid=");
    expect((socket.request as unknown as { session: unknown }).session).toBeDefined();
  });
});

describe("a WebSocket is refused", () => {
  test.each<[string, object, Record<string, string>, number, object]>([
    ["an unknown sid", {}, { ":path": `${WS}&sid=unknown` }, 400, { code: 1, message: "Session ID unknown" }],
    ["a transport", {}, { ":path": WS.replace("websocket", "polling") }, 400, { code: 3 }],
    ["an unknown transport", {}, { ":path": WS.replace("websocket", "pigeon") }, 400, { code: 0 }],
    ["revision 3", {}, { ":path": WS.replace("EIO=4", "EIO=3") }, 400, { code: 5 }],
    ["another version", {}, { "sec-websocket-version": "8" }, 426, { code: 3 }],
    ["another protocol", {}, { ":protocol": "connect-udp" }, 501, { code: 3 }],
    ["malformed subprotocols", {}, { "sec-websocket-protocol": ",," }, 400, { code: 3 }],
    [
      "allowRequest",
      { allowRequest: (_req: unknown, done: (e: string, ok: boolean) => void) => done("not today", false) },
      {},
      403,
      { code: 4, message: "not today" },
    ],
    [
      "a page of another origin",
      { cors: { origin: "https://own.example" } },
      { origin: "https://elsewhere.example" },
      403,
      { code: 4, message: "Origin not allowed" },
    ],
  ])("by JSON for %s", async (_what, options, headers, status, body) => {
    const running = await start(options);
    const reported = nextEvent<[{ req: IncomingMessage }]>(running.io.engine, "connection_error");
    const session = await browse(running.port);
    const ws = await Http2WebSocket.open(session, WS, headers);
    expect([ws.status, ws.headers["content-type"]]).toEqual([status, "application/json"]);
    expect(JSON.parse(await ws.body())).toMatchObject(body);
    expect((await reported)[0].req.headers.host).toBe(`localhost:${running.port}`);
    await ws.closed;
    expect(session.closed).toBe(false);
  });

  test("with a time to come back, beyond maxConnections", async () => {
    const { ws, session } = await join(await start({ maxConnections: 1 }));
    const late = await Http2WebSocket.open(session, WS);
    expect([late.status, JSON.parse(await late.body())]).toMatchObject([503, { code: 6 }]);
    expect(Number(late.headers["retry-after"])).toBeGreaterThan(0);
    expect(ws.stream.closed).toBe(false);
  });

  test("by a middleware that answers, or that passes an error on", async () => {
    const running = await start();
    running.io.engine.use(({ headers }: IncomingMessage, res: ServerResponse, next: (error?: Error) => void) => {
      if (headers["x-how"] === "answer") res.writeHead(401, { "x-why": "no token" }).end("who are you?");
      else next(headers["x-how"] === "error" ? new Error("no") : undefined);
    });
    const session = await browse(running.port);
    const answered = await Http2WebSocket.open(session, WS, { "x-how": "answer" });
    expect([answered.status, answered.headers["x-why"], await answered.body()]).toEqual([
      401,
      "no token",
      "who are you?",
    ]);
    const failed = await Http2WebSocket.open(session, WS, { "x-how": "error" });
    expect([failed.status, JSON.parse(await failed.body())]).toMatchObject([400, { code: 3 }]);
    expect((await Http2WebSocket.open(session, WS)).status).toBe(200);
  });

  test("by no refusal of the same origin, whose name is :authority", async () => {
    const running = await start({ cors: { origin: "https://own.example" } });
    const session = await browse(running.port);
    const ws = await Http2WebSocket.open(session, WS, { origin: `https://localhost:${running.port}` });
    expect(ws.status).toBe(200);
  });
});

describe("a client that leaves", () => {
  test.each([0, 8])("while allowRequest takes its time (reset with %d) opens no session", async (code) => {
    const answers: ((error: null, isAllowed: boolean) => void)[] = [];
    const running = await start({
      allowRequest: (_req: unknown, answer: (error: null, isAllowed: boolean) => void) => void answers.push(answer),
    });
    const session = await browse(running.port);
    const stream = session.request({ ...CONNECT, ":path": WS });
    stream.on("error", () => undefined);
    await expect.poll(() => answers.length).toBe(1);
    stream.close(code);
    await once(stream, "close");
    // A request behind it: the server has read the reset.
    await get(session, WS.replace("websocket", "pigeon"));
    answers[0]!(null, true);
    await get(session, WS.replace("websocket", "pigeon"));
    expect(running.io.engine.clientsCount).toBe(0);
  });

  test("at once, by the end of its side, gets the open packet, and its session ends", async () => {
    const running = await start();
    const closed = new Promise<string>((resolve) =>
      running.io.engine.once("connection", (conn: EventEmitter) => conn.once("close", resolve)),
    );
    const session = await browse(running.port);
    const stream = session.request({ ...CONNECT, ":path": WS }, { endStream: true });
    const [headers] = await nextEvent<[Record<string, unknown>]>(stream.resume(), "response");
    expect(headers[":status"]).toBe(200);
    expect(await within(closed, "the session to end")).toBe("transport close");
    await nextEvent(stream, "close");
  });

  test("without reading ends at the limit for slow readers", async () => {
    const running = await start({ slowReader: { soft: 100_000, hard: 1_000_000 } });
    const { ws, socket } = await join(running);
    ws.stream.pause();
    const ended = nextEvent(socket, "disconnect");
    // The client's windows take the first of it.
    for (let i = 0; i < 100 && socket.connected; i++) {
      socket.emit("news", "x".repeat(50_000));
      await turn();
    }
    await ended;
    expect((socket as unknown as { closeReason: { code: string } }).closeReason.code).toBe("SLOW_READER");
  });
});

describe("the option wsEngine", () => {
  test("of a class without handleConnect is refused by a code of its own", async () => {
    const running = await start({ wsEngine: ForeignServer });
    const reported = nextEvent<[{ name: string }]>(running.io.engine, "connection_error");
    const ws = await Http2WebSocket.open(await browse(running.port), WS);
    expect([ws.status, JSON.parse(await ws.body())]).toMatchObject([
      501,
      { code: 3, message: "WebSocket over HTTP/2 not supported" },
    ]);
    expect((await reported)[0].name).toBe("WS_ENGINE_WITHOUT_HTTP2");
  });

  test("of a class with it serves them", async () => {
    const running = await start({ wsEngine: WebSocketServer });
    running.io.engine.on("headers", (headers: Record<string, string>) => (headers["x-from"] = "a listener"));
    const { ws, socket } = await join(running);
    expect(ws.headers["x-from"]).toBe("a listener");
    socket.emit("hello");
    expect(await ws.next()).toBe('42["hello"]');
  });
});

describe("closing", () => {
  test("io.close() ends WebSockets and connections", async () => {
    const running = await start();
    const { ws, session, socket } = await join(running);
    const closed = once(session, "close");
    const ended = nextEvent(socket, "disconnect");
    await within(Promise.resolve(running.io.close()), "io.close() to resolve");
    await ended;
    await within(Promise.all([closed, ws.closed]), "the connection to end");
  });

  test("io.close() resolves though a client answers neither the close frame nor the end of its stream", async () => {
    const running = await start();
    const { ws } = await join(running);
    ws.stream.removeAllListeners("end");
    ws.stream.pause();
    await within(Promise.resolve(running.io.close()), "io.close() to resolve");
  });

  test("io.drain() ends WebSockets with 1012 and refuses new ones with 503", async () => {
    const running = await start();
    const { ws, session } = await join(running);
    const drained = (running.io as unknown as { drain(options: object): Promise<void> }).drain({ deadline: 5000 });
    expect(await ws.closeCode()).toBe(1012);
    await within(drained, "io.drain()");
    const late = await Http2WebSocket.open(session, WS);
    expect([late.status, JSON.parse(await late.body())]).toMatchObject([503, { code: 7 }]);
    expect(Number(late.headers["retry-after"])).toBeGreaterThan(0);
  });

  test.each(["websocket", "polling"])(
    "a client that comes back while the server drains gets GOAWAY (%s)",
    async (name) => {
      const running = await start();
      const session = await browse(running.port);
      await (running.io as unknown as { drain(): Promise<void> }).drain();
      const gone = nextEvent<[number]>(session, "goaway");
      const path = WS.replace("websocket", name);
      const stream = session.request(name === "websocket" ? { ...CONNECT, ":path": path } : { ":path": path });
      const [headers] = await nextEvent<[Record<string, unknown>]>(stream.resume(), "response");
      expect([headers[":status"], (await gone)[0]]).toEqual([503, 0]);
    },
  );
});

describe("a CONNECT that is not the engine's", () => {
  test.each<[string, Record<string, string>, number]>([
    ["a WebSocket at another path", { ":path": "/elsewhere" }, 404],
    ["another protocol", { ":path": "/elsewhere", ":protocol": "connect-udp" }, 501],
    ["another version", { ":path": "/elsewhere", "sec-websocket-version": "1" }, 426],
  ])("is answered where no other listener is: %s", async (_what, headers, status) => {
    const running = await start();
    expect((await Http2WebSocket.open(await browse(running.port), "/", headers)).status).toBe(status);
  });

  test("and one without a protocol gets 405, with the setting and without it", async () => {
    for (const http of [host(), host({})]) {
      const running = await start({}, http);
      const session = await browse(running.port);
      const stream = session.request({ ":method": "CONNECT", ":authority": "elsewhere.example:443" });
      const [headers] = await nextEvent<[Record<string, unknown>]>(stream, "response");
      expect(headers[":status"]).toBe(405);
    }
  });

  test("is left to another listener", async () => {
    const http = host();
    http.on("connect", ((req: Http2ServerRequest, res: Http2ServerResponse) => {
      if (req.url === "/own") setTimeout(() => res.stream.respond({ ":status": 200 }), 20);
    }) as never);
    const running = await start({}, http);
    const session = await browse(running.port);
    expect((await Http2WebSocket.open(session, "/own")).status).toBe(200);
    expect((await Http2WebSocket.open(session, WS)).status).toBe(200);
  });

  test("is closed after destroyUpgradeTimeout where the other listener does not answer it", async () => {
    const http = host();
    http.on("connect", () => undefined);
    const running = await start({ destroyUpgradeTimeout: 10 }, http);
    const stream = (await browse(running.port)).request({ ...CONNECT, ":path": "/own" });
    stream.on("error", () => undefined);
    await nextEvent(stream, "close");
  });

  test("of HTTP/1.1 finds no proxy: the connection ends, as without an engine", async () => {
    const running = await start();
    const tls = connectTls({ port: running.port, host: "127.0.0.1", ca: TEST_CERTIFICATE, rejectUnauthorized: false });
    tls.on("error", () => undefined);
    cleanups.push(() => tls.destroy());
    await once(tls, "secureConnect");
    tls.write("CONNECT elsewhere.example:443 HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n");
    await nextEvent(tls.resume(), "close");
  });

  test("belongs to the engine with the path, of two that share a server", async () => {
    const http = host();
    const first = await start({ path: "/first" }, http);
    const second = new portage.socketio.Server(http, { path: "/second" });
    cleanups.push(() => second.close());
    for (const io of [first.io, second])
      io.engine.use((_req: unknown, _res: unknown, next: () => void) => setTimeout(next, 5));
    const session = await browse(first.port);
    for (const path of ["/first", "/second"]) {
      const ws = await Http2WebSocket.open(session, WS.replace("/socket.io", path));
      expect([ws.status, (await ws.frames.next()).opcode]).toEqual([200, OPCODE.text]);
    }
    expect((await Http2WebSocket.open(session, "/third")).status).toBe(404);
  });
});

test("a session whose stream breaks goes on over another one", async () => {
  const { port } = await start();
  const session = await browse(port);
  const first = await Http2WebSocket.open(session, `${WS}&carry=1`);
  const { sid, carry } = JSON.parse((await first.next()).slice(1)) as { sid: string; carry: { key: string } };
  first.stream.destroy();
  const second = await Http2WebSocket.open(session, `${WS}&sid=${sid}&carry=0&key=${carry.key}&turn=1`);
  expect(second.status).toBe(200);
  expect(await second.next()).toBe("60");
});
