import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { Server, type ServerOptions, type Socket } from "@portage/server";
import { CLIENTS } from "../../support/clients.ts";
import { Host } from "../../support/servers/host.ts";
import { call } from "../../support/raw/http.ts";
import { RawPolling } from "../../support/raw/polling.ts";
import { RawWebSocket } from "../../support/raw/websocket.ts";
import { nextEvent, within } from "../../support/waiting.ts";

async function start(options: Partial<ServerOptions> = {}) {
  const host = new Host();
  const io = new Server(host.http, options);
  await host.listen();
  return { io, host, port: host.port };
}

async function join(port: number): Promise<RawWebSocket> {
  const client = await RawWebSocket.connect({ port });
  client.send("40");
  await client.until((packet) => packet.startsWith("40{"));
  return client;
}

test("events emitted right before io.close() arrive, and the close frame has the reason", async () => {
  const { io, port } = await start({ closeTimeout: 6000 });
  const client = await join(port);
  const polling = await RawPolling.open({ port, query: { reasons: "1" } });
  await polling.post("40");
  await polling.until((packet) => packet.startsWith("40{"));
  const poll = polling.beginPoll();
  await poll.arrived;
  for (let index = 0; index < 2000; index++) io.emit("number", index, "x".repeat(2000));
  const closed = io.close();
  for (let index = 0; index < 2000; index++) {
    expect(String(await client.next()).startsWith(`42["number",${index},`)).toBe(true);
  }
  expect(await client.ended()).toEqual({ code: 1001, reason: "SERVER_SHUTDOWN" });
  const packets = await poll.packets;
  while (!packets.at(-1)?.startsWith("1")) packets.push(...(await polling.poll()));
  expect(packets).toHaveLength(2001);
  expect(packets.at(-1)).toBe("11001 SERVER_SHUTDOWN");
  await closed;
});

test("io.close() does not wait longer than closeTimeout for a client that does not read", async () => {
  const { io, host, port } = await start({ closeTimeout: 100 });
  const client = await join(port);
  client.stream.pause();
  io.emit("much", Buffer.alloc(30e6));
  io.emit("more");
  await io.close();
  client.cut();
  await host.drained();
});

test("io.drain() disconnects clients in groups, and refuses new ones", async () => {
  const { io, host, port } = await start({ retryAfter: 700 });
  const reasons: unknown[] = [];
  io.on("connection", (socket: Socket) =>
    socket.on("disconnect", (reason) => reasons.push([reason, socket.closeReason?.code])),
  );
  const clients = await Promise.all([join(port), join(port), join(port)]);
  const polling = await RawPolling.open({ port, query: { reasons: "1" } });
  const poll = polling.beginPoll();
  await poll.arrived;
  const order: number[] = [];
  const ends = clients.map((client, index) => client.closed.then((end) => (order.push(index), end)));
  io.emit("last");
  const drained = io.drain({ deadline: 500 });
  const reply = await call({ port, path: "/socket.io/?EIO=4&transport=polling" });
  expect(reply.status).toBe(503);
  expect(JSON.parse(reply.text)).toEqual({ code: 7, message: "Server is going away", retryAfter: 700 });
  for (const end of await Promise.all(ends)) {
    expect(end).toEqual({ code: 1012, reason: "SERVER_DRAINING retry-after=700" });
  }
  expect(order).toHaveLength(3);
  expect(await poll.packets).toEqual(["11012 SERVER_DRAINING retry-after=700"]);
  for (const client of clients) expect(await client.until((packet) => packet.startsWith("42"))).toBe('42["last"]');
  await drained;
  expect(reasons).toEqual(Array.from({ length: 3 }, () => ["forced close", "SERVER_DRAINING"]));
  await io.close();
  await host.drained();
});

test("a process exits on SIGTERM, in any state of its clients", async () => {
  const child = spawn(process.execPath, [fileURLToPath(new URL("sigterm-child.mjs", import.meta.url))]);
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  const port = Number(line.toString());
  const nowhere = await RawWebSocket.connect({ port });
  const silent = await RawWebSocket.connect({ port, answersClose: false });
  const stalled = await join(port);
  stalled.stream.pause();
  const abandoned = await RawPolling.open({ port });
  await abandoned.post("40");
  const waiting = await RawPolling.open({ port });
  const poll = waiting.beginPoll();
  // The server is another process: once it has a later request, it has the poll too.
  await waiting.post("40");
  const exit = once(child, "exit");
  child.kill("SIGTERM");
  expect(await within(exit, "the process to end")).toEqual([0, null]);
  expect((await nowhere.ended()).code).toBe(1012);
  await poll.reply.catch(() => undefined);
  silent.cut();
  stalled.cut();
});

test.each(Object.entries(CLIENTS))(
  "a client that polls is moved away like any other: %s",
  async (_version, connect) => {
    const { io, host, port } = await start({ retryAfter: 700, allowEIO3: true });
    const client = connect(`http://127.0.0.1:${port}`, { transports: ["polling"] });
    await nextEvent(client, "connect");
    const left = nextEvent(client, "disconnect");
    await io.drain({ deadline: 500 });
    expect((await left)[0]).toBe("transport close");
    await io.close();
    await host.drained();
  },
);

test.each([null, undefined, 5, "soon"])("io.drain(%j) waits as long as by default", async (odd) => {
  const { io } = await start();
  await io.drain(odd as never);
  await io.close();
});
