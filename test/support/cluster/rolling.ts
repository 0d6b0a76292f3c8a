import type { Socket } from "socket.io-client";
import { type Connect, type ClientOptions, WAYS } from "../clients.ts";
import { nextEvent, within } from "../waiting.ts";
import type { WorkersChild } from "./workers-child.ts";

// Clients of workers-sessions-program.mjs that talk while its workers are replaced.

const clients: Socket[] = [];

/** Disconnects all clients. */
export function leaveAll(): void {
  for (const client of clients.splice(0)) client.disconnect();
}

/** Delays of a client that comes back soon. */
const SOON: ClientOptions = { reconnection: true, reconnectionDelay: 10, reconnectionDelayMax: 50 };

/** Connects a client; `name` is what the program calls it. */
export async function join(program: WorkersChild, connect: Connect, name: string, options: object): Promise<Socket> {
  const client = connect(program.url, { ...SOON, ...options, query: { client: name } });
  clients.push(client);
  await nextEvent(client, "connect");
  return client;
}

/** A client that sends numbers one after the other, each until it is acknowledged. */
export class Sender {
  readonly acknowledged: number[] = [];
  readonly socket: Socket;
  #phase: "sending" | "stopped" = "sending";
  #done: Promise<void> = Promise.resolve();

  constructor(socket: Socket) {
    this.socket = socket;
  }

  start(): void {
    this.#done = this.#send();
  }

  async #send(): Promise<void> {
    for (let number = 0; this.#phase === "sending"; number += 1)
      this.acknowledged.push((await this.socket.emitWithAck("echo", number)) as number);
  }

  async stop(): Promise<void> {
    this.#phase = "stopped";
    await within(this.#done, "the last acknowledgement");
  }
}

/** Connects clients of all transports that send until each event is acknowledged; the program calls them 0, 1, ... */
export async function startSenders(program: WorkersChild, connect: Connect, count: number): Promise<Sender[]> {
  const ways = Object.values(WAYS);
  const senders: Sender[] = [];
  for (let index = 0; index < count; index += 1) {
    const options = { ...ways[index % ways.length], retries: 50, ackTimeout: 5000 };
    senders.push(new Sender(await join(program, connect, String(index), options)));
  }
  for (const sender of senders) sender.start();
  await program.count(100, { event: "heard" });
  return senders;
}

/** Replaces all workers while the clients send, and some time after. */
export async function roll(program: WorkersChild, workers = 2): Promise<number[]> {
  const ended = program.lines.filter(({ event, state }) => event === "worker" && state === "ended").length;
  program.signal("SIGHUP");
  const next = await program.up(workers);
  await program.count(ended + workers, { event: "worker", state: "ended" });
  const before = program.lines.filter(({ event }) => event === "heard").length;
  await program.count(before + 300, { event: "heard" });
  return next;
}

/** Stops a sender. Returns the acknowledged numbers, and the numbers that listeners have got. */
export async function outcome(program: WorkersChild, sender: Sender, index: number) {
  await sender.stop();
  // The program's output may come after the acknowledgement. A count of lines would not do: some come twice.
  await program.count(1, { event: "heard", client: String(index), number: sender.acknowledged.at(-1) });
  const heard = program.lines.filter(({ event, client }) => event === "heard" && client === String(index));
  return { acknowledged: sender.acknowledged, heard: heard.map(({ number }) => number as number) };
}

export const countTo = (length: number): number[] => Array.from({ length }, (_, number) => number);

/** What a client hears of the broadcasts of each worker. */
export class Listener {
  readonly faults: unknown[] = [];
  readonly #next = new Map<number, number>();
  heard = 0;
  /** New sessions: the client came back too late, or its process has died. */
  beginnings = 0;

  constructor(socket: Socket) {
    socket.on("connect", () => {
      if (socket.recovered) return;
      this.beginnings += 1;
      this.#next.clear();
    });
    socket.on("news", (worker: number, number: number) => {
      const next = this.#next.get(worker) ?? number;
      if (number !== next) this.faults.push(`${number} of ${worker} instead of ${next}`);
      this.#next.set(worker, number + 1);
      this.heard += 1;
    });
  }
}
