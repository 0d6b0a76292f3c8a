import { Server } from "@portage/server";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Random } from "../support/random.ts";
import { CLIENTS, type Client, type Kind } from "./clients.ts";
import { type Direction, type Line, type Loss, Road, type Rules } from "./line.ts";
import { Numbers } from "./numbers.ts";
import { sleep } from "./run.ts";

export interface StormPlan {
  readonly seed: number;
  readonly clients: number;
  /** Connections to kill. */
  readonly kills: number;
  /** Milliseconds. */
  readonly lasts: number;
  /** Milliseconds between two messages of a client, and of the server to a client. */
  readonly pace: number;
  /** Milliseconds that what is under way may take to arrive. */
  readonly patience: number;
  readonly losses: readonly Loss[];
  /** Milliseconds that sessions may take to end whose clients could not say goodbye. */
  readonly after: number;
}

/** What came of it, for all clients together. */
export interface StormOutcome {
  readonly seed: number;
  readonly kills: number;
  /** Kills inside heads, inside bodies, inside frames of a WebSocket, and of connections that were silent. */
  readonly inside: Readonly<Record<Place, number>>;
  readonly sent: number;
  readonly disconnects: number;
  readonly lost: number;
  readonly doubled: number;
  readonly reordered: number;
  readonly unsettled: number;
  /** Clients that are connected once the storm is over. */
  readonly back: number;
  /** Sessions that the server has once all clients have gone. */
  readonly left: number;
  /** Heap in use after the storm, by that before it, with all clients connected. */
  readonly heap: number;
}

type Part = "head" | "rest";
type Place = "head" | "body" | "frame" | "silence";

/** Bytes into heads, bodies and frames at which connections are killed, at most. */
const HEAD_BYTES = 150;
const BODY_BYTES = 30;
const FRAME_BYTES = 400;
/** Milliseconds after which a connection is killed that has not come so far. */
const LONGEST = 1500;
/** The part of the kills that WebSockets get: they are far fewer than polls and POSTs. */
const WEBSOCKET_SHARE = 0.25;

/** Kills connections, at bytes and moments that its seed decides. */
class Storm {
  readonly kills: Record<Place, number> = { head: 0, body: 0, frame: 0, silence: 0 };
  readonly #plan: StormPlan;
  readonly #startedAt = performance.now();
  #calm = false;
  #connections = 0;
  #webSockets = 0;

  constructor(plan: StormPlan) {
    this.#plan = plan;
  }

  stop(): void {
    this.#calm = true;
  }

  readonly begin = (line: Line): Rules => {
    const random = new Random(this.#plan.seed * 1_000_003 + this.#connections++);
    let aim: Aim | undefined;
    const pass = (direction: Direction, bytes: Buffer, piece: Part): Buffer | undefined => {
      // a request decides when it begins, a WebSocket at any time
      if (!aim && (piece === "head" || line.isWebSocket) && this.#isDue(line, random)) aim = this.#aim(line, random);
      return aim ? aim(direction, bytes, piece) : bytes;
    };
    return {
      request: ({ bytes }) => pass("up", bytes, "head"),
      up: ({ bytes }) => pass("up", bytes, "rest"),
      down: ({ bytes, head }) => pass("down", bytes, head ? "head" : "rest"),
    };
  };

  #isDue({ isWebSocket }: Line, random: Random): boolean {
    const { kills, lasts } = this.#plan;
    const soFar = isWebSocket ? this.#webSockets : total(this.kills) - this.#webSockets;
    const wanted = kills * (isWebSocket ? WEBSOCKET_SHARE : 1 - WEBSOCKET_SHARE);
    // one connection in two: a client that returns has to get through at last
    return !this.#calm && soFar < (wanted * (performance.now() - this.#startedAt)) / lasts && random.below(2) === 0;
  }

  #aim(line: Line, random: Random): Aim {
    const side = random.pick<Direction>(["up", "down"]);
    const loss = random.pick(this.#plan.losses);
    const { head, body, frame, silence } = this.kills;
    // all connections have heads: the others would come too short
    const target: Part = head < body + frame + silence ? "head" : "rest";
    const place = target === "head" ? "head" : line.isWebSocket ? "frame" : "body";
    const at = random.below({ head: HEAD_BYTES, body: BODY_BYTES, frame: FRAME_BYTES }[place]);
    let passed = 0;
    let isOver = false;
    const kill = (where: Place, last: Buffer): void => {
      if (isOver || this.#calm) return;
      isOver = true;
      this.kills[where]++;
      if (line.isWebSocket) this.#webSockets++;
      line.cutWith(side, last, loss);
    };
    line.after(random.below(LONGEST), () => kill("silence", Buffer.alloc(0)));
    return (direction, bytes, piece) => {
      if (isOver || this.#calm || direction !== side || piece !== target) return bytes;
      passed += bytes.length;
      if (passed <= at) return bytes;
      kill(place, bytes.subarray(0, at - passed));
      return undefined;
    };
  }
}

/** What a connection that is to be killed passes on. */
type Aim = (direction: Direction, bytes: Buffer, piece: Part) => Buffer | undefined;

/** One client in the storm, and what it and the server say to each other. */
class Sailor {
  readonly up = new Numbers();
  readonly down = new Numbers();
  disconnects = 0;
  unsettled = 0;
  readonly client: Client;
  readonly #say: (number: number) => void;

  constructor(kind: Kind, url: string, id: number, say: (number: number) => void) {
    this.#say = say;
    const timing = { reconnectionDelay: 20, reconnectionDelayMax: 200, timeout: 2000 };
    this.client = kind.connect(url, { forceNew: true, ...timing, ...kind.options, auth: { id } } as object);
    this.client.on("down", (number: number) => this.down.take(number));
    this.client.on("disconnect", () => this.disconnects++);
  }

  talk(): void {
    this.unsettled++;
    this.client.emit("up", this.up.sent++, () => this.unsettled--);
    this.#say(this.down.sent++);
  }

  get isSettled(): boolean {
    return this.client.connected && this.up.lost + this.down.lost + this.unsettled === 0;
  }
}

const KINDS: readonly Kind[] = [CLIENTS.default, CLIENTS.polling, CLIENTS.websocket, CLIENTS.race];

const heap = (): number => {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  return process.memoryUsage().heapUsed;
};

const until = async (isDone: () => boolean, ms: number): Promise<void> => {
  for (const end = performance.now() + ms; !isDone() && performance.now() < end;) await sleep(10);
};

/** Lets clients and a server talk while their connections are killed. */
export async function runStorm(plan: StormPlan): Promise<StormOutcome> {
  const http = createServer();
  const io = new Server(http, { pingInterval: 3000, pingTimeout: 3000 });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const storm = new Storm(plan);
  // each client has a server to remember of its own, as it has in a page of its own
  const roads = Array.from({ length: plan.clients }, () => new Road((http.address() as AddressInfo).port, storm.begin));
  const urls = await Promise.all(roads.map((road) => road.listen()));
  const sailors = urls.map((url, id) => {
    const say = (number: number): unknown => io.to(`sailor ${id}`).emit("down", number);
    return new Sailor(KINDS[id % KINDS.length] as Kind, url, id, say);
  });
  io.on("connection", (socket) => {
    const { id } = socket.handshake.auth as { id: number };
    void socket.join(`sailor ${id}`);
    socket.on("up", (number: number, done: () => void) => {
      sailors[id]?.up.take(number);
      done();
    });
  });
  try {
    await until(() => sailors.every(({ client }) => client.connected), 10_000);
    const before = heap();
    for (const end = performance.now() + plan.lasts; performance.now() < end; await sleep(plan.pace)) {
      for (const sailor of sailors) sailor.talk();
    }
    storm.stop();
    await until(() => sailors.every(({ client }) => client.connected), 10_000);
    await until(() => sailors.every(({ isSettled }) => isSettled), plan.patience);
    const back = sailors.filter(({ client }) => client.connected).length;
    const grown = heap() / before;
    const counts = sum(sailors);
    for (const { client } of sailors) client.disconnect();
    await until(() => io.engine.clientsCount === 0, plan.after);
    return {
      ...counts,
      ...plan,
      kills: total(storm.kills),
      inside: storm.kills,
      back,
      heap: grown,
      left: io.engine.clientsCount,
    };
  } finally {
    for (const { client } of sailors) client.disconnect();
    for (const road of roads) await road.stop();
    await io.close();
  }
}

const total = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((sum, count) => sum + count, 0);

function sum(sailors: readonly Sailor[]): Omit<StormOutcome, "seed" | "kills" | "inside" | "back" | "left" | "heap"> {
  const all = (count: (sailor: Sailor) => number): number => sailors.reduce((sum, sailor) => sum + count(sailor), 0);
  return {
    sent: all(({ up, down }) => up.sent + down.sent),
    disconnects: all(({ disconnects }) => disconnects),
    lost: all(({ up, down }) => up.lost + down.lost),
    doubled: all(({ up, down }) => up.doubled + down.doubled),
    reordered: all(({ up, down }) => up.reordered + down.reordered),
    unsettled: all(({ unsettled }) => unsettled),
  };
}
