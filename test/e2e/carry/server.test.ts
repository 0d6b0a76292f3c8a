/*
 * The server's side of a carry, on the wire: clients written by hand whose connections break.
 */
import type { IncomingMessage } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import { Server, type ServerOptions, type Socket } from "@portage/server";
import { RawPolling } from "../../support/raw/polling.ts";
import { RawWebSocket, Refused } from "../../support/raw/websocket.ts";
import { call, startCall } from "../../support/raw/http.ts";
import { Host } from "../../support/servers/host.ts";
import { nextEvent, turn } from "../../support/waiting.ts";

const running: { io: Server; host: Host }[] = [];

afterEach(async () => {
  for (const { io, host } of running.splice(0)) {
    await io.close();
    await host.drained();
  }
});

interface Agreed {
  readonly sid: string;
  readonly carry: { readonly key: string; readonly window: number };
}

async function start(options: Partial<ServerOptions> = {}) {
  const host = new Host();
  const io = new Server(host.http, options);
  await host.listen();
  running.push({ io, host });
  const { port } = host;
  /** What a client says that returns. */
  const returning = ({ sid, carry: { key } }: Agreed, count: number, turnNumber = 1) => ({
    port,
    sid,
    query: { carry: String(count), key, turn: String(turnNumber) },
  });
  return { io, host, port, returning };
}

/** A client that has joined the main namespace over WebSocket, and its socket at the server. */
async function joinByWebSocket(port: number, io: Server) {
  const connection = nextEvent<[Socket]>(io, "connection");
  const client = await RawWebSocket.connect({ port, query: { carry: "1" } });
  const agreed = JSON.parse(((await client.next()) as string).slice(1)) as Agreed;
  client.send("40");
  await client.until((packet) => packet.startsWith("40{"));
  const [socket] = await connection;
  return { client, agreed, socket };
}

/** The same over long-polling. */
async function joinByPolling(port: number, io: Server) {
  const connection = nextEvent<[Socket]>(io, "connection");
  const client = await RawPolling.open({ port, query: { carry: "1", reasons: "1" } });
  const agreed = client.handshake as unknown as Agreed;
  await client.post("40");
  await client.poll();
  const [socket] = await connection;
  return { client, agreed, socket };
}

/** A client that polls for a session: with what it says in each request. */
function poller(port: number, sid: string, query: Record<string, string>): RawPolling {
  const polling = new RawPolling({ port, query });
  polling.sid = sid;
  return polling;
}

/** Resolves when the session of a socket has lost its transport. */
async function adrift(io: Server): Promise<void> {
  while (io.stats().sessions.adrift === 0) await turn();
}

describe("a WebSocket that breaks", () => {
  test("is followed by polls, which carry what was lost and what came since", async () => {
    const { io, port, returning } = await start();
    const { client, agreed, socket } = await joinByWebSocket(port, io);
    const events: unknown[] = [];
    socket.onAny((...event) => events.push(event));
    socket.on("disconnect", () => events.push("disconnect"));
    client.send('42["up",1]');
    await nextEvent(socket, "up");
    socket.emit("down", 1);
    await client.until((packet) => packet === '42["down",1]');
    client.reset();
    socket.emit("down", 2);
    await adrift(io);
    expect(socket.connected).toBe(true);
    socket.volatile.emit("down", "volatile");
    socket.emit("down", 3);
    // Received: the CONNECT packet and the first event.
    const { query } = returning(agreed, 2);
    const packets = await poller(port, agreed.sid, query).poll();
    expect(packets).toEqual(["62", '42["down",2]', '42["down",3]']);
    const polling = poller(port, agreed.sid, { turn: "1" });
    await polling.post('42["up",2]');
    expect(events).toEqual([
      ["up", 1],
      ["up", 2],
    ]);
    expect([socket.conn.carried, io.stats().sessions.carried]).toEqual([1, { "websocket>polling": 1 }]);
    expect(io.stats().sessions).toMatchObject({ open: 1, adrift: 0, byTransport: { polling: 1 }, closed: {} });
    expect(io.metrics()).toContain('portage_sessions_carried_total{from="websocket",to="polling"} 1');
  });

  test("may be followed by another one", async () => {
    const { io, port, returning } = await start();
    const { client, agreed, socket } = await joinByWebSocket(port, io);
    client.cut();
    await adrift(io);
    socket.emit("down", Buffer.from("bytes"));
    const next = await RawWebSocket.connect(returning(agreed, 1));
    expect([await next.next(), await next.next(), await next.next()]).toEqual([
      "61",
      '451-["down",{"_placeholder":true,"num":0}]',
      Buffer.from("bytes"),
    ]);
    next.send('42["up",1]');
    expect(await nextEvent(socket, "up")).toEqual([1]);
  });

  test("may be upgraded to again after a return over polling", async () => {
    const { io, port, returning } = await start();
    const { client, agreed, socket } = await joinByWebSocket(port, io);
    client.cut();
    await adrift(io);
    await poller(port, agreed.sid, returning(agreed, 1).query).poll();
    await expect(RawWebSocket.connect({ port, sid: agreed.sid })).rejects.toBeInstanceOf(Refused);
    const candidate = await RawWebSocket.connect({ port, sid: agreed.sid, query: { turn: "1" } });
    candidate.send("2probe");
    expect(await candidate.next()).toBe("3probe");
    candidate.send("5");
    candidate.send('42["up",1]');
    expect(await nextEvent(socket, "up")).toEqual([1]);
    expect(socket.conn.upgraded).toBe(true);
  });

  test("is left without a word when its client returns although it looks alive", async () => {
    const { io, port, returning } = await start();
    const { client, agreed, socket } = await joinByWebSocket(port, io);
    socket.emit("down", 1);
    const packets = await poller(port, agreed.sid, returning(agreed, 1).query).poll();
    expect(packets).toEqual(["61", '42["down",1]']);
    expect(await client.ended()).toEqual({ code: 1006, reason: "" });
    expect(socket.connected).toBe(true);
  });

  test("ends its session with the first reason after the window", async () => {
    const { io, port, returning } = await start({ carry: { window: 50 } });
    const { client, agreed, socket } = await joinByWebSocket(port, io);
    client.reset();
    const [reason] = await nextEvent(socket, "disconnect");
    expect([reason, socket.closeReason?.code]).toEqual(["transport close", "CONNECTION_FAILED"]);
    const late = await call({ port, path: poller(port, agreed.sid, returning(agreed, 1).query).path });
    expect([late.status, JSON.parse(late.text)]).toEqual([400, { code: 1, message: "Session ID unknown" }]);
    expect(io.stats().sessions).toMatchObject({ open: 0, adrift: 0 });
  });

  test("ends its session at once if the client says goodbye", async () => {
    const { io, port } = await start();
    const { client, socket } = await joinByWebSocket(port, io);
    const gone = nextEvent(socket, "disconnect");
    await client.close();
    expect(await gone).toEqual(["transport close", expect.anything()]);
  });
});

describe("long-polling that breaks", () => {
  test("in a poll: the next one has what was sent meanwhile", async () => {
    const { io, port, returning } = await start();
    const { client, agreed, socket } = await joinByPolling(port, io);
    const poll = client.beginPoll();
    await poll.arrived;
    poll.abort();
    await adrift(io);
    socket.emit("down", 1);
    expect(await poller(port, agreed.sid, returning(agreed, 1).query).poll()).toEqual(["61", '42["down",1]']);
  });

  test("right under its answer: the answer comes again", async () => {
    const { io, host, port, returning } = await start();
    const { client, agreed, socket } = await joinByPolling(port, io);
    const request = nextEvent<[IncomingMessage]>(host.http, "request");
    const poll = client.beginPoll();
    const [{ socket: connection }] = await request;
    await poll.arrived;
    socket.emit("down", 1);
    connection.destroy();
    await adrift(io);
    await expect(poll.packets).rejects.toThrow("socket hang up");
    expect(await poller(port, agreed.sid, returning(agreed, 1).query).poll()).toEqual(["61", '42["down",1]']);
  });

  test("and that a browser repeats before the server has seen the end", async () => {
    const { io, port, returning } = await start();
    const { client, agreed, socket } = await joinByPolling(port, io);
    const poll = client.beginPoll();
    await poll.arrived;
    poll.packets.catch(() => undefined);
    await expect(client.poll()).rejects.toThrow("400");
    await adrift(io);
    socket.emit("down", 1);
    expect(await poller(port, agreed.sid, returning(agreed, 1).query).poll()).toEqual(["61", '42["down",1]']);
  });

  test("and repeated by a browser: the repetition is refused, so that the client returns", async () => {
    const { io, port } = await start();
    const { agreed, socket } = await joinByPolling(port, io);
    const events: unknown[] = [];
    socket.onAny((...event) => events.push(event));
    await poller(port, agreed.sid, { t: "a" }).post('42["up",1]');
    await poller(port, agreed.sid, { t: "b" }).post('42["up",2]');
    expect((await poller(port, agreed.sid, { t: "b" }).post('42["up",2]')).status).toBe(400);
    expect(events).toEqual([
      ["up", 1],
      ["up", 2],
    ]);
    expect(socket.connected).toBe(true);
  });

  test("a stamp that never changes is the program's own", async () => {
    const { io, port } = await start();
    const { agreed, socket } = await joinByPolling(port, io);
    const events: unknown[] = [];
    socket.onAny((...event) => events.push(event));
    for (const number of [1, 2, 3]) await poller(port, agreed.sid, { t: "own" }).post(`42["up",${number}]`);
    expect(events).toHaveLength(3);
  });

  test("in a POST: nothing of it counts, and the poll that waits is not told goodbye", async () => {
    const { io, port, returning } = await start();
    const { client, agreed, socket } = await joinByPolling(port, io);
    const poll = client.beginPoll();
    await poll.arrived;
    const post = startCall({
      port,
      path: client.path,
      method: "POST",
      headers: { "content-length": "100" },
      body: ["42["],
    });
    await post.arrived;
    post.abort();
    await expect(poll.packets).rejects.toThrow("socket hang up");
    await adrift(io);
    const events: unknown[] = [];
    socket.onAny((...event) => events.push(event));
    await poller(port, agreed.sid, returning(agreed, 1).query).poll();
    await poller(port, agreed.sid, { turn: "1" }).post('42["up",1]');
    expect(events).toEqual([["up", 1]]);
  });

  test("a late POST of the transport that was left is refused, and does no harm", async () => {
    const { io, port, returning } = await start();
    const { client, agreed, socket } = await joinByPolling(port, io);
    const events: unknown[] = [];
    socket.onAny((...event) => events.push(event));
    await poller(port, agreed.sid, returning(agreed, 1).query).poll();
    const late = await call({ port, path: client.path, method: "POST", body: '42["late"]' });
    expect(late.status).toBe(400);
    await poller(port, agreed.sid, { turn: "1" }).post('42["up",1]');
    expect([events, socket.connected]).toEqual([[["up", 1]], true]);
    expect(io.stats().refusals).toEqual({ CARRY_TURN: 1 });
  });

  test("a POST that an engine middleware holds up until the client has returned is refused", async () => {
    const { io, port, returning } = await start();
    const { client, agreed, socket } = await joinByPolling(port, io);
    const events: unknown[] = [];
    socket.onAny((...event) => events.push(event));
    let letPass = (): void => {};
    const held = new Promise<void>((resolve) => {
      io.engine.use((req: { method?: string }, _res: unknown, next: () => void) => {
        if (req.method !== "POST") return next();
        letPass = next;
        resolve();
      });
    });
    const post = startCall({ port, path: client.path, method: "POST", body: '42["held"]' });
    await held;
    await poller(port, agreed.sid, returning(agreed, 1).query).poll();
    letPass();
    expect((await post.reply).status).toBe(400);
    expect([events, socket.connected]).toEqual([[], true]);
  });
});

describe("a return over WebSocket that can't succeed", () => {
  test.each([
    ["to a session that has ended", { sid: "A".repeat(20) }, "UNKNOWN_SID"],
    ["with a wrong key", { key: "A".repeat(20) }, "CARRY_KEY"],
  ])("%s is refused by a close frame, which browsers show", async (_, change, name) => {
    const { io, port, returning } = await start();
    const { client, agreed } = await joinByWebSocket(port, io);
    client.cut();
    await adrift(io);
    const right = returning(agreed, 1);
    const { sid = agreed.sid, ...query } = { ...right.query, ...change } as Record<string, string>;
    const refused = await RawWebSocket.connect({ ...right, sid, query });
    expect(await refused.closed).toMatchObject({ code: 1008, reason: name });
    expect(io.stats()).toMatchObject({ refusals: { [name]: 1 }, sessions: { open: 1, adrift: 1 } });
  });
});

test("a return that the browser repeats is taken again, and gets the same", async () => {
  const { io, port, returning } = await start();
  const { client, agreed, socket } = await joinByWebSocket(port, io);
  client.cut();
  await adrift(io);
  socket.emit("down", 1);
  const { query } = returning(agreed, 1);
  const repeated = poller(port, agreed.sid, { ...query, t: "a1" });
  expect(await repeated.poll()).toEqual(["61", '42["down",1]']);
  expect(await repeated.poll()).toEqual(["61", '42["down",1]']);
  await expect(poller(port, agreed.sid, { ...query, t: "a2" }).poll()).rejects.toThrow("400");
  await poller(port, agreed.sid, { turn: "1", t: "a3" }).post('42["up",1]');
  expect(socket.connected).toBe(true);
});

describe("what a session refuses", () => {
  const BAD: [string, (right: Record<string, string>) => Record<string, string>, string][] = [
    ["a wrong key", (right) => ({ ...right, key: "A".repeat(20) }), "CARRY_KEY"],
    ["a count from the future", (right) => ({ ...right, carry: "9" }), "CARRY_COUNT"],
    ["a count that is not a number", (right) => ({ ...right, carry: "x" }), "CARRY_COUNT"],
    ["the first turn again", (right) => ({ ...right, turn: "0" }), "CARRY_TURN"],
    ["another revision", (right) => ({ ...right, EIO: "3" }), "PROTOCOL_MISMATCH"],
    ["a poll that does not return", () => ({}), "TRANSPORT_MISMATCH"],
    ["another session", (right) => ({ ...right, sid: "A".repeat(20) }), "UNKNOWN_SID"],
  ];

  test.each(BAD)("%s, and goes on unharmed", async (_, change, name) => {
    const { io, port, returning } = await start();
    const { client, agreed } = await joinByWebSocket(port, io);
    client.cut();
    await adrift(io);
    const { query } = returning(agreed, 1);
    const refused = nextEvent<[{ name: string }]>(io.engine, "connection_error");
    const answer = await call({ port, path: poller(port, agreed.sid, change(query)).path });
    expect(answer.status).toBe(400);
    expect((await refused)[0].name).toBe(name);
    expect(await poller(port, agreed.sid, query).poll()).toEqual(["61"]);
  });

  test("a return by POST", async () => {
    const { io, port, returning } = await start();
    const { client, agreed } = await joinByWebSocket(port, io);
    client.cut();
    await adrift(io);
    const { query } = returning(agreed, 1);
    const { path } = poller(port, agreed.sid, query);
    expect((await call({ port, path, method: "POST", body: "40" })).status).toBe(400);
    expect(await poller(port, agreed.sid, query).poll()).toEqual(["61"]);
  });

  test("the earlier of two returns at once", async () => {
    const { io, port, returning } = await start();
    const { client, agreed, socket } = await joinByWebSocket(port, io);
    client.cut();
    await adrift(io);
    socket.emit("down", 1);
    const answers = await Promise.all(
      [1, 2].map((turnNumber) =>
        call({ port, path: poller(port, agreed.sid, returning(agreed, 1, turnNumber).query).path }),
      ),
    );
    // The later turn counts, whichever request arrives first.
    const [, second] = answers;
    expect(second?.text.split("\x1e")).toEqual(["61", '42["down",1]']);
    expect(socket.conn.transport.name).toBe("polling");
  });
});

test("a client that does not ask sees no byte of it, and its session ends with its connection", async () => {
  const { io, port } = await start();
  const connection = nextEvent<[Socket]>(io, "connection");
  const client = await RawWebSocket.connect({ port });
  expect(Object.keys(JSON.parse(((await client.next()) as string).slice(1)))).toEqual([
    "sid",
    "upgrades",
    "pingInterval",
    "pingTimeout",
    "maxPayload",
  ]);
  client.send("40");
  const [socket] = await connection;
  const gone = nextEvent(socket, "disconnect");
  client.reset();
  expect((await gone)[0]).toBe("transport close");
});

test("parameters of a program that have the same names change nothing for a session that is not carried", async () => {
  const { io, port } = await start({ carry: false });
  const connection = nextEvent<[Socket]>(io, "connection");
  const client = await RawPolling.open({ port, query: { carry: "1", key: "blue", turn: "3" } });
  expect(client.handshake).not.toHaveProperty("carry");
  await client.post("40");
  const [socket] = await connection;
  expect(await client.poll()).toEqual([expect.stringContaining("40{")]);
  expect(socket.handshake.query).toMatchObject({ carry: "1", key: "blue", turn: "3" });
});

describe("a client that is here goes before one that may return:", () => {
  test.each([
    ["maxConnections", { maxConnections: 2 }],
    ["maxConnectionsPerAddress", { maxConnectionsPerAddress: 2 }],
    ["maxConnectionsPerUser", { maxConnectionsPerUser: 2, userOf: () => "ada" }],
  ] as [string, Partial<ServerOptions>][])("the oldest session adrift makes room at %s", async (_, limits) => {
    const { io, port, returning } = await start(limits);
    const first = await joinByWebSocket(port, io);
    const second = await joinByWebSocket(port, io);
    await expect(RawWebSocket.connect({ port })).rejects.toMatchObject({ status: 503 });
    first.client.cut();
    while (io.stats().sessions.adrift < 1) await turn();
    second.client.cut();
    while (io.stats().sessions.adrift < 2) await turn();
    const gone = nextEvent(first.socket, "disconnect");
    await joinByWebSocket(port, io);
    expect((await gone)[0]).toBe("transport close");
    expect(second.socket.connected).toBe(true);
    expect(await poller(port, second.agreed.sid, returning(second.agreed, 1).query).poll()).toEqual(["61"]);
    await expect(RawWebSocket.connect({ port })).rejects.toMatchObject({ status: 503 });
    expect(io.stats().sessions).toMatchObject({ open: 2, adrift: 0 });
  });
});
