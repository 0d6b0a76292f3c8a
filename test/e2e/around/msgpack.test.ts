import { io as connectClient, type Socket as ClientSocket } from "socket.io-client";
import parser from "socket.io-msgpack-parser";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Running, serve } from "../../support/servers/host.ts";
import { RawWebSocket } from "../../support/raw/websocket.ts";
import { subject } from "../../support/targets.ts";
import { nextEvent } from "../../support/waiting.ts";

// socket.io-msgpack-parser on both ends: each packet is one Buffer, attachments included.

let running: Running;
const clients: ClientSocket[] = [];

beforeEach(async () => {
  running = await serve(subject, { parser });
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.disconnect();
  await running.stop();
});

function connect(path: string, options: object): ClientSocket {
  const client = connectClient(running.url + path, { forceNew: true, reconnection: false, parser, ...options });
  clients.push(client);
  return client;
}

describe.each([["polling"], ["websocket"]])("by %s", (transport) => {
  const options = { transports: [transport] };

  test("events, acknowledgements and bytes go both ways", async () => {
    running.io.on("connection", (socket) => socket.on("echo", (...args) => args.pop()(...args)));
    const client = connect("/", options);
    const value = { text: "hellö", bytes: Buffer.from([0, 1, 255]), nested: [{ deep: Buffer.from("x") }], none: null };
    expect(await client.emitWithAck("echo", value)).toEqual(value);
    const asked = nextEvent<[number, (answer: unknown) => void]>(client, "ask");
    const answer = running.io.timeout(5000).emitWithAck("ask", 1);
    const [question, reply] = await asked;
    reply({ question, bytes: Buffer.from("!") });
    expect(await answer).toEqual([{ question: 1, bytes: Buffer.from("!") }]);
  });

  test("rooms, namespaces and refusals work", async () => {
    running.io.of("/closed").use((_socket, next) => next(new Error("not today")));
    running.io.of("/open").on("connection", (socket) => void socket.join("room"));
    const [error] = await nextEvent<[Error]>(connect("/closed", options), "connect_error");
    expect(error.message).toBe("not today");
    const client = connect("/open", options);
    await nextEvent(client, "connect");
    const heard = nextEvent(client, "news");
    running.io.of("/open").to("room").emit("news", Buffer.from("bytes"), { a: 1 });
    expect(await heard).toEqual([Buffer.from("bytes"), { a: 1 }]);
  });
});

test("a malformed packet closes the connection, and nothing else", async () => {
  const socket = await RawWebSocket.connect({ port: running.port, path: "/socket.io/" });
  socket.send(Buffer.from([0xc1, 0xff]));
  await socket.closed;
  const client = connect("/", { transports: ["websocket"] });
  await nextEvent(client, "connect");
});
