import { createRequire } from "node:module";
import { ClusterAdapterWithHeartbeat, type ClusterMessage } from "@portage/server/adapter";
import { describe, expect, test } from "vitest";
import { faultOf } from "../../../packages/server/src/socketio/adapter/cluster/schema.ts";
import { Bench, settle } from "./peer.ts";

const nearSocketIo = createRequire(createRequire(import.meta.url).resolve("socket.io"));
const npm = nearSocketIo("socket.io-adapter") as { ClusterAdapterWithHeartbeat: typeof ClusterAdapterWithHeartbeat };

const OPTIONS = { rooms: ["room"], except: [], flags: {} };
const SOCKET = { id: "a", handshake: {}, rooms: ["a"], data: undefined };

/** One message of each type, with all that it may have. */
const SOUND: readonly { type: number; data?: Record<string, unknown> }[] = [
  { type: 1 },
  { type: 2 },
  { type: 3, data: { opts: OPTIONS, packet: { type: 2, data: ["x", 1] } } },
  { type: 3, data: { opts: OPTIONS, packet: { type: 2, data: ["x"] }, requestId: "r" } },
  { type: 4, data: { opts: OPTIONS, rooms: ["another", 7] } },
  { type: 5, data: { opts: OPTIONS, rooms: ["another"] } },
  { type: 6, data: { opts: { ...OPTIONS, rooms: ["nobody"] }, close: true } },
  { type: 7, data: { opts: OPTIONS, requestId: "r" } },
  { type: 8, data: { requestId: "r", sockets: [SOCKET] } },
  { type: 9, data: { packet: ["x"] } },
  { type: 9, data: { packet: ["x"], requestId: "r" } },
  { type: 10, data: { requestId: "r", packet: "answer" } },
  { type: 11, data: { requestId: "r", clientCount: 3 } },
  { type: 12, data: { requestId: "r", packet: "answer" } },
  { type: 13 },
];

const deep = (): unknown => {
  let value: unknown = [];
  for (let depth = 0; depth < 20_000; depth += 1) value = [value];
  return value;
};

/** Invalid values for any field. */
const JUNK: readonly unknown[] = [
  undefined,
  null,
  true,
  Number.NaN,
  -1,
  1e300,
  "",
  "__proto__",
  "constructor",
  [],
  [null],
  [[]],
  [{}],
  {},
  new Map(),
  JSON.parse('{"__proto__":{"rooms":["room"]},"constructor":1,"toString":2,"length":-1}') as unknown,
  ["connection", { id: "not a socket" }],
  deep(),
];

/** The same object with one of its fields, at any depth, replaced by each piece of junk. */
function* spoil(value: Record<string, unknown>): Generator<Record<string, unknown>> {
  for (const [field, inner] of Object.entries(value)) {
    for (const junk of JUNK) yield { ...value, [field]: junk };
    if (typeof inner !== "object" || inner === null || Array.isArray(inner)) continue;
    for (const spoilt of spoil(inner as Record<string, unknown>)) yield { ...value, [field]: spoilt };
  }
}

function* allJunk(): Generator {
  yield* JUNK;
  for (const type of [-1, 0, 14, 1e9, "3", null]) yield { uid: "other", nsp: "/", type, data: {} };
  for (const message of SOUND) yield* spoil({ uid: "other", nsp: "/", ...message });
}

/** A server on a bus that the test speaks on. */
class Listening extends ClusterAdapterWithHeartbeat {
  readonly sent: unknown[] = [];
  public constructor(nsp: unknown) {
    super(nsp);
  }
  override doPublish(message: ClusterMessage): Promise<string> {
    this.sent.push(structuredClone(message));
    return Promise.resolve("");
  }
  override doPublishResponse(_uid: string, response: unknown): Promise<void> {
    this.sent.push(structuredClone(response));
    return Promise.resolve();
  }
}

describe("a message from the bus", () => {
  test.each(SOUND)("is sound: %j", (message) => {
    expect(faultOf({ uid: "other", nsp: "/", ...message })).toBeUndefined();
  });

  test("is sound when it is of a type that only later versions know", () => {
    expect(faultOf({ uid: "other", nsp: "/", type: 14, data: 7 })).toBeUndefined();
  });

  test.each([
    [null, "it is not an object"],
    [{ uid: "a", type: "3" }, "its type is not a number"],
    [{ uid: 7, type: 2 }, "its uid is not a string"],
    [{ uid: "a", type: 4, data: { opts: OPTIONS } }, "its rooms is invalid (type 4)"],
    [
      { uid: "a", type: 3, data: { opts: OPTIONS, packet: { type: 1, data: ["x"] } } },
      "its packet is invalid (type 3)",
    ],
    [{ uid: "a", type: 6, data: { opts: { except: [] } } }, "its opts is invalid (type 6)"],
    [{ uid: "a", type: 9, data: { packet: ["connection"] } }, "its packet is invalid (type 9)"],
  ])("is refused in words: %j", (message, fault) => {
    expect(faultOf(message)).toBe(fault);
  });

  test("is valid if this library or socket.io-adapter sends it", async () => {
    class Npm extends npm.ClusterAdapterWithHeartbeat {
      readonly sent: unknown[] = [];
      public constructor(nsp: unknown) {
        super(nsp, {});
      }
      override doPublish(message: ClusterMessage): Promise<string> {
        this.sent.push(structuredClone(message));
        return Promise.resolve("");
      }
      override doPublishResponse(_uid: string, response: unknown): Promise<void> {
        this.sent.push(structuredClone(response));
        return Promise.resolve();
      }
    }
    for (const Adapter of [Listening, Npm]) {
      const bench = new Bench({ adapter: Adapter as never });
      const adapter = bench.io.sockets.adapter as unknown as Listening;
      const { socket } = await bench.join();
      bench.io
        .to("room")
        .except("other")
        .emit("x", Buffer.from([1]), { a: [null] });
      bench.io.timeout(10).emit("q", () => undefined);
      bench.io.socketsJoin(["a", "b"]);
      bench.io.socketsLeave("a");
      bench.io.in("nobody").disconnectSockets(true);
      bench.io.serverSideEmit("hello", 1);
      adapter.onMessage({ uid: "other", nsp: "/", type: 2 });
      void bench.io.fetchSockets().catch(() => undefined);
      void bench.io.serverSideEmitWithAck("hello").catch(() => undefined);
      socket.data = { name: "Ada" };
      adapter.onMessage({ uid: "other", nsp: "/", ...SOUND[7] } as ClusterMessage);
      await settle();
      void adapter.close();
      expect(adapter.sent.length).toBeGreaterThan(9);
      for (const message of adapter.sent) expect(faultOf(message), JSON.stringify(message)).toBeUndefined();
    }
  });

  test("may be any junk: the server reports it, goes on, and serves its clients", async () => {
    const bench = new Bench({ adapter: Listening });
    const adapter = bench.io.sockets.adapter as unknown as Listening;
    const failures: { code?: string }[] = [];
    bench.io.on("handler_error", (error) => failures.push(error as { code?: string }));
    bench.io.on("connection", (socket) => socket.join("room"));
    bench.io.on("x" as never, () => undefined);
    let count = 0;
    for (const message of allJunk()) {
      // Some messages disconnect all clients: reconnect, so that the rest has an effect.
      if (bench.io.sockets.sockets.size === 0) await bench.join();
      count += 1;
      adapter.onMessage(message as ClusterMessage);
      adapter.onResponse(message as never);
    }
    await settle();
    expect(count).toBeGreaterThan(500);
    expect(failures.filter(({ code }) => code === "CLUSTER_MESSAGE_INVALID").length).toBeGreaterThan(500);
    expect(({} as Record<string, unknown>)["rooms"]).toBeUndefined();
    const { peer } = await bench.join();
    bench.io.to("room").emit("still here");
    expect(await peer.hear()).toEqual(['2["still here"]']);
  });

  test("may be a flood of names: so many servers are not waited for", async () => {
    const bench = new Bench({ adapter: Listening });
    const adapter = bench.io.sockets.adapter as unknown as Listening;
    const codes = new Set<unknown>();
    bench.io.on("handler_error", (error) => codes.add((error as { code?: string }).code));
    for (let index = 0; index < 5000; index += 1) adapter.onMessage({ uid: `s${index}`, nsp: "/", type: 2 });
    expect(await adapter.serverCount()).toBe(1001);
    expect(codes).toEqual(new Set(["TOO_MANY_SERVERS"]));
  });

  test("may name very many sockets: they are looked up, no more", async () => {
    const bench = new Bench({ adapter: Listening });
    const adapter = bench.io.sockets.adapter as unknown as Listening;
    const { peer } = await bench.join();
    const except = Array.from({ length: 200_000 }, (_, index) => `id ${index}`);
    const packet = { type: 2, data: ["x"] };
    adapter.onMessage({ uid: "a", nsp: "/", type: 3, data: { packet, opts: { rooms: [], except, flags: {} } } });
    expect(await peer.hear()).toEqual(['2["x"]']);
  });
});
