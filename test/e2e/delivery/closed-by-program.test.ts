import type { IncomingMessage, ServerResponse } from "node:http";
import { io as connectOwn } from "@portage/client";
import { io as connectReference, type Socket } from "socket.io-client";
import { afterEach, expect, test } from "vitest";
import { type Running, serve } from "../../support/servers/host.ts";
import { portage, reference } from "../../support/targets.ts";
import { Inbox, nextEvent } from "../../support/waiting.ts";

// The client of the reference hands over what it reads a moment later. Events that it has read when its program closes the
// connection are kept: it delivers them once it is connected again, and asks for them all the same, so that they come twice. A
// server can't see which events a client keeps. docs/recovery.md names the cases below.

/** Holds back the handshake of a WebSocket, and an answer to a poll. */
class Gate {
  /** Functions to release them. */
  readonly handshakes = new Inbox<() => void>("the handshake of a WebSocket");
  readonly answers = new Inbox<() => void>("the answer to a poll");
  #holdsHandshake = true;
  #holdsAnswer = false;

  constructor({ io }: Running) {
    io.engine.use((req: IncomingMessage, res: ServerResponse, next: () => void) => {
      const isUpgrade = req.url?.includes("transport=websocket");
      if (req.method !== "GET" || !req.url?.includes("sid=")) return next();
      if (!isUpgrade) this.#watch(res);
      if (!isUpgrade || !this.#holdsHandshake) return next();
      this.#holdsHandshake = false;
      this.handshakes.push(next);
    });
  }

  holdAnswer(): void {
    this.#holdsAnswer = true;
  }

  #watch(res: ServerResponse): void {
    const end = res.end.bind(res) as (...body: unknown[]) => ServerResponse;
    res.end = (...body: unknown[]): ServerResponse => {
      if (!this.#holdsAnswer) return end(...body);
      this.#holdsAnswer = false;
      this.answers.push(() => end(...body));
      return res;
    };
  }
}

/** The parts of both clients' engines that the test uses. */
interface ClientEngine {
  once(event: "upgrading", listener: () => void): unknown;
  close(): unknown;
  readonly transport: { onError(reason: string): unknown };
}

const SERVERS = { portage, reference };
const CLIENTS = { reference: connectReference, portage: connectOwn as unknown as typeof connectReference };
const ENDS = {
  close: (engine: ClientEngine) => engine.close(),
  loss: (engine: ClientEngine) => engine.transport.onError("lost"),
};

interface Bench {
  readonly io: Running["io"];
  readonly gate: Gate;
  readonly client: Socket;
  readonly engine: ClientEngine;
  /** The names of the events that the client has received. */
  readonly events: readonly string[];
}

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** Connects a client that has received the event `a` over polling. */
async function start(server: keyof typeof SERVERS, kind: keyof typeof CLIENTS, upgrade = false): Promise<Bench> {
  const running = await serve(SERVERS[server], { connectionStateRecovery: {} });
  cleanups.push(() => running.stop());
  const { io } = running;
  const gate = new Gate(running);
  const client: Socket = CLIENTS[kind](running.url, { upgrade, forceNew: true, reconnectionDelay: 1 });
  cleanups.unshift(() => client.disconnect());
  const events: string[] = [];
  client.onAny((event: string) => events.push(event));
  await nextEvent(client, "connect");
  await receive(io, client, "a");
  return { io, gate, client, events, engine: client.io.engine as unknown as ClientEngine };
}

async function receive(io: Running["io"], client: Socket, event: string): Promise<void> {
  const received = nextEvent(client, event);
  io.emit(event);
  await received;
}

/** Waits until the client is back, and returns all that it has received. */
async function recovered({ io, client, events }: Bench, back: Promise<unknown>): Promise<readonly string[]> {
  await back;
  expect(client.recovered).toBe(true);
  await receive(io, client, "z");
  return events;
}

test.each([
  { server: "portage", client: "reference", end: "close", expected: ["a", "b", "b", "z"] },
  { server: "reference", client: "reference", end: "close", expected: ["a", "b", "b", "z"] },
  { server: "portage", client: "reference", end: "loss", expected: ["a", "b", "z"] },
  { server: "portage", client: "portage", end: "close", expected: ["a", "b", "z"] },
  { server: "reference", client: "portage", end: "close", expected: ["a", "b", "z"] },
] as const)(
  "in an upgrade, before the last poll is answered: server $server, client $client, $end",
  async ({ server, client: kind, end, expected }) => {
    const bench = await start(server, kind, true);
    const { io, gate, client, engine } = bench;
    for (const { conn } of io.of("/").sockets.values()) {
      conn.once("upgrading", () => {
        gate.holdAnswer();
        io.emit("b");
      });
    }
    const upgrading = nextEvent(engine, "upgrading");
    (await gate.handshakes.next())();
    await upgrading;
    const back = nextEvent(client, "connect");
    ENDS[end](engine);
    (await gate.answers.next())();
    expect(await recovered(bench, back)).toEqual(expected);
  },
);

test.each([
  { server: "portage", client: "reference", expected: ["a", "b", "c", "c", "z"] },
  { server: "reference", client: "reference", expected: ["a", "b", "c", "c", "z"] },
  { server: "portage", client: "portage", expected: ["a", "b", "c", "z"] },
] as const)(
  "in the listener of the first of two events: server $server, client $client",
  async ({ server, client: kind, expected }) => {
    const bench = await start(server, kind);
    const { io, client, engine } = bench;
    const back = nextEvent(client, "connect");
    client.once("b", () => engine.close());
    // Both are in one answer: the next poll arrives in a later turn.
    io.emit("b");
    io.emit("c");
    expect(await recovered(bench, back)).toEqual(expected);
  },
);

test("when the server closes: each event comes once", async () => {
  const bench = await start("portage", "reference");
  const { io, client } = bench;
  const back = nextEvent(client, "connect");
  io.emit("b");
  for (const { conn } of io.of("/").sockets.values()) conn.close();
  expect(await recovered(bench, back)).toEqual(["a", "b", "z"]);
});
