import type { EventEmitter } from "node:events";
import type { ServerResponse } from "node:http";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { ChildBystander, ChildServer } from "../../support/servers/child-server.ts";
import { serve } from "../../support/servers/host.ts";
import { frame, OPCODE } from "../../support/raw/frames.ts";
import { call } from "../../support/raw/http.ts";
import { RawPolling } from "../../support/raw/polling.ts";
import { RawWebSocket } from "../../support/raw/websocket.ts";
import { portage } from "../../support/targets.ts";
import { nextEvent, within } from "../../support/waiting.ts";

// Faults known from other servers of this protocol, by accident or attack.

const MEGABYTE = 2 ** 20;

test("a stall of the event loop is not held against healthy clients", async () => {
  const server = await ChildServer.start({ pingInterval: 100, pingTimeout: 300 });
  const clients = await Promise.all(Array.from({ length: 30 }, () => RawWebSocket.connect({ port: server.port })));
  const pinged = (): Promise<unknown> =>
    Promise.all(clients.map((client) => client.until((packet) => packet === "2").then(() => client.send("3"))));
  await pinged();
  // Three times as long as a client may be silent: before a ping, and while the answers are on their way.
  for (let count = 0; count < 2; count++) {
    const blocked = server.block(900);
    if (count % 2 === 0) await blocked;
    await pinged();
    await blocked;
  }
  await pinged();
  expect(await server.sessions()).toBe(30);
  await server.stop();
});

describe("a server in a process of its own", () => {
  let server: ChildServer;
  let bystander: ChildBystander;

  beforeAll(async () => {
    server = await ChildServer.start({ cleanupEmptyChildNamespaces: true });
    bystander = await ChildBystander.join(server);
  });
  afterEach(async () => {
    server.checkAlive();
    await bystander.check();
  });
  afterAll(async () => {
    bystander.leave();
    await server.stop();
  });

  async function joinPolling(): Promise<RawPolling> {
    const client = await RawPolling.open({ port: server.port });
    await client.post("40");
    await client.until((packet) => packet.startsWith("40"));
    return client;
  }

  test.each<[string, string, number]>([
    ["CONNECT packets to one namespace", "40", 200_000],
    ["CONNECT packets to as many namespaces", "40/dynamic-#,", 60_000],
    ["pongs", "3", 400_000],
    ["events", '42["x"]', 120_000],
    ["events that want an acknowledgement", '42#["x"]', 80_000],
  ])("a payload full of %s", async (_name, packet, count) => {
    const client = await joinPolling();
    const before = await server.memory();
    const packets = Array.from({ length: count }, (_value, index) => packet.replace("#", String(index)));
    const reply = await client.postBody(packets.join("\u001e").slice(0, 1e6)).catch(() => ({ status: 413 }));
    expect([200, 400, 413]).toContain(reply.status);
    await within(bystander.check(), "the bystanders to be served");
    const after = await server.memory();
    expect(after.heapUsed - before.heapUsed).toBeLessThan(60 * MEGABYTE);
  });

  test("a client that leaves and comes back in one breath keeps its connection", async () => {
    const client = await RawWebSocket.connect({ port: server.port });
    client.send("40");
    await client.until((packet) => packet.startsWith("40"));
    const text = (payload: string): Buffer => frame({ opcode: OPCODE.text, payload });
    client.sendBytes(Buffer.concat([text("41"), text("40"), text("41"), text("40")]));
    await client.until((packet) => packet.startsWith("40"));
    client.send('42["back"]');
    expect(await client.until((packet) => packet.startsWith("42"))).toBe('42["back"]');
    client.cut();
  });

  test.each(["1e30", "Infinity", "1 2", "-1", "0x1", "01", "9".repeat(30)])(
    "an acknowledgement of the id %s is not answered in another form",
    async (id) => {
      const client = await RawWebSocket.connect({ port: server.port });
      client.send("40");
      await client.until((packet) => packet.startsWith("40"));
      client.send(`42${id}["bystander",1]`);
      client.send('42["done"]');
      const answer = await Promise.race([
        client.until((packet) => packet.startsWith("43") || packet === '42["done"]'),
        client.closed,
      ]);
      if (typeof answer === "string" && answer.startsWith("43")) expect(answer).toMatch(/^43\d{1,16}\[1\]$/);
      client.cut();
    },
  );
});

describe("the refusal of a WebSocket client", () => {
  type Io = Awaited<ReturnType<typeof serve>>["io"];
  const REFUSALS: [string, number, (io: Io) => unknown][] = [
    [
      "allowRequest says no",
      403,
      ({ engine }) => (engine.opts.allowRequest = (_req, answer) => answer("not you", false)),
    ],
    [
      "allowRequest throws",
      403,
      ({ engine }) =>
        (engine.opts.allowRequest = () => {
          throw new Error("a mistake");
        }),
    ],
    [
      "a middleware of the engine fails",
      400,
      ({ engine }) => engine.use((_req: unknown, _res: unknown, next: (error: Error) => void) => next(new Error("no"))),
    ],
    [
      "a middleware of the engine answers",
      401,
      ({ engine }) =>
        engine.use((_req: unknown, res: ServerResponse) =>
          res.writeHead(401, { "x-why": "no token" }).end("who are you?"),
        ),
    ],
  ];
  test.each(REFUSALS)("%s: %i, and no bare hang-up", async (_name, status, set) => {
    const running = await serve(portage);
    // Without it an exception of the program is one of its process.
    (running.io as unknown as EventEmitter).on("handler_error", () => undefined);
    set(running.io);
    await expect(RawWebSocket.connect({ port: running.port })).rejects.toMatchObject({ status });
    const polled = await call({ port: running.port, path: "/socket.io/?EIO=4&transport=polling" });
    expect(polled.status).toBe(status);
    await running.stop();
  });
});

test("a listener of initial_headers may set cookies in any letter case beside the cookie option", async () => {
  const running = await serve(portage, { cookie: true });
  running.io.engine.on("initial_headers", (headers: Record<string, unknown>) => (headers["set-cookie"] = ["mine=1"]));
  const reply = await call({ port: running.port, path: "/socket.io/?EIO=4&transport=polling" });
  expect(reply.headers["set-cookie"]?.map((line) => line.split("=")[0]).sort()).toEqual(["io", "mine"]);
  await running.stop();
});

test("events named like members of Object.prototype are events", async () => {
  const running = await serve(portage);
  running.io.on("connection", (socket) => socket.onAny((event: string) => socket.emit("seen", event)));
  const client = await RawWebSocket.connect({ port: running.port });
  client.send("40");
  await client.until((packet) => packet.startsWith("40"));
  for (const event of ["error", "__proto__", "constructor", "toString", "hasOwnProperty", "then"]) {
    client.send(`42${JSON.stringify([event, { __proto__: null, x: 1 }])}`);
    expect(await client.until((packet) => packet.startsWith("42"))).toBe(`42["seen",${JSON.stringify(event)}]`);
  }
  expect(({} as { x?: number }).x).toBeUndefined();
  client.cut();
  await nextEvent(client.stream, "close").catch(() => undefined);
  await running.stop();
});
