import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer, type Server as HttpServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Socket } from "socket.io";
import { io as connectClient, type Socket as ClientSocket } from "socket.io-client";
import { describe, expect, test } from "vitest";
import { serve } from "../../support/servers/host.ts";
import { RawPolling } from "../../support/raw/polling.ts";
import { RawWebSocket } from "../../support/raw/websocket.ts";
import { subject } from "../../support/targets.ts";
import { nextEvent, within } from "../../support/waiting.ts";

test("a process exits after its server is closed", async () => {
  const script = fileURLToPath(new URL("closing-child.mjs", import.meta.url));
  const name = subject.name === "portage" ? "@portage/server" : "socket.io";
  const { stdout } = await promisify(execFile)(process.execPath, [script, name], { timeout: 10_000 });
  expect(JSON.parse(stdout)).toEqual(
    Array.from({ length: 4 }, () => expect.stringMatching(/^(transport close|io server disconnect)$/)),
  );
});

test("closing with a session at every stage of its life", async () => {
  const running = await serve(subject);
  const { port } = running;
  const reasons: string[] = [];
  running.io.on("connection", (socket) => socket.on("disconnect", (reason) => reasons.push(reason)));

  const waiting = await RawPolling.open({ port });
  await waiting.post("40");
  await waiting.next();
  const poll = waiting.beginPoll();
  await poll.arrived;
  const idle = await RawPolling.open({ port });
  const joined = await RawWebSocket.connect({ port });
  joined.send("40");
  await joined.until((packet) => packet.startsWith("40"));
  const fresh = await RawWebSocket.connect({ port });
  const upgrading = await RawPolling.open({ port });
  const candidate = await RawWebSocket.connect({ port, sid: upgrading.sid });
  candidate.send("2probe");
  await candidate.until((packet) => packet === "3probe");

  await running.stop();
  expect(reasons).toEqual(["server shutting down", "server shutting down"]);
  await poll.reply.catch(() => undefined);
  await Promise.all([joined.ended(), fresh.ended(), candidate.ended()]);
  await expect(idle.poll()).rejects.toThrow(/ECONNREFUSED/);
});

test("closing does not wait for a peer that never answers a close frame", async () => {
  const running = await serve(subject);
  const silent = await RawWebSocket.connect({ port: running.port, answersClose: false });
  await silent.next();
  await running.stop();
  silent.cut();
});

test.runIf(subject.name === "portage")("closing does not wait for a silent connection", async () => {
  const running = await serve(subject);
  const spare = connect(running.port, "127.0.0.1");
  await once(spare, "connect");
  // The server has taken the connection by the time it answers another one.
  await RawPolling.open({ port: running.port });
  const ended = once(spare, "close");
  await running.stop();
  await ended;
});

test("events emitted before a disconnect arrive before it, over both transports", async () => {
  const running = await serve(subject);
  running.io.on("connection", (socket: Socket) => {
    for (let index = 0; index < 200; index++) socket.emit("number", index);
    socket.disconnect(true);
  });
  const polling = await RawPolling.open({ port: running.port });
  const websocket = await RawWebSocket.connect({ port: running.port });
  websocket.send("40");
  await polling.post("40");
  for (const client of [polling, websocket]) {
    for (let index = 0; index < 200; index++) {
      await client.until((packet) => packet === `42["number",${index}]`);
    }
    await client.until((packet) => packet === "41");
  }
  await websocket.ended();
  await running.stop();
});

test("closing twice, and closing a server that never listened", async () => {
  const running = await serve(subject);
  await running.stop();
  let error: unknown = "not called";
  await within(Promise.resolve(running.io.close((given) => (error = given))), "a second close");
  expect(error).toMatchObject({ code: "ERR_SERVER_NOT_RUNNING" });
});

test("a client reconnects to a new server on the same port after the close", async () => {
  const first = await serve(subject);
  const { io: connect } = await import("socket.io-client");
  const client = connect(first.url, {
    forceNew: true,
    reconnectionDelay: 5,
    reconnectionDelayMax: 5,
    randomizationFactor: 0,
  });
  await nextEvent(client, "connect");
  if (client.io.engine.transport.name === "polling") await nextEvent(client.io.engine, "upgrade");
  const { port } = first;
  const gone = nextEvent(client, "disconnect");
  await first.stop();
  expect((await gone)[0]).toBe("transport close");
  const second = new subject.socketio.Server(port, { serveClient: false });
  await nextEvent(client, "connect");
  client.disconnect();
  await second.close();
});

describe("a server that was closed", () => {
  const connectTo = (url: string, transport: string): ClientSocket =>
    connectClient(url, { transports: [transport], forceNew: true, reconnection: false });
  const listening = (http: HttpServer): Promise<void> =>
    new Promise((resolve) => http.listen(0, "127.0.0.1", () => resolve()));

  test.each([["polling"], ["websocket"]])("may be attached to the same HTTP server again, %s", async (transport) => {
    const http = createServer((_req, res) => res.end("the program's own"));
    const io = new subject.socketio.Server(http);
    io.on("connection", (socket) => socket.on("echo", (value, answer) => answer(value)));
    for (let round = 0; round < 3; round++) {
      if (round > 0) io.attach(http);
      await listening(http);
      const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
      const client = connectTo(url, transport);
      await nextEvent(client, "connect");
      expect(await client.emitWithAck("echo", round)).toBe(round);
      expect(io.engine.clientsCount).toBe(1);
      expect(await (await fetch(`${url}/other`, { headers: { connection: "close" } })).text()).toBe(
        "the program's own",
      );
      const gone = nextEvent(client, "disconnect");
      await io.close();
      await gone;
    }
  });

  test.each([["polling"], ["websocket"]])("works again when its HTTP server listens again, %s", async (transport) => {
    const http = createServer();
    const io = new subject.socketio.Server(http);
    await listening(http);
    await io.close();
    await listening(http);
    const client = connectTo(`http://127.0.0.1:${(http.address() as AddressInfo).port}`, transport);
    await nextEvent(client, "connect");
    client.disconnect();
    await new Promise((resolve) => {
      http.close(resolve);
      http.closeAllConnections();
    });
  });
});
