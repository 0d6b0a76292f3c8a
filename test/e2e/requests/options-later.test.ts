import { afterEach, describe, expect, test } from "vitest";
import { serve } from "../../support/servers/host.ts";
import { call } from "../../support/raw/http.ts";
import { RawPolling } from "../../support/raw/polling.ts";
import { RawWebSocket } from "../../support/raw/websocket.ts";
import { subject } from "../../support/targets.ts";
import { nextEvent, within } from "../../support/waiting.ts";

// Programs change options while the server runs: `io.engine.opts.maxHttpBufferSize = 1e8`. Changes apply from then on.

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (let cleanup = cleanups.pop(); cleanup; cleanup = cleanups.pop()) await cleanup();
});

const PATH = "/socket.io/?EIO=4&transport=polling";

interface Trial {
  readonly port: number;
  readonly opts: Record<string, unknown>;
  readonly io: Awaited<ReturnType<typeof serve>>["io"];
}

async function start(options: object = {}): Promise<Trial> {
  const running = await serve(subject, options);
  const { io, port } = running;
  cleanups.push(() => running.stop());
  io.on("connection", (socket) => socket.on("echo", (value) => socket.emit("echo", value)));
  return { port, io, opts: io.engine.opts as Record<string, unknown> };
}

const openPacket = async (port: number): Promise<Record<string, unknown>> =>
  JSON.parse((await call({ port, path: PATH })).text.slice(1)) as Record<string, unknown>;

const statusOf = async (port: number, headers: Record<string, string> = {}): Promise<number> =>
  (await call({ port, path: PATH, headers })).status;

async function joined(port: number): Promise<RawPolling> {
  const client = await RawPolling.open({ port });
  await client.post("40");
  await client.until((packet) => packet.startsWith("40"));
  return client;
}

/** The status of a WebSocket handshake; 101 if accepted. */
async function webSocketStatus(port: number, headers: Record<string, string> = {}): Promise<number> {
  const client = await RawWebSocket.connect({ port, headers }).catch((error: { status: number }) => error);
  if (!(client instanceof RawWebSocket)) return client.status;
  await client.close();
  return 101;
}

describe("maxHttpBufferSize", () => {
  const LARGE = `42["echo","${"x".repeat(2000)}"]`;

  test("raised: clients learn it, and may send more", async () => {
    const { port, opts } = await start({ maxHttpBufferSize: 1000 });
    const before = await joined(port);
    opts["maxHttpBufferSize"] = 5000;
    expect((await openPacket(port))["maxPayload"]).toBe(5000);
    expect((await (await joined(port)).post(LARGE)).status).toBe(200);
    const websocket = await RawWebSocket.connect({ port });
    websocket.send("40");
    await websocket.until((text) => text.startsWith("40"));
    websocket.send(LARGE);
    await websocket.until((text) => text.startsWith('42["echo"'));
    // A session keeps its announced limit.
    expect((await before.post(LARGE)).status).toBe(413);
  });

  test("lowered", async () => {
    const { port, opts } = await start();
    const before = await joined(port);
    opts["maxHttpBufferSize"] = 1000;
    expect((await (await joined(port)).post(LARGE)).status).toBe(413);
    const websocket = await RawWebSocket.connect({ port });
    websocket.send("40");
    websocket.send(LARGE);
    expect((await websocket.ended()).code).toBe(1009);
    expect((await before.post(LARGE)).status).toBe(200);
  });
});

describe("the handshake", () => {
  test("has the current intervals, and they apply", async () => {
    const { port, opts } = await start();
    Object.assign(opts, { pingInterval: 50, pingTimeout: 60 });
    expect(await openPacket(port)).toMatchObject({ pingInterval: 50, pingTimeout: 60 });
    const websocket = await RawWebSocket.connect({ port });
    await websocket.until((text) => text === "2");
    await within(websocket.ended(), "the end of a session that does not answer");
  });

  test("offers the transports and upgrades that there are now", async () => {
    const { port, opts } = await start();
    expect((await openPacket(port))["upgrades"]).toEqual(["websocket"]);
    opts["allowUpgrades"] = false;
    expect((await openPacket(port))["upgrades"]).toEqual([]);
    opts["allowUpgrades"] = true;
    opts["transports"] = ["websocket"];
    expect(await statusOf(port)).toBe(400);
    expect(await webSocketStatus(port)).toBe(101);
    opts["transports"] = ["polling"];
    expect(await statusOf(port)).toBe(200);
    expect(await webSocketStatus(port)).toBe(400);
  });

  test("sends a cookie, or none", async () => {
    const { port, opts } = await start();
    const cookies = async (): Promise<string[] | undefined> => (await call({ port, path: PATH })).headers["set-cookie"];
    expect(await cookies()).toBeUndefined();
    opts["cookie"] = { name: "sticky", path: "/app" };
    expect(await cookies()).toEqual([expect.stringMatching(/^sticky=\S+; Path=\/app; HttpOnly; SameSite=Lax$/)]);
    opts["cookie"] = true;
    expect(await cookies()).toEqual([expect.stringMatching(/^io=\S+; Path=\/; HttpOnly; SameSite=Lax$/)]);
    opts["cookie"] = false;
    expect(await cookies()).toBeUndefined();
  });

  test("calls the current allowRequest", async () => {
    const { port, opts } = await start();
    opts["allowRequest"] = (_req: unknown, callback: (error: null, success: boolean) => void) => callback(null, false);
    expect([await statusOf(port), await webSocketStatus(port)]).toEqual([403, 403]);
    opts["allowRequest"] = undefined;
    expect([await statusOf(port), await webSocketStatus(port)]).toEqual([200, 101]);
  });

  test("admits revision 3, or not", async () => {
    const { port, opts } = await start();
    const status = async (): Promise<number> => (await call({ port, path: PATH.replace("4", "3") })).status;
    expect(await status()).toBe(400);
    opts["allowEIO3"] = true;
    expect(await status()).toBe(200);
  });

  test("sends a first message", async () => {
    const { port, opts } = await start();
    opts["initialPacket"] = "hello";
    expect((await call({ port, path: PATH })).text).toContain("\u001e4hello");
  });
});

test("cors", async () => {
  const { port, opts } = await start();
  const origin = "https://good.example";
  const allowed = async (): Promise<unknown> =>
    (await call({ port, path: PATH, headers: { origin } })).headers["access-control-allow-origin"];
  expect([await allowed(), await webSocketStatus(port, { Origin: "https://evil.example" })]).toEqual([undefined, 101]);
  opts["cors"] = { origin };
  expect([await allowed(), await webSocketStatus(port, { Origin: "https://evil.example" })]).toEqual([origin, 403]);
  opts["cors"] = { origin: "https://other.example" };
  expect([await allowed(), await webSocketStatus(port, { Origin: origin })]).toEqual(["https://other.example", 403]);
  opts["checkOrigin"] = false;
  expect(await webSocketStatus(port, { Origin: origin })).toBe(101);
  opts["cors"] = undefined;
  expect(await allowed()).toBeUndefined();
});

test("compression", async () => {
  const { port, io, opts } = await start();
  const encoding = async (): Promise<unknown> => {
    const client = await joined(port);
    io.emit("large", "x".repeat(5000));
    return (await call({ port, path: client.path, headers: { "accept-encoding": "gzip" } })).headers[
      "content-encoding"
    ];
  };
  expect(await encoding()).toBe("gzip");
  opts["httpCompression"] = { threshold: 10_000 };
  expect(await encoding()).toBeUndefined();
  opts["httpCompression"] = true;
  expect(await encoding()).toBe("gzip");
  opts["httpCompression"] = false;
  expect(await encoding()).toBeUndefined();

  const offer = { "Sec-WebSocket-Extensions": "permessage-deflate" };
  const plain = await RawWebSocket.connect({ port, headers: offer });
  opts["perMessageDeflate"] = true;
  const deflated = await RawWebSocket.connect({ port, headers: offer });
  expect([plain, deflated].map(({ headers }) => "sec-websocket-extensions" in headers)).toEqual([false, true]);
});

test("a change inside an option applies, to that server alone", async () => {
  const { port, io, opts } = await start({ cookie: true, cors: { origin: "https://one.example" }, slowReader: {} });
  const other = await start();
  const inside = (name: string): Record<string, unknown> => opts[name] as Record<string, unknown>;
  const encoding = async ({ path }: RawPolling, at = port): Promise<unknown> =>
    (await call({ port: at, path, headers: { "accept-encoding": "gzip" } })).headers["content-encoding"];

  const before = await joined(port);
  inside("httpCompression")["threshold"] = 10;
  io.emit("small", "x".repeat(200));
  expect(await encoding(before)).toBe("gzip");
  inside("httpCompression")["threshold"] = 1e6;
  io.emit("large", "x".repeat(5000));
  expect(await encoding(before)).toBeUndefined();

  inside("cookie")["name"] = "sticky";
  inside("cors")["origin"] = "https://two.example";
  const { headers } = await call({ port, path: PATH });
  expect(headers).toMatchObject({ "set-cookie": [expect.stringMatching(/^sticky=/)] });
  expect(headers["access-control-allow-origin"]).toBe("https://two.example");

  (opts["transports"] as string[]).splice(0, 1);
  expect([await statusOf(port), await statusOf(other.port)]).toEqual([400, 200]);
  const elsewhere = await joined(other.port);
  other.io.emit("large", "x".repeat(5000));
  expect(await encoding(elsewhere, other.port)).toBe("gzip");

  Object.assign(inside("slowReader"), { soft: 10, hard: 1000, burst: 1000 });
  (opts["transports"] as string[]).push("polling");
  const opened = nextEvent<[{ closeReason?: { limit: number } }]>(io.engine, "connection");
  await joined(port);
  const [session] = await opened;
  const ended = nextEvent(session as never, "close");
  for (let index = 0; index < 20; index++) io.emit("large", "x".repeat(1000));
  await ended;
  expect(session.closeReason?.limit).toBe(1000);
  Object.assign(inside("slowReader"), { soft: -1 });
  expect(await statusOf(port)).toBe(200);
});

test("upgradeTimeout", async () => {
  const { port, opts } = await start();
  opts["upgradeTimeout"] = 50;
  const polling = await RawPolling.open({ port });
  const candidate = await RawWebSocket.connect({ port, sid: polling.sid });
  candidate.send("2probe");
  await within(candidate.ended(), "the end of a candidate that does not commit");
});

describe("limits of connections", () => {
  test.each([
    ["maxConnections", {}],
    ["maxConnectionsPerAddress", {}],
    ["maxConnectionsPerUser", { userOf: () => "all" }],
  ])("%s", async (name, others) => {
    const { port, opts } = await start({});
    Object.assign(opts, others);
    if (name !== "maxConnectionsPerUser") await joined(port);
    opts[name] = 2;
    expect(await statusOf(port)).toBe(200);
    if (name === "maxConnectionsPerUser") expect(await statusOf(port)).toBe(200);
    expect(await statusOf(port)).toBe(503);
    opts[name] = 10;
    expect(await statusOf(port)).toBe(200);
    opts[name] = undefined;
    expect(await statusOf(port)).toBe(200);
  });

  test("maxHandshakesPerSecond, and when to come back", async () => {
    const { port, opts } = await start();
    Object.assign(opts, { maxHandshakesPerSecond: 1, retryAfter: 7000 });
    expect(await statusOf(port)).toBe(200);
    const { status, headers } = await call({ port, path: PATH });
    expect([status, headers["retry-after"]]).toEqual([503, "7"]);
    opts["maxHandshakesPerSecond"] = undefined;
    expect(await statusOf(port)).toBe(200);
  });
});

test("limits of received and of queued data", async () => {
  const { port, io, opts } = await start();
  opts["maxPayloadPackets"] = 2;
  const many = await joined(port);
  await many.post('42["a"]', '42["b"]', '42["c"]');
  expect((await call({ port, path: many.path })).status).toBe(400);

  opts["maxPollPackets"] = 1;
  const slow = await joined(port);
  io.emit("a");
  io.emit("b");
  expect((await slow.poll()).length).toBe(1);

  opts["slowReader"] = { soft: 10, hard: 1000, burst: 1000 };
  const opened = nextEvent<[{ closeReason?: { limit: number } }]>(io.engine, "connection");
  await joined(port);
  const [session] = await opened;
  const ended = nextEvent(session as never, "close");
  for (let index = 0; index < 20; index++) io.emit("large", "x".repeat(1000));
  await ended;
  expect(session.closeReason?.limit).toBe(1000);

  opts["maxFragments"] = 2;
  opts["maxReceivingBytes"] = 100;
  const uploading = await RawWebSocket.connect({ port });
  uploading.sendFrame({ fin: false, opcode: 1, payload: "x".repeat(1000) });
  expect((await uploading.ended()).code).toBe(1013);
});

describe("odd values that are set later", () => {
  test.each([
    ["pingTimeout", NaN, 20_000],
    ["pingTimeout", "50", 50],
    ["pingTimeout", -1, 0],
    ["pingInterval", null, 25_000],
    ["pingInterval", undefined, 25_000],
    ["pingInterval", Infinity, Infinity],
    ["upgradeTimeout", "", 10_000],
    ["postTimeout", {}, 30_000],
    ["maxHttpBufferSize", NaN, 1e6],
    ["maxHttpBufferSize", "5e6", 5e6],
    ["maxReceivingBytes", null, 256e6],
    ["maxPayloadPackets", false, 100_000],
    ["maxFragments", "none", undefined],
    ["maxConnections", "7", 7],
    ["transports", "websocket", ["websocket"]],
    ["allowRequest", null, undefined],
    ["wsEngine", "ws", undefined],
    ["perMessageDeflate", 0, false],
    ["perMessageDeflate", 1, true],
    ["cookie", null, null],
  ])("%s = %o", async (name, odd, expected) => {
    const { port, opts, io } = await start();
    opts[name] = odd;
    expect(opts[name]).toEqual(expected);
    expect(name in io.engine.opts).toBe(expected !== undefined);
    expect([await statusOf(port), await webSocketStatus(port)]).toEqual([name === "transports" ? 400 : 200, 101]);
  });

  test.each([
    ["maxPayloadPackets", 0],
    ["maxReceivingBytes", NaN],
    ["maxConnections", -1],
    ["transports", 5],
    ["allowRequest", "yes"],
    ["slowReader", { soft: -1 }],
    ["cookie", { name: "not a name" }],
    ["perMessageDeflate", { serverMaxWindowBits: 99 }],
  ])("%s = %o is refused where it is set, and changes nothing", async (name, odd) => {
    const { port, opts } = await start();
    const before = opts[name];
    expect(() => (opts[name] = odd)).toThrow(/option|window/i);
    expect(opts[name]).toEqual(before);
    expect([await statusOf(port), await webSocketStatus(port)]).toEqual([200, 101]);
  });

  test("heartbeats go on with a time that is not a number", async () => {
    const { port, opts } = await start({ pingInterval: 30, pingTimeout: 5000 });
    const websocket = await RawWebSocket.connect({ port });
    opts["pingTimeout"] = NaN;
    for (let pings = 0; pings < 3; pings++) {
      await websocket.until((text) => text === "2");
      websocket.send("3");
    }
  });

  test("replaced options, and a deleted one", async () => {
    const { port, io, opts } = await start({ pingTimeout: 50 });
    (io.engine as { opts: object }).opts = { ...io.engine.opts, maxHttpBufferSize: "5000" };
    expect(await openPacket(port)).toMatchObject({ pingTimeout: 50, maxPayload: 5000 });
    delete opts["pingTimeout"];
    expect(await openPacket(port)).toMatchObject({ pingTimeout: 20_000 });
  });
});
