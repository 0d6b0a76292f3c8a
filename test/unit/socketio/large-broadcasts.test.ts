import { kDropAck } from "../../../packages/server/src/socketio/keys.ts";
import { describe, expect, test, vi } from "vitest";
import type { PacketWriteOptions } from "../../../packages/server/src/socketio/adapter/surface.ts";
import { InMemoryAdapter } from "../../../packages/server/src/socketio/adapter/in-memory.ts";
import { Random } from "../../support/random.ts";
import { Bench, settle } from "./peer.ts";

const CROWD = 25_000;
const ONE_TURN = 10_000;

/** A namespace with a crowd of sockets that only count packets, and two real clients added after them. */
async function crowded(options = {}, crowd = CROWD) {
  const bench = new Bench(options);
  const nsp = bench.io.of("/");
  let delivered = 0;
  const client = { writeToEngine: (_encoded: unknown, _options: PacketWriteOptions) => void delivered++ };
  for (let index = 0; index < crowd; index++) {
    const id = `one of many ${index}`;
    nsp.sockets.set(id, { id, client, acks: new Map(), _onclose() {}, join() {}, leave() {} } as never);
    void nsp.adapter.addAll(id, new Set([id, "all"]));
  }
  const [a, b] = [await bench.join(), await bench.join()];
  await a.socket.join("all");
  await b.socket.join("all");
  return { bench, io: bench.io, nsp, a, b, delivered: () => delivered };
}

function dropAck(this: { acks: Map<number, unknown> }, id: number): void {
  this.acks.delete(id);
}

describe("a broadcast to very many", () => {
  test.each(["all", "a room"])("takes several turns of the event loop: %s", async (whom) => {
    const { io, delivered } = await crowded();
    (whom === "all" ? io : io.to("all")).emit("x");
    expect(delivered()).toBe(ONE_TURN);
    await settle();
    expect(delivered()).toBe(2 * ONE_TURN);
    await settle();
    expect(delivered()).toBe(CROWD);
    await settle();
    expect(delivered()).toBe(CROWD);
  });

  test("comes before all that is sent to a socket later", async () => {
    const { io, a, b } = await crowded();
    a.socket.emit("before");
    io.emit("x", 1);
    a.socket.emit("after");
    io.to([a.socket.id, b.socket.id]).emit("to both");
    expect(await a.peer.hear()).toEqual(['2["before"]', '2["x",1]', '2["after"]', '2["to both"]']);
    expect(await b.peer.hear()).toEqual(['2["x",1]', '2["to both"]']);
    await settle();
    await settle();
    expect(await a.peer.hear()).toEqual([]);
    expect(await b.peer.hear()).toEqual([]);
  });

  test("comes before an acknowledgement, and before a broadcast that asks for some", async () => {
    const { io, a } = await crowded();
    a.socket.on("ask", (answer: () => void) => {
      io.emit("x");
      answer();
    });
    await a.peer.say('27["ask"]');
    expect(await a.peer.hear()).toEqual(['2["x"]', "37[]"]);
    io.emit("y");
    io.to(a.socket.id)
      .timeout(1000)
      .emit("question", () => {});
    expect(await a.peer.hear()).toEqual(['2["y"]', expect.stringMatching(/^2\d+\["question"\]$/)]);
  });

  test("may ask for acknowledgements, and is answered once all have been asked", async () => {
    const { io, nsp, a, b, delivered } = await crowded();
    const answers: unknown[] = [];
    io.timeout(1000).emit("question", (...answer: unknown[]) => answers.push(answer));
    expect(delivered()).toBe(ONE_TURN);
    await settle();
    await settle();
    expect(delivered()).toBe(CROWD);
    const [question = ""] = (await b.peer.hear()).map(String);
    const id = Number(/^2(\d+)\["question"\]$/.exec(question)?.[1]);
    expect(await a.peer.hear()).toEqual([question]);
    await a.peer.say(`3${id}["a"]`);
    await b.peer.say(`3${id}["b"]`);
    for (const socket of nsp.sockets.values()) if (socket !== a.socket && socket !== b.socket) socket.acks.get(id)?.(1);
    await settle();
    expect(answers).toHaveLength(1);
    expect(answers[0]).toEqual([null, expect.objectContaining({ length: CROWD + 2 })]);
  });

  test("may be followed by other broadcasts from its count callback, which may also throw", async () => {
    const { io, nsp, a, delivered } = await crowded();
    const failures: unknown[] = [];
    io.on("handler_error", (error) => failures.push(error));
    const everybody = { rooms: new Set<string>(), except: new Set<string>() };
    const ask = (name: string, onCount: (count: number) => void): void =>
      nsp.adapter.broadcastWithAck({ type: 2, data: [name] }, everybody, onCount, () => undefined);
    const counts: number[] = [];
    ask("first", (count) => {
      counts.push(count);
      io.emit("second");
      io.emit("third");
    });
    for (let turn = 0; turn < 4; turn++) await settle();
    expect(counts).toEqual([CROWD + 2]);
    const failure = new Error("no");
    ask("fourth", () => {
      throw failure;
    });
    io.emit("fifth");
    for (let turn = 0; turn < 12; turn++) await settle();
    expect(failures).toEqual([failure]);
    expect(delivered()).toBe(5 * CROWD);
    io.emit("sixth");
    a.socket.emit("last");
    const heard = (await a.peer.hear()).map((packet) => /"(\w+)"/.exec(String(packet))?.[1]);
    expect(heard).toEqual(["first", "second", "third", "fourth", "fifth", "sixth", "last"]);
  });

  test("that asks for acknowledgements leaves nothing behind where the time was over before all were asked", async () => {
    const { bench, io, nsp, b } = await crowded();
    (nsp.sockets as Map<string, unknown>).forEach((socket) => Object.assign(socket as object, { [kDropAck]: dropAck }));
    const answered = new Promise((resolve) => io.timeout(1000).emit("question", resolve));
    bench.clock.advance(1001);
    expect(await answered).toMatchObject({ code: "ACK_TIMEOUT" });
    await settle();
    await settle();
    expect((await b.peer.hear()).map(String)).toEqual([expect.stringMatching(/^2\d+\["question"\]$/)]);
    expect([...nsp.sockets.values()].filter(({ acks }) => acks.size > 0)).toEqual([]);
  });

  test("comes before the end that the server makes", async () => {
    const { bench, io, a, b } = await crowded();
    // An engine flushes the queues of its sessions, which this one in memory does not.
    vi.spyOn(bench.engine, "close").mockReturnValue();
    io.emit("x");
    a.socket.disconnect();
    expect(a.socket.connected).toBe(false);
    await io.close();
    expect(await a.peer.hear()).toEqual(['2["x"]', "1"]);
    expect(await b.peer.hear()).toEqual(['2["x"]']);
  });

  test("is for those who were in the rooms when it was sent", async () => {
    const { io, a, b } = await crowded();
    await b.socket.leave("all");
    io.to("all").emit("x");
    await a.socket.leave("all");
    await b.socket.join("all");
    await settle();
    await settle();
    expect(await a.peer.hear()).toEqual(['2["x"]']);
    expect(await b.peer.hear()).toEqual([]);
  });

  test("is not for those whom it excepts, and not for those who come later", async () => {
    const { bench, io, a, b } = await crowded();
    await a.socket.join("quiet");
    io.except("quiet").emit("x");
    await a.socket.leave("quiet");
    const c = await bench.join();
    for (let turn = 0; turn < 3; turn++) await settle();
    expect(await a.peer.hear()).toEqual([]);
    expect(await b.peer.hear()).toEqual(['2["x"]']);
    expect(await c.peer.hear()).toEqual([]);
  });

  test("keeps its order among others, and no more than eight of them are underway", async () => {
    const { io, a, delivered } = await crowded();
    for (let number = 0; number < 9; number++) io.emit("x", number);
    // The first broadcast had to finish; its receivers also got the packets sent until then.
    expect(delivered()).toBeGreaterThanOrEqual(CROWD);
    for (let turn = 0; turn < 30; turn++) await settle();
    expect(delivered()).toBe(9 * CROWD);
    expect(await a.peer.hear()).toEqual(Array.from({ length: 9 }, (_, number) => `2["x",${number}]`));
  });

  test("reaches listeners for outgoing events, which may send events themselves", async () => {
    const { io, a } = await crowded();
    const listener = vi.fn((event: string) => {
      if (event === "x") a.socket.emit("by the way");
    });
    a.socket.onAnyOutgoing(listener);
    io.emit("x");
    for (let turn = 0; turn < 3; turn++) await settle();
    expect(listener.mock.calls).toEqual([["x"], ["by the way"]]);
    expect(await a.peer.hear()).toEqual(['2["by the way"]', '2["x"]']);
  });

  test("is sent again to a client that was lost before its turn and comes back", async () => {
    const { bench, io } = await crowded({ connectionStateRecovery: {} });
    const lost = bench.peer();
    await lost.say("0");
    io.emit("first");
    for (let turn = 0; turn < 3; turn++) await settle();
    const [welcome, first] = (await lost.hear()) as [string, string];
    const { pid } = JSON.parse(welcome.slice(1)) as { pid: string };
    const offset = (JSON.parse(first.slice(1)) as string[]).at(-1);
    io.emit("x");
    lost.transport.lose();
    const back = bench.peer();
    await back.say(`0${JSON.stringify({ pid, offset })}`);
    for (let turn = 0; turn < 5; turn++) await settle();
    expect(await back.hear()).toEqual([expect.stringMatching(/^2\["x",/), expect.stringContaining(pid)]);
  });

  test("keeps the order when an outgoing listener broadcasts so much that one must be finished", async () => {
    const { io, a, b } = await crowded();
    a.socket.onAnyOutgoing((event: string) => {
      if (event === "x") for (let number = 0; number < 12; number++) io.emit("n", number);
    });
    io.emit("x");
    for (let turn = 0; turn < 30; turn++) await settle();
    expect(await b.peer.hear()).toEqual(['2["x"]', ...Array.from({ length: 12 }, (_, number) => `2["n",${number}]`)]);
    io.emit("y");
    b.socket.emit("after");
    expect(await b.peer.hear()).toEqual(['2["y"]', '2["after"]']);
  });

  test("reaches the others if a write to one client fails, and emits handler_error", async () => {
    const { io, nsp, a } = await crowded();
    const failure = new Error("no way to write");
    const listener = vi.fn();
    io.on("handler_error", listener);
    Object.assign(nsp.sockets.get("one of many 5") as object, {
      client: {
        writeToEngine() {
          throw failure;
        },
      },
    });
    for (let number = 0; number < 9; number++) io.emit("x", number);
    for (let turn = 0; turn < 30; turn++) await settle();
    expect(await a.peer.hear()).toEqual(Array.from({ length: 9 }, (_, number) => `2["x",${number}]`));
    expect(listener).toHaveBeenCalledTimes(9);
    expect(listener).toHaveBeenCalledWith(failure, expect.objectContaining({ handler: "adapter", how: "thrown" }));
  });

  test("comes before the end of a connection that the program closes", async () => {
    const { io, a } = await crowded();
    io.emit("x");
    a.socket.conn.close();
    expect(a.socket.connected).toBe(false);
    expect(await a.peer.hear()).toEqual(['2["x"]']);
  });

  test("has its data at the time of the call, for clients of revision 3 as well", async () => {
    const { bench, io } = await crowded({ connectionStateRecovery: {} });
    const old = bench.peer({ protocol: 3 });
    await old.hear();
    const state = { round: 1 };
    io.emit("x", state);
    state.round = 2;
    for (let turn = 0; turn < 3; turn++) await settle();
    expect(await old.hear()).toEqual(['2["x",{"round":1}]']);
  });

  test("keeps its order when the adapter that began it is not the namespace's own", async () => {
    const { io, nsp, a } = await crowded();
    const within = nsp.adapter;
    // As wrappers do it: not an InMemoryAdapter themselves, they hand on to one.
    nsp.adapter = new Proxy({ nsp } as unknown as typeof within, {
      get: (_, name) => {
        const member: unknown = Reflect.get(within, name);
        return typeof member === "function" ? member.bind(within) : member;
      },
    });
    expect(nsp.adapter).not.toBeInstanceOf(InMemoryAdapter);
    io.emit("x");
    a.socket.emit("after");
    expect(await a.peer.hear()).toEqual(['2["x"]', '2["after"]']);
  });
});

/** Actions of a program on a namespace and one of its sockets. Each gets a unique number. */
const DEEDS: ReadonlyArray<(world: { io: Bench["io"]; one: Joined }, number: number) => unknown> = [
  ({ io }, number) => io.emit("to everybody", number),
  ({ io }, number) => io.emit("bytes", Buffer.from([number])),
  ({ io }, number) => io.to("all").emit("to a room", number),
  ({ io }, number) => io.to(["all", "other"]).except("quiet").emit("to rooms", number),
  ({ io }, number) => io.to("quiet").emit("to few", number),
  ({ one }, number) => one.socket.broadcast.emit("to the others", number),
  ({ one }, number) => one.socket.emit("to one", number),
  ({ one }) => one.socket.join("all"),
  ({ one }, number) => one.socket.join(number % 2 === 0 ? "quiet" : "other"),
  ({ one }, number) => one.socket.leave(number % 2 === 0 ? "all" : "quiet"),
  ({ io }) => io.in("quiet").socketsJoin("other"),
  ({ io }) => io.in("other").except("quiet").socketsLeave("quiet"),
  ({ one }) => one.peer.transport.receive('20["ask"]'),
  ({ one }, number) => number > 40 && one.socket.disconnect(),
  ({ one }, number) => number > 40 && one.socket.conn.close(),
];

type Joined = Awaited<ReturnType<Bench["join"]>>;

/** The packets of two clients for sixty actions, with or without a crowd that makes broadcasts take several ticks. */
async function heardBy(crowd: number, seed: number, options: object): Promise<string[][]> {
  const random = new Random(seed);
  const { io, a, b } = await crowded(options, crowd);
  for (const { peer, socket } of [a, b]) {
    peer.transport.sent.length = 0;
    socket.on("ask", (answer: () => void) => answer());
  }
  for (let number = 0; number < 60; number++) {
    random.pick(DEEDS)({ io, one: random.pick([a, b]) }, number);
    for (let tick = 0; tick < 3; tick++) await new Promise<void>((resolve) => process.nextTick(resolve));
    if (random.below(5) === 0) await settle();
  }
  for (let turn = 0; turn < 30; turn++) await settle();
  // Offsets are random at their beginning.
  return [a, b].map(({ peer }) => peer.transport.sent.map((each) => String(each).replace(/,"[\w-]{5,}"]$/, "]")));
}

describe("clients receive the same in several ticks as in one", () => {
  for (const options of [{}, { connectionStateRecovery: {} }]) {
    test.each([1, 2, 3, 4, 5, 6])(`${Object.keys(options).join("") || "plain"}, seed %i`, async (seed) => {
      expect(await heardBy(ONE_TURN + 500, seed, options)).toEqual(await heardBy(0, seed, options));
    });
  }
});
