import { Server } from "@portage/server";
import type { Attempt, Diagnosis, Failure } from "@portage/client/engine";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { CLIENTS, type Client, type ClientName } from "./clients.ts";
import { Road } from "./line.ts";
import { Numbers } from "./numbers.ts";
import { type Talk, type Wall, WALLS, type WallName } from "./walls.ts";

/** What one client has gone through behind one wall. Times in milliseconds. */
export interface Outcome {
  /** Until the first `connect`; undefined: never. */
  readonly connected: number | undefined;
  readonly disconnects: number;
  /** Failures that the client reported before its first `connect`. */
  readonly errors: number;
  /** Messages of either side that did not arrive, that came twice, that came behind a later one. */
  readonly lost: number;
  readonly doubled: number;
  readonly reordered: number;
  /** Callbacks of the client that were never called. */
  readonly unsettled: number;
  /** Messages that the client sent. */
  readonly sent: number;
  /** The longest time without a message of the server, while it sent some. */
  readonly gap: number;
  /** What the client's diagnosis says of attempts and ends. */
  readonly said: readonly string[];
}

/** Milliseconds between two messages of a side. */
const PACE = 50;
const PING = { pingInterval: 4000, pingTimeout: 3000 };
const BACK = { reconnectionDelay: 200, reconnectionDelayMax: 1000, timeout: 3000 };
/** Milliseconds that a client may need for its first `connect`. */
const CONNECT_TIME = 9000;

/** One client behind one wall, with a server of its own. */
class Run {
  readonly up = new Numbers();
  readonly down = new Numbers();
  disconnects = 0;
  errors = 0;
  unsettled = 0;
  gap = 0;
  connected: number | undefined;
  readonly #attempts = new Set<Attempt>();
  readonly #ends = new Set<string>();
  readonly #startedAt = performance.now();
  readonly #client: Client;
  readonly #io: Server;
  #heardAt = 0;

  constructor(io: Server, client: Client) {
    this.#io = io;
    this.#client = client;
    io.on("connection", (socket) => {
      socket.on("up", (number: number, _filling: string, done: () => void) => {
        this.up.take(number);
        done();
      });
    });
    client.on("down", (number: number) => this.#onDown(number));
    client.on("connect", () => {
      this.connected ??= performance.now() - this.#startedAt;
      this.#heardAt ||= performance.now();
    });
    client.on("connect_error", () => {
      if (this.connected === undefined) this.errors++;
      this.noteAttempts();
    });
    client.on("disconnect", () => {
      if (this.connected === undefined) this.errors++;
      else this.disconnects++;
      this.noteAttempts();
    });
  }

  noteAttempts(): void {
    const { diagnosis } = this.#client.io as { diagnosis?: Partial<Diagnosis> };
    for (const attempt of diagnosis?.attempts ?? []) this.#attempts.add(attempt);
    const closed = diagnosis?.closed;
    if (closed) this.#ends.add(text(["closed", closed.reason, ...facts(closed.failure)]));
  }

  #onDown(number: number): void {
    this.#noteGap();
    this.#heardAt = performance.now();
    this.down.take(number);
  }

  #noteGap(): void {
    if (this.#heardAt) this.gap = Math.max(this.gap, performance.now() - this.#heardAt);
  }

  sendUp(filling = ""): void {
    this.unsettled++;
    this.#client.emit("up", this.up.sent++, filling, () => this.unsettled--);
  }

  /** Waits for the first `connect`. Gives up after so many failures. */
  async connect(failures: number): Promise<void> {
    const end = performance.now() + CONNECT_TIME;
    const isHopeful = (): boolean => this.errors < failures && performance.now() < end;
    while (this.connected === undefined && isHopeful()) await sleep(5);
  }

  /** Talks for so many milliseconds. */
  async talk(usual: number, { large, burst = 0, pause = 0, more = 0 }: Talk): Promise<void> {
    const startedAt = performance.now();
    const ms = usual + more;
    let hasActed = false;
    for (let age = 0; age < ms; age = performance.now() - startedAt) {
      if (!hasActed && age >= usual / 5) {
        hasActed = true;
        if (large) this.sendUp("x".repeat(large));
        for (let count = 0; count < burst; count++) this.sendUp("x".repeat(400));
        if (pause) {
          await sleep(pause);
          this.#heardAt = performance.now();
        }
      }
      this.sendUp();
      this.#io.emit("down", this.down.sent++);
      await sleep(PACE);
    }
  }

  /** Waits until everything has arrived, for so many milliseconds at most. */
  async settle(ms: number): Promise<void> {
    const end = performance.now() + ms;
    const isSettled = (): boolean => this.up.lost + this.down.lost + this.unsettled === 0;
    while (!isSettled() && performance.now() < end) await sleep(10);
    if (this.down.isBehind) this.#noteGap();
    this.noteAttempts();
  }

  outcome(): Outcome {
    const { up, down, connected, disconnects, errors, unsettled, gap } = this;
    return {
      connected,
      disconnects,
      errors,
      lost: up.lost + down.lost,
      doubled: up.doubled + down.doubled,
      reordered: up.reordered + down.reordered,
      unsettled,
      sent: up.sent,
      gap,
      said: [...this.#attempts].map(describe).concat(...this.#ends),
    };
  }
}

const facts = ({ message, status, closeCode, said, code, step }: Partial<Failure> = {}): unknown[] => [
  status,
  closeCode,
  code,
  step,
  message,
  said,
];
const text = (parts: readonly unknown[]): string => parts.filter(Boolean).join(" ");

const describe = ({ transport, purpose, outcome, failure }: Attempt): string =>
  text([transport, purpose, outcome, ...facts(failure)]);

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Which client meets which wall, and whether it can connect at all. */
interface Task {
  readonly wall: WallName;
  readonly client: ClientName;
  readonly bounds: { readonly connected: number | "never" };
}

/** Sends one client against one wall. */
export async function runCell(cell: Task, ms: number, patience: number): Promise<Outcome> {
  const wall: Wall = WALLS[cell.wall];
  const { connect, options } = CLIENTS[cell.client];
  const http = createServer();
  const io = new Server(http, PING);
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const road = new Road((http.address() as AddressInfo).port, wall.begin);
  const client = connect(await road.listen(), { forceNew: true, ...BACK, ...options });
  const run = new Run(io, client);
  try {
    await run.connect(cell.bounds.connected === "never" ? 2 : Infinity);
    if (run.connected !== undefined) await run.talk(ms, wall.talk ?? {});
    await run.settle(patience);
    return run.outcome();
  } finally {
    client.disconnect();
    await road.stop();
    await io.close();
  }
}
