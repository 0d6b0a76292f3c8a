import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type AdapterClass, type AnyAdapter, opts, room } from "./adapter.ts";

/** The bus of two adapters in a cluster. It serializes every message, as on a wire. */
export class Bus {
  readonly #members: Member[] = [];
  readonly sent: Array<{ type: number; uid: string; nsp: string; data?: unknown }> = [];
  isBroken = false;

  join(member: Member): void {
    this.#members.push(member);
  }

  send(message: object, to?: string): Promise<string> {
    if (this.isBroken) return Promise.reject(new Error("the bus is broken"));
    const wire = JSON.stringify(message);
    this.sent.push(JSON.parse(wire));
    for (const member of this.#members) {
      if (to === undefined) queueMicrotask(() => member.onMessage(JSON.parse(wire), `offset-${this.sent.length}`));
      else if (member.uid === to) queueMicrotask(() => member.onResponse(JSON.parse(wire)));
    }
    return Promise.resolve(`offset-${this.sent.length}`);
  }
}

/** The protected members that a bus needs. */
export interface Member {
  readonly uid: string;
  onMessage(message: unknown, offset?: string): void;
  onResponse(response: unknown): void;
}

/** Returns an adapter class on a bus, from an abstract class. */
export type OnBus = (bus: Bus) => AdapterClass;

/** Ends a promise that the fake clock does not move. */
const soon = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

/** Two servers; each has its own sockets `s1` to `s3`. */
export type ClusterPair = Record<"a" | "b", ReturnType<typeof room>> & {
  /** Lets the second server leave. */
  readonly leave: () => void;
};

/** Two servers on one bus. */
async function cluster(one: OnBus, two: OnBus, recovery?: object) {
  const bus = new Bus();
  const nodes = [one, two].map((on) => room(on(bus), recovery === undefined ? undefined : { recovery }));
  for (const { adapter } of nodes) adapter.init();
  await soon();
  const [a, b] = nodes as [(typeof nodes)[0], (typeof nodes)[0]];
  return { a, b, bus, leave: () => void b.adapter.close() };
}

const event = (...data: unknown[]) => ({ type: 2, data });

/** Tests of two servers in a cluster, for any adapter and any bus. */
export function clusterBehaviour(make: () => Promise<ClusterPair>): void {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test("broadcasts reach the clients of both, local ones do not", async () => {
    const { a, b } = await make();
    await a.adapter.broadcast(event("all"), opts(["r1"], ["s1"]));
    await soon();
    expect(b.heard()).toEqual(a.heard());
    await a.adapter.broadcast(event("local"), opts([], [], { local: true }));
    await soon();
    expect(a.heard()).toHaveLength(3);
    expect(b.heard()).toEqual([]);
  });

  test("acknowledgements come from both", async () => {
    const { a, b } = await make();
    const onCount = vi.fn();
    const ack = vi.fn();
    a.adapter.broadcastWithAck(event("q"), opts(["r1"], [], { timeout: 100 }), onCount, ack);
    await soon();
    expect(onCount.mock.calls).toEqual([[2], [2]]);
    for (const [name, node] of Object.entries({ a, b })) {
      for (const { id, acks } of node.sockets) for (const fn of acks.values()) fn(`${name} ${id}`);
    }
    await soon();
    expect(new Set(ack.mock.calls.flat())).toEqual(new Set(["a s1", "a s2", "b s1", "b s2"]));
  });

  test("sockets of both join, leave and go", async () => {
    const { a, b } = await make();
    await a.adapter.addSockets(opts(["r1"]), ["r3"]);
    await a.adapter.delSockets(opts(["r3"], ["s2"]), ["r1"]);
    await a.adapter.disconnectSockets(opts(["r3"]), true);
    await soon();
    for (const { sockets } of [a, b]) {
      expect(sockets.map(({ rooms }) => [...rooms])).toEqual([
        ["s1", "r3"],
        ["s2", "r1", "r2", "r3"],
        ["s3", "r2"],
      ]);
      expect(sockets.map(({ ends }) => ends)).toEqual([[true], [true], []]);
    }
  });

  test("sockets of both are found: the own ones as they are, the others as details", async () => {
    const { a } = await make();
    const found = await a.adapter.fetchSockets(opts(["r1"]));
    expect(found.slice(0, 2)).toEqual(a.sockets.slice(0, 2));
    expect(found.slice(2)).toEqual([
      { id: "s1", handshake: { address: "10.0.0.1" }, rooms: ["s1", "r1"], data: { name: "data" } },
      { id: "s2", handshake: { address: "10.0.0.1" }, rooms: ["s2", "r1", "r2"], data: { name: "data" } },
    ]);
    expect(await a.adapter.fetchSockets(opts(["r1"], [], { local: true }))).toHaveLength(2);
  });

  test("events between servers reach the other one, and its answer comes back", async () => {
    const { a, b } = await make();
    await a.adapter.serverSideEmit(["hello", 1]);
    const done = vi.fn();
    await a.adapter.serverSideEmit(["question", done]);
    await soon();
    expect(b.nsp.emitted).toEqual([["hello", 1], ["question"]]);
    expect(a.nsp.emitted).toEqual([]);
    expect(done.mock.calls).toEqual([[null, ["answer"]]]);
  });

  test("a server that does not answer is reported", async () => {
    const { a, b } = await make();
    b.nsp.answer = undefined;
    const done = vi.fn();
    await a.adapter.serverSideEmit(["question", done]);
    await vi.advanceTimersByTimeAsync(5001);
    expect(done).toHaveBeenCalledTimes(1);
    const [error, answers] = done.mock.calls[0] as [Error, unknown[]];
    expect(error.message).toBe("timeout reached: missing 1 responses");
    expect(answers).toEqual([]);
  });

  test("a server that leaves or falls silent is neither counted nor waited for", async () => {
    const { a, b, leave } = await make();
    expect(await a.adapter.serverCount()).toBe(2);
    b.nsp.answer = undefined;
    const done = vi.fn();
    await a.adapter.serverSideEmit(["question", done]);
    leave();
    await soon();
    expect(done.mock.calls).toEqual([[null, []]]);
    expect(await a.adapter.serverCount()).toBe(1);
    expect(await a.adapter.fetchSockets(opts())).toHaveLength(3);
  });
}

/** Tests of two servers on a bus with the messages of socket.io-adapter. */
export function clusterContract(one: OnBus, two: OnBus): void {
  clusterBehaviour(() => cluster(one, two));

  test("heartbeats keep servers known; without them they are forgotten", async () => {
    const { a, b, bus } = await cluster(one, two);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await a.adapter.serverCount()).toBe(2);
    expect(await b.adapter.serverCount()).toBe(2);
    bus.isBroken = true;
    await vi.advanceTimersByTimeAsync(12_000);
    expect(await a.adapter.serverCount()).toBe(1);
  });

  test("clients of a server with a broken bus still get its broadcasts", async () => {
    const { a, b, bus } = await cluster(one, two);
    bus.isBroken = true;
    await a.adapter.broadcast(event("x"), opts());
    await a.adapter.addSockets(opts(["s1"]), ["r9"]);
    expect(a.heard()).toHaveLength(3);
    expect(b.heard()).toEqual([]);
    expect(a.sockets[0]?.rooms.has("r9")).toBe(true);
  });

  test("a program that only emits reaches the clients, and is not counted", async () => {
    const { a } = await cluster(one, two);
    const member = a.adapter as AnyAdapter & Member;
    const data = { packet: event("from outside"), opts: { rooms: ["s1"], except: [], flags: {} } };
    member.onMessage({ uid: "emitter", nsp: "/", type: 3, data });
    await soon();
    expect(a.heard()).toEqual(['s1 2["from outside"]']);
    expect(await a.adapter.serverCount()).toBe(2);
  });

  test("offsets of the bus go to the clients of both where sessions can be recovered", async () => {
    const { a, b } = await cluster(one, two, {});
    const encoded: unknown[] = [];
    for (const { nsp } of [a, b]) {
      nsp.server.encoder.encode = ({ data }) => (encoded.push([...data]), [JSON.stringify(data)]);
    }
    await a.adapter.broadcast(event("kept"), opts());
    await soon();
    const offset = expect.stringMatching(/^offset-/) as string;
    expect(encoded).toEqual([
      ["kept", offset],
      ["kept", offset],
    ]);
    encoded.length = 0;
    await a.adapter.broadcast(event("not kept"), opts([], [], { volatile: true }));
    await soon();
    expect(encoded).toEqual([["not kept"], ["not kept"]]);
  });

  test("messages on the bus have the shapes of socket.io-adapter", async () => {
    const { a, bus } = await cluster(one, two);
    bus.sent.length = 0;
    const some = opts(["r1"], ["s1"], { timeout: 50 });
    await a.adapter.broadcast(event("x"), some);
    await a.adapter.addSockets(some, ["r9"]);
    await a.adapter.delSockets(some, ["r9"]);
    await a.adapter.disconnectSockets(some, true);
    await a.adapter.serverSideEmit(["e", 1]);
    a.adapter.broadcastWithAck(event("q"), some, vi.fn(), vi.fn());
    await a.adapter.fetchSockets(some);
    await a.adapter.serverSideEmit(["q", vi.fn()]);
    await soon();
    const bodies = bus.sent.filter(({ type }) => type > 2).sort((x, y) => x.type - y.type);
    const wire = { rooms: ["r1"], except: ["s1"], flags: { timeout: 50 } };
    const requestId = expect.stringMatching(/^[0-9a-f]{16}$/) as string;
    expect(bodies.map(({ type, data }) => [type, data])).toEqual([
      [3, { packet: event("x"), opts: wire }],
      [3, { packet: event("q"), opts: wire, requestId }],
      [4, { opts: wire, rooms: ["r9"] }],
      [5, { opts: wire, rooms: ["r9"] }],
      [6, { opts: wire, close: true }],
      [7, { opts: wire, requestId }],
      [8, { requestId, sockets: [expect.objectContaining({ id: "s2" })] }],
      [9, { packet: ["e", 1] }],
      [9, { packet: ["q"], requestId }],
      [10, { requestId, packet: "answer" }],
      [11, { requestId, clientCount: 1 }],
    ]);
    for (const { uid, nsp } of bodies) expect([uid, nsp]).toEqual([expect.stringMatching(/^[0-9a-f]{16}$/), "/"]);
  });
}
