import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Manager } from "../../../../packages/client/src/socketio/manager.ts";
import type { ManagerOptions, SocketOptions } from "../../../../packages/client/src/socketio/options.ts";
import type { Socket } from "../../../../packages/client/src/socketio/socket.ts";
import { delivered, FakeNetwork } from "./fake-network.ts";

// Listeners of programs that connect again, throw, or emit unencodable values.

let network: FakeNetwork;
let manager: Manager;
let socket: Socket;
let seen: number;

beforeEach(() => {
  seen = 0;
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
  network = new FakeNetwork();
});
afterEach(() => {
  manager.off();
  socket.off();
  manager._close();
  vi.useRealTimers();
});

function create(options: Partial<ManagerOptions & SocketOptions> = {}): void {
  manager = new Manager("http://localhost", { transports: network.transports, randomizationFactor: 0, ...options });
  socket = manager.socket("/", options);
}

/** Advances the time, and applies `what` to each new connection at once. */
async function live(ms: number, what: () => void): Promise<number> {
  for (let now = 0; now <= ms; now += 50) {
    if (network.connections.length > 100) throw new Error("no end of connections");
    for (; seen < network.connections.length; seen++) what();
    await delivered();
    vi.advanceTimersByTime(50);
  }
  return network.connections.length;
}

const FAILURES: Record<string, () => void> = {
  refuses: () => network.last.fail(),
  "closes before it is open": () => network.last.drop(),
  "accepts and drops": () => {
    network.last.open();
    network.last.accept();
    network.last.drop();
  },
  "opens and drops": () => {
    network.last.open();
    network.last.drop();
  },
};

const PATTERNS: Record<string, () => void> = {
  "connect()": () => socket.connect(),
  "disconnect(), connect()": () => socket.disconnect().connect(),
  "io.open()": () => manager.open(),
  "io.open(callback)": () => manager.open(() => {}),
  "io.connect()": () => manager.connect(),
  "io.reconnect()": () => manager.reconnect(),
  "connect() a moment later": () => setTimeout(() => socket.connect(), 0),
  "disconnect(), connect() in a promise": () => Promise.resolve().then(() => socket.disconnect().connect()),
  nothing: () => {},
  "throw an exception": () => {
    throw new Error("of the program");
  },
};
const EVENTS = ["connect_error", "disconnect", "io error", "io close", "io reconnect_attempt", "io reconnect_error"];

describe.each(Object.entries(FAILURES))("where the server %s", (_, fail) => {
  describe.each(Object.entries(PATTERNS))("%s", (name, act) => {
    const listenIn = (event: string): void => {
      if (event.startsWith("io ")) manager.on(event.slice(3) as "error", act);
      else socket.on(event as "connect_error", act);
    };
    beforeEach(() => process.setUncaughtExceptionCaptureCallback(() => {}));
    afterEach(() => process.setUncaughtExceptionCaptureCallback(null));

    // of a manager's own `close` it makes another one: that goes round and round, on the reference as well
    const events = name.startsWith("disconnect()") ? EVENTS.filter((event) => event !== "io close") : EVENTS;

    test.each([...events, "all of them"])("in a listener of %s: it goes on, with growing delays", async (event) => {
      create();
      for (const one of event === "all of them" ? events : [event]) listenIn(one);
      const soon = await live(10_000, fail);
      expect(soon).toBeGreaterThanOrEqual(3);
      expect(soon).toBeLessThanOrEqual(7);
      const late = await live(20_000, fail);
      expect(late - soon).toBeGreaterThanOrEqual(3);
      expect(late - soon).toBeLessThanOrEqual(8);
      await live(10_000, () => {
        network.last.open();
        network.last.accept();
      });
      expect([socket.connected, manager._readyState]).toEqual([true, "open"]);
    });
  });
});

describe("a namespace that the server refuses or leaves", () => {
  test.each([
    ["connect_error", '4{"message":"no"}'],
    ["disconnect", "1"],
  ] as const)(
    "connect() in a listener of %s: at once the first time, then with growing delays",
    async (name, packet) => {
      create();
      const times: number[] = [];
      const start = Date.now();
      socket.on(name as "connect_error", () => {
        times.push(Date.now() - start);
        socket.connect();
      });
      const serve = (): void => {
        network.last.open();
        if (packet === "1") network.last.accept();
        network.last.send(packet);
      };
      await live(20_000, serve);
      expect(times.length).toBeGreaterThan(4);
      expect(times.length).toBeLessThan(9);
      expect(times[1]! - times[0]!).toBeLessThanOrEqual(100);
      expect(times[2]! - times[1]!).toBeGreaterThanOrEqual(950);
      expect(socket.active).toBe(true);
      socket.disconnect();
      expect(socket.active).toBe(false);
    },
  );

  test("the same while another namespace keeps the connection", async () => {
    create();
    network.last.open();
    network.last.accept();
    await delivered();
    const chat = manager.socket("/chat");
    let refusals = 0;
    chat.on("connect_error", () => {
      refusals++;
      chat.connect();
    });
    for (let now = 0; now < 10_000; now += 10) {
      if (network.last.sent.splice(0).includes("0/chat,")) network.last.send('4/chat,{"message":"no"}');
      network.last.ping();
      await delivered();
      vi.advanceTimersByTime(10);
    }
    expect(refusals).toBeGreaterThan(3);
    expect(refusals).toBeLessThan(7);
    expect([socket.connected, network.connections.length]).toEqual([true, 1]);
  });

  test("connect() later is served at once", async () => {
    create();
    for (let i = 0; i < 5; i++) {
      network.last.open();
      network.last.send('4{"message":"no"}');
      await delivered();
      vi.advanceTimersByTime(1000);
      socket.connect();
      expect(network.connections).toHaveLength(i + 2);
    }
  });
});

describe("an exception of a listener", () => {
  const errors: string[] = [];
  beforeEach(() => {
    errors.length = 0;
    process.setUncaughtExceptionCaptureCallback((error) => errors.push(error.message));
  });
  afterEach(() => process.setUncaughtExceptionCaptureCallback(null));
  const boom = (name: string) => (): void => {
    throw new Error(name);
  };

  test("reaches the program as an uncaught error, without an effect on other listeners or the connection", async () => {
    create();
    const heard: string[] = [];
    for (const name of ["a", "connect", "disconnect"]) {
      socket.on(name, boom(name));
      socket.on(name, () => heard.push(name));
    }
    socket.onAny(boom("any"));
    socket.onAnyOutgoing(boom("outgoing"));
    manager.on("open", boom("open"));
    manager.engine.on("packet", boom("packet"));
    socket.emit("b");
    network.last.open();
    network.last.accept();
    network.last.send('2["a"]');
    await delivered();
    expect(network.last.sent).toEqual(["0", '2["b"]']);
    network.last.drop();
    await delivered();
    expect(heard).toEqual(["connect", "a", "disconnect"]);
    expect([...new Set(errors)].sort()).toEqual(["a", "any", "connect", "disconnect", "open", "outgoing", "packet"]);
    vi.advanceTimersByTime(1000);
    expect(network.connections).toHaveLength(2);
  });

  test("of acknowledgements: the others are called, and the queue goes on", async () => {
    create({ retries: 1, ackTimeout: 1000 });
    network.last.open();
    network.last.accept();
    await delivered();
    const second = vi.fn();
    socket.emit("a", boom("ack"));
    socket.emit("b", second);
    network.last.send("30[]");
    await delivered();
    network.last.send("31[2]");
    await delivered();
    expect([errors, second.mock.calls]).toEqual([["ack"], [[null, 2]]]);
  });

  test("of acknowledgements that can't come any more: the others are called", async () => {
    create();
    network.last.open();
    network.last.accept();
    await delivered();
    const second = vi.fn();
    socket.timeout(1000).emit("a", boom("ack"));
    socket.timeout(1000).emit("b", second);
    network.last.drop();
    await delivered();
    expect([errors, second.mock.calls.length]).toEqual([["ack"], 1]);
  });

  test("of the callback of open()", async () => {
    create({ autoConnect: false });
    manager.open(boom("callback"));
    network.last.open();
    await delivered();
    expect([errors, manager._readyState]).toEqual([["callback"], "open"]);
  });
});

describe("an event that can't be encoded", () => {
  const cycle: Record<string, unknown> = {};
  cycle["self"] = cycle;
  const VALUES: [string, unknown][] = [
    ["a BigInt", 1n],
    ["a cycle", cycle],
    [
      "a toJSON that throws",
      {
        toJSON() {
          throw new Error("no");
        },
      },
    ],
    [
      "a getter that throws",
      {
        get x() {
          throw new Error("no");
        },
      },
    ],
  ];
  const failure = expect.objectContaining({ code: "NOT_ENCODABLE", cause: expect.any(Error) }) as Error;

  describe.each(VALUES)("%s", (_, value) => {
    test.each(["connected", "not connected"])("is refused by emit, %s: nothing of it stays", async (state) => {
      create();
      const join = async (): Promise<void> => {
        network.last.open();
        network.last.accept();
        await delivered();
      };
      if (state === "connected") await join();
      const ack = vi.fn();
      expect(() => socket.emit("bad", value)).toThrow(failure);
      expect(() => socket.emit("bad", value, ack)).toThrow(failure);
      expect(() => socket.timeout(50).emit("bad", value, ack)).toThrow(failure);
      expect(() => socket.compress(false).emit("bad", value)).toThrow(failure);
      await expect(socket.timeout(50).emitWithAck("bad", value)).rejects.toThrow(failure);
      socket.emit("good");
      if (state !== "connected") await join();
      expect(network.last.sent).toEqual(["0", '2["good"]']);
      vi.advanceTimersByTime(1000);
      expect([ack.mock.calls, socket.acks, socket.sendBuffer, socket.flags]).toEqual([[], {}, [], {}]);
    });

    test.each(["connected", "not connected"])("with retries, %s: the queue goes on", async (state) => {
      create({ retries: 3, ackTimeout: 500 });
      const join = async (): Promise<void> => {
        network.last.open();
        network.last.accept();
        await delivered();
      };
      if (state === "connected") await join();
      const ack = vi.fn();
      expect(() => socket.emit("bad", value, ack)).toThrow(failure);
      expect(() => socket.emit("bad", value)).toThrow(failure);
      await expect(socket.emitWithAck("bad", value)).rejects.toThrow(failure);
      socket.emit("good");
      if (state !== "connected") await join();
      network.last.send("30[]");
      await delivered();
      expect([network.last.sent, socket._queue, ack.mock.calls]).toEqual([['0{"retries":3}', '20["good"]'], [], []]);
    });

    test("as an acknowledgement: the listener may give another one", async () => {
      create();
      socket.on("ask", (answer: (value: unknown) => void) => {
        expect(() => answer(value)).toThrow(failure);
        answer("instead");
      });
      network.last.open();
      network.last.accept();
      network.last.send('27["ask"]');
      await delivered();
      expect(network.last.sent).toEqual(["0", '37["instead"]']);
    });

    test("as credentials: the socket does not connect, and emits connect_error", async () => {
      create({ auth: { value } });
      const errors: unknown[] = [];
      socket.on("connect_error", (error) => errors.push(error));
      network.last.open();
      await delivered();
      expect([errors, socket.active]).toEqual([[failure], false]);
    });
  });

  test.each([{}, { retries: 2 }])("that was changed while it waited fails alone: %o", async (options) => {
    create(options);
    const value: Record<string, unknown> = {};
    const ack = vi.fn();
    socket.emit("first");
    socket.timeout(5000).emit("changed", value, ack);
    socket.emit("last");
    value["n"] = 1n;
    network.last.open();
    network.last.accept();
    await delivered();
    network.last.send("30[]", "31[]", "32[]");
    await delivered();
    network.last.send("31[]", "32[]");
    await delivered();
    const events = network.last.sent.slice(1).map((packet) => /"\w+"/.exec(packet as string)?.[0]);
    expect(events).toEqual(['"first"', '"last"']);
    expect(ack.mock.calls).toEqual([[failure]]);
    expect([socket._queue, socket.sendBuffer]).toEqual([[], []]);
  });

  test.each([undefined, null, true, NaN, Infinity, {}, [], Symbol("x"), () => {}])("the name %s is refused", (name) => {
    create();
    expect(() => socket.emit(name as string)).toThrow(expect.objectContaining({ code: "INVALID_EVENT" }));
    expect(socket.sendBuffer).toEqual([]);
  });

  test("a number is a name", () => {
    create();
    socket.emit(7 as unknown as string);
    expect(socket.sendBuffer).toHaveLength(1);
  });
});

describe("members that programs reach for", () => {
  test("the delays: read, set, started anew", async () => {
    create();
    expect(manager.backoff).toMatchObject({ attempts: 0, ms: 1000, max: 5000, jitter: 0, factor: 2 });
    network.last.fail();
    vi.advanceTimersByTime(1000);
    network.last.fail();
    expect(manager.backoff.attempts).toBe(2);
    manager.backoff.reset();
    manager.backoff.setMin(10);
    vi.advanceTimersByTime(2000);
    network.last.fail();
    vi.advanceTimersByTime(10);
    expect(network.connections).toHaveLength(4);
    manager.reconnectionDelay(20).reconnectionDelayMax(30).randomizationFactor(0.1);
    expect(manager.backoff).toMatchObject({ ms: 20, max: 30, jitter: 0.1 });
  });

  test("skipReconnect ends reconnection, until the connection is opened by hand", () => {
    create();
    network.last.fail();
    manager.skipReconnect = true;
    vi.advanceTimersByTime(60_000);
    expect([network.connections.length, manager.skipReconnect, manager._reconnecting]).toEqual([1, true, false]);
    socket.connect();
    expect([network.connections.length, manager.skipReconnect]).toEqual([2, false]);
  });

  test("reconnect() waits and tries; disconnect() closes for good", () => {
    create({ reconnection: false });
    network.last.fail();
    expect(manager._reconnecting).toBe(false);
    expect(manager.reconnect()).toBe(manager);
    expect(manager._reconnecting).toBe(true);
    vi.advanceTimersByTime(1000);
    network.last.open();
    manager.disconnect();
    expect([manager._readyState, manager.skipReconnect]).toEqual(["closed", true]);
    manager.reconnect();
    vi.advanceTimersByTime(60_000);
    expect(network.connections).toHaveLength(2);
  });

  test("listeners may be cleared where component-emitter has them", () => {
    create();
    const listener = vi.fn();
    socket.on("a", listener);
    delete socket._callbacks!["$a"];
    expect(socket.listeners("a")).toEqual([]);
    socket.on("a", listener)._callbacks = {};
    expect(socket.hasListeners("a")).toBe(false);
  });

  test("proxies and derived objects work as the socket does", async () => {
    create();
    const reflect = {
      get: (target: object, key: PropertyKey, receiver: unknown): unknown => Reflect.get(target, key, receiver),
    };
    const heard: unknown[] = [];
    for (const other of [new Proxy<Socket>(socket, reflect), Object.create(socket) as Socket]) {
      other.on("a", (value: unknown) => heard.push(value)).emit("x", 1);
      expect([other.active, other.disconnected, other.listenersAny()]).toEqual([true, true, []]);
    }
    const other = new Proxy<Manager>(manager, reflect);
    expect([other._reconnecting, other.reconnection(), other.open()]).toEqual([false, true, other]);
    network.last.open();
    network.last.accept();
    network.last.send('2["a",1]');
    await delivered();
    expect(heard).toEqual([1, 1]);
    expect(network.last.sent).toEqual(["0", '2["x",1]', '2["x",1]']);
    new Proxy<Socket>(socket, reflect).disconnect();
    expect(manager._readyState).toBe("closed");
  });
});
