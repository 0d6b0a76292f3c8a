import type { Server, Socket } from "socket.io";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Running, serve } from "../../support/servers/host.ts";
import { closeBody, frame, OPCODE } from "../../support/raw/frames.ts";
import { Random } from "../../support/random.ts";
import { RawPolling } from "../../support/raw/polling.ts";
import { RawWebSocket } from "../../support/raw/websocket.ts";
import { portage, reference } from "../../support/targets.ts";
import { turn, within } from "../../support/waiting.ts";

// Two or three packets of a client, or events of its connection, in one read or one payload: in any combination,
// the server handles them in order, its state is correct, and nothing is left behind. Seeds: ONE_READ_SEED.

/** Parts of one read. `#` is a unique number, `@` the acknowledgement that the server waits for. */
const PACKETS = {
  connect: "40",
  connectOther: "40/other,",
  event: '42["e",#]',
  eventWithAck: '427["e",#]',
  eventOther: '42/other,["e",#]',
  ack: "43@[#]",
  disconnect: "41",
  disconnectWithData: '41{"reason":1}',
  disconnectOther: "41/other,",
  close: "1",
  noEnginePacket: "x",
  noSocketPacket: "49",
  pong: "3",
} as const;
const BYTES = {
  closeFrame: frame({ opcode: OPCODE.close, payload: closeBody(1000) }),
  noFrame: frame({ opcode: 3 }),
} as const;
const ENDS = ["fin", "rst"] as const;

type Item = keyof typeof PACKETS | keyof typeof BYTES | (typeof ENDS)[number];
type Transport = "polling" | "websocket";
type State = "joined" | "fresh";

const ITEMS: Readonly<Record<Transport, readonly Item[]>> = {
  polling: Object.keys(PACKETS) as Item[],
  websocket: [...Object.keys(PACKETS), ...Object.keys(BYTES), ...ENDS] as Item[],
};

/** The events of the sockets of one session: lines such as `/other disconnect transport close`. */
type Log = string[];

class Side {
  readonly io: Server;
  readonly #running: Running;
  readonly #logs = new Map<string, Log>();
  readonly #sockets = new Map<string, Socket[]>();

  constructor(running: Running) {
    this.#running = running;
    this.io = running.io;
    for (const name of ["/", "/other"]) this.io.of(name).on("connection", (socket) => this.#watch(socket));
  }

  get port(): number {
    return this.#running.port;
  }

  #watch(socket: Socket): void {
    const { id } = socket.conn as unknown as { id: string };
    const { name } = socket.nsp;
    const note = (line: string): void => void this.logOf(id).push(`${name} ${line}`);
    this.#sockets.set(id, [...(this.#sockets.get(id) ?? []), socket]);
    note("connection");
    socket.on("e", (value: number) => note(`event ${value} ${socket.connected}`));
    socket.on("disconnecting", (reason) => note(`disconnecting ${reason} rooms ${socket.rooms.size}`));
    socket.on("disconnect", (reason) => note(`disconnect ${reason} ${socket.connected} rooms ${socket.rooms.size}`));
    socket.on("error", () => undefined);
    if (name === "/") socket.emit("q", (value: number) => note(`ack ${value}`));
  }

  logOf(id: string): Log {
    const log = this.#logs.get(id) ?? [];
    this.#logs.set(id, log);
    return log;
  }

  socketsOf(id: string): Socket[] {
    return this.#sockets.get(id) ?? [];
  }

  /** The remaining state of all sessions. */
  rest(): unknown {
    const rooms = ["/", "/other"].map((name) => this.io.of(name).adapter.rooms.size + this.io.of(name).sockets.size);
    return { sessions: this.io.engine.clientsCount, rooms };
  }

  async stop(): Promise<void> {
    await this.#running.stop();
  }
}

interface Outcome {
  readonly log: Log;
  /** Whether the state of each socket is consistent. */
  readonly isConnected: boolean[];
  readonly isOpen: boolean;
  /** Whether the engine has removed the session; over polling, after a poll has reported the end. */
  readonly isGone: boolean;
}

const written = (item: Item, index: number, ack: string): string =>
  PACKETS[item as keyof typeof PACKETS].replace("#", String(index)).replace("@", ack);

/** @returns the id of the acknowledgement that the server waits for */
async function joinAll(client: RawPolling | RawWebSocket): Promise<string> {
  if (client instanceof RawPolling) await client.post("40", "40/other,");
  else for (const packet of ["40", "40/other,"]) client.send(packet);
  const wanted = [/^40\{/, /^40\/other/, /^42\d+\["q"/];
  let ack = "0";
  while (wanted.length > 0) {
    const packet = await client.until((text) => wanted.some((pattern) => pattern.test(text)));
    wanted.splice(
      wanted.findIndex((pattern) => pattern.test(packet)),
      1,
    );
    ack = /^42(\d+)/.exec(packet)?.[1] ?? ack;
  }
  return ack;
}

async function overPolling(side: Side, state: State, items: readonly Item[]): Promise<Outcome> {
  const client = await RawPolling.open({ port: side.port });
  const ack = state === "joined" ? await joinAll(client) : "0";
  await client.post(...items.map((item, index) => written(item, index, ack)));
  const outcome = await settled(side, client.sid);
  if (outcome.isOpen) await client.post("1").catch(() => undefined);
  // The next poll reports the end.
  else if (!outcome.isGone) await client.poll().catch(() => undefined);
  return outcome;
}

/** Sends everything in one write, with a ping at the end; its pong shows that the rest was read. */
async function overWebSocket(side: Side, state: State, items: readonly Item[]): Promise<Outcome> {
  const client = await RawWebSocket.connect({ port: side.port });
  const { sid } = JSON.parse(String(await client.next()).slice(1)) as { sid: string };
  const ack = state === "joined" ? await joinAll(client) : "0";
  const end = items.findIndex((item) => item === "fin" || item === "rst");
  const before = end === -1 ? items : items.slice(0, end);
  const chunks = before.map((item, index) =>
    item in BYTES
      ? BYTES[item as keyof typeof BYTES]
      : frame({ opcode: OPCODE.text, payload: written(item, index, ack) }),
  );
  const seen = client.frames.length;
  if (end === -1) chunks.push(frame({ opcode: OPCODE.ping }));
  const { stream } = client;
  if (items[end] === "fin") stream.end(Buffer.concat(chunks));
  else if (items[end] === "rst") stream.write(Buffer.concat(chunks), () => client.reset());
  else stream.write(Buffer.concat(chunks));
  const answered = new Promise<void>((resolve) => {
    stream.on("data", () => client.frames.slice(seen).some(({ opcode }) => opcode === OPCODE.pong) && resolve());
  });
  await within(Promise.race([answered, client.closed]), () => `an answer to ${items.join()}`);
  if (end !== -1) while (stateOf(side, sid) !== undefined) await turn();
  const outcome = await settled(side, sid);
  client.cut();
  return outcome;
}

function stateOf(side: Side, sid: string): string | undefined {
  const { clients } = side.io.engine as unknown as { clients: Record<string, { readyState: string }> };
  return clients[sid]?.readyState;
}

async function settled(side: Side, sid: string): Promise<Outcome> {
  for (let count = 0; count < 5; count++) await turn();
  return {
    log: [...side.logOf(sid)],
    isConnected: side.socketsOf(sid).map(({ connected }) => connected),
    isOpen: stateOf(side, sid) === "open",
    isGone: stateOf(side, sid) === undefined,
  };
}

const RUN = { polling: overPolling, websocket: overWebSocket };

/** After these, nothing of the namespace is read any more. */
const ENDING: Readonly<Record<string, readonly Item[]>> = {
  "/": ["disconnect", "disconnectWithData"],
  "/other": ["disconnectOther"],
};
const ENDING_ALL: readonly Item[] = ["close", "noEnginePacket", "noSocketPacket", "closeFrame", "noFrame", "fin"];

/** Events that a joined namespace must receive: all up to its end. */
function due(name: string, items: readonly Item[]): string[] {
  const stray: readonly Item[] = ["connect", "connectOther"];
  const lines: string[] = [];
  for (const [index, item] of items.entries()) {
    if (ENDING_ALL.includes(item) || stray.includes(item) || ENDING[name]?.includes(item)) break;
    // A packet for a namespace that was left ends the connection.
    if (item === "rst") return [];
    if (item === (name === "/" ? "event" : "eventOther") || (name === "/" && item === "eventWithAck"))
      lines.push(`${name} event ${index} true`);
  }
  return lines;
}

/** Checks every outcome of Portage. */
function check({ log, isConnected, isGone }: Outcome, state: State, items: readonly Item[]): void {
  for (const name of ["/", "/other"]) {
    const lines = log.filter((line) => line.startsWith(`${name} `));
    const ends = lines.findIndex((line) => line.startsWith(`${name} disconnecting`));
    const own = ends === -1 ? lines : lines.slice(0, ends + 2);
    const events = own.filter((line) => line.includes(" event "));
    // In order, once, before the end, to a socket that is connected.
    expect(events).toEqual([...new Set(events)].sort());
    expect(events.every((line) => line.endsWith(" true"))).toBe(true);
    if (state === "joined" && !items.includes("rst"))
      expect(events.slice(0, due(name, items).length), items.join()).toEqual(due(name, items));
    if (ends !== -1) expect(lines[ends + 1]).toMatch(/^\/\w* disconnect .* false rooms 0$/);
    expect(log.filter((line) => line.startsWith(`${name} ack`)).length).toBeLessThanOrEqual(2);
  }
  const connections = log.filter((line) => line.endsWith(" connection")).length;
  const disconnections = log.filter((line) => /^\/\w* disconnect /.test(line)).length;
  expect(isConnected.filter(Boolean), `${items.join()}: ${log.join()}`).toHaveLength(connections - disconnections);
  if (isGone) expect(isConnected.some(Boolean)).toBe(false);
}

/** Intended differences from the reference: docs/compatibility.md. */
function isComparable(transport: Transport, state: State, items: readonly Item[]): boolean {
  if (items.includes("disconnectWithData") || (transport === "websocket" && items.includes("close"))) return false;
  // The server may or may not have read earlier packets.
  if (items.includes("rst")) return false;
  // The reference writes its answers behind the close frame, which is an error or not, as it comes.
  if (items.includes("closeFrame") && state === "fresh") return false;
  const at = (item: Item): number => items.indexOf(item);
  const comesBack = (leave: Item, join: Item): boolean => at(leave) !== -1 && items.lastIndexOf(join) > at(leave);
  // A client that leaves before it was let in has changed its mind: the reference closes its connection.
  const turnsBack = (join: Item, leave: Item): boolean => state === "fresh" && comesBack(join, leave);
  if (turnsBack("connect", "disconnect") || turnsBack("connectOther", "disconnectOther")) return false;
  // The reference makes two sockets for a client that asks twice.
  const asksTwice = (join: Item): boolean => items.indexOf(join) !== items.lastIndexOf(join);
  if (asksTwice("connect") || asksTwice("connectOther")) return false;
  return !comesBack("disconnect", "connect") && !comesBack("disconnectOther", "connectOther");
}

/**
 * How each namespace has ended, and whether the session goes on. The reference leaves a namespace at the end of the tick, when
 * something else may have ended it.
 */
const ends = ({ log, isOpen }: Outcome, items: readonly Item[]): object => ({
  isOpen,
  ends: log
    .filter((line) => /^\/\w* (connection$|disconnect )/.test(line))
    .map((line) =>
      items.some((item) => item.startsWith("disconnect")) ? line.replace(/disconnect .*/, "disconnect") : line,
    )
    .map((line) => line.replace(/ (true|false) rooms.*/, ""))
    .sort(),
});

const random = new Random(Number(process.env["ONE_READ_SEED"] ?? 1));

function combinations(transport: Transport, state: State): Item[][] {
  const items = ITEMS[transport];
  const pairs = items.flatMap((first) => items.map((second) => [first, second]));
  const triples = Array.from({ length: 40 }, () => [random.pick(items), random.pick(items), random.pick(items)]);
  // A client that has joined nothing has little to say but CONNECT.
  const says = (pair: Item[]): boolean => pair.includes("connect") || pair.includes("connectOther");
  return [...(state === "joined" ? pairs : pairs.filter(says)), ...triples];
}

/** So many clients at a time. */
const GROUP = 16;

describe.each(["polling", "websocket"] as const)("in one read, %s:", (transport) => {
  let ours: Side;
  let theirs: Side;

  beforeAll(async () => {
    ours = new Side(await serve(portage, { pingInterval: 60_000 }));
    theirs = new Side(await serve(reference, { pingInterval: 60_000 }));
  });

  afterAll(async () => {
    await Promise.all([ours.stop(), theirs.stop()]);
  });

  test.each(["joined", "fresh"] as const)("any two or three things, of a client that is %s", async (state) => {
    const all = combinations(transport, state);
    for (let start = 0; start < all.length; start += GROUP) {
      await Promise.all(
        all.slice(start, start + GROUP).map(async (items) => {
          const [own, other] = await Promise.all([
            RUN[transport](ours, state, items),
            isComparable(transport, state, items) && RUN[transport](theirs, state, items),
          ]);
          check(own, state, items);
          // A client that polls learns of the end with its next poll, unless something else ends it first.
          if (other && other.isGone === own.isGone)
            expect({ items, ...ends(own, items) }).toEqual({ items, ...ends(other, items) });
        }),
      );
    }
    while (ours.io.engine.clientsCount > 0) await turn();
    expect(ours.rest()).toEqual({ sessions: 0, rooms: [0, 0] });
  });
});
