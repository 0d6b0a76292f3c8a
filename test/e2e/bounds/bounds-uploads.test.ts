import { afterEach, expect, test } from "vitest";
import { Server, type Socket } from "@portage/server";
import { ChildServer } from "../../support/servers/child-server.ts";
import { Host } from "../../support/servers/host.ts";
import { frame } from "../../support/raw/frames.ts";
import { RawPolling } from "../../support/raw/polling.ts";
import { RawTcp } from "../../support/raw/tcp.ts";
import { RawWebSocket } from "../../support/raw/websocket.ts";
import { nextEvent } from "../../support/waiting.ts";

const MB = 1e6;
const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

/** A client that announces a megabyte, sends most of it, and goes to sleep. */
async function stall(port: number, bytes: number): Promise<RawTcp> {
  const { path } = await RawPolling.open({ port });
  const tcp = await RawTcp.open(port);
  ends.push(() => tcp.end());
  await tcp.write(`POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: ${MB}\r\n\r\n`);
  await tcp.write(Buffer.alloc(bytes, "4"));
  return tcp;
}

test("a hundred POSTs that stall hold no more than the limit, and are ended in time", { timeout: 30_000 }, async () => {
  const server = await ChildServer.start({
    maxReceivingBytes: 20 * MB,
    // longer than a busy machine takes for all of them: the limit ends them first
    postTimeout: 4000,
    pingInterval: 10_000,
    pingTimeout: 1000,
  });
  ends.push(() => server.stop());
  const { port } = server;
  await stall(port, 1000);
  const before = await server.memory();
  const clients: RawTcp[] = [];
  let most = 0;
  for (let index = 0; index < 100; index += 1) {
    clients.push(await stall(port, 0.9 * MB));
    if (index % 20 === 19) most = Math.max(most, (await server.memory()).external - before.external);
  }
  // The last ones are still read from the system while the first ones are measured.
  expect(most).toBeGreaterThan(5 * MB);
  expect(most).toBeLessThan(25 * MB);
  const answers = await Promise.all(clients.map((client) => client.until(/"limit":\d+\}/)));
  const statuses = answers.map((answer) => answer.slice(9, 12));
  expect(new Set(statuses)).toEqual(new Set(["503", "408"]));
  expect(statuses.filter((status) => status === "503").length).toBeGreaterThan(50);
  await server.settled(0);
  const after = await server.memory();
  expect(after.external - before.external).toBeLessThan(MB);
  server.checkAlive();
});

test("the end of a POST that stalls is explained, and its session counted", async () => {
  const host = new Host();
  const io = new Server(host.http, { postTimeout: 200, pingInterval: 200, pingTimeout: 200_000 });
  await host.listen();
  ends.push(() => io.close());
  const connection = nextEvent<[Socket]>(io, "connection");
  const client = await RawPolling.open({ port: host.port });
  await client.post("40");
  const [socket] = await connection;
  const ended = nextEvent(socket, "disconnect");
  const tcp = await RawTcp.open(host.port);
  ends.push(() => tcp.end());
  await tcp.write(
    `POST ${client.path} HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\n42[`,
  );
  await ended;
  expect(await tcp.ended()).toMatch(/^HTTP\/1.1 408 /);
  expect(socket.closeReason).toMatchObject({
    reason: "transport error",
    code: "POST_LATE",
    message: "the client paused its POST for longer than postTimeout",
    side: "client",
    limit: 200,
    transport: "polling",
  });
  expect(io.stats().sessions.closed).toEqual({ POST_LATE: 1 });
  expect(io.stats().bytes.receiving).toBe(0);
  expect(io.metrics()).toContain("portage_receiving_bytes 0\n");
});

const HALF = Buffer.alloc(0.9 * MB, "4");

/** The sent part of an incomplete message. */
const HALVES: readonly [what: string, send: (client: RawWebSocket) => void][] = [
  ["a fragment", (client) => client.sendFrame({ opcode: 2, payload: HALF, fin: false })],
  ["a frame", (client) => client.sendBytes(frame({ opcode: 2, payload: Buffer.alloc(MB) }).subarray(0, HALF.length))],
  [
    "a packet, without its second attachment",
    (client) => {
      client.send('452-["x",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]');
      client.send(HALF);
    },
  ],
];

test.each(HALVES)("sixty clients that send only a part of %s hold no more than the limit", async (_what, send) => {
  const server = await ChildServer.start({ maxReceivingBytes: 20 * MB });
  ends.push(() => server.stop());
  const before = await server.memory();
  const clients: RawWebSocket[] = [];
  for (let index = 0; index < 60; index += 1) {
    const client = await RawWebSocket.connect({ port: server.port });
    ends.push(() => client.close());
    client.send("40");
    send(client);
    clients.push(client);
  }
  const ended = await Promise.all(clients.slice(0, 30).map((client) => client.ended()));
  expect(new Set(ended.map(({ code }) => code))).toEqual(new Set([1013]));
  const { external } = await server.memory();
  // Data read from the system comes on top.
  expect(external - before.external).toBeLessThan(25 * MB);
  server.checkAlive();
});

test("a client without room for its message ends with a reason, and is counted by its rule", async () => {
  const host = new Host();
  const io = new Server(host.http, { maxReceivingBytes: MB, maxFragments: 3, maxControlFramesPerSecond: 3 });
  await host.listen();
  ends.push(() => io.close());
  const end = async (misbehave: (client: RawWebSocket) => void): Promise<() => Promise<unknown[]>> => {
    const connection = nextEvent<[Socket]>(io, "connection");
    const client = await RawWebSocket.connect({ port: host.port });
    ends.push(() => client.cut());
    client.send("40");
    const [socket] = await connection;
    const left = nextEvent(socket, "disconnect");
    left.catch(() => undefined);
    misbehave(client);
    return async () => {
      await left;
      const { code, cause, limit } = socket.closeReason!;
      return [await client.ended(), { code, cause, limit }];
    };
  };
  const receiving = (): number => io.stats().bytes.receiving;

  const fragment = await end((client) => client.sendFrame({ opcode: 2, payload: HALF, fin: false }));
  await expect.poll(receiving).toBeGreaterThan(0.8 * MB);
  expect(io.metrics()).toMatch(/portage_receiving_bytes [89]\d{5}\n/);
  const attachment = await end((client) => {
    client.send('452-["x",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]');
    client.send(HALF);
  });
  expect(await fragment()).toEqual([
    { code: 1013, reason: "RECEIVE_BUDGET: WS_ERR_RECEIVE_BUDGET" },
    { code: "RECEIVE_BUDGET", cause: "WS_ERR_RECEIVE_BUDGET", limit: MB },
  ]);
  await expect.poll(receiving).toBeGreaterThan(0.8 * MB);
  await end((client) => client.sendFrame({ opcode: 2, payload: HALF, fin: false }));
  expect(await attachment()).toEqual([
    { code: 1013, reason: "RECEIVE_BUDGET: limit 1000000" },
    { code: "RECEIVE_BUDGET", cause: "RECEIVE_BUDGET", limit: MB },
  ]);

  const parts = await end((client) => {
    client.sendFrame({ opcode: 1, payload: "4", fin: false });
    for (let count = 0; count < 3; count += 1) client.sendFrame({ opcode: 0, payload: "x", fin: false });
  });
  expect(await parts()).toMatchObject([
    { code: 1008, reason: "PROTOCOL_VIOLATION: WS_ERR_TOO_MANY_BUFFERED_PARTS" },
    {},
  ]);
  const pings = await end((client) => {
    for (let count = 0; count < 4; count += 1) client.sendFrame({ opcode: 9, payload: "" });
  });
  expect(await pings()).toMatchObject([
    { code: 1008, reason: "PROTOCOL_VIOLATION: WS_ERR_TOO_MANY_CONTROL_FRAMES" },
    {},
  ]);
  expect(io.stats().sessions).toMatchObject({
    closed: { RECEIVE_BUDGET: 2, PROTOCOL_VIOLATION: 2 },
    broken: { WS_ERR_RECEIVE_BUDGET: 1, WS_ERR_TOO_MANY_BUFFERED_PARTS: 1, WS_ERR_TOO_MANY_CONTROL_FRAMES: 1 },
  });
  expect(io.metrics()).toContain('portage_rules_broken_total{code="WS_ERR_TOO_MANY_BUFFERED_PARTS"} 1\n');
});
