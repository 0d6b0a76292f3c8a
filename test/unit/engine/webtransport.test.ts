import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { framePacket } from "@portage/parser/engine";
import { afterEach, describe, expect, test } from "vitest";
import { type ConnectionError, Server, type ServerOptions, type Socket } from "../../../packages/server/src/engine.ts";
import { kSendPrepared } from "../../../packages/server/src/engine/keys.ts";
import { PreparedMessage } from "../../../packages/server/src/engine/outgoing/prepared-message.ts";
import { noise, openPolling } from "../../support/peers/peer.ts";
import { SessionPair, WebTransportPeer } from "../../support/peers/webtransport.ts";
import { Inbox, turn, within } from "../../support/waiting.ts";
import { FakeClock } from "../support/fake-clock.ts";

// Sessions of WebTransport in memory, passed to the engine by the program.

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

interface Setting {
  readonly engine: Server;
  readonly clock: FakeClock;
  readonly connections: Inbox<Socket>;
  readonly refusals: Inbox<ConnectionError>;
}

function setUp(options: ServerOptions = {}): Setting {
  const clock = new FakeClock();
  const engine = new Server({ transports: ["polling", "websocket", "webtransport"], clock, ...options });
  ends.push(() => engine.close());
  const connections = new Inbox<Socket>("a connection");
  const refusals = new Inbox<ConnectionError>("a refusal");
  engine.on("connection", (socket: Socket) => connections.push(socket));
  engine.on("connection_error", (error: ConnectionError) => refusals.push(error));
  return { engine, clock, connections, refusals };
}

/** Passes in a session with an open stream. */
function arrive({ engine }: Setting, url?: string): { session: SessionPair; peer: WebTransportPeer } {
  const session = new SessionPair(url);
  const peer = new WebTransportPeer(session);
  void engine.onWebTransportSession(session, { remoteAddress: "192.0.2.1" });
  return { session, peer };
}

async function open(
  setting: Setting,
  url?: string,
): Promise<{ socket: Socket; peer: WebTransportPeer; session: SessionPair }> {
  const { session, peer } = arrive(setting, url);
  await peer.send("0");
  const socket = await setting.connections.next();
  expect(String(await peer.next())).toMatch(/^0\{"sid":/);
  return { socket, peer, session };
}

/** Waits until a condition is true. */
const until = (condition: () => boolean): Promise<void> =>
  within(
    (async () => {
      while (!condition()) await turn();
    })(),
    "a condition",
  );

describe("a session of WebTransport", () => {
  test("becomes a session of the engine, both ways, text and bytes", async () => {
    const { socket, peer } = await open(setUp(), "https://localhost/engine.io/?token=x&sid=other");
    expect(socket).toMatchObject({ protocol: 4, readyState: "open", remoteAddress: "192.0.2.1", upgraded: false });
    expect(socket.transport).toMatchObject({ name: "webtransport", readyState: "open" });
    expect(socket.request).toMatchObject({
      method: "GET",
      headers: {},
      _query: { token: "x", transport: "webtransport" },
    });
    const messages = new Inbox<unknown>("a message");
    socket.on("message", (data: unknown) => messages.push(data));
    const bytes = noise(600_000);
    void peer.send("4hello", Buffer.of(0, 255), bytes);
    expect([await messages.next(), await messages.next()]).toEqual(["hello", Buffer.of(0, 255)]);
    expect(bytes.equals((await messages.next()) as Buffer)).toBe(true);
    socket.send("back").send(bytes);
    expect(await peer.next()).toBe("4back");
    expect(bytes.equals((await peer.next()) as Buffer)).toBe(true);
  });

  test("gets messages of no bytes, one by one and broadcast", async () => {
    const { socket, peer } = await open(setUp());
    socket.send(Buffer.alloc(0));
    socket[kSendPrepared](new PreparedMessage([Buffer.alloc(0)]));
    expect([await peer.next(), await peer.next()]).toEqual(["b", "b"]);
    const messages = new Inbox<unknown>("a message");
    socket.on("message", (data: unknown) => messages.push(data));
    await peer.send("b");
    expect(await messages.next()).toEqual(Buffer.alloc(0));
  });

  test("is offered for an upgrade, and counted by its transport", async () => {
    const setting = setUp();
    expect(setting.engine.upgrades("polling")).toEqual(["webtransport", "websocket"]);
    expect(new Server().upgrades("polling")).toEqual(["websocket"]);
    await open(setting);
    expect(setting.engine.report().sessions.byTransport).toEqual({ webtransport: 1 });
  });

  test("ends with the client", async () => {
    const { socket, session } = await open(setUp());
    const reasons = new Inbox<unknown>("the end");
    socket.on("close", (reason: unknown) => reasons.push(reason));
    session.end();
    expect(await reasons.next()).toBe("transport close");
    expect(socket.closeReason).toMatchObject({ code: "CLIENT_CLOSED", side: "client" });
  });

  test("closed by the server: the client gets its last packets, and a second to leave", async () => {
    const setting = setUp();
    const { socket, peer, session } = await open(setting);
    peer.leaves = false;
    socket.send("last");
    socket.close();
    expect([await peer.next(), await peer.next()]).toEqual(["4last", "1"]);
    expect(session.closes).toEqual([]);
    setting.clock.advance(1000);
    expect(session.closes).toEqual([{ closeCode: 1000, reason: "SERVER_CLOSED" }]);
    expect(await peer.next()).toBe("end");
  });

  test("read slowly, holds the engine's queue back", async () => {
    const setting = setUp();
    const session = new SessionPair();
    const { readable, writable } = session.openStream();
    void setting.engine.onWebTransportSession(session);
    await writable.getWriter().write(framePacket("0"));
    const socket = await setting.connections.next();
    for (let count = 0; count < 4; count++) socket.send(noise(50_000)).flush();
    expect(socket.transport.writable).toBe(false);
    expect(socket.bufferedBytes).toBeGreaterThan(100_000);
    let size = 0;
    for await (const chunk of readable) {
      size += chunk.length;
      if (size > 200_000) break;
    }
    expect(socket.transport.writable).toBe(true);
    expect(socket.bufferedBytes).toBe(0);
  });
});

describe("a session whose client asks to be carried", () => {
  const ASKS = "https://localhost/engine.io/?carry=1&key=mine&turn=7";

  async function openCarried(options: ServerOptions = {}) {
    const setting = setUp(options);
    const { session, peer } = arrive(setting, ASKS);
    await peer.send("0");
    const socket = await setting.connections.next();
    const { sid, carry } = JSON.parse(String(await peer.next()).slice(1)) as { sid: string; carry?: { key: string } };
    /** The client returns. */
    const returnTo = async (given: object = {}) => {
      const next = arrive(setting, ASKS);
      await next.peer.send(`0${JSON.stringify({ sid, carry: 0, key: carry?.key, turn: 1, ...given })}`);
      return next;
    };
    return { setting, socket, session, peer, key: carry?.key, returnTo };
  }

  test("goes on over another one, with what the client lacks", async () => {
    const { setting, socket, session, peer, returnTo } = await openCarried();
    await peer.send("4one");
    expect(await peer.next()).toBe("61");
    socket.send("a");
    expect(await peer.next()).toBe("4a");
    session.end(new Error("lost"));
    await until(() => setting.engine.report().sessions.adrift === 1);
    socket.send("b");
    const next = await returnTo();
    expect([await next.peer.next(), await next.peer.next(), await next.peer.next()]).toEqual(["61", "4a", "4b"]);
    expect([socket.readyState, socket.carried]).toEqual(["open", 1]);
  });

  test("takes a return from one that looks alive, which ends without a goodbye", async () => {
    const { session, returnTo } = await openCarried();
    const next = await returnTo();
    expect(await next.peer.next()).toBe("60");
    await until(() => session.closes.length > 0);
    expect(session.closes).toEqual([{ closeCode: 0, reason: "" }]);
  });

  test("waits for its client after a ping without an answer, and leaves without a goodbye", async () => {
    const { setting, session } = await openCarried({ pingInterval: 1000, pingTimeout: 500 });
    for (let time = 0; time < 3000; time += 500) {
      setting.clock.advance(500);
      await turn();
    }
    expect(session.closes).toEqual([{ closeCode: 0, reason: "" }]);
    expect(setting.engine.report().sessions).toMatchObject({ open: 1, adrift: 1 });
  });

  test.each([
    ["a wrong key", { key: "x" }, "CARRY_KEY"],
    ["a late turn", { turn: 0 }, "CARRY_TURN"],
    ["an unknown id", { sid: "unknown" }, "UNKNOWN_SID"],
  ])("refuses %s for good", async (_what, given, name) => {
    const { setting, returnTo } = await openCarried();
    const { session } = await returnTo(given);
    expect((await setting.refusals.next()).name).toBe(name);
    expect(session.closes).toEqual([{ closeCode: 1008, reason: name }]);
  });

  test("gets no key where the option is off", async () => {
    expect((await openCarried({ carry: false })).key).toBeUndefined();
  });
});

describe("a polling session goes over to WebTransport", () => {
  /** A session over polling. */
  async function poll({ engine, connections }: Setting): Promise<Socket> {
    const server = createServer();
    engine.attach(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    ends.push(() => {
      server.closeAllConnections();
      server.close();
    });
    void openPolling((server.address() as AddressInfo).port);
    return connections.next();
  }

  test.each<[string, ServerOptions]>([
    ["", {}],
    [
      ", where allowRequest and cors have let it in",
      { cors: { origin: "*" }, allowRequest: (_req, done) => done(null, true) },
    ],
  ])("by a probe%s", async (_where, options) => {
    const setting = setUp(options);
    const socket = await poll(setting);
    const { peer } = arrive(setting);
    await peer.send(`0{"sid":"${socket.id}"}`, "2probe");
    expect(await peer.next()).toBe("3probe");
    const upgraded = new Inbox<unknown>("an upgrade");
    socket.on("upgrade", ({ name }: { name: string }) => upgraded.push(name));
    await peer.send("5");
    expect(await upgraded.next()).toBe("webtransport");
    const messages = new Inbox<unknown>("a message");
    socket.on("message", (data: unknown) => messages.push(data));
    await peer.send("4over");
    expect(await messages.next()).toBe("over");
    expect(setting.engine.report().sessions).toMatchObject({ byTransport: { webtransport: 1 } });
  });

  test("once: a second session with its id is closed", async () => {
    const setting = setUp();
    const socket = await poll(setting);
    const first = arrive(setting);
    await first.peer.send(`0{"sid":"${socket.id}"}`, "2probe");
    expect(await first.peer.next()).toBe("3probe");
    const second = arrive(setting);
    await second.peer.send(`0{"sid":"${socket.id}"}`);
    expect(await second.peer.next()).toBe("end");
    await first.peer.send("5", "4on");
    await until(() => socket.transport.name === "webtransport");
    expect(socket.readyState).toBe("open");
  });
});

describe("a session of WebTransport is refused", () => {
  const refused = async (
    setting: Setting,
    { session, name, status }: { session: SessionPair; name: string; status: number },
  ): Promise<void> => {
    const refusal = await setting.refusals.next();
    expect(refusal.name).toBe(name);
    expect(session.closes).toEqual([{ closeCode: status, reason: name }]);
    expect(setting.engine.clientsCount).toBe(0);
  };

  test("where the option `transports` does not name it", async () => {
    const setting = setUp({ transports: ["polling", "websocket"] });
    await refused(setting, { ...arrive(setting), name: "UNKNOWN_TRANSPORT", status: 400 });
  });

  test("where a middleware wants a request", async () => {
    const setting = setUp();
    setting.engine.use((_req, _res, next) => next());
    await refused(setting, { ...arrive(setting), name: "WEBTRANSPORT_WITHOUT_REQUEST", status: 403 });
  });

  test.each<[string, ServerOptions]>([
    ["allowRequest", { allowRequest: (_req, callback) => callback(null, true) }],
    ["cors", { cors: { origin: "*" } }],
    ["userOf", { maxConnectionsPerUser: 1, userOf: () => "ada" }],
  ])("where %s wants a request, if it is new", async (_option, options) => {
    const setting = setUp(options);
    const { session, peer } = arrive(setting);
    await peer.send("0");
    await refused(setting, { session, name: "WEBTRANSPORT_WITHOUT_REQUEST", status: 403 });
  });

  test.each(["nobody", "__proto__", "constructor", "toString"])("for the id %j", async (sid) => {
    const setting = setUp();
    const { session, peer } = arrive(setting);
    await peer.send(`0${JSON.stringify({ sid })}`);
    await refused(setting, { session, name: "UNKNOWN_SID", status: 400 });
  });

  test.each([
    ["another packet", framePacket("4hello")],
    ["bytes", framePacket(Buffer.of(1))],
    ["no JSON", framePacket("0{")],
    ["no id", framePacket("0{}")],
    ["an id of another type", framePacket('0{"sid":{}}')],
    ["null", framePacket("0null")],
    ["an inherited id", framePacket('0{"__proto__":{"sid":"x"}}')],
    ["an empty packet", Buffer.of(0)],
    ["a large packet", Buffer.of(126, 255, 255)],
    ["a length beyond all numbers", Buffer.alloc(9, 255)],
  ])("at its first packet: %s", async (_what, bytes) => {
    const setting = setUp();
    const { session, peer } = arrive(setting);
    await peer.write(bytes);
    await refused(setting, { session, name: "WEBTRANSPORT_HANDSHAKE", status: 400 });
  });

  test("if it says nothing in time, with a stream or without", async () => {
    const setting = setUp({ upgradeTimeout: 500 });
    const silent = new SessionPair();
    void setting.engine.onWebTransportSession(silent);
    const { session, peer } = arrive(setting);
    await peer.write(Buffer.of(100));
    await turn();
    setting.clock.advance(500);
    await refused(setting, { session: silent, name: "WEBTRANSPORT_SILENT", status: 408 });
    await refused(setting, { session, name: "WEBTRANSPORT_SILENT", status: 408 });
  });

  test("if a thousand others say nothing: the oldest first", async () => {
    const setting = setUp();
    const sessions = Array.from({ length: 1001 }, () => new SessionPair());
    for (const session of sessions) void setting.engine.onWebTransportSession(session);
    await refused(setting, { session: sessions[0]!, name: "WEBTRANSPORT_SILENT", status: 408 });
    expect(sessions.filter(({ closes }) => closes.length > 0)).toHaveLength(1);
  });

  test("beyond maxConnections, with the time to come back", async () => {
    const setting = setUp({ maxConnections: 1 });
    await open(setting);
    const { session, peer } = arrive(setting);
    await peer.send("0");
    expect((await setting.refusals.next()).name).toBe("TOO_MANY_CONNECTIONS");
    expect(session.closes).toEqual([{ closeCode: 503, reason: "TOO_MANY_CONNECTIONS retry-after=5000" }]);
  });

  test("in silence, if it is gone before", async () => {
    const setting = setUp();
    const { session, peer } = arrive(setting);
    session.end(new Error("lost"));
    await peer.send("0").catch(() => undefined);
    for (let turns = 0; turns < 10; turns++) await turn();
    expect(setting.engine.report().refusals).toEqual({});
    expect(setting.engine.clientsCount).toBe(0);
  });
});

describe("a session of WebTransport ends", () => {
  test.each([
    ["a malformed packet", framePacket("9"), { code: "INVALID_PACKET", cause: "ENGINE_UNKNOWN_PACKET_TYPE" }, 1002],
    ["an empty packet", Buffer.of(0), { code: "INVALID_PACKET", cause: "ENGINE_EMPTY_PACKET" }, 1002],
    ["a packet over maxHttpBufferSize", Buffer.of(126, 255, 255), { code: "PAYLOAD_TOO_LARGE", limit: 1000 }, 1009],
  ])("at %s, with a code", async (_what, bytes, reason, closeCode) => {
    const { socket, peer, session } = await open(setUp({ maxHttpBufferSize: 1000 }));
    const ends = new Inbox<unknown>("the end");
    socket.on("close", () => ends.push(socket.closeReason));
    await peer.write(bytes);
    expect(await ends.next()).toMatchObject(reason);
    await until(() => session.closes.length > 0);
    expect(session.closes.at(-1)).toMatchObject({ closeCode });
  });

  test("when all incomplete messages exceed maxReceivingBytes", async () => {
    const { socket, peer } = await open(setUp({ maxReceivingBytes: 10_000, maxHttpBufferSize: 1e6 }));
    const ends = new Inbox<unknown>("the end");
    socket.on("close", () => ends.push(socket.closeReason));
    await peer.write(framePacket(noise(50_000)).subarray(0, 20_000));
    expect(await ends.next()).toMatchObject({ code: "RECEIVE_BUDGET" });
  });
});
