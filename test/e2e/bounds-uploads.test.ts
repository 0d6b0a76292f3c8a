import { afterEach, expect, test } from "vitest";
import { Server, type Socket } from "@portage/server";
import { ChildServer } from "../support/child-server.ts";
import { Host } from "../support/host.ts";
import { RawPolling } from "../support/raw-polling.ts";
import { RawTcp } from "../support/raw-tcp.ts";
import { nextEvent } from "../support/waiting.ts";

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
    maxPendingPostBytes: 20 * MB,
    postTimeout: 1000,
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
    message: "the client began a POST and sent no more of it for postTimeout",
    side: "client",
    limit: 200,
    transport: "polling",
  });
  expect(io.stats().sessions.closed).toEqual({ POST_LATE: 1 });
  expect(io.stats().bytes.receiving).toBe(0);
  expect(io.metrics()).toContain("portage_bytes_receiving 0\n");
});
