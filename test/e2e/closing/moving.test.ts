import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { Server, type Socket } from "@portage/server";
import { CLIENTS } from "../../support/clients.ts";
import { closeBody, frame, OPCODE } from "../../support/raw/frames.ts";
import { call } from "../../support/raw/http.ts";
import { RawPolling } from "../../support/raw/polling.ts";
import { RawWebSocket } from "../../support/raw/websocket.ts";
import { Host } from "../../support/servers/host.ts";
import { nextEvent } from "../../support/waiting.ts";

/** A server that notes what its sockets receive, and their ends. */
async function start() {
  const host = new Host();
  const io = new Server(host.http, { allowEIO3: true });
  const heard: unknown[] = [];
  io.on("connection", (socket: Socket) => {
    socket.onAny((name, ...args: unknown[]) => heard.push([name, ...args]));
    socket.on("disconnect", (reason) => heard.push([reason, socket.closeReason?.code]));
  });
  await host.listen();
  return { io, host, heard, port: host.port };
}

const LEFT = ["forced close", "SERVER_DRAINING"];

test("what a WebSocket sends before it reads the close frame is delivered, then it is disconnected", async () => {
  const { io, host, heard, port } = await start();
  const client = await RawWebSocket.connect({ port, answersClose: false });
  client.send("40");
  await client.until((packet) => packet.startsWith("40{"));
  const drained = io.drain();
  // The close frame has been written, and the client has not read it yet.
  for (let n = 1; n <= 3; n++) client.send(`42["sent",${n}]`);
  client.stream.write(frame({ opcode: OPCODE.close, payload: closeBody(1012) }));
  await drained;
  expect(heard).toEqual([["sent", 1], ["sent", 2], ["sent", 3], LEFT]);
  client.cut();
  await io.close();
  await host.drained();
});

test("a WebSocket that never answers the close frame is cut after a second", async () => {
  const { io, host, heard, port } = await start();
  const client = await RawWebSocket.connect({ port, answersClose: false });
  client.send("40");
  await client.until((packet) => packet.startsWith("40{"));
  await io.drain();
  expect(heard).toEqual([LEFT]);
  client.cut();
  await io.close();
  await host.drained();
});

test("a POST that was on its way when the close packet left is delivered and answered", async () => {
  const { io, host, heard, port } = await start();
  const client = await RawPolling.open({ port });
  await client.post("40");
  await client.until((packet) => packet.startsWith("40{"));
  const poll = client.beginPoll();
  await poll.arrived;
  const drained = io.drain();
  expect(await poll.packets).toEqual(["1"]);
  const reply = await call({ port, method: "POST", path: client.path, body: '42["sent",1]\u001e42["sent",2]' });
  expect(reply).toMatchObject({ status: 200, text: "ok" });
  // A client that has not read the first answer yet polls again.
  expect(await client.poll()).toEqual(["1"]);
  await drained;
  expect(heard).toEqual([["sent", 1], ["sent", 2], LEFT]);
  await io.close();
  await host.drained();
});

test("a POST that is being read when the drain begins is delivered", async () => {
  const { io, host, heard, port } = await start();
  const client = await RawPolling.open({ port });
  await client.post("40");
  await client.until((packet) => packet.startsWith("40{"));
  const arrived = new Promise<void>((resolve) => io.engine.use((_req, _res, next) => (next(), setImmediate(resolve))));
  const body = '42["sent",1]';
  const post = connect({ port, host: "127.0.0.1" });
  post.write(`POST ${client.path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n`);
  await arrived;
  const drained = io.drain();
  post.write(body);
  expect(await text(post)).toMatch(/^HTTP\/1.1 200 .*ok$/s);
  expect(await client.poll()).toEqual(["1"]);
  await drained;
  expect(heard).toEqual([["sent", 1], LEFT]);
  await io.close();
  await host.drained();
});

test.each(
  Object.entries(CLIENTS).flatMap(([version, open]) =>
    ["polling", "websocket"].map((transport) => [version, transport, open] as const),
  ),
)("%s over %s: what it sends while it is moved away arrives", async (_version, transport, open) => {
  const { io, host, heard, port } = await start();
  const client = open(`http://127.0.0.1:${port}`, { transports: [transport], reconnection: false });
  await nextEvent(client, "connect");
  // What the engine has not taken yet would stay with the client.
  const { engine } = client.io as { engine: { writeBuffer: unknown[] } & Parameters<typeof nextEvent>[0] };
  if (engine.writeBuffer.length > 0) await nextEvent(engine, "drain");
  const left = nextEvent(client, "disconnect");
  const drained = io.drain({ deadline: 5000 });
  // The client hears of it in a later turn at the earliest.
  client.emit("sent", 1);
  await left;
  await drained;
  expect(heard).toEqual([["sent", 1], LEFT]);
  await io.close();
  await host.drained();
});
