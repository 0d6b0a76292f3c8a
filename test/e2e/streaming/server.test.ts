/*
 * Streamed polls on the wire: clients written by hand read the answer as it comes.
 */
import type { Server as HttpServer } from "node:http";
import { createSecureServer } from "node:http2";
import { afterEach, describe, expect, test } from "vitest";
import { Server, type ServerOptions, type Socket } from "@portage/server";
import { TEST_CERTIFICATE, TEST_KEY } from "../../support/servers/certificate.ts";
import { data, RawHttp2 } from "../../support/raw/http2.ts";
import { RawPolling } from "../../support/raw/polling.ts";
import { StreamedCall } from "../../support/raw/streamed.ts";
import { RawWebSocket } from "../../support/raw/websocket.ts";
import { Host } from "../../support/servers/host.ts";
import { nextEvent, turn } from "../../support/waiting.ts";

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (let cleanup = cleanups.pop(); cleanup; cleanup = cleanups.pop()) await cleanup();
});

async function start(options: Partial<ServerOptions> = {}, http?: HttpServer) {
  const host = new Host(http);
  const io = new Server(host.http, options);
  await host.listen();
  cleanups.push(async () => {
    await io.close();
    await host.drained();
  });
  return { io, port: host.port };
}

/** A polling client that has joined the main namespace, and its socket at the server. */
async function join(io: Server, port: number, query: Record<string, string> = {}) {
  const connection = nextEvent<[Socket]>(io, "connection");
  const client = await RawPolling.open({ port, query });
  await client.post("40");
  await client.until((packet) => packet.startsWith("40{"));
  const [socket] = await connection;
  const stream = (prelude = 1, isReading = true) => new StreamedCall(port, client.path, prelude, isReading);
  return { client, socket, stream };
}

test("carries many messages in one answer, each as it is sent", async () => {
  const { io, port } = await start();
  const { client, socket, stream } = await join(io, port);
  const answer = stream(2048);
  const { headers } = await answer.response;
  expect(headers["content-type"]).toBe("text/event-stream; charset=utf-8");
  expect([headers["x-accel-buffering"], headers["content-encoding"]]).toEqual(["no", undefined]);
  for (let index = 0; index < 100; index++) {
    socket.emit("n", index, "line\r\nbreak");
    expect(await answer.next()).toBe(`42["n",${index},"line\\r\\nbreak"]`);
  }
  expect(answer.prelude).toBe(2048);
  socket.emit("bytes", Buffer.from([1, 2]));
  expect(await answer.next()).toBe('451-["bytes",{"_placeholder":true,"num":0}]');
  expect(await answer.next()).toBe("bAQI=");
  socket.conn.send("two\nlines");
  expect(await answer.next()).toBe("4two\nlines");
  expect((await client.post("3")).text).toBe("ok 103");
});

test("ends with a ping, and the next one follows", async () => {
  const { io, port } = await start();
  const { socket, stream } = await join(io, port);
  const answer = stream();
  await answer.response;
  socket.conn.sendPacket("ping");
  expect(await answer.rest()).toEqual(["2", "end"]);
  socket.emit("late");
  const next = stream();
  expect(await next.next()).toBe('42["late"]');
});

test.each([
  ["io.close()", (io: Server) => void io.close(), "1"],
  ["io.drain()", (io: Server) => void io.drain(), "11012 SERVER_DRAINING retry-after=5000"],
  ["socket.disconnect(true)", (io: Server) => io.disconnectSockets(true), "1"],
])("ends with the close packet of %s", async (_what, close, expected) => {
  const { io, port } = await start();
  const { stream } = await join(io, port, expected === "1" ? {} : { reasons: "1" });
  const answer = stream();
  await answer.response;
  close(io);
  const packets = await answer.rest();
  expect(packets.slice(-2)).toEqual([expected, "end"]);
});

test("ends for an upgrade, and loses nothing while it is busy", async () => {
  const { io, port } = await start();
  const { client, socket, stream } = await join(io, port);
  const answer = stream();
  await answer.response;
  let sent = 0;
  const feed = setInterval(() => socket.emit("n", sent++), 1);
  cleanups.push(() => clearInterval(feed));
  await answer.next();
  const candidate = await RawWebSocket.connect({ port, sid: client.sid });
  candidate.send("2probe");
  expect(await candidate.next()).toBe("3probe");
  const before = await answer.rest();
  expect(before.slice(-2)).toEqual(["6", "end"]);
  candidate.send("5");
  const after = await candidate.next();
  const last = before.length > 2 ? before.at(-3) : '42["n",0]';
  const numberOf = (packet: unknown) => Number(/\d+(?=]$)/.exec(String(packet))?.[0]);
  expect(numberOf(after)).toBe(numberOf(last) + 1);
});

test("that breaks leaves the session adrift, and the return carries what was lost", async () => {
  const { io, port } = await start();
  const { client, socket, stream } = await join(io, port, { carry: "1" });
  const { sid, handshake } = client;
  const answer = stream();
  await answer.response;
  socket.emit("a");
  expect(await answer.next()).toMatch(/^6|42\["a"\]/);
  answer.abort();
  while (io.stats().sessions.adrift === 0) await turn();
  socket.emit("b");
  const { key } = (handshake as unknown as { carry: { key: string } }).carry;
  const returning = new RawPolling({ port, query: { carry: "1", key, turn: "1" } });
  returning.sid = sid;
  const packets = await returning.poll();
  expect(packets).toEqual(["61", '42["a"]', '42["b"]']);
  expect(socket.connected).toBe(true);
});

test("to a client that does not read is bounded, and the session of the client ends", async () => {
  const limits = { soft: 100_000, hard: 200_000, burst: 1_000_000 };
  const { io, port } = await start({ slowReader: limits });
  const { socket, stream } = await join(io, port);
  const answer = stream(1, false);
  await answer.response;
  const ended = nextEvent<[string]>(socket, "disconnect");
  let most = 0;
  const feed = setInterval(() => {
    for (let index = 0; index < 20; index++) socket.emit("large", "x".repeat(50_000));
    most = Math.max(most, socket.conn.bufferedBytes);
  }, 5);
  cleanups.push(() => clearInterval(feed));
  expect((await ended)[0]).toBe("transport error");
  expect(socket.conn.closeReason?.code).toBe("SLOW_READER");
  expect(most).toBeLessThan(4_000_000);
  answer.abort();
});

describe("over HTTP/2", () => {
  test("an answer goes on until the ping", async () => {
    const http = createSecureServer({ key: TEST_KEY, cert: TEST_CERTIFICATE, allowHTTP1: true });
    const { io, port } = await start({}, http as unknown as HttpServer);
    const raw = await RawHttp2.open(port);
    cleanups.push(() => raw.tls.destroy());
    const path = "/socket.io/?EIO=4&transport=polling";
    const { sid } = JSON.parse((await raw.get(path)).slice(1)) as { sid: string };
    const connection = nextEvent<[Socket]>(io, "connection");
    const post = raw.open("POST", `${path}&sid=${sid}`);
    raw.write(post.bytes, data(post.id, "40", true));
    const [socket] = await connection;
    const { id, bytes } = raw.open("GET", `${path}&sid=${sid}&stream=1`, { accept: "text/event-stream" });
    const before = raw.received;
    raw.write(bytes);
    await raw.until(() => raw.received > before, "the first event");
    const first = raw.received;
    socket.emit("a");
    await raw.until(() => raw.received > first, "the next event");
    socket.conn.sendPacket("ping");
    expect((await raw.answer(id)).text).toMatch(/^:\n\ndata: 40\{.*\}\n\ndata: 42\["a"\]\n\ndata: 2\n\n$/);
  });
});
