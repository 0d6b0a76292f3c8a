import { createServer, type Server as HttpServer } from "node:http";
import { type AddressInfo, connect as connectTcp, createServer as createTcpServer } from "node:net";
import { io as connect, type Socket as ClientSocket } from "@portage/client";
import type { CloseDetails, TransportError } from "@portage/client/engine";
import * as portage from "@portage/server";
import * as reference from "socket.io";
import * as reference30 from "socket.io-30";
import * as reference40 from "socket.io-40";
import { afterEach, describe, expect, test } from "vitest";
import { WAYS } from "../../support/clients.ts";
import { nextEvent, within } from "../../support/waiting.ts";

// Our client on servers of all versions that speak its protocol.

interface RunningServer {
  readonly io: reference.Server;
  readonly http: HttpServer;
}

type Make = (http: HttpServer) => reference.Server;

const SERVERS: Record<string, Make> = {
  // The client looks for its session this long after the server has gone, before it opens another one.
  "@portage/server": (http) => new portage.Server(http, { carry: { window: 1000 } }) as unknown as reference.Server,
  "socket.io 4.8": (http) => new reference.Server(http),
  "socket.io 4.0": (http) => new reference40.Server(http),
  "socket.io 3.1": (http) => new reference30.Server(http),
};

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (let cleanup = cleanups.pop(); cleanup; cleanup = cleanups.pop()) await cleanup();
});

async function listen(make: Make, port = 0): Promise<RunningServer> {
  const http = createServer();
  const io = make(http);
  await new Promise<void>((resolve) => http.listen(port, "127.0.0.1", resolve));
  cleanups.push(() => close({ io, http }));
  for (const name of ["/", "/chat"]) {
    io.of(name).on("connection", (socket) => {
      socket.on("echo", (...args) => (args.pop() as (...answers: unknown[]) => void)(...args));
      socket.on("ask me", (done: (answer: unknown) => void) => socket.emit("question", Buffer.from("q"), done));
      socket.on("kick me", () => socket.disconnect());
      socket.on("cut me", () => socket.conn.close());
      socket.on("count", (count: number) => {
        for (let i = 0; i < count; i++) socket.emit("number", i, i % 20 === 0 ? Buffer.from([i % 256]) : null);
      });
    });
  }
  io.of("/private").use((socket, next) => {
    const { token } = socket.handshake.auth as { token?: string };
    next(token === "secret" ? undefined : Object.assign(new Error("who are you?"), { data: { token } }));
  });
  return { io, http };
}

async function close({ io, http }: RunningServer): Promise<void> {
  const closed = new Promise((resolve) => http.once("close", resolve));
  void io.close();
  http.closeAllConnections();
  if (http.listening) await within(closed, "the server to close");
}

const urlOf = ({ http }: RunningServer): string => `http://127.0.0.1:${(http.address() as AddressInfo).port}`;

function start(server: RunningServer, options: object, namespace = ""): ClientSocket {
  const client = connect(urlOf(server) + namespace, {
    forceNew: true,
    reconnectionDelay: 10,
    reconnectionDelayMax: 20,
    ...options,
  });
  cleanups.push(() => client.disconnect());
  return client;
}

/** @returns the URL of a relay that cuts the first WebSocket when the client sends its second frame, the `5`. */
async function loseUpgradePackets(server: RunningServer): Promise<string> {
  let isFirst = true;
  const relay = createTcpServer((near) => {
    const far = connectTcp((server.http.address() as AddressInfo).port, "127.0.0.1");
    let chunks = 0;
    near.on("data", (chunk: Buffer) => {
      if (isFirst && (chunks > 0 || /upgrade: websocket/i.test(chunk.toString("latin1")))) chunks++;
      // the request, the probe, the end
      if (chunks < 3) return far.write(chunk);
      isFirst = false;
      near.resetAndDestroy();
      return far.resetAndDestroy();
    });
    far.on("data", (chunk) => near.write(chunk));
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const)
      from.on("error", () => undefined).on("close", () => to.destroy());
  });
  await new Promise<void>((resolve) => relay.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => relay.close());
  return `http://127.0.0.1:${(relay.address() as AddressInfo).port}`;
}

async function connected(server: RunningServer, options: object, namespace = ""): Promise<ClientSocket> {
  const client = start(server, options, namespace);
  await nextEvent(client, "connect");
  return client;
}

describe.each(Object.entries(SERVERS))("%s", (_name, make) => {
  describe.each(Object.entries(WAYS))("%s", (way, options) => {
    test("carries text and bytes both ways, with acknowledgements", async () => {
      const client = await connected(await listen(make), options, "/chat");
      client.on("question", (question: Buffer, answer: (value: unknown) => void) => answer({ got: question }));
      expect(await client.emitWithAck("echo", "ahoi ✓ 🚢")).toBe("ahoi ✓ 🚢");
      expect(await client.emitWithAck("echo", { bytes: [Uint8Array.of(1), 2] })).toEqual({
        bytes: [Buffer.from([1]), 2],
      });
      expect(await client.emitWithAck("ask me")).toEqual({ got: Buffer.from("q") });
      expect(await client.emitWithAck("echo", "x".repeat(200_000))).toHaveLength(200_000);
      if (way.includes("upgrade") && client.io.engine.transport.name === "polling") {
        await nextEvent(client.io.engine, "upgrade");
      }
      expect(client.io.engine.transport.name).toBe(way === "polling only" ? "polling" : "websocket");
    });

    test("loses and reorders nothing while it upgrades", async () => {
      const client = await connected(await listen(make), options);
      const numbers: number[] = [];
      const all = new Promise<void>((resolve) => {
        client.on("number", (n: number) => {
          if (numbers.push(n) === 500) resolve();
        });
      });
      client.emit("count", 500);
      const echoes = await Promise.all(Array.from({ length: 200 }, (_, i) => client.emitWithAck("echo", i)));
      await within(all, "500 numbers");
      expect(numbers).toEqual(Array.from({ length: 500 }, (_, i) => i));
      expect(echoes).toEqual(Array.from({ length: 200 }, (_, i) => i));
    });

    test("reports which side ended the connection, and reconnects where it should", async () => {
      const client = await connected(await listen(make), options);
      const kicked = nextEvent(client, "disconnect");
      client.emit("kick me");
      expect(await kicked).toEqual(["io server disconnect", undefined]);
      expect(client.active).toBe(false);
      const back = nextEvent(client, "connect");
      client.connect();
      await back;
      const [lost, again] = [nextEvent(client, "disconnect"), nextEvent(client, "connect")];
      client.emit("cut me");
      expect((await lost)[0]).toBe("transport close");
      await again;
      expect(await client.emitWithAck("echo", 1)).toBe(1);
    });
  });

  test("credentials are checked", async () => {
    const server = await listen(make);
    const refused = start(server, { auth: { token: "guess" } }, "/private");
    const [error] = await nextEvent<[Error & { data: unknown }]>(refused, "connect_error");
    expect([error.message, error.data]).toEqual(["who are you?", { token: "guess" }]);
    await connected(server, { auth: (give: (data: object) => void) => give({ token: "secret" }) }, "/private");
  });

  test("namespaces share a connection", async () => {
    const server = await listen(make);
    const main = await connected(server, {});
    const chat = main.io.socket("/chat");
    await nextEvent(chat, "connect");
    expect([await main.emitWithAck("echo", 1), await chat.emitWithAck("echo", 2)]).toEqual([1, 2]);
    expect(server.io.engine.clientsCount).toBe(1);
    main.disconnect();
    expect(await chat.emitWithAck("echo", 3)).toBe(3);
  });

  test("reconnects to a restarted server, and events emitted meanwhile arrive once", async () => {
    const server = await listen(make);
    const { port } = server.http.address() as AddressInfo;
    const client = await connected(server, { retries: 5, ackTimeout: 5000 });
    const gone = nextEvent(client, "disconnect");
    await close(server);
    await gone;
    const promises = [1, 2, 3].map((n) => client.emitWithAck("echo", n));
    await listen(make, port);
    expect(await within(Promise.all(promises), "the answers")).toEqual([1, 2, 3]);
    expect(client._queue).toEqual([]);
  });
});

describe("@portage/server", () => {
  test("restores the session of a client that was away", async () => {
    const server = await listen(
      (http) => new portage.Server(http, { connectionStateRecovery: {} }) as unknown as reference.Server,
    );
    const client = await connected(server, { transports: ["websocket"] });
    const { id } = client;
    const first = nextEvent(client, "news");
    server.io.emit("news", 1);
    await first;
    const numbers: number[] = [];
    client.on("news", (n: number) => numbers.push(n));
    const back = nextEvent(client, "connect");
    const gone = nextEvent(client, "disconnect");
    client.io.engine.close();
    await gone;
    server.io.emit("news", 2);
    server.io.emit("news", 3);
    await back;
    expect([client.recovered, client.id === id]).toEqual([true, true]);
    server.io.emit("news", 4);
    while (numbers.length < 3) await nextEvent(client, "news");
    expect(numbers).toEqual([2, 3, 4]);
  });

  test.each([["polling"], ["websocket"]])(
    "refuses with a date over %s, and the client comes back then",
    async (name) => {
      const server = await listen(
        (http) => new portage.Server(http, { maxConnections: 1, retryAfter: 300 }) as unknown as reference.Server,
      );
      const first = await connected(server, { transports: [name] });
      const second = start(server, { transports: [name], reconnectionDelay: 1, reconnectionDelayMax: 1 });
      const [error] = await nextEvent<[TransportError]>(second, "connect_error");
      expect(error).toMatchObject({ type: "TransportError", context: { status: 503 } });
      const { attempts, nextAttemptAt = 0 } = second.io.diagnosis;
      expect(attempts).toMatchObject([
        { transport: name, outcome: "failed", failure: { status: 503, said: expect.stringMatching(/connections/) } },
      ]);
      expect(nextAttemptAt - Date.now()).toBeGreaterThan(200);
      first.disconnect();
      await nextEvent(second, "connect");
    },
  );

  test("loses `5` with its WebSocket: the client reports it, and reconnects at once with the missed events", async () => {
    const server = await listen(
      (http) => new portage.Server(http, { connectionStateRecovery: {} }) as unknown as reference.Server,
    );
    const relay = await loseUpgradePackets(server);
    const client = connect(relay, { forceNew: true, reconnectionDelay: 10, reconnectionDelayMax: 20, carry: false });
    cleanups.push(() => client.disconnect());
    const news: unknown[] = [];
    client.on("news", (n: number) => news.push(n));
    const [reason, details] = await nextEvent<[string, CloseDetails]>(client, "disconnect");
    expect([reason, details.description]).toEqual(["transport close", "websocket connection closed"]);
    const { attempts, closed } = client.io.diagnosis;
    expect(attempts).toMatchObject([{ outcome: "opened" }, { transport: "websocket", outcome: "upgraded" }]);
    expect(closed).toMatchObject({ reason: "transport close", failure: { closeCode: 1006 } });
    // the server still waits for polls of the session that the client has given up
    server.io.emit("news", 1);
    await nextEvent(client, "connect");
    expect([client.recovered, news]).toEqual([true, [1]]);
  });
});
