import { expect, test, vi } from "vitest";

/** An adapter with the members of the contract, including protected ones, which subclasses use. */
export interface AnyAdapter {
  rooms: Map<string, Set<string>>;
  sids: Map<string, Set<string>>;
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  init(): unknown;
  close(): unknown;
  serverCount(): Promise<number>;
  addAll(id: string, rooms: Set<string>): unknown;
  del(id: string, room: string): unknown;
  delAll(id: string): unknown;
  broadcast(packet: unknown, opts: Opts): unknown;
  broadcastWithAck(packet: unknown, opts: Opts, onCount: (n: number) => void, ack: (...args: unknown[]) => void): void;
  sockets(rooms: Set<string>): Promise<Set<string>>;
  socketRooms(id: string): Set<string> | undefined;
  fetchSockets(opts: Opts): Promise<unknown[]>;
  addSockets(opts: Opts, rooms: string[]): unknown;
  delSockets(opts: Opts, rooms: string[]): unknown;
  disconnectSockets(opts: Opts, close: boolean): unknown;
  serverSideEmit(packet: unknown[]): unknown;
  persistSession(session: { sid: string; pid: string; rooms: string[]; data: unknown }): void;
  restoreSession(pid: string, offset: string): Promise<{ missedPackets: unknown[][] } | null>;
}

export interface Opts {
  rooms: Set<string>;
  except: Set<string>;
  flags: Record<string, unknown>;
}

export type AdapterClass = new (nsp: unknown) => AnyAdapter;

export const opts = (rooms: string[] = [], except: string[] = [], flags: Record<string, unknown> = {}): Opts => ({
  rooms: new Set(rooms),
  except: new Set(except),
  flags,
});

/** A namespace of a server, as its adapter sees it. */
class FakeNamespace {
  readonly name = "/";
  _ids = 0;
  readonly sockets = new Map<string, FakeSocket>();
  readonly emitted: unknown[][] = [];
  /** The answer of the server's listeners. */
  answer: unknown = "answer";
  readonly server = {
    /** Parts that a test may fake. */
    [Symbol.for("portage:clock")]: {
      now: () => Date.now(),
      after: (ms: number, fn: () => void) => {
        const timer = setTimeout(fn, ms);
        return { refresh: () => void timer.refresh(), cancel: () => clearTimeout(timer) };
      },
    },
    /** Without offsets. */
    encoder: { encode: ({ type, data, id }: Packet) => [`${type}${id ?? ""}${JSON.stringify(data.slice(0, 1))}`] },
    opts: { connectionStateRecovery: undefined as object | undefined },
  };

  constructor(options: { recovery?: object } = {}) {
    this.server.opts.connectionStateRecovery = options.recovery;
  }

  _onServerSideEmit(args: unknown[]): void {
    const done = args.at(-1);
    this.emitted.push(args.filter((arg) => typeof arg !== "function"));
    if (typeof done === "function" && this.answer !== undefined) done(this.answer);
  }
}

interface Packet {
  type: number;
  data: unknown[];
  id?: number;
}

/** A socket, as its adapter sees it. */
class FakeSocket {
  readonly handshake = { address: "10.0.0.1" };
  readonly data = { name: "data" };
  readonly acks = new Map<number, (...args: unknown[]) => void>();
  readonly heard: string[] = [];
  readonly ends: boolean[] = [];
  readonly client = { writeToEngine: (encoded: string[]) => void this.heard.push(...encoded) };
  readonly id: string;
  readonly #adapter: AnyAdapter;

  constructor(id: string, adapter: AnyAdapter) {
    this.id = id;
    this.#adapter = adapter;
  }

  get rooms(): Set<string> {
    return this.#adapter.socketRooms(this.id) ?? new Set();
  }

  join(rooms: string[]): void {
    this.#adapter.addAll(this.id, new Set(rooms));
  }

  leave(room: string): void {
    this.#adapter.del(this.id, room);
  }

  disconnect(close: boolean): void {
    this.ends.push(close);
  }
}

/** An adapter with sockets `s1`, `s2` and `s3`, where `r1` has the first two and `r2` the last two. */
export function room(Adapter: AdapterClass, options?: { recovery?: object }) {
  const nsp = new FakeNamespace(options);
  const adapter = new Adapter(nsp);
  const sockets = ["s1", "s2", "s3"].map((id) => {
    const socket = new FakeSocket(id, adapter);
    nsp.sockets.set(id, socket);
    adapter.addAll(id, new Set([id]));
    return socket;
  });
  for (const socket of sockets.slice(0, 2)) socket.join(["r1"]);
  for (const socket of sockets.slice(1)) socket.join(["r2"]);
  /** Returns the packets of each socket since the last call. */
  const heard = (): string[] => sockets.flatMap(({ id, heard }) => heard.splice(0).map((packet) => `${id} ${packet}`));
  return { nsp, adapter, sockets, heard };
}

const event = (...data: unknown[]): Packet => ({ type: 2, data });

/** Tests of one server, for any adapter. */
export function adapterContract(Adapter: AdapterClass, options?: { recovery: object }): void {
  test("tracks the members of rooms, and emits changes", () => {
    const adapter = new Adapter(new FakeNamespace(options));
    const told: unknown[] = [];
    for (const name of ["create-room", "join-room", "leave-room", "delete-room"]) {
      adapter.on(name, (...args) => told.push([name, ...args]));
    }
    adapter.addAll("s1", new Set(["r1"]));
    adapter.addAll("s1", new Set(["r1"]));
    adapter.addAll("s2", new Set(["r1"]));
    expect(adapter.rooms.get("r1")).toEqual(new Set(["s1", "s2"]));
    expect(adapter.sids.get("s1")).toEqual(new Set(["r1"]));
    adapter.del("s1", "r1");
    adapter.del("s1", "r1");
    adapter.delAll("s2");
    expect(adapter.rooms.has("r1")).toBe(false);
    expect(adapter.socketRooms("s2")).toBeUndefined();
    expect(told).toEqual([
      ["create-room", "r1"],
      ["join-room", "r1", "s1"],
      ["join-room", "r1", "s2"],
      ["leave-room", "r1", "s1"],
      ["leave-room", "r1", "s2"],
      ["delete-room", "r1"],
    ]);
  });

  test("broadcasts to everybody, to rooms, and to all but some, once to each", async () => {
    const { adapter, heard } = room(Adapter, options);
    await adapter.broadcast(event("all"), opts());
    expect(heard()).toEqual(['s1 2["all"]', 's2 2["all"]', 's3 2["all"]']);
    await adapter.broadcast(event("rooms"), opts(["r1", "r2"]));
    expect(heard()).toEqual(['s1 2["rooms"]', 's2 2["rooms"]', 's3 2["rooms"]']);
    await adapter.broadcast(event("less"), opts(["r1"], ["r2"]));
    expect(heard()).toEqual(['s1 2["less"]']);
    await adapter.broadcast(event("none"), opts(["nowhere"]));
    expect(heard()).toEqual([]);
  });

  test("collects acknowledgements", () => {
    const { adapter, sockets, nsp, heard } = room(Adapter, options);
    const onCount = vi.fn();
    const ack = vi.fn();
    nsp._ids = 7;
    adapter.broadcastWithAck(event("q"), opts(["r1"], [], { timeout: 100 }), onCount, ack);
    expect(onCount.mock.calls).toEqual([[2]]);
    expect(heard()).toEqual(['s1 27["q"]', 's2 27["q"]']);
    expect(nsp._ids).toBe(8);
    for (const { id, acks } of sockets) acks.get(7)?.(id);
    expect(ack.mock.calls).toEqual([["s1"], ["s2"]]);
  });

  test("finds sockets and lets them join, leave and go", async () => {
    const { adapter, sockets } = room(Adapter, options);
    expect(await adapter.sockets(new Set())).toEqual(new Set(["s1", "s2", "s3"]));
    expect(await adapter.sockets(new Set(["r2"]))).toEqual(new Set(["s2", "s3"]));
    expect(await adapter.fetchSockets(opts(["r1"]))).toEqual(sockets.slice(0, 2));
    await adapter.addSockets(opts(["r1"]), ["r3", "r4"]);
    await adapter.delSockets(opts(["r3"], ["r2"]), ["r4", "r1"]);
    expect(sockets.map(({ rooms }) => [...rooms])).toEqual([
      ["s1", "r3"],
      ["s2", "r1", "r2", "r3", "r4"],
      ["s3", "r2"],
    ]);
    await adapter.disconnectSockets(opts(["r2"]), true);
    await adapter.disconnectSockets(opts(["s1"]), false);
    expect(sockets.map(({ ends }) => ends)).toEqual([[false], [true], [true]]);
  });

  test("is one server, as far as it knows", async () => {
    const { adapter } = room(Adapter, options);
    expect(await adapter.serverCount()).toBe(1);
    await adapter.close();
  });
}

/** Tests of adapters that store sessions. */
export function sessionContract(Adapter: AdapterClass): void {
  const lost = { sid: "gone", pid: "secret", rooms: ["gone", "r1"], data: { kept: true } };
  const bench = () => room(Adapter, { recovery: { maxDisconnectionDuration: 5000 } });

  test("stores a session and its missed packets", async () => {
    const { adapter } = bench();
    const [first, second] = [event("first"), event("second")];
    adapter.persistSession(lost);
    adapter.broadcast(first, opts());
    adapter.broadcast(second, opts(["r1"]));
    adapter.broadcast(event("not for it"), opts(["r2"]));
    adapter.broadcast(event("nor this"), opts([], ["r1"]));
    const offset = first.data[1];
    expect(offset).toEqual(expect.any(String));
    const session = await adapter.restoreSession("secret", String(offset));
    expect(session).toMatchObject(lost);
    expect(session?.missedPackets).toEqual([["second", second.data[1]]]);
  });

  test("stores only events that are not volatile and ask for no acknowledgement", async () => {
    const { adapter } = bench();
    const first = event("first");
    adapter.persistSession(lost);
    adapter.broadcast(first, opts());
    adapter.broadcast(event("v"), opts([], [], { volatile: true }));
    adapter.broadcast({ ...event("a"), id: 3 }, opts());
    adapter.broadcast({ type: 1, data: ["d"] }, opts());
    const session = await adapter.restoreSession("secret", String(first.data[1]));
    expect(session?.missedPackets).toEqual([]);
  });

  test("has nothing for those who know no session or no offset", async () => {
    const { adapter } = bench();
    expect(await adapter.restoreSession("unknown", "offset")).toBeNull();
    adapter.persistSession(lost);
    expect(await adapter.restoreSession("secret", "no offset")).toBeNull();
  });
}
