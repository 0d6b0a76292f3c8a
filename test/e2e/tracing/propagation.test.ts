/*
 * Trace contexts on the wire: what stands before a message, and that clients without them notice nothing.
 */
import { Server, type Socket } from "@portage/server";
import { type Instrumentation, type InstrumentOptions, instrument } from "@portage/server/otel";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ask, CLIENTS, WAYS } from "../../support/clients.ts";
import { RawPolling } from "../../support/raw/polling.ts";
import { RawWebSocket } from "../../support/raw/websocket.ts";
import { Host } from "../../support/servers/host.ts";
import { nextEvent } from "../../support/waiting.ts";
import { linksOf, Recorder } from "../../unit/otel/spans.ts";

const spanId = (n: number): string => `b7ad6b716920333${n}`;
const traced = (n: number): string => `600-0af7651916cd43dd8448eb211c80319c-${spanId(n)}-01`;
const event = (n: number): string => `42["number",${n}]`;

let recorder: Recorder;
let host: Host;
let io: Server;
let tracing: Instrumentation;

beforeEach(() => {
  recorder = new Recorder();
});

afterEach(async () => {
  await io.close();
  await host.drained();
  tracing.stop();
  recorder.stop();
});

async function start(options: InstrumentOptions = { propagate: true }): Promise<void> {
  host = new Host();
  io = new Server(host.http, { allowEIO3: true });
  tracing = instrument(io, { traces: recorder.provider, metrics: false, ...options });
  await host.listen();
}

/** The numbers that arrived, each with the trace contexts of clients that its span is linked to. */
async function arrived(socket: Socket, count: number): Promise<[number, string[]][]> {
  const numbers: number[] = [];
  await new Promise<void>((resolve) => {
    socket.on("number", (n: number) => {
      numbers.push(n);
      if (numbers.length === count) setImmediate(resolve);
    });
  });
  const spans = recorder.named("process / number");
  return numbers.map((n, index) => [n, linksOf(spans[index]!).slice(1)]);
}

const expected = [1, 2, 3, 4].map((n) => [n, n % 2 === 1 ? [spanId(n)] : []]);

describe("contexts of a client reach the events behind them", () => {
  test("over polling", async () => {
    await start();
    const connection = nextEvent<[Socket]>(io, "connection");
    const client = await RawPolling.open({ port: host.port });
    expect(client.handshake).toMatchObject({ trace: 1 });
    await client.post("40");
    await client.poll();
    const seen = arrived((await connection)[0], 4);
    await client.post(traced(1), event(1), event(2), traced(3));
    await client.post(event(3), event(4));
    expect(await seen).toEqual(expected);
  });

  test("over WebSocket", async () => {
    await start();
    const connection = nextEvent<[Socket]>(io, "connection");
    const client = await RawWebSocket.connect({ port: host.port });
    client.send("40");
    const seen = arrived((await connection)[0], 4);
    for (const packet of [traced(1), event(1), event(2), traced(3), event(3), event(4)]) client.send(packet);
    expect(await seen).toEqual(expected);
    client.stream.destroy();
  });

  test("with an upgrade between a context and its event", async () => {
    await start();
    const connection = nextEvent<[Socket]>(io, "connection");
    const client = await RawPolling.open({ port: host.port });
    await client.post("40");
    await client.poll();
    const seen = arrived((await connection)[0], 4);
    await client.post(traced(1), event(1), event(2), traced(3));
    const poll = client.beginPoll();
    await poll.arrived;
    const webSocket = await RawWebSocket.connect({ port: host.port, query: { sid: client.sid } });
    webSocket.send("2probe");
    expect(await webSocket.next()).toBe("3probe");
    await poll.packets;
    webSocket.send("5");
    for (const packet of [event(3), event(4)]) webSocket.send(packet);
    expect(await seen).toEqual(expected);
    webSocket.stream.destroy();
  });
});

test("a client that asks gets the context of emits to it alone, before their messages", async () => {
  await start();
  io.on("connection", (socket) => {
    socket.on("ask", () => {
      io.emit("all");
      socket.emit("answer", Buffer.from("hi"));
    });
  });
  const client = await RawWebSocket.connect({ port: host.port, query: { trace: "1" } });
  const plain = await RawWebSocket.connect({ port: host.port });
  for (const each of [client, plain]) {
    each.send("40");
    await each.until((packet) => packet.startsWith("40{"));
    each.send('42["ask"]');
    expect(await each.next()).toBe('42["all"]');
  }
  const packets = [await client.next(), await client.next(), await client.next()];
  const { traceId, spanId: id } = recorder.named("send / answer")[0]!.spanContext();
  const answer = ['451-["answer",{"_placeholder":true,"num":0}]', Buffer.from("hi")];
  expect(packets).toEqual([`600-${traceId}-${id}-01`, ...answer]);
  expect([await plain.next(), await plain.next()]).toEqual(answer);
  client.stream.destroy();
  plain.stream.destroy();
});

test("a server that does not propagate says nothing of it", async () => {
  await start({});
  const client = await RawPolling.open({ port: host.port, query: { trace: "1" } });
  expect(client.handshake).not.toHaveProperty("trace");
});

test("the end of a connection is a span with its code, linked to its start", async () => {
  await start();
  const connection = nextEvent<[Socket]>(io, "connection");
  const client = await RawWebSocket.connect({ port: host.port });
  client.send("40");
  const [socket] = await connection;
  client.send("4x");
  await nextEvent(socket, "disconnect");
  const [connect] = recorder.named("connect");
  const [end] = recorder.named("disconnect");
  expect(linksOf(end!)).toEqual([connect!.spanContext().spanId]);
  expect(end!.attributes).toMatchObject({
    "error.type": "INVALID_MESSAGE",
    "portage.close.code": "INVALID_MESSAGE",
    "portage.close.side": "client",
  });
});

describe.each(Object.entries(CLIENTS))("%s notices nothing", (_name, connect) => {
  test.each(Object.entries(WAYS))("%s", async (_way, options) => {
    await start();
    io.on("connection", (socket) => {
      socket.on("ask", (n: number, answer: (n: number) => void) => {
        socket.emit("question", n, (reply: number) => answer(reply + 1));
      });
    });
    const client = connect(host.url, options);
    client.on("question", (n: number, reply: (n: number) => void) => reply(n + 1));
    expect(await Promise.all([1, 2, 3].map((n) => ask(client, "ask", n)))).toEqual([3, 4, 5]);
    client.disconnect();
  });
});
