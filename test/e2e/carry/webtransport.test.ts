/*
 * A session whose WebTransport dies goes on: over polling, a WebSocket, or another session of WebTransport.
 */
import { Fetch, io as connect, NodeWebSocket as WebSocket } from "@portage/client";
import { WebTransport } from "@portage/client/webtransport";
import { Server, type ServerOptions, type Socket } from "@portage/server";
import { io as connectReference } from "socket.io-client";
import { afterEach, describe, expect, test, vi } from "vitest";
import { platformClass, type SessionPair } from "../../support/peers/webtransport.ts";
import { Random } from "../../support/random.ts";
import { Host } from "../../support/servers/host.ts";
import { nextEvent, turn, within } from "../../support/waiting.ts";

type Client = ReturnType<typeof connect>;
type Classes = (typeof Fetch | typeof WebSocket | typeof WebTransport)[];

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  vi.unstubAllGlobals();
  for (let cleanup = cleanups.pop(); cleanup; cleanup = cleanups.pop()) await cleanup();
});

/** A server whose sessions of WebTransport are in memory. */
class Bank {
  readonly io: Server;
  readonly host = new Host();
  /** Opened by clients. */
  readonly sessions: SessionPair[] = [];
  /** Whether new ones reach the server; the network drops the others. */
  passes = true;

  static async open(options: Partial<ServerOptions> = {}): Promise<Bank> {
    const bank = new Bank(options);
    await bank.host.listen();
    return bank;
  }

  private constructor(options: Partial<ServerOptions>) {
    this.io = new Server(this.host.http, { transports: ["polling", "websocket", "webtransport"], ...options });
    const take = (session: SessionPair): void => {
      this.sessions.push(session);
      if (this.passes) void this.io.engine.onWebTransportSession(session);
      else session.end(new Error("no UDP"));
    };
    vi.stubGlobal("WebTransport", platformClass(take));
    cleanups.push(async () => {
      await this.io.close();
      await this.host.drained();
    });
  }

  /** The last session dies, for both ends. */
  cut(): void {
    this.sessions.at(-1)?.end(new Error("lost"));
  }
}

/** Both ends of a connection, and what they report: disconnects, errors, and carries. */
async function meet(bank: Bank, transports: Classes): Promise<{ client: Client; socket: Socket; events: string[] }> {
  const client = connect(bank.host.url, { transports, forceNew: true, reconnection: false });
  cleanups.push(() => client.disconnect());
  const [[socket]] = await Promise.all([
    nextEvent<[Socket]>(bank.io, "connection"),
    nextEvent(client as never, "connect"),
  ]);
  const events: string[] = [];
  client.on("disconnect", (reason) => events.push(`disconnect ${reason}`));
  client.io.engine.on("upgradeError", (error) => events.push(String(error)));
  client.io.engine.on("carried", (from, to) => events.push(`${from} to ${to}`));
  socket.on("disconnect", (reason) => events.push(`server: ${reason}`));
  return { client, socket, events };
}

/** Waits until both ends use the transport. */
async function over(name: string, { client, socket }: { client: Client; socket: Socket }): Promise<void> {
  const isThere = (): boolean => client.io.engine.transport.name === name && socket.conn.transport.name === name;
  const wait = async (): Promise<void> => {
    while (!isThere()) await turn();
  };
  await within(wait(), `a session over ${name}`);
}

const carried = (socket: Socket, times: number): Promise<void> =>
  within(
    (async () => {
      while (socket.conn.carried < times) await turn();
    })(),
    "the return",
  );

/** Messages in both directions, each with an acknowledgement. */
class Traffic {
  readonly #up: number[] = [];
  readonly #down: number[] = [];
  readonly #client: Client;
  readonly #socket: Socket;
  readonly #answers: Promise<unknown>[] = [];
  #sent = 0;

  constructor(client: Client, socket: Socket) {
    this.#client = client;
    this.#socket = socket;
    socket.on("up", (number: number, answer: (number: number) => void) => answer(this.#up.push(number)));
    client.on("down", (number: number, answer: (number: number) => void) => answer(this.#down.push(number)));
  }

  send(): void {
    const number = this.#sent++;
    this.#answers.push(this.#client.emitWithAck("up", number), this.#socket.emitWithAck("down", number));
  }

  /** Everything has arrived once, in order, and was acknowledged. */
  async arrived(): Promise<void> {
    await within(Promise.all(this.#answers), "all acknowledgements");
    const all = Array.from({ length: this.#sent }, (_, number) => number);
    expect([this.#up, this.#down]).toEqual([all, all]);
  }
}

describe("a session that began on WebTransport", () => {
  test("goes on over polling, and returns to WebTransport", async () => {
    const bank = await Bank.open();
    const ends = await meet(bank, [WebTransport, Fetch, WebSocket]);
    expect(ends.client.io.engine.transport.name).toBe("webtransport");
    const traffic = new Traffic(ends.client, ends.socket);
    traffic.send();
    bank.cut();
    traffic.send();
    await traffic.arrived();
    await over("webtransport", ends);
    expect(bank.sessions).toHaveLength(2);
    traffic.send();
    await traffic.arrived();
    expect(ends.events).toEqual(["webtransport to polling"]);
    expect(bank.io.stats().sessions.carried).toEqual({ "webtransport>polling": 1 });
  });

  test("goes on over polling, and stays there where WebTransport is blocked from then on", async () => {
    const bank = await Bank.open();
    const ends = await meet(bank, [WebTransport, Fetch, WebSocket]);
    const traffic = new Traffic(ends.client, ends.socket);
    bank.passes = false;
    traffic.send();
    bank.cut();
    traffic.send();
    await nextEvent(ends.client.io.engine as never, "upgradeError");
    traffic.send();
    await traffic.arrived();
    expect(ends.client.io.engine.transport.name).toBe("polling");
    expect(ends.events).toEqual(["webtransport to polling", expect.stringContaining("webtransport error")]);
  });

  test("goes on over another one, if the client has nothing else", async () => {
    const bank = await Bank.open();
    const { client, socket, events } = await meet(bank, [WebTransport]);
    const traffic = new Traffic(client, socket);
    for (let time = 1; time <= 3; time++) {
      traffic.send();
      bank.cut();
      traffic.send();
      await carried(socket, time);
      await traffic.arrived();
    }
    expect(events).toEqual(Array.from({ length: 3 }, () => "webtransport to webtransport"));
  });

  test("goes on over a WebSocket, and stays there", async () => {
    const bank = await Bank.open();
    const ends = await meet(bank, [WebTransport, WebSocket]);
    const traffic = new Traffic(ends.client, ends.socket);
    bank.passes = false;
    traffic.send();
    bank.cut();
    await over("websocket", ends);
    bank.passes = true;
    traffic.send();
    await traffic.arrived();
    const { attempts } = ends.client.io.engine.diagnosis;
    expect(attempts.filter(({ purpose }) => purpose === "upgrade")).toEqual([]);
    expect(ends.events).toEqual(["webtransport to websocket"]);
  });

  test.each([
    ["the server", { carry: false }, {}],
    ["the client", {}, { carry: false }],
  ])("ends with it if %s does not carry", async (_end, server, options) => {
    const bank = await Bank.open(server);
    const client = connect(bank.host.url, { transports: [WebTransport, Fetch], reconnection: false, ...options });
    cleanups.push(() => client.disconnect());
    const [socket] = await nextEvent<[Socket]>(bank.io, "connection");
    const ended = [nextEvent<[string]>(client, "disconnect"), nextEvent<[string]>(socket, "disconnect")];
    if (!client.connected) await nextEvent(client as never, "connect");
    bank.cut();
    const reasons = (await Promise.all(ended)).map(([reason]) => reason);
    expect(reasons).toEqual(["transport error", "transport close"]);
  });

  test("of socket.io-client does not ask for it, and gets no key", async () => {
    const bank = await Bank.open();
    const client = connectReference(bank.host.url, { transports: ["webtransport"], reconnection: false });
    cleanups.push(() => client.disconnect());
    const [handshake] = await nextEvent<[object]>(client.io.engine, "handshake");
    expect(handshake).not.toHaveProperty("carry");
    expect(bank.sessions[0]?.url).not.toContain("carry");
    await nextEvent(client, "connect");
  });
});

test("a session that was upgraded to WebTransport goes on over polling, and is upgraded again", async () => {
  const bank = await Bank.open();
  const ends = await meet(bank, [Fetch, WebSocket, WebTransport]);
  await over("webtransport", ends);
  const traffic = new Traffic(ends.client, ends.socket);
  for (let time = 1; time <= 3; time++) {
    traffic.send();
    bank.cut();
    traffic.send();
    await carried(ends.socket, time);
    await over("webtransport", ends);
    await traffic.arrived();
  }
  expect(ends.events).toEqual(Array.from({ length: 3 }, () => "webtransport to polling"));
});

test.each([
  ["polling first", [Fetch, WebSocket, WebTransport]],
  ["WebTransport first", [WebTransport, Fetch, WebSocket]],
  ["WebTransport alone", [WebTransport]],
] as [string, Classes][])("a storm loses, doubles and reorders nothing: %s", async (_order, transports) => {
  const bank = await Bank.open();
  const ends = await meet(bank, transports);
  const traffic = new Traffic(ends.client, ends.socket);
  const random = new Random(7);
  for (let kills = 0; kills < 25; kills++) {
    await over("webtransport", ends);
    for (let count = random.below(6); count >= 0; count--) {
      traffic.send();
      for (let turns = random.below(4); turns > 0; turns--) await turn();
    }
    bank.cut();
    for (let count = random.below(3); count > 0; count--) traffic.send();
    await carried(ends.socket, kills + 1);
  }
  await traffic.arrived();
  expect(ends.events.filter((event) => !event.startsWith("webtransport to "))).toEqual([]);
});
