import type { Socket } from "socket.io-client";
import { afterEach, expect, test } from "vitest";
import { CLIENTS, type Connect, WAYS } from "../../support/clients.ts";
import { endPrograms, WorkersChild } from "../../support/cluster/workers-child.ts";
import { nextEvent, within } from "../../support/waiting.ts";

const clients: Socket[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.disconnect();
  endPrograms();
});

/** A client that sends numbers one after the other, each until it is acknowledged. */
class Sender {
  readonly acknowledged: number[] = [];
  readonly #socket: Socket;
  #phase: "sending" | "stopped" = "sending";
  #done: Promise<void> = Promise.resolve();

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  start(): void {
    this.#done = this.#send();
  }

  async #send(): Promise<void> {
    for (let number = 0; this.#phase === "sending"; number += 1)
      this.acknowledged.push((await this.#socket.emitWithAck("echo", number)) as number);
  }

  async stop(): Promise<void> {
    this.#phase = "stopped";
    await within(this.#done, "the last acknowledgement");
  }
}

/** Clients of all transports, twice, that send until each event is acknowledged. */
async function startSenders(program: WorkersChild, connect: Connect): Promise<Sender[]> {
  const senders: Sender[] = [];
  for (const [index, way] of [...Object.values(WAYS), ...Object.values(WAYS)].entries()) {
    const retrying = {
      reconnection: true,
      reconnectionDelay: 10,
      reconnectionDelayMax: 50,
      retries: 50,
      ackTimeout: 5000,
    };
    const client = connect(program.url, { ...way, ...retrying, query: { client: String(index) } });
    clients.push(client);
    await nextEvent(client, "connect");
    senders.push(new Sender(client));
  }
  for (const sender of senders) sender.start();
  await program.count(100, { event: "heard" });
  return senders;
}

/** Replaces all workers while the clients send, and some time after. */
async function roll(program: WorkersChild): Promise<number[]> {
  const ended = program.lines.filter(({ event, state }) => event === "worker" && state === "ended").length;
  program.signal("SIGHUP");
  const next = await program.up(2);
  await program.count(ended + 2, { event: "worker", state: "ended" });
  const before = program.lines.filter(({ event }) => event === "heard").length;
  await program.count(before + 300, { event: "heard" });
  return next;
}

/** Stops a sender. Returns the acknowledged numbers, and the numbers that listeners have got. */
async function outcome(program: WorkersChild, sender: Sender, index: number) {
  await sender.stop();
  // The program's output may come after the acknowledgement.
  await program.count(sender.acknowledged.length, { event: "heard", client: String(index) });
  const heard = program.lines.filter(({ event, client }) => event === "heard" && client === String(index));
  return { acknowledged: sender.acknowledged, heard: heard.map(({ number }) => number as number) };
}

const countTo = (length: number): number[] => Array.from({ length }, (_, number) => number);

/** What a client hears of the broadcasts of each worker. */
class Listener {
  readonly faults: unknown[] = [];
  readonly #next = new Map<number, number>();
  heard = 0;

  constructor(socket: Socket) {
    socket.on("connect", () => socket.recovered || this.faults.push("a new session"));
    socket.on("news", (worker: number, number: number) => {
      const next = this.#next.get(worker) ?? number;
      if (number !== next) this.faults.push(`${number} of ${worker} instead of ${next}`);
      this.#next.set(worker, number + 1);
      this.heard += 1;
    });
  }
}

/** Each worker is replaced once, so that a client moves once or twice. */
const MOST_MOVES = 2;

/**
 * A session that is moved away still handles what its client had sent, but can't acknowledge it any more. A client that repeats
 * what was not acknowledged sends it again, so that the server may hear it once more for each move. A worker that gets little
 * time hears it after its successor, which then has heard later numbers: the order counts where a number is heard first.
 */
test.each(["auto", "tunnel"] as const)(
  "while SIGHUP rolls, nothing is lost or out of order: %s",
  async (upgrades) => {
    const program = new WorkersChild({
      program: "workers-sessions-program.mjs",
      upgrades,
      options: { workers: 2, drain: 500 },
    });
    const old = await program.up(2);
    const senders = await startSenders(program, CLIENTS["socket.io-client 4.8"] as Connect);
    const next = await roll(program);
    expect(next.filter((pid) => old.includes(pid))).toEqual([]);
    for (const [index, sender] of senders.entries()) {
      const { acknowledged, heard } = await outcome(program, sender, index);
      const sent = countTo(acknowledged.length);
      expect(acknowledged).toEqual(sent);
      expect([...new Set(heard)]).toEqual(sent);
      expect(heard.length - sent.length).toBeLessThanOrEqual(MOST_MOVES);
    }
    program.signal("SIGTERM");
    expect(await within(program.ended, "the end")).toEqual([0, null]);
  },
  120_000,
);

test.each([
  ["auto", 0],
  ["tunnel", 15],
] as const)(
  "while SIGHUP rolls twice, each event of our client arrives once, and all broadcasts: %s, answers after %i ms",
  async (upgrades, answerAfter) => {
    const program = new WorkersChild({
      program: "workers-sessions-program.mjs",
      upgrades,
      recovery: {},
      answerAfter,
      newsEvery: 20,
      options: { workers: 2, drain: 3000 },
    });
    await program.up(2);
    const senders = await startSenders(program, CLIENTS["@portage/client"] as Connect);
    for (const way of Object.values(WAYS)) {
      const client = (CLIENTS["socket.io-client 4.8"] as Connect)(program.url, { ...way, reconnection: true });
      clients.push(client);
      await nextEvent(client, "connect");
    }
    const listeners = clients.map((client) => new Listener(client));
    await roll(program);
    await roll(program);
    expect(listeners.map(({ faults }) => faults)).toEqual(listeners.map(() => []));
    for (const { heard } of listeners) expect(heard).toBeGreaterThan(100);
    for (const [index, sender] of senders.entries()) {
      const { acknowledged, heard } = await outcome(program, sender, index);
      const sent = countTo(acknowledged.length);
      expect({ acknowledged, heard }).toEqual({ acknowledged: sent, heard: sent });
    }
    program.signal("SIGTERM");
    expect(await within(program.ended, "the end")).toEqual([0, null]);
  },
  120_000,
);
