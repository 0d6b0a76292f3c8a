import { createRequire } from "node:module";
import { describe, expect, test, vi } from "vitest";
import type { AdapterConstructor } from "../../../packages/server/src/socketio/adapter/adapter.ts";
import { InMemoryAdapter } from "../../../packages/server/src/socketio/adapter/in-memory.ts";
import { Bench } from "./peer.ts";

const nearSocketIo = createRequire(createRequire(import.meta.url).resolve("socket.io"));
const { Adapter: NpmAdapter } = nearSocketIo("socket.io-adapter") as { Adapter: typeof InMemoryAdapter };

/** The minimum that an adapter needs: third-party tests use it without a server. */
function bareNamespace(...ids: string[]) {
  const written: Array<[id: string, encoded: unknown, options: Record<string, unknown>]> = [];
  const sockets = new Map(
    ids.map((id) => {
      const client = {
        writeToEngine: (encoded: unknown, options: Record<string, unknown>) => written.push([id, encoded, options]),
      };
      return [id, { id, client, acks: new Map() }];
    }),
  );
  return { nsp: { name: "/", _ids: 7, sockets, server: { encoder: { encode: () => ["encoded"] } } }, written, sockets };
}

/** A custom adapter with its own Maps of rooms. */
class OwnMaps extends InMemoryAdapter {
  override readonly rooms = new Map<string, Set<string>>();
  override readonly sids = new Map<string, Set<string>>();
}

describe.each([InMemoryAdapter, OwnMaps])("rooms in memory, %o", (Adapter) => {
  test("map rooms to sockets, and sockets to rooms", () => {
    const adapter = new Adapter({ server: { encoder: null }, sockets: new Map() });
    void adapter.addAll("s1", new Set(["r1", "r2"]));
    void adapter.addAll("s2", new Set(["r2"]));
    expect(adapter.rooms).toEqual(
      new Map([
        ["r1", new Set(["s1"])],
        ["r2", new Set(["s1", "s2"])],
      ]),
    );
    expect(adapter.socketRooms("s1")).toEqual(new Set(["r1", "r2"]));
    void adapter.del("s1", "r1");
    void adapter.del("s1", "r1");
    void adapter.del("nobody", "r9");
    expect(adapter.rooms.has("r1")).toBe(false);
    expect(adapter.sids.get("s1")).toEqual(new Set(["r2"]));
    adapter.delAll("s1");
    adapter.delAll("s1");
    expect(adapter.sids.has("s1")).toBe(false);
    expect(adapter.socketRooms("s1")).toBeUndefined();
  });

  test("emit the creation and deletion of rooms, and joins and leaves", () => {
    const adapter = new Adapter(bareNamespace().nsp);
    const events: unknown[] = [];
    for (const event of ["create-room", "delete-room", "join-room", "leave-room"]) {
      adapter.on(event, (...args: unknown[]) => events.push([event, ...args]));
    }
    void adapter.addAll("s1", new Set(["r1"]));
    void adapter.addAll("s1", new Set(["r1"]));
    void adapter.addAll("s2", new Set(["r1"]));
    void adapter.del("s1", "r1");
    adapter.delAll("s2");
    expect(events).toEqual([
      ["create-room", "r1"],
      ["join-room", "r1", "s1"],
      ["join-room", "r1", "s2"],
      ["leave-room", "r1", "s1"],
      ["leave-room", "r1", "s2"],
      ["delete-room", "r1"],
    ]);
  });

  test("lead to their members, each once", async () => {
    const adapter = new Adapter(bareNamespace("s1", "s2", "s3").nsp);
    void adapter.addAll("s1", new Set(["s1", "r1", "r2"]));
    void adapter.addAll("s2", new Set(["r2"]));
    void adapter.addAll("s3", new Set());
    expect(await adapter.sockets(new Set(["r1", "r2"]))).toEqual(new Set(["s1", "s2"]));
    expect(await adapter.sockets(new Set(["r1"]))).toEqual(new Set(["s1"]));
    expect(await adapter.sockets(new Set(["r9"]))).toEqual(new Set());
    expect(await adapter.sockets(new Set())).toEqual(new Set(["s1", "s2", "s3"]));
  });
});

describe("broadcasts in memory", () => {
  test("are encoded once and written to each receiver once", () => {
    const { nsp, written } = bareNamespace("s1", "s2", "s3");
    const adapter = new InMemoryAdapter(nsp);
    for (const id of ["s1", "s2", "s3"]) void adapter.addAll(id, new Set(["r1", "r2"]));
    const encode = vi.spyOn(nsp.server.encoder, "encode");
    adapter.broadcast({ type: 2, data: ["x"] }, { rooms: new Set(["r1", "r2"]), except: new Set(["s3"]), flags: {} });
    void adapter.addAll("s3", new Set(["s3"]));
    adapter.broadcast(
      { type: 2, data: ["x"] },
      { rooms: new Set(), except: new Set(["s3"]), flags: { compress: false } },
    );
    expect(written.map(([id]) => id)).toEqual(["s1", "s2", "s3", "s1", "s2"]);
    expect(written[0]?.[1]).toEqual(["encoded"]);
    expect(written[0]?.[2]).toMatchObject({ preEncoded: true });
    expect(written[4]?.[2]).toMatchObject({ preEncoded: true, compress: false });
    expect(encode).toHaveBeenCalledTimes(2);
    expect(encode).toHaveBeenLastCalledWith(expect.objectContaining({ type: 2, nsp: "/", data: ["x"] }));
  });

  test("that ask for acknowledgements use one id of the namespace", () => {
    const { nsp, sockets } = bareNamespace("s1", "s2");
    const adapter = new InMemoryAdapter(nsp);
    for (const id of sockets.keys()) void adapter.addAll(id, new Set([id]));
    const count = vi.fn();
    const ack = vi.fn();
    adapter.broadcastWithAck({ type: 2, data: ["x"] }, { rooms: new Set() }, count, ack);
    expect(count).toHaveBeenCalledWith(2);
    expect(nsp._ids).toBe(8);
    for (const { acks } of sockets.values()) expect(acks.get(7)).toBe(ack);
  });

  test("reach only sockets that are connected", async () => {
    const { nsp, written } = bareNamespace("s1");
    const adapter = new InMemoryAdapter(nsp);
    void adapter.addAll("s1", new Set(["r"]));
    void adapter.addAll("remote", new Set(["r"]));
    adapter.broadcast({ type: 2, data: ["x"] }, { rooms: new Set(["r"]) });
    expect(written).toHaveLength(1);
    expect(await adapter.sockets(new Set())).toEqual(new Set(["s1"]));
    expect(await adapter.sockets(new Set(["r"]))).toEqual(new Set(["s1"]));
  });

  test("have the answers that an adapter without storage and without other servers has", async () => {
    const adapter = new InMemoryAdapter(bareNamespace().nsp);
    expect(await adapter.serverCount()).toBe(1);
    adapter.persistSession({ sid: "s", pid: "p", rooms: [], data: {} });
    expect(await adapter.restoreSession("p", "offset")).toBeNull();
    expect(adapter.init()).toBeUndefined();
    expect(adapter.close()).toBeUndefined();
  });
});

// The promise to adapters of others: the class that they all extend runs on this server unchanged.
describe.each([
  ["ours", InMemoryAdapter],
  ["of the npm package socket.io-adapter", NpmAdapter],
] as Array<[string, typeof InMemoryAdapter]>)("a server with an adapter %s", (_whose, Adapter) => {
  test("broadcasts, with text, bytes and acknowledgements", async () => {
    const bench = new Bench({ adapter: Adapter });
    expect(bench.io.sockets.adapter).toBeInstanceOf(Adapter);
    const [a, b] = [await bench.join(), await bench.join()];
    await a.socket.join("r");
    const heard: unknown[] = [];
    a.socket.onAnyOutgoing((...args) => heard.push(args));
    bench.io.to("r").emit("x", 1);
    bench.io.except("r").emit("y", Buffer.from("b"));
    const answers = bench.io.timeout(100).emitWithAck("q");
    await a.peer.say('30["a"]');
    await b.peer.say('30["b"]');
    await expect(answers).resolves.toEqual(["a", "b"]);
    expect(await a.peer.hear()).toEqual(['2["x",1]', '20["q"]']);
    expect(await b.peer.hear()).toEqual(['51-["y",{"_placeholder":true,"num":0}]', Buffer.from("b"), '20["q"]']);
    expect(heard).toEqual([["x", 1], ["q"]]);
  });

  test("drops volatile packets for clients that can't take them, and cleans up after late ones", async () => {
    const bench = new Bench({ adapter: Adapter });
    const { peer, socket } = await bench.join();
    peer.transport.writable = false;
    bench.io.volatile.emit("x");
    peer.transport.writable = true;
    const late = bench.io.timeout(100).emitWithAck("q");
    const rejected = expect(late).rejects.toMatchObject({ responses: [] });
    bench.clock.advance(100);
    await rejected;
    expect(await peer.hear()).toEqual(['20["q"]']);
    expect(socket.acks.size).toBe(0);
  });

  test("manages its sockets", async () => {
    const bench = new Bench({ adapter: Adapter });
    const { socket } = await bench.join();
    bench.io.socketsJoin(["a", "b"]);
    bench.io.in("a").socketsLeave("b");
    expect(socket.rooms).toEqual(new Set([socket.id, "a"]));
    expect(await bench.io.in("a").fetchSockets()).toEqual([socket]);
    expect(await bench.io.in("a").allSockets()).toEqual(new Set([socket.id]));
    bench.io.in("a").disconnectSockets();
    expect(socket.connected).toBe(false);
    expect(bench.io.sockets.adapter.rooms.size).toBe(0);
  });
});

describe("the option adapter", () => {
  const make = (nsp: unknown): InMemoryAdapter => new InMemoryAdapter(nsp);
  const cases: Array<[string, AdapterConstructor]> = [
    ["a class", InMemoryAdapter],
    ["an arrow function", make],
    // Adapters of the npm registry are given as such functions.
    [
      "a function",
      function create(nsp: unknown) {
        return make(nsp);
      },
    ],
  ];
  test.each(cases)("may be %s", (_what, adapter) => {
    const { io } = new Bench({ adapter });
    expect(io.adapter()).toBe(adapter);
    expect(io.sockets.adapter.nsp).toBe(io.sockets);
  });

  test("may be changed for all namespaces that exist", () => {
    const { io } = new Bench();
    io.of("/a");
    class Other extends InMemoryAdapter {}
    expect(io.adapter(Other)).toBe(io);
    for (const name of ["/", "/a", "/later"]) expect(io.of(name).adapter).toBeInstanceOf(Other);
  });

  test("init() may fail without ending the process", async () => {
    class Failing extends InMemoryAdapter {
      override init(): Promise<void> {
        return Promise.reject(new Error("no bus"));
      }
    }
    const { io } = new Bench({ adapter: Failing });
    const failures = vi.fn();
    io.on("handler_error", failures);
    await new Promise(setImmediate);
    expect(failures.mock.calls).toEqual([[new Error("no bus"), expect.objectContaining({ handler: "adapter" })]]);
    expect(io.sockets.adapter).toBeInstanceOf(Failing);
  });
});

describe("sessions that come back", () => {
  test("get id, rooms, data and missed events from an adapter that keeps them", async () => {
    const kept: Array<Record<string, unknown>> = [];
    class Keeping extends InMemoryAdapter {
      override persistSession(session: never): void {
        kept.push(session);
      }
      override async restoreSession(pid: string, offset: string): Promise<never> {
        const session = kept.find((each) => each["pid"] === pid);
        return { ...session, missedPackets: [["missed", offset]] } as never;
      }
    }
    const bench = new Bench({ adapter: Keeping, connectionStateRecovery: {} });
    const middleware = vi.fn((_socket: unknown, next: () => void) => next());
    bench.io.use(middleware);
    const first = bench.peer();
    await first.say("0");
    const [answer] = await first.hear();
    const { sid, pid } = JSON.parse(String(answer).slice(1)) as { sid: string; pid: string };
    const [socket] = bench.io.sockets.sockets.values();
    await socket?.join("room");
    if (socket) socket.data = { user: 1 };
    first.transport.lose();
    expect(kept).toEqual([{ sid, pid, rooms: [sid, "room"], data: { user: 1 } }]);

    const second = bench.peer();
    await second.say(`0{"pid":"${pid}","offset":"o1"}`);
    expect(await second.hear()).toEqual(['2["missed","o1"]', `0{"sid":"${sid}","pid":"${pid}"}`]);
    const [back] = bench.io.sockets.sockets.values();
    expect(back).toMatchObject({ id: sid, recovered: true, data: { user: 1 } });
    expect(back?.rooms).toEqual(new Set([sid, "room"]));
    expect(middleware).toHaveBeenCalledTimes(1);
  });
});
