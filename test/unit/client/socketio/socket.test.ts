import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Manager } from "../../../../packages/client/src/socketio/manager.ts";
import type { ManagerOptions, SocketOptions } from "../../../../packages/client/src/socketio/options.ts";
import type { Socket } from "../../../../packages/client/src/socketio/socket.ts";
import { delivered, FakeNetwork } from "./fake-network.ts";

let network: FakeNetwork;
let socket: Socket;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
  network = new FakeNetwork();
});
afterEach(() => {
  socket.io._close();
  vi.useRealTimers();
});

type Options = Partial<ManagerOptions & SocketOptions>;

function create(options: Options = {}, nsp = "/"): Socket {
  const manager = new Manager("http://localhost", {
    transports: network.transports,
    randomizationFactor: 0,
    ...options,
  });
  return (socket = manager.socket(nsp, options));
}

/** An accepted socket, with its sent packets cleared. */
async function connected(options?: Options, nsp?: string): Promise<Socket> {
  create(options, nsp);
  await comeBack();
  return socket;
}

/** Opens the newest connection and accepts the socket. */
async function comeBack(more?: object): Promise<void> {
  network.last.open();
  const nsp = socket.nsp === "/" ? "" : socket.nsp + ",";
  network.last.sent.length = 0;
  network.last.accept("socket", nsp, more);
  await delivered();
}

async function lose(): Promise<void> {
  network.last.drop();
  await delivered();
}

async function loseAndComeBack(more?: object): Promise<void> {
  await lose();
  vi.advanceTimersByTime(1000);
  await comeBack(more);
}

async function receive(...messages: unknown[]): Promise<void> {
  network.last.send(...messages);
  await delivered();
}

const sent = (): unknown[] => network.last.sent;

function record(...names: string[]): unknown[][] {
  const events: unknown[][] = [];
  for (const name of names) {
    socket.on(name, (...args: unknown[]) =>
      events.push([name, ...args.map((arg) => (arg instanceof Error ? arg.message : arg))]),
    );
  }
  return events;
}

describe("connecting", () => {
  test("sends CONNECT and is accepted", async () => {
    create();
    const events = record("connect");
    expect([socket.connected, socket.disconnected, socket.active, socket.id]).toEqual([false, true, true, undefined]);
    network.last.open();
    expect(sent()).toEqual(["0"]);
    network.last.accept("abc");
    await delivered();
    expect([socket.connected, socket.disconnected, socket.id, socket.recovered]).toEqual([true, false, "abc", false]);
    expect(events).toEqual([["connect"]]);
  });

  test.each([
    [{ token: "x" }, '0/chat,{"token":"x"}'],
    [(cb: (data: object) => void) => cb({ token: "y" }), '0/chat,{"token":"y"}'],
  ])("sends its credentials: %o", (auth, packet) => {
    create({ auth }, "/chat");
    network.last.open();
    expect(sent()).toEqual([packet]);
  });

  test("credentials that come late are not sent to another connection, and not twice", async () => {
    const callbacks: ((data: object) => void)[] = [];
    create({ auth: (cb) => callbacks.push(cb) });
    network.last.open();
    await lose();
    vi.advanceTimersByTime(1000);
    network.last.open();
    callbacks[0]?.({ old: true });
    expect(sent()).toEqual([]);
    callbacks[1]?.({ token: "x" });
    expect(sent()).toEqual(['0{"token":"x"}']);
  });

  test("connect() again meanwhile sends no second CONNECT", () => {
    create();
    network.last.open();
    socket.connect().open();
    expect(sent()).toEqual(["0"]);
  });

  test("with autoConnect: false only after connect()", async () => {
    create({ autoConnect: false });
    expect([network.connections.length, socket.active]).toEqual([0, false]);
    socket.connect();
    await comeBack();
    expect(socket.connected).toBe(true);
  });

  test("a second namespace joins on the same connection", async () => {
    await connected();
    const other = socket.io.socket("/chat");
    expect(sent()).toEqual(["0/chat,"]);
    await receive('0/chat,{"sid":"b"}');
    expect([other.connected, other.id, network.connections.length]).toEqual([true, "b", 1]);
  });

  test("a refusal is an error with the server's data; the socket is not active any more", async () => {
    create();
    const seen: unknown[] = [];
    socket.on("connect_error", (error) => seen.push([error.message, error.data, socket.active]));
    network.last.open();
    await receive('4{"message":"no","data":{"code":1}}');
    expect(seen).toEqual([["no", { code: 1 }, false]]);
    vi.advanceTimersByTime(1e5);
    expect(network.connections).toHaveLength(1);
  });

  test("an old server is an error", async () => {
    create();
    const events = record("connect_error");
    network.last.open();
    await receive("0");
    expect(events).toEqual([["connect_error", "the server is older than Socket.IO 3"]]);
  });

  test.each(["4", "0[]", "0null", "4[]", "4null", '4"text"', "2", "3", "0{}", '0{"sid":""}', "44{}", "1{}", "\u0000"])(
    "a malformed %j throws nothing",
    async (packet) => {
      create();
      network.last.open();
      await receive(packet);
      expect(socket.connected).toBe(false);
    },
  );

  test("a connection that fails is an error, again and again", () => {
    create();
    const events = record("connect_error");
    network.last.fail();
    vi.advanceTimersByTime(1000);
    network.last.fail();
    expect(events).toEqual([
      ["connect_error", "fake error"],
      ["connect_error", "fake error"],
    ]);
    expect(socket.active).toBe(true);
  });
});

describe("emitting", () => {
  test("sends events, binary ones too", async () => {
    await connected({}, "/chat");
    socket.emit("a", 1, { b: [null] });
    socket.send("text");
    socket.emit("bytes", Uint8Array.of(1));
    expect(sent()).toEqual([
      '2/chat,["a",1,{"b":[null]}]',
      '2/chat,["message","text"]',
      '51-/chat,["bytes",{"_placeholder":true,"num":0}]',
      Uint8Array.of(1),
    ]);
  });

  test.each(["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"])(
    "%s is reserved",
    async (name) => {
      await connected();
      expect(() => socket.emit(name)).toThrow(`"${name}" is a reserved event name`);
      expect(() => socket.emit(name)).toThrow(expect.objectContaining({ code: "RESERVED_EVENT" }));
    },
  );

  test("waits for the connection, in order", async () => {
    create();
    socket.emit("a").emit("b");
    expect(socket.sendBuffer).toHaveLength(2);
    await comeBack();
    expect(sent()).toEqual(['2["a"]', '2["b"]']);
    expect(socket.sendBuffer).toEqual([]);
  });

  test("is not lost when the heartbeat has expired unnoticed", async () => {
    await connected();
    vi.setSystemTime(Date.now() + 60_000);
    socket.emit("a");
    expect(sent()).toEqual([]);
    await delivered();
    vi.advanceTimersByTime(1000);
    await comeBack();
    expect(sent()).toEqual(['2["a"]']);
  });

  test("volatile: now or never", async () => {
    create();
    socket.volatile.emit("a");
    await comeBack();
    network.last.writable = false;
    socket.volatile.emit("b");
    network.last.writable = true;
    socket.volatile.emit("c");
    socket.emit("d");
    expect(sent()).toEqual(['2["c"]', '2["d"]']);
  });

  test("compress() reaches the engine, for one event", async () => {
    await connected();
    const options: unknown[] = [];
    socket.io.engine.on("packetCreate", (packet) => options.push((packet as { options?: unknown }).options));
    socket.compress(false).emit("a");
    socket.emit("b");
    expect(options).toMatchObject([{ compress: false }, { compress: true }]);
  });
});

describe("acknowledgements", () => {
  test("of the server reach their callbacks, once", async () => {
    await connected();
    const ack = vi.fn();
    socket.emit("a", ack);
    socket.emit("b", vi.fn());
    expect(sent()).toEqual(['20["a"]', '21["b"]']);
    await receive('30[1,"x"]', "30[2]", "37[]");
    expect(ack.mock.calls).toEqual([[1, "x"]]);
    expect(Object.keys(socket.acks)).toEqual(["1"]);
  });

  test("of the client answer the server, once", async () => {
    await connected();
    socket.on("ask", (value: number, answer: (value: number) => void) => {
      answer(value + 1);
      answer(value + 2);
    });
    await receive('212["ask",1]');
    expect(sent()).toEqual(["312[2]"]);
  });

  test("of the client do not go to another connection", async () => {
    await connected();
    let answer = (): void => {};
    socket.on("ask", (fn: () => void) => (answer = fn));
    await receive('212["ask"]');
    await loseAndComeBack();
    answer();
    expect(sent()).toEqual([]);
  });

  test("time out, and remove the unsent event", async () => {
    create();
    const ack = vi.fn();
    socket.timeout(50).emit("a", ack);
    socket.emit("b");
    vi.advanceTimersByTime(50);
    expect(ack.mock.calls).toEqual([
      [expect.objectContaining({ message: "operation has timed out", code: "ACK_TIMEOUT" })],
    ]);
    await comeBack();
    expect(sent()).toEqual(['2["b"]']);
    expect(socket.acks).toEqual({});
  });

  test("in time come after a null, and late ones not at all", async () => {
    await connected();
    const [fast, slow] = [vi.fn(), vi.fn()];
    socket.timeout(50).emit("a", fast);
    socket.timeout(50).emit("b", slow);
    await receive("30[1]");
    vi.advanceTimersByTime(50);
    await receive("31[2]", "30[3]");
    expect(fast.mock.calls).toEqual([[null, 1]]);
    expect(slow.mock.calls).toEqual([[expect.objectContaining({ code: "ACK_TIMEOUT" })]]);
  });

  test("ackTimeout is that for all events", async () => {
    await connected({ ackTimeout: 50 });
    const ack = vi.fn();
    socket.emit("a", ack);
    vi.advanceTimersByTime(50);
    expect(ack).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: "ACK_TIMEOUT" }));
  });

  test("that can't come any more: with an error where one is expected, else dropped", async () => {
    await connected();
    const [plain, timed] = [vi.fn(), vi.fn()];
    socket.emit("a", plain);
    socket.timeout(50).emit("b", timed);
    const promise = socket.emitWithAck("c").catch((error: Error) => error.message);
    await lose();
    expect(plain).not.toHaveBeenCalled();
    expect(timed.mock.calls).toEqual([[expect.objectContaining({ message: "socket has been disconnected" })]]);
    expect(await promise).toBe("socket has been disconnected");
    expect(socket.acks).toEqual({});
    vi.advanceTimersByTime(1e5);
    expect(timed).toHaveBeenCalledOnce();
  });

  test("of events that were not sent are still due", async () => {
    create();
    network.last.open();
    const promise = socket.emitWithAck("a");
    await lose();
    vi.advanceTimersByTime(1000);
    await comeBack();
    await receive("30[1]");
    expect(await promise).toBe(1);
  });

  test("emitWithAck() resolves, or rejects after timeout()", async () => {
    await connected();
    const first = socket.emitWithAck("a", 1);
    const second = socket
      .timeout(50)
      .emitWithAck("b")
      .catch((error: Error) => error.message);
    await receive('30["answer"]');
    vi.advanceTimersByTime(50);
    expect([await first, await second]).toEqual(["answer", "operation has timed out"]);
  });
});

describe("events of the server", () => {
  test("reach their listeners, catch-all ones first", async () => {
    await connected();
    const calls: unknown[][] = [];
    socket.onAny((...args) => calls.push(["any", ...args]));
    socket.prependAny((...args) => calls.push(["first", ...args]));
    socket.once("a", (...args: unknown[]) => calls.push(["a", ...args]));
    await receive('2["a",1]', '2["a",2]', '2/other,["a",3]');
    expect(calls).toEqual([
      ["first", "a", 1],
      ["any", "a", 1],
      ["a", 1],
      ["first", "a", 2],
      ["any", "a", 2],
    ]);
  });

  test("pass through an `onevent` that a program has put in its place", async () => {
    await connected();
    const calls: unknown[] = [];
    const onevent = socket.onevent.bind(socket);
    socket.onevent = (packet) => {
      calls.push([...(packet.data as unknown[])]);
      onevent(packet);
    };
    socket.on("a", (...args: unknown[]) => calls.push(...args));
    await receive('2["a",1]', '3["not one"]');
    expect(calls).toEqual([["a", 1], 1]);
  });

  test("that arrive before the socket is connected are buffered", async () => {
    create();
    const events = record("a", "connect");
    network.last.open();
    await receive('2["a",1]');
    expect(socket.receiveBuffer).toHaveLength(1);
    network.last.accept();
    await delivered();
    expect(events).toEqual([["a", 1], ["connect"]]);
  });

  test("an exception of a listener is its own: the connection stays", async () => {
    await connected();
    socket.on("a", () => {
      throw new Error("mine");
    });
    const uncaught = new Promise((resolve) => process.setUncaughtExceptionCaptureCallback(resolve));
    network.last.send('2["a"]');
    expect(await uncaught).toMatchObject({ message: "mine" });
    process.setUncaughtExceptionCaptureCallback(null);
    expect(socket.connected).toBe(true);
  });

  test("catch-all listeners come and go", async () => {
    await connected();
    const [a, b] = [vi.fn(), vi.fn()];
    socket.onAny(a).onAny(b).offAny(a);
    expect(socket.listenersAny()).toEqual([b]);
    expect(socket.offAny().listenersAny()).toEqual([]);
    socket.onAnyOutgoing(a).prependAnyOutgoing(b);
    expect(socket.listenersAnyOutgoing()).toEqual([b, a]);
    socket.emit("x", 1, () => {});
    expect([a.mock.calls, b.mock.calls]).toEqual([[["x", 1]], [["x", 1]]]);
    expect(socket.offAnyOutgoing(a).listenersAnyOutgoing()).toEqual([b]);
    socket.offAnyOutgoing(() => {});
    expect(socket.offAnyOutgoing().listenersAnyOutgoing()).toEqual([]);
  });

  test("outgoing listeners receive queued events when they are sent", async () => {
    create();
    const listener = vi.fn();
    socket.onAnyOutgoing(listener).emit("x");
    expect(listener).not.toHaveBeenCalled();
    await comeBack();
    expect(listener.mock.calls).toEqual([["x"]]);
  });
});

describe("disconnecting", () => {
  test("sends DISCONNECT, closes the connection, and does not reconnect", async () => {
    await connected();
    const events = record("disconnect");
    socket.disconnect().close();
    expect(sent()).toEqual(["1"]);
    expect(events).toEqual([["disconnect", "io client disconnect", undefined]]);
    expect([socket.connected, socket.id, socket.active, socket.io._readyState]).toEqual([
      false,
      undefined,
      false,
      "closed",
    ]);
    vi.advanceTimersByTime(1e5);
    expect(network.connections).toHaveLength(1);
    socket.connect();
    await comeBack();
    expect(socket.connected).toBe(true);
  });

  test("leaves the connection to the other namespaces", async () => {
    await connected();
    const other = socket.io.socket("/chat");
    await receive('0/chat,{"sid":"b"}');
    socket.disconnect();
    expect([other.connected, socket.io._readyState]).toEqual([true, "open"]);
    other.disconnect();
    expect(socket.io._readyState).toBe("closed");
  });

  test("by the server: the socket is not active", async () => {
    await connected();
    const events = record("disconnect");
    await receive("1");
    expect(events).toEqual([["disconnect", "io server disconnect", undefined]]);
    expect(socket.active).toBe(false);
  });

  test("by the network: with details, and it comes back", async () => {
    await connected();
    const events = record("disconnect", "connect");
    await loseAndComeBack();
    expect(events).toEqual([
      ["disconnect", "transport close", { description: "lost", context: undefined }],
      ["connect"],
    ]);
  });
});

describe("recovery", () => {
  test("sends the private id and the last offset to the server", async () => {
    create();
    await comeBack({ pid: "private" });
    await receive('2["a","offset-1"]', '2["b",1]');
    await lose();
    vi.advanceTimersByTime(1000);
    network.last.open();
    expect(sent()).toEqual(['0{"pid":"private","offset":"offset-1"}']);
    network.last.accept("socket", "", { pid: "private" });
    await delivered();
    expect(socket).toMatchObject({ recovered: true, _pid: "private", _lastOffset: "offset-1" });
    vi.advanceTimersByTime(5000);
    await loseAndComeBack({ pid: "another" });
    expect(socket.recovered).toBe(false);
  });

  test("events before an answer that does not come are recovered, and delivered once", async () => {
    create();
    const events = record("a");
    await comeBack({ pid: "private" });
    await receive('2["a","offset-1"]');
    await lose();
    vi.advanceTimersByTime(1000);
    network.last.open();
    await receive('2["a","offset-2"]');
    await lose();
    vi.advanceTimersByTime(5000);
    network.last.open();
    expect(sent()).toEqual(['0{"pid":"private","offset":"offset-1"}']);
    await receive('2["a","offset-2"]');
    network.last.accept("socket", "", { pid: "private" });
    await delivered();
    expect(socket.recovered).toBe(true);
    expect(events).toEqual([
      ["a", "offset-1"],
      ["a", "offset-2"],
    ]);
  });
});

describe("retries", () => {
  const options = { retries: 2, ackTimeout: 50 };

  test("one event at a time, in order", async () => {
    await connected(options);
    const acks: unknown[] = [];
    socket.emit("a", (...args: unknown[]) => acks.push(["a", ...args]));
    socket.emit("b", (...args: unknown[]) => acks.push(["b", ...args]));
    expect(sent()).toEqual(['20["a"]']);
    await receive("30[1]");
    expect(sent()).toEqual(['20["a"]', '21["b"]']);
    await receive("31[2]");
    expect(acks).toEqual([
      ["a", null, 1],
      ["b", null, 2],
    ]);
    expect(socket._queue).toEqual([]);
  });

  test("again when no acknowledgement comes, then the error", async () => {
    await connected(options);
    const ack = vi.fn();
    socket.emit("a", 1, ack);
    for (let i = 0; i < 3; i++) vi.advanceTimersByTime(50);
    expect(sent()).toEqual(['20["a",1]', '20["a",1]', '20["a",1]']);
    expect(ack.mock.calls).toEqual([[expect.objectContaining({ code: "ACK_TIMEOUT" })]]);
  });

  test("again on the next connection, once", async () => {
    await connected(options);
    socket.emit("a");
    socket.on("connect", () => socket.emit("c"));
    await lose();
    socket.emit("b");
    vi.advanceTimersByTime(1000);
    await comeBack();
    expect(sent()).toEqual(['20["a"]']);
    await receive("30[]", "31[]");
    expect(sent()).toEqual(['20["a"]', '21["b"]', '22["c"]']);
  });

  test("once, where the event waited for a dead connection to be noticed", async () => {
    await connected({ retries: 2 });
    vi.setSystemTime(Date.now() + 60_000);
    socket.emit("a");
    await delivered();
    vi.advanceTimersByTime(1000);
    await comeBack();
    expect(sent()).toEqual(['20["a"]']);
  });

  test("without ackTimeout, a retry follows a reconnection only", async () => {
    await connected({ retries: 1 });
    const ack = vi.fn();
    socket.emit("a", ack);
    await loseAndComeBack();
    expect(sent()).toEqual(['20["a"]']);
    await receive("30[7]");
    expect(ack.mock.calls).toEqual([[null, 7]]);
  });

  test("the first answer counts, whichever try it is for", async () => {
    await connected(options);
    const promise = socket.emitWithAck("a");
    vi.advanceTimersByTime(50);
    expect(sent()).toEqual(['20["a"]', '20["a"]']);
    await receive("30[5]", "30[6]");
    expect(await promise).toBe(5);
  });

  test("a volatile event between two tries has an id of its own", async () => {
    await connected(options);
    socket.emit("a");
    socket.volatile.emit("b", () => {});
    vi.advanceTimersByTime(50);
    await receive("30[]");
    socket.emit("c");
    expect(sent()).toEqual(['20["a"]', '21["b"]', '20["a"]', '22["c"]']);
  });

  test.each([1, Infinity])("the server learns that events are repeated: retries %s", async (retries) => {
    create({ retries });
    network.last.open();
    expect(sent()).toEqual([`0${JSON.stringify({ retries })}`]);
    network.last.accept("socket", "", { pid: "private" });
    await delivered();
    await lose();
    vi.advanceTimersByTime(1000);
    network.last.open();
    expect(sent()).toEqual([`0${JSON.stringify({ pid: "private", retries })}`]);
  });

  test("volatile events are not part of this", async () => {
    await connected(options);
    socket.volatile.emit("a");
    expect(sent()).toEqual(['2["a"]']);
  });

  test("the flags of an event stay its own", async () => {
    create(options);
    socket.timeout(500).emit("a");
    const ack = vi.fn();
    socket.volatile.emit("b");
    socket.emit("c", ack);
    await comeBack();
    vi.advanceTimersByTime(499);
    expect(sent()).toEqual(['20["a"]']);
    vi.advanceTimersByTime(1);
    expect(sent()).toEqual(['20["a"]', '20["a"]']);
  });
});
