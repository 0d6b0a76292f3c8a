/*
 * Polling of our client, whose answers go on: at servers that know how, at others, and behind proxies.
 */
import { type ManagerOptions, io as connect, type Socket as ClientSocket } from "@portage/client";
import { Server, type ServerOptions, type Socket } from "@portage/server";
import * as reference from "socket.io";
import { afterEach, describe, expect, test } from "vitest";
import { type Holding, HoldingProxy } from "../../support/scripted/holding-proxy.ts";
import { Host } from "../../support/servers/host.ts";
import { findProxy } from "../../support/servers/real-proxies.ts";
import { nextEvent, turn, within } from "../../support/waiting.ts";

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (let cleanup = cleanups.pop(); cleanup; cleanup = cleanups.pop()) await cleanup();
});

async function start(options: Partial<ServerOptions> = {}, Kind: typeof Server = Server) {
  const host = new Host();
  const io = new Kind(host.http, options);
  await host.listen();
  cleanups.push(() => {
    host.http.closeAllConnections();
    return io.close();
  });
  return { io, port: host.port };
}

/** A proxy in front of a server. Without a function, everything passes at once. */
async function behind(port: number, holding: Holding = (received) => received) {
  const proxy = new HoldingProxy(port, holding);
  const url = await proxy.listen();
  cleanups.push(() => proxy.stop());
  return { proxy, url };
}

/** A client of the main namespace, and its socket at the server. */
async function join(io: Server, url: string, options: Partial<ManagerOptions> = {}) {
  const connection = nextEvent<[Socket]>(io, "connection");
  const client: ClientSocket = connect(url, { transports: ["polling"], forceNew: true, ...options });
  cleanups.push(() => client.disconnect());
  const heard: number[] = [];
  const ends: string[] = [];
  client.on("n", (n: number) => heard.push(n));
  client.on("disconnect", (reason) => ends.push(reason));
  const [socket] = await connection;
  await until(() => client.connected, "the client");
  return { client, socket, heard, ends };
}

async function until(isSo: () => boolean, what: string): Promise<void> {
  const wait = async (): Promise<void> => {
    while (!isSo()) await turn();
  };
  await within(wait(), what);
}

/** Emits numbers one by one, as the client hears them. */
async function dictate(socket: Socket, heard: number[], count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    const { length } = heard;
    socket.emit("n", length);
    await until(() => heard.length > length, `message ${length}`);
  }
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

describe("a client on polling", () => {
  test("receives a hundred messages with two requests", async () => {
    const { io, port } = await start();
    const { proxy, url } = await behind(port);
    const { socket, heard } = await join(io, url);
    await dictate(socket, heard, 100);
    expect(heard).toEqual(numbers(100));
    expect(proxy.polls).toHaveLength(2);
    expect(proxy.polls[1]).toContain("stream=2049");
  });

  test("asks for a short comment once a stream has come", async () => {
    const { io, port } = await start({ pingInterval: 50 });
    const { proxy, url } = await behind(port);
    await join(io, url);
    await until(() => proxy.polls.length > 3, "the next polls");
    expect(proxy.polls.slice(2).every((line) => line.endsWith("stream=1"))).toBe(true);
  });

  test("hears text, bytes, line breaks and large messages in order", async () => {
    const { io, port } = await start();
    const { client, socket } = await join(io, `http://127.0.0.1:${port}`);
    const values = ["a\r\nb\u2028c", Buffer.from([1, 2, 3]), "é".repeat(700_000), "last"];
    const all: unknown[] = [];
    client.on("value", (value) => all.push(value));
    for (const value of values) socket.emit("value", value);
    await until(() => all.length === values.length, "all values");
    expect(all).toEqual(values);
  });

  test("hears that the server has disconnected it, though the close packet comes with that", async () => {
    const { io, port } = await start();
    const { socket, ends, heard } = await join(io, `http://127.0.0.1:${port}`);
    await dictate(socket, heard, 1);
    socket.disconnect(true);
    await until(() => ends.length > 0, "the end");
    expect(ends).toEqual(["io server disconnect"]);
  });

  test.each([
    ["the client's stream: false", {}, { stream: false }],
    ["the server's streaming: false", { streaming: false }, {}],
    ["the server's carry: false", { carry: false }, {}],
  ])("polls as ever with %s", async (_what, serverOptions, clientOptions) => {
    const { io, port } = await start(serverOptions);
    const { proxy, url } = await behind(port);
    const { socket, heard } = await join(io, url, clientOptions);
    await dictate(socket, heard, 20);
    expect(proxy.polls.length).toBeGreaterThan(20);
    expect(proxy.polls.slice(3).filter((line) => line.includes("stream="))).toEqual([]);
  });

  test("works with socket.io, which it asks for nothing", async () => {
    const { io, port } = await start({}, reference.Server as unknown as typeof Server);
    const { proxy, url } = await behind(port);
    const { socket, heard, client } = await join(io, url);
    socket.on("echo", (value: unknown, done: (value: unknown) => void) => done(value));
    await dictate(socket, heard, 20);
    expect(await client.emitWithAck("echo", "x")).toBe("x");
    expect(proxy.requests.filter((line) => line.includes("stream="))).toEqual([]);
  });

  test("is upgraded in the middle of a stream, and misses nothing", async () => {
    const { io, port } = await start();
    const { client, socket, heard } = await join(io, `http://127.0.0.1:${port}`, {
      transports: ["polling", "websocket"],
    });
    let sent = 0;
    const feed = setInterval(() => socket.emit("n", sent++), 1);
    cleanups.push(() => clearInterval(feed));
    await until(() => client.io.engine.transport.name === "websocket", "the upgrade");
    await until(() => heard.length > 50, "messages");
    expect(heard).toEqual(numbers(heard.length));
  });
});

describe("a stream that breaks", () => {
  test("costs no message and no disconnect, and plain polls follow", async () => {
    const { io, port } = await start();
    const { proxy, url } = await behind(port);
    const { socket, heard, ends } = await join(io, url);
    await dictate(socket, heard, 5);
    proxy.cutAnswers();
    for (let index = 5; index < 30; index++) socket.emit("n", index);
    await until(() => heard.length >= 30, "all messages");
    await dictate(socket, heard, 5);
    expect(heard).toEqual(numbers(35));
    expect(ends).toEqual([]);
    expect(proxy.polls.filter((line) => line.includes("stream="))).toHaveLength(1);
  });
});

test("twenty streams that break at different moments lose and double nothing, either way", async () => {
  const { io, port } = await start();
  const sessions: (Awaited<ReturnType<typeof join>> & { readonly proxy: HoldingProxy })[] = [];
  for (let index = 0; index < 20; index++) {
    const { proxy, url } = await behind(port);
    sessions.push({ ...(await join(io, url)), proxy });
  }
  const breakStream = async ({ proxy, client, socket, heard, ends }: (typeof sessions)[number], moment: number) => {
    const up: number[] = [];
    socket.on("up", (n: number) => up.push(n));
    for (let n = 0; n < 40; n++) {
      // several packets in a piece of the answer, and a POST on its way
      for (let part = 0; part < 10; part++) socket.emit("n", n * 10 + part, "x".repeat(moment * 100));
      client.emit("up", n);
      if (n === moment) proxy.cutAnswers();
      await turn();
    }
    await until(() => heard.length >= 400 && up.length >= 40, "all messages");
    expect([heard, up, ends]).toEqual([numbers(400), numbers(40), []]);
  };
  await Promise.all(sessions.map(breakStream));
});

describe("behind a proxy that", () => {
  test.each<[string, Holding]>([
    ["passes whole answers only", () => 0],
    ["passes blocks of 4 KiB", (received) => received - (received % 4096)],
    ["passes blocks of 1 KiB", (received) => received - (received % 1024)],
    ["holds back what follows the first KiB", () => 1024],
  ])("%s, the client polls as usual within a moment", async (_what, holding) => {
    const { io, port } = await start();
    const { proxy, url } = await behind(port, holding);
    const { socket, heard, ends } = await join(io, url);
    const before = performance.now();
    await dictate(socket, heard, 20);
    expect(heard).toEqual(numbers(20));
    expect(performance.now() - before).toBeLessThan(3000);
    expect(proxy.polls.filter((line) => line.includes("stream="))).toHaveLength(1);
    expect(ends).toEqual([]);
  });

  test("begins to hold answers back is found out by the answer to a POST", async () => {
    let isHolding = false;
    let passed = 0;
    const { io, port } = await start();
    const { proxy, url } = await behind(port, (received) => {
      if (!isHolding) passed = Math.max(passed, received);
      return isHolding ? passed : received;
    });
    const { client, socket, heard } = await join(io, url);
    socket.on("echo", (value: unknown, done: (value: unknown) => void) => done(value));
    await dictate(socket, heard, 5);
    isHolding = true;
    // the answer to this POST may leave before the acknowledgement
    const answers: unknown[] = [];
    client.emit("echo", 1, (value: unknown) => answers.push(value));
    await turn();
    client.emit("echo", 2, (value: unknown) => answers.push(value));
    await until(() => answers.length === 2, "the acknowledgements");
    expect(answers).toEqual([1, 2]);
    expect(proxy.polls.filter((line) => line.includes("stream="))).toHaveLength(1);
  });
});

const PROXIES = {
  nginx: (front: number, port: number) => `
daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr notice;
events {}
http {
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  server { listen 127.0.0.1:${front}; location / { proxy_pass http://127.0.0.1:${port}; } }
}`,
  haproxy: (front: number, port: number) => `
global
defaults
  mode http
  timeout connect 1s
  timeout client 30s
  timeout server 30s
frontend front
  bind 127.0.0.1:${front}
  default_backend up
backend up
  option http-no-delay
  server a 127.0.0.1:${port}
`,
};

describe.each(["nginx", "haproxy"] as const)("%s", async (name) => {
  const program = await findProxy(name);

  test.skipIf(!program)("passes a stream as it comes", async () => {
    const { io, port } = await start();
    const { proxy, url } = await behind(port);
    const real = await program!.start((front) => PROXIES[name](front, Number(new URL(url).port)));
    cleanups.push(() => real.stop());
    const { socket, heard } = await join(io, real.url);
    await dictate(socket, heard, 60);
    expect(heard).toEqual(numbers(60));
    expect(proxy.polls.filter((line) => line.includes("stream=2049"))).toHaveLength(1);
    expect(proxy.polls).toHaveLength(2);
  });
});
