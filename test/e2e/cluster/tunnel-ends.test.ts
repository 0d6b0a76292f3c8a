import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect as connectTcp } from "node:net";
import type { Socket as EngineSession } from "@portage/server/engine";
import { afterEach, describe, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import { io as connectOurs } from "@portage/client";
import { CLIENTS } from "../../support/clients.ts";
import { link } from "../../support/cluster/engine-nodes.ts";
import { type ElsewhereOptions, UpgradeElsewhere } from "../../support/cluster/upgrade-elsewhere.ts";
import { OPCODE } from "../../support/raw/frames.ts";
import { Http2WebSocket } from "../../support/raw/http2-websocket.ts";
import { RawPolling } from "../../support/raw/polling.ts";
import { RawWebSocket, Refused, upgradeRequest } from "../../support/raw/websocket.ts";
import { TEST_CERTIFICATE } from "../../support/servers/certificate.ts";
import { nextEvent, turn, within } from "../../support/waiting.ts";

let site: UpgradeElsewhere;
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (let cleanup = cleanups.pop(); cleanup; cleanup = cleanups.pop()) await cleanup();
  await site.close();
});

const start = async (options: ElsewhereOptions = {}): Promise<void> => {
  site = await UpgradeElsewhere.start(options);
};

const until = async (what: string, isTrue: () => boolean): Promise<void> => {
  const wait = async (): Promise<void> => {
    while (!isTrue()) await turn();
  };
  await within(wait(), what);
};

const untilNothingIsLeft = (): Promise<void> =>
  until("the end of all tunnels", () => site.left.fronts + site.left.owned === 0);

/** A session that has polled at the owner, and its WebSocket at the front. */
async function upgrade() {
  const connection = nextEvent<[EngineSession]>(site.owner.engine, "connection");
  const polling = await RawPolling.open({ port: site.port });
  const [session] = await connection;
  const ws = await RawWebSocket.connect({ port: site.port, sid: polling.sid });
  cleanups.push(() => ws.cut());
  ws.send("2probe");
  await ws.until((packet) => packet === "3probe");
  const isUpgraded = nextEvent(session, "upgrade");
  ws.send("5");
  await isUpgraded;
  const reasons: string[] = [];
  session.on("close", () => reasons.push(session.closeReason!.code));
  return { session, ws, polling, reasons };
}

async function expectEcho(polling: RawPolling): Promise<void> {
  const session = site.owner.engine.clients[polling.sid]!;
  session.on("message", (data) => session.send(data));
  await polling.post("4hello");
  expect(await polling.until((packet) => packet.startsWith("4"))).toBe("4hello");
}

/** Everything that a server answers to some bytes, without its date. */
async function answerOf(port: number, bytes: string): Promise<string> {
  const stream = connectTcp({ port, host: "127.0.0.1" });
  stream.write(bytes);
  let text = "";
  const read = async (): Promise<void> => {
    for await (const chunk of stream) text += String(chunk);
  };
  await within(read(), "the end of an answer");
  return text.replace(/^Date: .*$/m, "Date");
}

describe("a refused handshake", () => {
  const UNKNOWN = "AAAA0123456789012345";
  const ask = (headers: Record<string, string> = {}, query: Record<string, string> = {}): string =>
    upgradeRequest({ port: 1, sid: UNKNOWN, headers, query });

  const CASES: Record<string, { bytes: string; prepare?: () => void }> = {
    "of an unknown session": { bytes: ask() },
    "without a key": { bytes: ask({ "Sec-WebSocket-Key": "short" }) },
    "of an old version": { bytes: ask({ "Sec-WebSocket-Version": "7" }) },
    "of another transport": { bytes: ask({}, { transport: "polling" }) },
    "that a middleware answers": {
      bytes: ask(),
      prepare: () =>
        site.owner.engine.use((_req, res) => {
          res.writeHead(401, { "X-Why": "no token" });
          res.end("who are you?");
        }),
    },
    "that a middleware answers in chunks": {
      bytes: ask(),
      prepare: () =>
        site.owner.engine.use((_req, res) => {
          res.statusCode = 403;
          res.write("who ");
          res.end("are you?");
        }),
    },
    "that a middleware fails": {
      bytes: ask(),
      prepare: () => site.owner.engine.use((_req, _res, next) => next(new Error("no"))),
    },
  };

  test.each(Object.keys(CASES))("%s reaches the client as the owner has answered", async (name) => {
    await start();
    const { bytes, prepare } = CASES[name]!;
    prepare?.();
    const own = await answerOf(site.owner.port, bytes);
    expect(own).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect(await answerOf(site.port, bytes)).toBe(own);
    expect(site.tunnels.front.stats.opened).toBe(1);
    await untilNothingIsLeft();
  });

  test("because of maxTunnels leaves the session on polling", async () => {
    await start({ tunnels: { maxTunnels: 0 } });
    const errors: string[] = [];
    site.front.engine.on("connection_error", ({ name }) => errors.push(name));
    const polling = await RawPolling.open({ port: site.port });
    const refused = await RawWebSocket.connect({ port: site.port, sid: polling.sid }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(Refused);
    expect(refused).toMatchObject({ status: 503 });
    expect(JSON.parse((refused as Refused).body)).toMatchObject({ code: 6, retryAfter: 1000 });
    expect(errors).toEqual(["FORWARD_OVERLOADED"]);
    expect(site.front.relay.stats.refused).toEqual({ FORWARD_OVERLOADED: 1 });
    await expectEcho(polling);
  });

  test("because of the owner's maxTunnels leaves the session on polling, until a tunnel has ended", async () => {
    await start({ ownerTunnels: { maxTunnels: 1 } });
    const [first, second] = [await RawPolling.open({ port: site.port }), await RawPolling.open({ port: site.port })];
    const tunnelled = await RawWebSocket.connect({ port: site.port, sid: first.sid });
    const connect = (): Promise<unknown> =>
      RawWebSocket.connect({ port: site.port, sid: second.sid }).catch((error: unknown) => error);
    const refused = await connect();
    expect(refused).toMatchObject({ status: 503 });
    expect(JSON.parse((refused as Refused).body)).toMatchObject({ code: 6, retryAfter: 1000 });
    expect(site.owner.relay.stats.refused).toEqual({ FORWARD_OVERLOADED: 1 });
    await expectEcho(second);
    tunnelled.stream.destroy();
    await untilNothingIsLeft();
    expect(await connect()).toBeInstanceOf(RawWebSocket);
  });

  test('because of upgrades: "refuse" leaves a client on polling', async () => {
    await start({ tunnels: { upgrades: "refuse" } });
    const io = site.bind();
    const client = CLIENTS["socket.io-client 4.8"]!(site.url);
    cleanups.push(() => client.disconnect());
    await nextEvent(client, "connect");
    const { refused } = site.front.relay.stats;
    if (refused["UPGRADES_REFUSED"] === undefined) await nextEvent(client.io.engine as never, "upgradeError");
    io.emit("news");
    await nextEvent(client, "news");
    expect(site.front.relay.stats.refused).toEqual({ UPGRADES_REFUSED: 1 });
  });
});

describe("a WebSocket of another node", () => {
  test("has the client's address, and knows that its connection is encrypted", async () => {
    await start({ front: "https" });
    const requests: IncomingMessage[] = [];
    site.owner.engine.use((req, _res, next) => {
      requests.push(req);
      next();
    });
    site.bind();
    const client = CLIENTS["socket.io-client 4.8"]!(site.url, { ca: TEST_CERTIFICATE });
    cleanups.push(() => client.disconnect());
    await nextEvent(client, "connect");
    await until("the upgrade", () => site.left.owned === 1 && requests.some((req) => req.headers.upgrade));
    const { socket, headers } = requests.find((req) => req.headers.upgrade)!;
    expect(socket).toMatchObject({ remoteAddress: "127.0.0.1", encrypted: true });
    expect(socket.remotePort).toBeGreaterThan(0);
    expect(headers.host).toBe(new URL(site.url).host);
  });

  test("answers pings of the WebSocket protocol", async () => {
    await start();
    const { ws } = await upgrade();
    ws.sendFrame({ opcode: OPCODE.ping, payload: "hello" });
    await until("a pong", () =>
      ws.frames.some(({ opcode, payload }) => opcode === OPCODE.pong && payload.toString() === "hello"),
    );
  });

  test("has a heartbeat", async () => {
    await start({ engine: { pingInterval: 50, pingTimeout: 2000 } });
    const { ws, reasons } = await upgrade();
    for (let i = 0; i < 3; i++) {
      await ws.until((packet) => packet === "2");
      ws.send("3");
    }
    expect(reasons).toEqual([]);
  });

  test("of a client that does not read ends with SLOW_READER", async () => {
    await start({ engine: { slowReader: { soft: 100_000, hard: 500_000 } } });
    const { ws, session, reasons } = await upgrade();
    ws.stream.pause();
    const send = async (): Promise<void> => {
      while (reasons.length === 0) {
        session.send("x".repeat(50_000));
        await turn();
      }
    };
    await within(send(), "the end of a slow reader");
    expect(reasons).toEqual(["SLOW_READER"]);
    ws.cut();
    await untilNothingIsLeft();
  });

  test("carries a message of a megabyte each way", async () => {
    await start({ engine: { maxHttpBufferSize: 2e6 } });
    const { ws, session } = await upgrade();
    session.on("message", (data) => session.send(data));
    const message = `4${"x".repeat(1_000_000)}`;
    ws.send(message);
    expect(await ws.next()).toBe(message);
  });
});

describe("the end", () => {
  test("with a close frame of the server comes last, after its messages", async () => {
    await start();
    const { ws, session } = await upgrade();
    session.send("last words");
    session.close();
    expect(await ws.next()).toBe("4last words");
    expect(await ws.ended()).toEqual({ code: 1000, reason: "SERVER_CLOSED" });
    await untilNothingIsLeft();
  });

  test.each([
    ["closes its WebSocket", "CLIENT_CLOSED", (ws: RawWebSocket) => void ws.close()],
    ["ends its connection", "CONNECTION_CLOSED", (ws: RawWebSocket) => ws.cut()],
    ["resets its connection", "CONNECTION_FAILED", (ws: RawWebSocket) => ws.reset()],
  ])("by a client that %s is %s", async (_what, code, act) => {
    await start();
    const { ws, reasons } = await upgrade();
    act(ws);
    await untilNothingIsLeft();
    expect(reasons).toEqual([code]);
  });

  test("of the link is a broken connection, for the client within milliseconds", async () => {
    await start();
    const { ws, reasons } = await upgrade();
    site.links[0].close("gone");
    expect(await ws.ended()).toEqual({ code: 1006, reason: "" });
    expect(reasons).toEqual(["CONNECTION_FAILED"]);
    expect(site.left).toEqual({ fronts: 0, owned: 0 });
  });

  test("of the engine ends all tunnels", async () => {
    await start();
    const { ws } = await upgrade();
    site.owner.engine.close();
    await ws.ended();
    await untilNothingIsLeft();
  });
});

describe("a session that is carried", () => {
  async function carry() {
    await start();
    const sockets = nextEvent<[{ on(event: string, listener: (n: number) => void): void }]>(site.bind(), "connection");
    const client = connectOurs(site.url, { forceNew: true, reconnectionDelay: 10 });
    cleanups.push(() => client.disconnect());
    const up: number[] = [];
    const events: string[] = [];
    const [socket] = await sockets;
    socket.on("up", (n) => up.push(n));
    client.on("disconnect", (reason) => events.push(`disconnect ${reason}`));
    client.io.engine.on("carried", (from, to) => events.push(`${from} to ${to}`));
    await until("the upgrade", () => client.io.engine.transport.name === "websocket");
    return { client, up, events };
  }

  test("survives the end of a link, and returns through another one", async () => {
    const { client, up, events } = await carry();
    for (let n = 0; n < 50; n++) client.emit("up", n);
    await turn();
    site.links[0].close("cut");
    link(site.owner, site.front);
    for (let n = 50; n < 100; n++) client.emit("up", n);
    await until("all messages", () => up.length === 100);
    expect(up).toEqual(Array.from({ length: 100 }, (_, n) => n));
    expect(events).toHaveLength(1);
    expect(events[0]).toMatch(/^websocket to /);
  });

  test("returns when its front leaves", async () => {
    const { client, up, events } = await carry();
    const returned = nextEvent(client.io.engine as never, "carried");
    void site.front.engine.drain({ deadline: 5000 });
    await returned;
    client.emit("up", 1);
    await until("a message", () => up.length === 1);
    expect(events.filter((event) => event.startsWith("disconnect"))).toEqual([]);
    await untilNothingIsLeft();
  });
});

describe("a front that leaves", () => {
  test.each([
    ["ours", {}],
    ["the wsEngine ws", { wsEngine: WebSocketServer as never }],
  ])("lets the owner close its WebSockets of %s with 1012 and a delay", async (_what, engine) => {
    await start({ engine });
    const { ws, reasons } = await upgrade();
    const drained = site.front.engine.drain({ deadline: 10_000 });
    const { code, reason } = await ws.ended();
    await within(drained, "the end of the drain");
    expect(code).toBe(1012);
    expect(reason).toMatch(/^SERVER_DRAINING retry-after=\d+$/);
    await untilNothingIsLeft();
    expect(reasons).toEqual(["SERVER_DRAINING"]);
  });

  test("waits for its tunnels until the deadline, then cuts them", async () => {
    await start();
    const { ws } = await upgrade();
    // The owner does not hear of it.
    site.links[1].hold();
    await within(site.front.engine.drain({ deadline: 50 }), "the end of the drain");
    expect(site.left.fronts).toBe(0);
    expect(await ws.ended()).toEqual({ code: 1006, reason: "" });
    site.links[1].release();
    await untilNothingIsLeft();
  });

  test("cuts an upgrade that is under way, and the session goes on polling", async () => {
    await start();
    const polling = await RawPolling.open({ port: site.port });
    const ws = await RawWebSocket.connect({ port: site.port, sid: polling.sid });
    ws.send("2probe");
    await ws.until((packet) => packet === "3probe");
    void site.front.engine.drain({ deadline: 5000 });
    expect((await ws.ended()).code).toBe(1006);
    await expectEcho(polling);
    await untilNothingIsLeft();
  });
});

describe("a front with HTTP/2", () => {
  async function browse(): Promise<ClientHttp2Session> {
    const session = connectHttp2(`https://localhost:${site.port}`, { ca: TEST_CERTIFICATE });
    session.on("error", () => undefined);
    cleanups.push(() => session.destroy());
    await within(once(session, "remoteSettings"), "the settings of the server");
    return session;
  }

  async function poll(session: ClientHttp2Session): Promise<string> {
    const stream = session.request({ ":path": "/socket.io/?EIO=4&transport=polling" });
    let text = "";
    for await (const chunk of stream) text += String(chunk);
    return (JSON.parse(text.slice(1)) as { sid: string }).sid;
  }

  const pathOf = (sid: string): string => `/socket.io/?EIO=4&transport=websocket&sid=${sid}`;

  test("takes a CONNECT, whose session then uses it", async () => {
    await start({ front: "http2", engine: { perMessageDeflate: true } });
    const connection = nextEvent<[EngineSession]>(site.owner.engine, "connection");
    const browser = await browse();
    const sid = await poll(browser);
    const [session] = await connection;
    session.on("message", (data) => session.send(data));
    const ws = await Http2WebSocket.open(browser, pathOf(sid), { "sec-websocket-extensions": "permessage-deflate" });
    expect(ws.status).toBe(200);
    expect(ws.headers).toMatchObject({ "sec-websocket-extensions": expect.stringContaining("permessage-deflate") });
    expect(ws.headers).not.toHaveProperty("sec-websocket-accept");
    ws.send("2probe");
    expect(await ws.next()).toBe("3probe");
    const isUpgraded = nextEvent(session, "upgrade");
    ws.send("5");
    await isUpgraded;
    for (let n = 0; n < 100; n++) ws.send(`4${n}`);
    for (let n = 0; n < 100; n++) expect(await ws.next()).toBe(`4${n}`);
    expect(site.left).toEqual({ fronts: 1, owned: 1 });
    session.close();
    expect(await ws.closeCode()).toBe(1000);
    ws.stream.end();
    await within(ws.closed, "the end of the stream");
    await untilNothingIsLeft();
  });

  test("ends a tunnel whose stream is reset", async () => {
    await start({ front: "http2" });
    const browser = await browse();
    const ws = await Http2WebSocket.open(browser, pathOf(await poll(browser)));
    ws.stream.close();
    await untilNothingIsLeft();
    browser.destroy();
  });

  test.each(["text", "chunks"])("passes on a refusal in %s", async (how) => {
    await start({ front: "http2" });
    if (how === "chunks")
      site.owner.engine.use((_req, res) => {
        res.writeHead(403, { "X-Why": "closed" });
        res.write("go ");
        res.end("away");
      });
    const browser = await browse();
    const ws = await Http2WebSocket.open(browser, pathOf("AAAA0123456789012345"));
    expect(ws.status).toBe(how === "text" ? 400 : 403);
    expect(await ws.body()).toBe(how === "text" ? "Session ID unknown" : "go away");
    if (how === "chunks") expect(ws.headers).toMatchObject({ "x-why": "closed" });
    await untilNothingIsLeft();
  });

  test("resets the stream if the link is lost before the answer", async () => {
    await start({ front: "http2" });
    site.owner.engine.use(() => undefined);
    const browser = await browse();
    const stream = browser.request({
      ":method": "CONNECT",
      ":protocol": "websocket",
      ":path": pathOf("AAAA0123456789012345"),
      "sec-websocket-version": "13",
    });
    stream.on("error", () => undefined);
    await until("the tunnel", () => site.left.owned === 1);
    site.links[0].close("cut");
    await within(once(stream, "close"), "the end of the stream");
    expect(site.left).toEqual({ fronts: 0, owned: 0 });
  });
});
