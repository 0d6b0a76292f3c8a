import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Bench, settle } from "./peer.ts";

describe("incoming events", () => {
  test("reach their listeners with all arguments, bytes included, in order", async () => {
    const bench = new Bench();
    const { peer, socket } = await bench.join();
    const seen: unknown[] = [];
    socket.on("a", (...args) => seen.push(["a", ...args]));
    socket.on("b", (...args) => seen.push(["b", ...args]));
    await peer.say('2["a",1,null,{"x":[true]}]', '51-["b",{"_placeholder":true,"num":0}]', Buffer.from("hi"), '2["a"]');
    expect(seen).toEqual([["a", 1, null, { x: [true] }], ["b", Buffer.from("hi")], ["a"]]);
  });

  test("are acknowledged once, with all arguments", async () => {
    const bench = new Bench();
    const { peer, socket } = await bench.join();
    socket.on("echo", (...args) => {
      const done = args.pop() as (...answer: unknown[]) => void;
      done(...args, Buffer.from("x"));
      done("again");
    });
    await peer.say('27["echo",1,2]');
    expect(await peer.hear()).toEqual(['61-7[1,2,{"_placeholder":true,"num":0}]', Buffer.from("x")]);
  });

  test("of one read come after acknowledgements in it, as with socket.io", async () => {
    const bench = new Bench();
    const { peer, socket } = await bench.join();
    const seen: string[] = [];
    socket.onAny((event: string) => seen.push(`any ${event}`));
    socket.on("a", () => seen.push("a"));
    socket.emit("question", () => seen.push("ack"));
    await peer.say('2["a"]', "30[]");
    expect(seen).toEqual(["any a", "ack", "a"]);
  });

  test.each([
    ["leaves", "1", "client namespace disconnect"],
    ["leaves and says why", '1{"reason":1}', "client namespace disconnect"],
    ["sends what is no packet", "9", "forced close"],
    ["sends what has no place", "0", "forced close"],
  ])(
    "right before the client %s, in one read, are delivered before the end is reported",
    async (_what, end, reason) => {
      const bench = new Bench();
      const { peer, socket } = await bench.join();
      const seen: unknown[] = [];
      socket.on("a", () => seen.push(["a", socket.connected]));
      socket.on("disconnecting", (why) => seen.push(why));
      await peer.say('2["a"]', '2["a"]', end, '2["a"]');
      expect(seen).toEqual([["a", true], ["a", true], reason]);
    },
  );

  test("right before the program disconnects the client are not delivered", async () => {
    const bench = new Bench();
    const { peer, socket } = await bench.join();
    const seen: string[] = [];
    socket.on("a", () => {
      seen.push("a");
      socket.disconnect(true);
    });
    await peer.say('2["a"]', '2["a"]', "1");
    expect(seen).toEqual(["a"]);
  });

  test("stop at a listener that disconnects", async () => {
    const bench = new Bench();
    const { peer, socket } = await bench.join();
    const seen: number[] = [];
    socket.on("a", (n: number) => {
      seen.push(n);
      socket.disconnect();
    });
    await peer.say('2["a",1]', '2["a",2]');
    expect(seen).toEqual([1]);
  });

  test("may have numbers as names", async () => {
    const bench = new Bench();
    const { peer, socket } = await bench.join();
    const listener = vi.fn();
    socket.on("1", listener);
    await peer.say('2[1,"x"]');
    expect(listener).toHaveBeenCalledWith("x");
  });

  test('named "error" are harmless without listeners', async () => {
    const bench = new Bench();
    const { peer, socket } = await bench.join();
    await peer.say('2["error","x"]', '2["__proto__"]', '2["constructor"]', '2["hasOwnProperty"]');
    expect(socket.connected).toBe(true);
    const listener = vi.fn();
    socket.on("error", listener);
    await peer.say('2["error","y"]');
    expect(listener).toHaveBeenCalledWith("y");
  });

  test("may be taken over by a replaced onevent(), and its ack()", async () => {
    const bench = new Bench();
    const { peer, socket } = await bench.join();
    const packets: unknown[] = [];
    socket.onevent = (packet) => void packets.push(packet.data);
    await peer.say('2["a",1]');
    expect(packets).toEqual([["a", 1]]);
  });
});

describe("middlewares of a socket", () => {
  test("see every event in order, and may change it", async () => {
    const bench = new Bench();
    const { peer, socket } = await bench.join();
    const listener = vi.fn();
    socket.on("b", listener);
    socket.use((event, next) => {
      event[0] = "b";
      next();
    });
    socket.use((event, next) => {
      event.push("more");
      setImmediate(next);
    });
    await peer.say('2["a",1]');
    await settle();
    expect(listener).toHaveBeenCalledWith(1, "more");
  });

  test.each([
    ["refuse", (_event: unknown, next: (err: Error) => void) => next(new Error("no"))],
    [
      "throw",
      () => {
        throw new Error("no");
      },
    ],
    ["reject", async () => Promise.reject(new Error("no"))],
  ])("that %s keep the event away, and the error listeners get the error", async (_how, middleware) => {
    const bench = new Bench();
    bench.io.on("handler_error", () => {});
    const { peer, socket } = await bench.join();
    const listener = vi.fn();
    const errors: unknown[] = [];
    socket.use(middleware as never);
    socket.on("a", listener);
    socket.on("error", (err) => errors.push(err.message));
    await peer.say('2["a"]');
    expect(errors).toEqual(["no"]);
    expect(listener).not.toHaveBeenCalled();
  });

  test("may refuse without an error listener", async () => {
    const bench = new Bench();
    const { peer, socket } = await bench.join();
    socket.use((_event, next) => next(new Error("no")));
    await peer.say('2["a"]');
    expect(socket.connected).toBe(true);
  });
});

describe("outgoing events", () => {
  test("keep their order, with any data", async () => {
    const bench = new Bench();
    const { peer, socket } = await bench.join();
    expect(socket.emit("a", 1, { b: [Buffer.from("x")] }, undefined)).toBe(true);
    expect(socket.send("hello")).toBe(socket);
    expect(socket.write("world")).toBe(socket);
    expect(socket.compress(false).emit("c")).toBe(true);
    expect(await peer.hear()).toEqual([
      '51-["a",1,{"b":[{"_placeholder":true,"num":0}]},null]',
      Buffer.from("x"),
      '2["message","hello"]',
      '2["message","world"]',
      '2["c"]',
    ]);
  });

  test.each(["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"])(
    "can't be named %s",
    async (name) => {
      const bench = new Bench();
      const { socket } = await bench.join();
      const error = expect.objectContaining({ message: `"${name}" is a reserved event name`, code: "RESERVED_EVENT" });
      expect(() => socket.emit(name)).toThrow(error);
      expect(() => bench.io.emit(name)).toThrow(error);
      expect(() => bench.io.to("room").emit(name)).toThrow(error);
    },
  );

  test("that can't be encoded throw to the caller, and the socket goes on", async () => {
    const bench = new Bench();
    const { peer, socket } = await bench.join();
    const circular: unknown[] = [];
    circular.push(circular);
    expect(() => socket.emit("a", circular)).toThrow();
    socket.emit("b");
    expect(await peer.hear()).toEqual(['2["b"]']);
  });

  test.each([
    ["an argument", new Blob(["x"])],
    ["inside an argument", { files: [new Blob(["x"])] }],
  ])("with a Blob as %s throw to the caller, and the clients go on", async (_where, data) => {
    const bench = new Bench();
    const { peer, socket } = await bench.join();
    const error = expect.objectContaining({ code: "NOT_ENCODABLE" }) as Error;
    expect(() => socket.emit("a", data)).toThrow(error);
    expect(() => bench.io.emit("a", data)).toThrow(error);
    expect(() => bench.io.emit("a", Buffer.from("x"), data)).toThrow(error);
    socket.emit("b");
    expect(await peer.hear()).toEqual(['2["b"]']);
  });

  test("are dropped when volatile and the client can't take them", async () => {
    const bench = new Bench();
    const { peer, socket } = await bench.join();
    socket.volatile.emit("a", 1);
    socket.volatile.emit("a", 2);
    expect(await peer.hear()).toEqual(['2["a",1]']);
    peer.transport.writable = false;
    socket.volatile.emit("a", 3);
    bench.io.volatile.emit("a", 4);
    socket.emit("a", 5);
    peer.transport.writable = true;
    socket.emit("a", 6);
    peer.session.flush();
    expect(await peer.hear()).toEqual(['2["a",5]', '2["a",6]']);
  });

  test("flags count for the next event only", async () => {
    const bench = new Bench();
    const { peer, socket } = await bench.join();
    peer.transport.writable = false;
    socket.volatile.emit("lost");
    socket.emit("kept");
    peer.transport.writable = true;
    peer.session.flush();
    expect(await peer.hear()).toEqual(['2["kept"]']);
  });
});

describe("acknowledgements", () => {
  test("reach their callback once, even if the client acknowledges more", async () => {
    const bench = new Bench();
    const { peer, socket } = await bench.join();
    const ack = vi.fn();
    socket.emit("a", ack);
    expect(await peer.hear()).toEqual(['20["a"]']);
    await peer.say('30[1,"x"]', "30[2]", "399[3]");
    expect(ack.mock.calls).toEqual([[1, "x"]]);
    expect(socket.acks.size).toBe(0);
  });

  test("resolve emitWithAck() with their first argument", async () => {
    const bench = new Bench();
    const { peer, socket } = await bench.join();
    const answer = socket.emitWithAck("a", 1);
    await peer.say('30["x","y"]');
    await expect(answer).resolves.toBe("x");
  });

  test("that come in time follow a null", async () => {
    const bench = new Bench();
    const { peer, socket } = await bench.join();
    const ack = vi.fn();
    const before = bench.clock.pending;
    socket.timeout(100).emit("a", ack);
    const answer = socket.timeout(100).emitWithAck("a");
    await peer.say("30[1,2]", "31[3]");
    expect(ack.mock.calls).toEqual([[null, 1, 2]]);
    await expect(answer).resolves.toBe(3);
    expect(bench.clock.pending).toBe(before);
  });

  test("that are late get an error instead", async () => {
    const bench = new Bench();
    const { peer, socket } = await bench.join();
    const ack = vi.fn();
    socket.timeout(100).emit("a", ack);
    const answer = socket.timeout(100).emitWithAck("a");
    const rejected = expect(answer).rejects.toMatchObject({ message: "operation has timed out", code: "ACK_TIMEOUT" });
    bench.clock.advance(100);
    await rejected;
    await peer.say("30[1]", "31[1]");
    expect(ack).toHaveBeenCalledTimes(1);
    expect(ack.mock.calls[0]).toEqual([expect.objectContaining({ message: "operation has timed out" })]);
    expect(socket.acks.size).toBe(0);
  });
});

describe("catch-all listeners", () => {
  test("receive incoming events before the others, in order", async () => {
    const bench = new Bench();
    const { peer, socket } = await bench.join();
    const seen: unknown[] = [];
    const second = (...args: unknown[]): void => void seen.push([2, ...args]);
    socket.onAny(second);
    socket.prependAny((...args) => seen.push([1, ...args]));
    socket.on("a", (...args) => seen.push(["a", ...args]));
    await peer.say('2["a",1]');
    expect(seen).toEqual([
      [1, "a", 1],
      [2, "a", 1],
      ["a", 1],
    ]);
    expect(socket.listenersAny()).toHaveLength(2);
    socket.offAny(second);
    socket.offAny(() => {});
    expect(socket.listenersAny()).toHaveLength(1);
    socket.offAny();
    expect(socket.listenersAny()).toEqual([]);
  });

  test("receive outgoing events and broadcasts, not acknowledgements, with the original bytes", async () => {
    const bench = new Bench();
    const { peer, socket } = await bench.join();
    const seen: unknown[] = [];
    const bytes = Buffer.from("x");
    const second = (...args: unknown[]): void => void seen.push(args);
    socket.onAnyOutgoing(second);
    socket.prependAnyOutgoing(() => seen.push("first"));
    socket.on("q", (done: () => void) => done());
    socket.emit("a", bytes, () => {});
    bench.io.emit("b", bytes);
    socket.broadcast.emit("not to itself");
    await peer.say('20["q"]');
    expect(seen).toEqual(["first", ["a", bytes], "first", ["b", bytes]]);
    expect((seen[1] as unknown[])[1]).toBe(bytes);
    socket.offAnyOutgoing(second);
    expect(socket.listenersAnyOutgoing()).toHaveLength(1);
    socket.offAnyOutgoing();
    expect(socket.listenersAnyOutgoing()).toEqual([]);
  });

  test("may be removed through the array", async () => {
    const bench = new Bench();
    const { peer, socket } = await bench.join();
    const listener = vi.fn();
    socket.onAny(listener);
    socket.listenersAny().length = 0;
    await peer.say('2["a"]');
    expect(listener).not.toHaveBeenCalled();
  });
});

describe("errors of listeners", () => {
  let uncaught: unknown[] = [];
  let theirs: NodeJS.UncaughtExceptionListener[] = [];
  const collect = (error: unknown): void => void uncaught.push((error as Error).message);

  beforeEach(() => {
    uncaught = [];
    theirs = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    process.on("uncaughtException", collect);
  });
  afterEach(() => {
    process.off("uncaughtException", collect);
    for (const listener of theirs) process.on("uncaughtException", listener);
  });

  test("is an uncaught exception, and the rest of the read is not lost", async () => {
    const bench = new Bench();
    const { peer, socket } = await bench.join();
    const seen: number[] = [];
    socket.on("a", (n: number) => {
      seen.push(n);
      throw new Error(`a${n}`);
    });
    socket.emit("q", () => {
      throw new Error("ack");
    });
    socket.onAnyOutgoing(() => {
      throw new Error("outgoing");
    });
    await peer.say('2["a",1]', "30[]", '2["a",2]');
    await settle();
    socket.emit("b");
    socket.on("disconnecting", () => {
      throw new Error("disconnecting");
    });
    const other = bench.io.sockets;
    socket.disconnect();
    await settle();
    expect(seen).toEqual([1, 2]);
    expect(new Set(uncaught)).toEqual(new Set(["a1", "a2", "ack", "disconnecting", "outgoing"]));
    expect(other.sockets.size).toBe(0);
    expect(await peer.hear()).toEqual(['20["q"]', '2["b"]', "1"]);
  });
});

test("additions of an application to Object.prototype are harmless", async () => {
  Reflect.set(Object.prototype, "foo", "bar");
  try {
    const bench = new Bench();
    const { peer, socket } = await bench.join();
    const listener = vi.fn();
    socket.on("a", listener);
    await peer.say('2["a",{}]');
    bench.io.to(socket.id).compress(true).emit("b", { c: 1 });
    expect(listener).toHaveBeenCalledTimes(1);
    expect(await peer.hear()).toEqual(['2["b",{"c":1}]']);
  } finally {
    Reflect.deleteProperty(Object.prototype, "foo");
  }
});
