import { ClusterAdapter, ClusterAdapterWithHeartbeat, type ClusterMessage } from "@portage/server/adapter";
import { describe, expect, test, vi } from "vitest";
import { Bench, settle } from "./peer.ts";

/** A bus of one server: it records sent messages, and the test sends the others. */
class Lonely extends ClusterAdapter {
  readonly sent: ClusterMessage[] = [];
  isBroken = false;

  public constructor(nsp: unknown) {
    super(nsp);
  }
  override doPublish(message: ClusterMessage): Promise<string> {
    this.sent.push(message);
    return this.isBroken ? Promise.reject(new Error("broken")) : Promise.resolve("offset");
  }
  override doPublishResponse(): Promise<void> {
    return Promise.reject(new Error("broken"));
  }
  override serverCount(): Promise<number> {
    return Promise.resolve(3);
  }
  receive(message: object): void {
    this.onMessage({ uid: "other", nsp: "/", ...message } as ClusterMessage);
  }
}

const lonely = async (options: object = {}) => {
  const bench = new Bench({ adapter: Lonely, ...options });
  return { bench, adapter: bench.io.sockets.adapter as unknown as Lonely, ...(await bench.join()) };
};

describe("a server in a cluster", () => {
  test("sends to its own clients at once, in the order of the program", async () => {
    const { bench, peer, socket } = await lonely();
    bench.io.emit("first");
    socket.emit("second");
    expect(await peer.hear()).toEqual(['2["first"]', '2["second"]']);
  });

  test("works locally when the bus fails, and does not end the process", async () => {
    const { bench, peer, socket, adapter } = await lonely();
    adapter.isBroken = true;
    bench.io.emit("x");
    bench.io.socketsJoin("room");
    adapter.receive({ type: 7, data: { requestId: "r", opts: { rooms: [], except: [], flags: {} } } });
    await settle();
    expect(await peer.hear()).toEqual(['2["x"]']);
    expect(socket.rooms.has("room")).toBe(true);
  });

  test("gives others up after a while, and after timeout()", async () => {
    const { bench } = await lonely();
    const late = expect(bench.io.fetchSockets()).rejects.toMatchObject({
      code: "CLUSTER_TIMEOUT",
      message: "timeout reached: missing 2 responses",
    });
    const soon = expect(bench.io.timeout(100).fetchSockets()).rejects.toThrow("missing 2 responses");
    await settle();
    bench.clock.advance(100);
    await soon;
    bench.clock.advance(4900);
    await late;
  });

  test("forgets a broadcast with acknowledgements when its time is over", async () => {
    const { bench, adapter } = await lonely();
    const done = vi.fn();
    bench.io.timeout(100).emit("q", done);
    await settle();
    bench.clock.advance(100);
    const requestId = (adapter.sent.at(-1) as { data: { requestId: string } }).data.requestId;
    adapter.receive({ type: 12, data: { requestId, packet: "too late" } });
    expect(done).toHaveBeenCalledTimes(1);
    expect(done).toHaveBeenCalledWith(expect.objectContaining({ message: "operation has timed out" }), []);
  });

  test("drops requests of another server after their time limit", async () => {
    const { bench, peer, socket, adapter } = await lonely();
    const opts = (timeout?: number) => ({ rooms: [], except: [], flags: { timeout } });
    for (const timeout of [100, undefined]) {
      adapter.receive({ type: 3, data: { requestId: "r", opts: opts(timeout), packet: { type: 2, data: ["q"] } } });
    }
    expect(await peer.hear()).toEqual(['20["q"]', '21["q"]']);
    expect(socket.acks.size).toBe(2);
    bench.clock.advance(100);
    await settle();
    expect([...socket.acks.keys()]).toEqual([1]);
    bench.clock.advance(5000);
    await settle();
    expect(socket.acks.size).toBe(0);
  });

  test("does not publish local operations on the bus", async () => {
    const { bench, adapter } = await lonely({ connectionStateRecovery: {} });
    adapter.sent.length = 0;
    bench.io.local.emit("x");
    bench.io.emit("y", 1);
    bench.io.timeout(10).emit("z", () => {});
    await settle();
    expect(adapter.sent.map((message) => (message as { data: { packet: unknown } }).data.packet)).toEqual([
      { type: 2, data: ["y", 1] },
      { type: 2, data: ["z"] },
    ]);
  });

  test("gives clients of Socket.IO 2 no offset", async () => {
    const { bench, peer } = await lonely({ connectionStateRecovery: {} });
    const old = bench.peer({ protocol: 3 });
    await old.hear();
    bench.io.emit("x");
    expect(await peer.hear()).toEqual(['2["x","offset"]']);
    expect(await old.hear()).toEqual(['2["x"]']);
  });
});

describe("answers", () => {
  class Small extends ClusterAdapterWithHeartbeat {
    readonly sent: ClusterMessage[] = [];
    public constructor(nsp: unknown) {
      super(nsp);
    }
    override doPublish(message: ClusterMessage): Promise<string> {
      this.sent.push(message);
      return Promise.resolve("");
    }
    override doPublishResponse(): Promise<void> {
      return Promise.resolve();
    }
    receive(message: object): void {
      this.onMessage({ nsp: "/", ...message } as ClusterMessage);
    }
  }

  test("of a server that answers twice, or was not asked, do not stand for others", async () => {
    const bench = new Bench({ adapter: Small });
    const adapter = bench.io.sockets.adapter as unknown as Small;
    for (const uid of ["a", "b"]) adapter.receive({ uid, type: 1 });
    const answers = bench.io.serverSideEmitWithAck("q");
    await settle();
    const { requestId } = (adapter.sent.at(-1) as { data: { requestId: string } }).data;
    for (const uid of ["a", "a", "stranger"]) adapter.receive({ uid, type: 10, data: { requestId, packet: uid } });
    await settle();
    adapter.receive({ uid: "b", type: 10, data: { requestId, packet: "b" } });
    await expect(answers).resolves.toEqual(["a", "b"]);
  });

  test("a closed adapter is silent", () => {
    const bench = new Bench({ adapter: Small });
    const adapter = bench.io.sockets.adapter as unknown as Small;
    void adapter.close();
    adapter.receive({ uid: "a", type: 1 });
    bench.clock.advance(60_000);
    expect(adapter.sent.map(({ type }) => type)).toEqual([1, 13]);
  });
});
