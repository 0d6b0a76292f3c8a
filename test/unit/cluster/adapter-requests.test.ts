import { describe, expect, test, vi } from "vitest";
import { settle } from "../socketio/peer.ts";
import { trio } from "./adapter-cluster-bench.ts";

/** The id of the acknowledgement that the last message asks for. */
const idOf = (messages: readonly unknown[]): string => /^2(\d+)\[/.exec(String(messages.at(-1)))?.[1] ?? "";

describe("fetchSockets()", () => {
  test("returns the sockets of all nodes, and they can be addressed one by one", async () => {
    const { one, two, a, b, c } = await trio();
    await b.socket.join("red");
    b.socket.data = { name: "b", since: new Date(0), bytes: Buffer.from("x") };
    const sockets = await one.io.fetchSockets();
    expect(sockets.map(({ id }) => id)).toEqual([a.socket.id, b.socket.id, c.socket.id]);
    expect(sockets[0]).toBe(a.socket);
    const remote = sockets[1]!;
    expect([...remote.rooms]).toEqual([b.socket.id, "red"]);
    expect(remote.data).toEqual({ name: "b", since: "1970-01-01T00:00:00.000Z", bytes: Buffer.from("x") });
    expect(remote.handshake.address).toBe("10.0.0.1");
    remote.emit("hello", 1);
    remote.join(["blue", "green"]);
    remote.leave("red");
    expect(await b.peer.hear()).toEqual(['2["hello",1]']);
    expect([...b.socket.rooms]).toEqual([b.socket.id, "blue", "green"]);
    const answer = remote.timeout(1000).emitWithAck("q");
    await b.peer.say(`3${idOf(await b.peer.hear())}["yes"]`);
    expect(await answer).toBe("yes");
    remote.disconnect(true);
    await settle();
    expect(b.peer.isConnected).toBe(false);
    expect(await two.io.fetchSockets()).toHaveLength(2);
  });

  test("asks for rooms, and no other node when it is local", async () => {
    const { one, mesh, b } = await trio();
    await b.socket.join("red");
    expect(await one.io.in("red").fetchSockets()).toMatchObject([{ id: b.socket.id }]);
    const before = mesh.link("aaaa", "bbbb")!.sent.length;
    expect(await one.io.local.fetchSockets()).toHaveLength(1);
    expect(mesh.link("aaaa", "bbbb")!.sent).toHaveLength(before);
  });

  test("does not wait for a node that is gone", async () => {
    const { one, mesh } = await trio({}, { delivery: "manually" });
    const found = one.io.fetchSockets();
    await settle();
    mesh.link("aaaa", "bbbb")!.deliver();
    await settle();
    mesh.link("bbbb", "aaaa")!.deliver();
    mesh.kill("cccc");
    expect(await found).toHaveLength(2);
    expect(one.pending()).toBe(0);
  });

  test.each(["cut", "silent", "failed"] as const)("names a node whose link is %s, at once", async (end) => {
    const { one, mesh, a, b } = await trio({}, { delivery: "manually" });
    const found = one.io.fetchSockets().catch((error: unknown) => error);
    await settle();
    mesh.link("aaaa", "bbbb")!.deliver();
    await settle();
    mesh.link("bbbb", "aaaa")!.deliver();
    mesh.cut("aaaa", "cccc", end);
    expect(await found).toMatchObject({
      code: "CLUSTER_ANSWERS_MISSING",
      missing: ["cccc"],
      answers: [{ id: a.socket.id }, { id: b.socket.id }],
    });
  });

  test.each([
    ["5 seconds", 5000, undefined],
    ["the time of timeout()", 100, 100],
  ])("gives up after %s, with the answers so far", async (_what, ms, timeout) => {
    const { cluster, one, mesh } = await trio({}, { delivery: "manually" });
    const asking = timeout === undefined ? one.io.fetchSockets() : one.io.timeout(timeout).fetchSockets();
    const found = asking.catch((error: unknown) => error);
    const onEnd = vi.fn();
    void found.then(onEnd);
    await settle();
    mesh.link("aaaa", "bbbb")!.deliver();
    await settle();
    mesh.link("bbbb", "aaaa")!.deliver();
    await cluster.advance(ms - 1);
    expect(onEnd).not.toHaveBeenCalled();
    await cluster.advance(1);
    expect(await found).toMatchObject({
      code: "CLUSTER_TIMEOUT",
      message: "timeout reached: missing 1 responses",
      missing: ["cccc"],
    });
    expect(((await found) as { answers: unknown[] }).answers).toHaveLength(2);
    mesh.deliver();
    expect(one.pending()).toBe(0);
    expect(one.failures).toEqual([]);
  });

  test("names a node that fails to answer", async () => {
    const { one, two, b } = await trio();
    const circular: Record<string, unknown> = {};
    b.socket.data = Object.assign(circular, { itself: circular });
    await expect(one.io.fetchSockets()).rejects.toMatchObject({ code: "CLUSTER_ANSWERS_MISSING", missing: ["bbbb"] });
    expect(two.failures).toHaveLength(1);
  });
});

describe("serverSideEmit()", () => {
  test("reaches the other servers, and collects their answers", async () => {
    const { one, two, three } = await trio();
    const heard: unknown[] = [];
    for (const [name, { io }] of Object.entries({ two, three })) {
      io.on("hello", (...args: unknown[]) => heard.push([name, ...args]));
      io.on("sum", (x: number, y: number, done: (sum: unknown) => void) => {
        done({ [name]: x + y, bytes: Buffer.from("b") });
        done("once more");
      });
    }
    one.io.on("hello", () => expect.unreachable("a server must not hear itself"));
    one.io.serverSideEmit("hello", { deep: [Buffer.from("b")] }, null);
    await settle();
    const args = [{ deep: [Buffer.from("b")] }, null];
    expect(heard).toEqual([
      ["two", ...args],
      ["three", ...args],
    ]);
    const bytes = Buffer.from("b");
    expect(await one.io.serverSideEmitWithAck("sum", 1, 2)).toEqual([
      { two: 3, bytes },
      { three: 3, bytes },
    ]);
  });

  test("does not wait for nodes without the namespace, nor for those that are gone", async () => {
    const { one, two, mesh } = await trio();
    two.io.of("/chat").on("q", (done: (answer: number) => void) => done(1));
    expect(await one.io.of("/chat").serverSideEmitWithAck("q")).toEqual([1]);
    expect(await one.io.of("/nowhere").fetchSockets()).toEqual([]);
    const done = vi.fn();
    one.io.serverSideEmit("q", done);
    await settle();
    mesh.kill("bbbb");
    mesh.kill("cccc");
    await settle();
    expect(done.mock.calls).toEqual([[null, []]]);
    one.io.serverSideEmit("q", done);
    await settle();
    expect(done.mock.calls).toEqual([
      [null, []],
      [null, []],
    ]);
  });

  test("rejects with the answers so far, and the nodes that have not answered", async () => {
    const { cluster, one, two } = await trio();
    two.io.on("q", (done: (answer: number) => void) => done(1));
    const asked = one.io.serverSideEmitWithAck("q").catch((error: unknown) => error);
    await settle();
    await cluster.advance(5000);
    const details = { answers: [1], responses: [1], missing: ["cccc"] };
    expect(await asked).toMatchObject({ code: "CLUSTER_TIMEOUT", ...details });
  });

  test("reports a callback that throws, and refuses names of the library", async () => {
    const { one } = await trio();
    one.io.serverSideEmit("q", () => {
      throw new Error("in the callback");
    });
    one.bench.clock.advance(5000);
    await settle();
    expect(one.failures).toMatchObject([{ message: "in the callback" }]);
    expect(() => one.io.serverSideEmit("connection", 1)).toThrow(/reserved/);
  });
});

describe("a broadcast with acknowledgements", () => {
  test("collects the answers of the clients of all nodes; ids of nodes do not mix", async () => {
    const { one, two, a, b, c } = await trio();
    const own = vi.fn();
    b.socket.emit("own question", own);
    await b.peer.hear();
    const answers = one.io.timeout(1000).emitWithAck("q", "x");
    const ids = [a, b, c].map(async ({ peer }) => idOf(await peer.hear()));
    expect(await Promise.all(ids)).toEqual(["0", "1", "0"]);
    await b.peer.say('31["from b",2]');
    await c.peer.say('30["from c"]');
    await a.peer.say('30["from a"]');
    expect(await answers).toEqual(["from b", "from c", "from a"]);
    expect(own).not.toHaveBeenCalled();
    expect([one.pending(), two.pending()]).toEqual([0, 0]);
  });

  test("of a room without members ends at once", async () => {
    const { one } = await trio();
    expect(await one.io.to("nowhere").timeout(1000).emitWithAck("q")).toEqual([]);
    expect(await one.io.of("/empty").timeout(1000).emitWithAck("q")).toEqual([]);
    const later = vi.fn();
    one.io.local.to("nowhere").timeout(1000).emit("q", later);
    expect(later).not.toHaveBeenCalled();
    await settle();
    expect(later).toHaveBeenCalledWith(null, []);
  });

  test("ends with an error and the answers so far when the time is over, and forgets the rest", async () => {
    const { cluster, one, two, a, b, c } = await trio();
    const answers = one.io
      .timeout(1000)
      .emitWithAck("q")
      .catch((error: unknown) => error);
    await a.peer.say(`3${idOf(await a.peer.hear())}["from a"]`);
    await b.peer.say(`3${idOf(await b.peer.hear())}["from b"]`);
    const id = idOf(await c.peer.hear());
    await cluster.advance(1000);
    const error = { code: "ACK_TIMEOUT", responses: ["from a", "from b"], missing: ["cccc"] };
    expect(await answers).toMatchObject(error);
    expect(c.socket.acks.size).toBe(0);
    await c.peer.say(`3${id}["too late"]`);
    expect(cluster.nodes.map((node) => node.pending())).toEqual([0, 0, 0]);
    expect(two.failures).toEqual([]);
  });

  test.each(["gone", "cut"] as const)("ends when the living have answered, after a node is %s", async (end) => {
    const { one, mesh, a, b, c } = await trio();
    const answers = one.io
      .timeout(1000)
      .emitWithAck("q")
      .catch((error: unknown) => error);
    const onEnd = vi.fn();
    void answers.then(onEnd);
    await a.peer.say(`3${idOf(await a.peer.hear())}["from a"]`);
    await c.peer.hear();
    if (end === "gone") mesh.kill("cccc");
    else mesh.cut("aaaa", "cccc");
    await settle();
    expect(onEnd).not.toHaveBeenCalled();
    expect(c.socket.acks.size).toBe(0);
    await b.peer.say(`3${idOf(await b.peer.hear())}["from b"]`);
    expect(await answers).toMatchObject({
      code: "CLUSTER_ANSWERS_MISSING",
      responses: ["from a", "from b"],
      answers: ["from a", "from b"],
      missing: ["cccc"],
    });
    expect(one.pending()).toBe(0);
  });

  test("lacks no answer of a node that was lost after its clients had answered", async () => {
    const { one, mesh, a, b, c } = await trio();
    const answers = one.io.timeout(1000).emitWithAck("q");
    await c.peer.say(`3${idOf(await c.peer.hear())}["from c"]`);
    await settle();
    mesh.kill("cccc");
    await a.peer.say(`3${idOf(await a.peer.hear())}["from a"]`);
    await b.peer.say(`3${idOf(await b.peer.hear())}["from b"]`);
    expect(await answers).toEqual(["from c", "from a", "from b"]);
  });

  test("by the methods of adapters passes counts and answers on", async () => {
    const { one, a, b } = await trio();
    const [onCount, onAnswer] = [vi.fn(), vi.fn()];
    const packet = { type: 2, data: ["q"] };
    const opts = { rooms: new Set<string>(), except: new Set<string>(), flags: { timeout: 100 } };
    one.io.of("/").adapter.broadcastWithAck(packet, opts, onCount, onAnswer);
    await b.peer.say(`3${idOf(await b.peer.hear())}["from b"]`);
    await a.peer.say(`3${idOf(await a.peer.hear())}["from a"]`);
    expect(onCount.mock.calls).toEqual([[1], [1], [1]]);
    expect(onAnswer.mock.calls).toEqual([["from b"], ["from a"]]);
    one.bench.clock.advance(100);
    expect(one.pending()).toBe(0);
  });
});

test("sockets of all nodes join, leave and are disconnected", async () => {
  const { one, two, a, b, c } = await trio();
  one.io.in([a.socket.id, c.socket.id]).socketsJoin(["red", "blue"]);
  await settle();
  expect([a, b, c].map(({ socket }) => socket.rooms.has("red"))).toEqual([true, false, true]);
  two.io.in("red").except(a.socket.id).socketsLeave("blue");
  await settle();
  expect([a, b, c].map(({ socket }) => socket.rooms.has("blue"))).toEqual([true, false, false]);
  const reasons: string[] = [];
  for (const { socket } of [a, b, c]) socket.on("disconnect", (reason) => reasons.push(reason));
  two.io.in("red").disconnectSockets();
  await settle();
  expect(reasons).toEqual(["server namespace disconnect", "server namespace disconnect"]);
});

test("after all is answered or lost, neither requests nor timers are left", async () => {
  const { cluster, one, a, b, c } = await trio();
  const before = cluster.nodes.map(({ bench }) => bench.clock.pending);
  const answers = one.io.timeout(1000).emitWithAck("q");
  for (const { peer } of [a, b, c]) await peer.say(`3${idOf(await peer.hear())}[1]`);
  await answers;
  await one.io.fetchSockets();
  expect(cluster.nodes.map(({ bench }) => bench.clock.pending)).toEqual(before);
  expect(cluster.nodes.map((node) => node.pending())).toEqual([0, 0, 0]);
});
