import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Server, type ServerOptions, type Socket } from "@portage/server";
import { Host } from "../../support/servers/host.ts";
import { RawPolling } from "../../support/raw/polling.ts";
import { RawWebSocket } from "../../support/raw/websocket.ts";
import { nextEvent } from "../../support/waiting.ts";

// The clock of the wall is set by people and by daemons: it may jump by hours, either way.

const HOUR = 3_600_000;
const ends: (() => unknown)[] = [];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
});

afterEach(async () => {
  vi.useRealTimers();
  while (ends.length > 0) await ends.pop()?.();
});

function jump(hours: number): void {
  vi.setSystemTime(Date.now() + hours * HOUR);
}

async function serve(options: Partial<ServerOptions>): Promise<{ io: Server; port: number }> {
  const host = new Host();
  const io = new Server(host.http, options);
  await host.listen();
  ends.push(() => host.drained());
  ends.push(() => io.close());
  return { io, port: host.port };
}

async function joined(port: number): Promise<{ client: RawWebSocket; answer: Record<string, string> }> {
  const client = await RawWebSocket.connect({ port });
  client.send("40");
  const answer = await client.until((text) => text.startsWith("40{"));
  return { client, answer: JSON.parse(answer.slice(2)) as Record<string, string> };
}

test.each([10, -10])("a jump by %d hours ends no healthy session", async (hours) => {
  const { io, port } = await serve({ pingInterval: 60, pingTimeout: 400, connectTimeout: 5000 });
  const { client } = await joined(port);
  const polling = await RawPolling.open({ port });
  await polling.post("40");
  const beat = async (): Promise<void> => {
    await Promise.all([client.until((packet) => packet === "2"), polling.until((packet) => packet === "2")]);
    client.send("3");
    await polling.post("3");
  };
  await beat();
  // Before a ping, and while its answer is on its way.
  jump(hours);
  await beat();
  await Promise.all([client.until((packet) => packet === "2"), polling.until((packet) => packet === "2")]);
  jump(hours);
  client.send("3");
  await polling.post("3");
  for (let count = 0; count < 3; count += 1) await beat();
  expect(io.stats().sessions).toMatchObject({ open: 2, closed: {} });
});

test("a jump neither adds nor removes events of a client", async () => {
  const options = { pingInterval: 100, pingTimeout: 5000, maxEventsPerSecond: { rate: 20, burst: 5 } };
  const { io, port } = await serve(options);
  const connection = nextEvent<[Socket]>(io, "connection");
  const { client } = await joined(port);
  const [socket] = await connection;
  for (const hours of [-10, 20, -10]) {
    jump(hours);
    // One event per beat is half of the limit.
    for (let count = 0; count < 4; count += 1) {
      await client.until((packet) => packet === "2");
      client.send("3");
      client.send('42["x"]');
    }
  }
  expect(socket.connected).toBe(true);
  const ended = nextEvent(socket, "disconnect");
  jump(10);
  for (let count = 0; count < 20; count += 1) client.send('42["x"]');
  await ended;
  expect(socket.closeReason).toMatchObject({ code: "TOO_MANY_EVENTS", limit: 5 });
  client.cut();
});

test.each([10, -10])(
  "a client that comes back after a jump by %d hours is recovered, and gets what it missed",
  async (hours) => {
    const { io, port } = await serve({ connectionStateRecovery: { maxDisconnectionDuration: 60_000 } });
    const { client, answer } = await joined(port);
    io.emit("first");
    const first = await client.until((packet) => packet.startsWith('42["first"'));
    const [, offset] = JSON.parse(first.slice(2)) as [string, string];
    const [socket] = [...io.sockets.sockets.values()] as [Socket];
    const lost = nextEvent(socket, "disconnect");
    client.cut();
    await lost;
    io.emit("missed");
    jump(hours);
    const back = await RawWebSocket.connect({ port });
    back.send(`40${JSON.stringify({ pid: answer["pid"], offset })}`);
    // As with socket.io: missed events precede the answer.
    expect(await back.until((packet) => packet.startsWith("4"))).toMatch(/^42\["missed"/);
    expect(JSON.parse((await back.until((packet) => packet.startsWith("40{"))).slice(2))).toMatchObject({
      sid: answer["sid"],
    });
    back.cut();
  },
);
