import { describe, expect, test, vi } from "vitest";
import { Bench } from "./peer.ts";

async function three() {
  const bench = new Bench();
  const [a, b, c] = [await bench.join(), await bench.join(), await bench.join()];
  const all = { a, b, c };
  const names = new Map(Object.entries(all).map(([name, { socket }]) => [socket.id, name]));
  /** Returns the number of packets per client since the last call. */
  const heard = async (): Promise<Record<string, number>> => {
    const counts: Record<string, number> = {};
    for (const [name, { peer }] of Object.entries(all)) counts[name] = (await peer.hear()).length;
    return counts;
  };
  return { bench, io: bench.io, a, b, c, names, heard };
}

describe("a broadcast", () => {
  test("goes to everybody, or to rooms less others, once each", async () => {
    const { io, a, b, heard } = await three();
    await a.socket.join(["r1", "r2"]);
    await b.socket.join("r2");
    io.emit("x");
    expect(await heard()).toEqual({ a: 1, b: 1, c: 1 });
    io.to("r1").to(["r2", "r3"]).emit("x");
    expect(await heard()).toEqual({ a: 1, b: 1, c: 0 });
    io.except("r1").emit("x");
    expect(await heard()).toEqual({ a: 0, b: 1, c: 1 });
    io.in("r2").except(["r1", "nobody"]).emit("x");
    expect(await heard()).toEqual({ a: 0, b: 1, c: 0 });
    io.to(a.socket.id).emit("x");
    expect(await heard()).toEqual({ a: 1, b: 0, c: 0 });
    io.to("nobody").emit("x");
    expect(await heard()).toEqual({ a: 0, b: 0, c: 0 });
  });

  test("of a socket does not come back to it", async () => {
    const { a, b, heard } = await three();
    await a.socket.join("r");
    await b.socket.join("r");
    a.socket.broadcast.emit("x");
    expect(await heard()).toEqual({ a: 0, b: 1, c: 1 });
    a.socket.to("r").emit("x");
    expect(await heard()).toEqual({ a: 0, b: 1, c: 0 });
    a.socket.except("r").emit("x");
    expect(await heard()).toEqual({ a: 0, b: 0, c: 1 });
    a.socket.local.emit("x");
    expect(await heard()).toEqual({ a: 0, b: 1, c: 1 });
    a.socket.compress(false).broadcast.emit("x");
    expect(await heard()).toEqual({ a: 0, b: 1, c: 1 });
  });

  test("is the same for every receiver, bytes included, and keeps its place among other packets", async () => {
    const { io, a, b } = await three();
    a.socket.emit("before");
    io.emit("x", Buffer.from("b"));
    a.socket.emit("after");
    const text = '51-["x",{"_placeholder":true,"num":0}]';
    expect(await a.peer.hear()).toEqual(['2["before"]', text, Buffer.from("b"), '2["after"]']);
    expect(await b.peer.hear()).toEqual([text, Buffer.from("b")]);
  });

  test("operators are values: refining one leaves it as it is", async () => {
    const { io, a, b, heard } = await three();
    await a.socket.join("r1");
    await b.socket.join("r2");
    const first = io.to("r1");
    const second = first.to("r2");
    expect(second).not.toBe(first);
    first.emit("x");
    expect(await heard()).toEqual({ a: 1, b: 0, c: 0 });
    second.except("r1").emit("x");
    second.emit("x");
    expect(await heard()).toEqual({ a: 1, b: 2, c: 0 });
  });

  test("volatile ones skip clients that can't take them", async () => {
    const { io, a, heard } = await three();
    a.peer.transport.writable = false;
    io.volatile.emit("x");
    io.volatile.emit("y");
    a.peer.transport.writable = true;
    a.peer.session.flush();
    expect(await heard()).toEqual({ a: 0, b: 1, c: 1 });
  });

  test("send() and write() send a message and can be chained", async () => {
    const { io, a } = await three();
    expect(io.send("x")).toBe(io);
    expect(io.of("/").write("y")).toBe(io.sockets);
    expect(io.emit("z")).toBe(true);
    expect(await a.peer.hear()).toEqual(['2["message","x"]', '2["message","y"]', '2["z"]']);
  });
});

describe("acknowledgements of a broadcast", () => {
  test("are collected until all have answered", async () => {
    const { bench, io, a, b, c } = await three();
    const callback = vi.fn();
    const before = bench.clock.pending;
    io.except(c.socket.id).timeout(1000).emit("q", callback);
    await a.peer.say('30["a","ignored"]');
    expect(callback).not.toHaveBeenCalled();
    await b.peer.say('30["b"]');
    expect(callback.mock.calls).toEqual([[null, ["a", "b"]]]);
    expect(bench.clock.pending).toBe(before);
  });

  test("answers in time come with the error, and nothing is left behind", async () => {
    const { bench, io, a, b, c } = await three();
    const callback = vi.fn();
    io.timeout(1000).emit("q", callback);
    const promise = io.timeout(1000).emitWithAck("q");
    const rejected = expect(promise).rejects.toMatchObject({
      message: "operation has timed out",
      code: "ACK_TIMEOUT",
      responses: ["a"],
    });
    await a.peer.say('30["a"]', '31["a"]');
    bench.clock.advance(1000);
    await rejected;
    expect(callback.mock.calls).toEqual([[expect.objectContaining({ message: "operation has timed out" }), ["a"]]]);
    for (const { socket } of [a, b, c]) expect(socket.acks.size).toBe(0);
    await b.peer.say('30["late"]');
    expect(callback).toHaveBeenCalledTimes(1);
  });

  test("are an empty list without recipients", async () => {
    const { io } = await three();
    await expect(io.to("nobody").timeout(1000).emitWithAck("q")).resolves.toEqual([]);
  });
});

describe("utilities", () => {
  test("make sockets join, leave and disconnect", async () => {
    const { io, a, b, names } = await three();
    const inRoom = async (room: string): Promise<unknown[]> => {
      const ids = await io.in(room).allSockets();
      return [...names.keys()].filter((id) => ids.has(id)).map((id) => names.get(id));
    };
    io.socketsJoin("all");
    io.to([a.socket.id, b.socket.id]).socketsJoin(["x", "y"]);
    expect(await inRoom("all")).toEqual(["a", "b", "c"]);
    expect(await inRoom("x")).toEqual(["a", "b"]);
    io.in("x").socketsLeave(["x", "y"]);
    expect(await inRoom("x")).toEqual([]);
    io.socketsLeave("all");
    a.socket.in(b.socket.id).disconnectSockets();
    expect(b.socket.connected).toBe(false);
    expect(b.peer.isConnected).toBe(true);
    io.disconnectSockets(true);
    expect(a.peer.isConnected).toBe(false);
    expect(await io.allSockets()).toEqual(new Set());
  });

  test("fetchSockets() gives the local sockets themselves", async () => {
    const { io, a, b } = await three();
    await a.socket.join("r");
    expect(await io.in("r").fetchSockets()).toEqual([a.socket]);
    expect(await io.except("r").except(b.socket.id).fetchSockets()).toHaveLength(1);
    expect(await io.of("/").fetchSockets()).toHaveLength(3);
  });

  test("fetchSockets() gives something to work with for the sockets of other servers", async () => {
    const { io, a } = await three();
    const { adapter } = io.sockets;
    const details = { id: a.socket.id, handshake: a.socket.handshake, rooms: ["r"], data: { user: 1 } };
    adapter.fetchSockets = async () => [details];
    const [remote] = await io.fetchSockets();
    if (remote === undefined) throw new Error("nobody");
    expect(remote).toMatchObject({ id: a.socket.id, handshake: details.handshake, data: { user: 1 } });
    expect(remote.rooms).toEqual(new Set(["r"]));
    remote.join("there");
    expect(a.socket.rooms.has("there")).toBe(true);
    remote.leave("there");
    expect(a.socket.rooms.has("there")).toBe(false);
    expect(remote.emit("x")).toBe(true);
    const answer = remote.timeout(1000).emitWithAck("q");
    await a.peer.say('30["one"]');
    await expect(answer).resolves.toBe("one");
    expect(await a.peer.hear()).toEqual(['2["x"]', '20["q"]']);
    expect(remote.disconnect(true)).toBe(remote);
    expect(a.peer.isConnected).toBe(false);
  });
});

describe("serverSideEmit()", () => {
  test("goes through the adapter, with an optional callback", async () => {
    const { io } = new Bench();
    const sent: Array<Array<unknown>> = [];
    io.sockets.adapter.serverSideEmit = (packet) => void sent.push(packet);
    const answer = (packet: unknown[] | undefined, err: Error | null, responses: unknown[]): void =>
      (packet?.pop() as (err: Error | null, responses: unknown[]) => void)?.(err, responses);
    expect(io.serverSideEmit("hello", 1)).toBe(true);
    const answers = io.serverSideEmitWithAck("ping");
    answer(sent[1], null, [1, 2]);
    await expect(answers).resolves.toEqual([1, 2]);
    const failed = io.of("/").serverSideEmitWithAck("ping");
    answer(sent[2], new Error("timeout reached"), [1]);
    await expect(failed).rejects.toMatchObject({ message: "timeout reached", responses: [1] });
    expect(sent).toEqual([["hello", 1], ["ping"], ["ping"]]);
  });

  test.each(["connect", "connection", "new_namespace"])("can't be used for %s", (name) => {
    const { io } = new Bench();
    expect(() => io.serverSideEmit(name)).toThrow(`"${name}" is a reserved event name`);
  });

  test("events of other servers reach the listeners of the namespace", () => {
    const { io } = new Bench();
    const listener = vi.fn();
    io.on("hello", listener);
    io.sockets._onServerSideEmit(["hello", 1, 2]);
    expect(listener).toHaveBeenCalledWith(1, 2);
  });

  test("in memory it has no other server to send to, and warns", () => {
    const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const { io } = new Bench();
    io.serverSideEmit("hello");
    expect(String(warned.mock.calls[0]?.[0])).toMatch(/serverSideEmit/);
    warned.mockRestore();
  });
});
