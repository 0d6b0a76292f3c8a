import { instrument } from "@socket.io/admin-ui";
import { io as connectClient, type Socket as ClientSocket } from "socket.io-client";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type Running, serve } from "../../support/servers/host.ts";
import { subject } from "../../support/targets.ts";
import { Inbox, nextEvent } from "../../support/waiting.ts";

// @socket.io/admin-ui listens to namespaces, adapters, sockets and the engine, and steers them from its own namespace.

let running: Running;
const clients: ClientSocket[] = [];

beforeEach(async () => {
  running = await serve(subject);
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.disconnect();
  await running.stop();
});

function connect(path = "", options: object = {}): ClientSocket {
  const client = connectClient(running.url + path, { forceNew: true, reconnection: false, ...options });
  clients.push(client);
  return client;
}

/** The events that the admin namespace sends to a visitor. */
class Admin {
  readonly socket: ClientSocket;
  readonly #events = new Inbox<[string, ...unknown[]]>("an event of the admin namespace");

  constructor(auth: object = {}) {
    this.socket = connect("/admin", { auth });
    this.socket.onAny((...event: [string, ...unknown[]]) => this.#events.push(event));
  }

  /** The arguments of the next event of that name; times, which come last, are left out. */
  async next<T extends unknown[]>(name: string, wanted: (args: T) => boolean = () => true): Promise<T> {
    const [, ...args] = await this.#events.find((event) => event[0] === name && wanted(event.slice(1) as T));
    return args as T;
  }
}

describe("in development mode", () => {
  let admin: Admin;

  beforeEach(async () => {
    vi.useFakeTimers({ toFake: ["setInterval"] });
    instrument(running.io, { auth: false, mode: "development" });
    admin = new Admin();
    await nextEvent(admin.socket, "connect");
  });

  afterEach(() => vi.useRealTimers());

  test("lists servers, namespaces, rooms and sockets", async () => {
    const [config] = await admin.next<[{ supportedFeatures: string[] }]>("config");
    expect(config.supportedFeatures).toEqual(
      expect.arrayContaining(["EMIT", "JOIN", "LEAVE", "DISCONNECT", "MJOIN", "MLEAVE", "MDISCONNECT", "ALL_EVENTS"]),
    );
    const [sockets] = await admin.next<[{ id: string; transport: string }[]]>("all_sockets");
    expect(sockets.map(({ id }) => id)).toContain(admin.socket.id);
    vi.advanceTimersByTime(2000);
    const [stats] = await admin.next<[{ clientsCount: number; namespaces: { name: string }[] }]>("server_stats");
    expect(stats.clientsCount).toBe(1);
    expect(stats.namespaces.map(({ name }) => name)).toEqual(["/", "/admin"]);
  });

  test("follows a client from its first transport to its end", async () => {
    running.io.on("connection", (socket) => {
      socket.data.name = "Ada";
      socket.on("ask", (_question, answer) => answer(42));
      socket.emit("welcome", 1);
    });
    const client = connect();
    await nextEvent(client, "connect");
    const { id } = client;
    const isIts = ([socket]: [{ id: string }]): boolean => socket.id === id;
    const [socket] = await admin.next<[{ id: string; transport: string; handshake: object }]>(
      "socket_connected",
      isIts,
    );
    expect(socket).toMatchObject({ nsp: "/", handshake: { secure: false, query: { EIO: "4", transport: "polling" } } });
    const named = await admin.next<[{ id: string; data: { name?: string } }]>(
      "socket_updated",
      ([update]) => update.id === id && update.data?.name !== undefined,
    );
    expect(named[0].data).toEqual({ name: "Ada" });
    expect((await admin.next("event_sent")).slice(0, 3)).toEqual(["/", id, ["welcome", 1]]);
    const isUpgrade = ([update]: [{ id: string; transport?: string }]): boolean =>
      update.id === id && update.transport !== undefined;
    expect((await admin.next("socket_updated", isUpgrade))[0].transport).toBe("websocket");
    expect(await client.emitWithAck("ask", "the question")).toBe(42);
    expect((await admin.next("event_received")).slice(0, 3)).toEqual(["/", id, ["ask", "the question"]]);
    client.disconnect();
    const gone = await admin.next("socket_disconnected");
    expect(gone.slice(0, 3)).toEqual(["/", id, "client namespace disconnect"]);
  });

  test("moves clients between rooms, sends to them and disconnects them", async () => {
    const client = connect();
    await nextEvent(client, "connect");
    const isIts = ([, , id]: unknown[]): boolean => id === client.id;
    await admin.next("room_joined", isIts); // its own
    admin.socket.emit("join", "/", "red", client.id);
    expect((await admin.next("room_joined", isIts)).slice(0, 2)).toEqual(["/", "red"]);
    const sent = nextEvent(client, "hello");
    admin.socket.emit("emit", "/", "red", "hello", 1, "two");
    expect(await sent).toEqual([1, "two"]);
    admin.socket.emit("leave", "/", "red", client.id);
    expect((await admin.next("room_left", isIts)).slice(0, 2)).toEqual(["/", "red"]);
    const ended = nextEvent(client, "disconnect");
    admin.socket.emit("_disconnect", "/", false, client.id);
    expect((await ended)[0]).toBe("io server disconnect");
  });

  test("knows namespaces that are made later", async () => {
    running.io.of("/later");
    const client = connect("/later");
    await nextEvent(client, "connect");
    const [socket] = await admin.next<[{ id: string; nsp: string }]>("socket_connected", ([each]) => {
      return each.id === client.id;
    });
    expect(socket.nsp).toBe("/later");
  });
});

test("asks for a password", async () => {
  // bcrypt of "secret", at the lowest cost.
  const password = "$2b$04$VXTRKM2DzpVD6HK7OmZ5W.bSqUQiQbMCCpIQh8cK2hZ4vVEhN8aVy";
  instrument(running.io, { auth: { type: "basic", username: "admin", password } });
  const refused = connect("/admin", { auth: { username: "admin", password: "guess" } });
  const [error] = await nextEvent<[Error]>(refused, "connect_error");
  expect(error.message).toBe("invalid credentials");
});
