import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Manager } from "../../../../packages/client/src/socketio/manager.ts";
import type { ManagerOptions } from "../../../../packages/client/src/socketio/options.ts";
import { delivered, FakeNetwork } from "./fake-network.ts";

let network: FakeNetwork;
let manager: Manager;
let events: unknown[][];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
  network = new FakeNetwork();
  events = [];
});
afterEach(() => {
  manager._close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const NAMES = [
  "open",
  "error",
  "ping",
  "close",
  "reconnect",
  "reconnect_attempt",
  "reconnect_error",
  "reconnect_failed",
];

/** A manager without random delays; records its events in `events`. */
function create(options: Partial<ManagerOptions> = {}): Manager {
  manager = new Manager("http://localhost", {
    transports: network.transports,
    randomizationFactor: 0,
    autoConnect: false,
    ...options,
  });
  for (const name of NAMES) {
    manager.on(name as "open", (...args: unknown[]) =>
      events.push([name, ...args.map((arg) => (arg instanceof Error ? arg.message : arg))]),
    );
  }
  return manager;
}

function opened(options?: Partial<ManagerOptions>): Manager {
  create(options).open();
  network.last.open();
  events.length = 0;
  return manager;
}

const names = (): unknown[] => events.map(([name]) => name);

describe("settings", () => {
  test("are read without an argument and set with one", () => {
    create({ randomizationFactor: undefined! });
    expect([manager.reconnection(), manager.reconnectionAttempts(), manager.timeout()]).toEqual([
      true,
      Infinity,
      20_000,
    ]);
    expect([manager.reconnectionDelay(), manager.reconnectionDelayMax(), manager.randomizationFactor()]).toEqual([
      1000, 5000, 0.5,
    ]);
    expect(manager.reconnection(false).reconnectionAttempts(2).reconnectionDelay(3).timeout(false)).toBe(manager);
    expect(manager.reconnectionDelayMax(4).randomizationFactor(0)).toBe(manager);
    expect([manager.reconnection(), manager.reconnectionAttempts(), manager.timeout()]).toEqual([false, 2, false]);
    expect([manager.reconnectionDelay(), manager.reconnectionDelayMax(), manager.randomizationFactor()]).toEqual([
      3, 4, 0,
    ]);
  });

  test("the address may be changed for the next connection", () => {
    opened();
    manager.uri = "https://example.org:8443";
    network.last.drop();
    vi.advanceTimersByTime(1000);
    expect(manager.engine).toMatchObject({ hostname: "example.org", port: "8443", secure: true });
  });

  test("the options are not changed", () => {
    const options = Object.freeze({ autoConnect: false });
    expect(new Manager(options).opts).toMatchObject({ path: "/socket.io", autoConnect: false });
    manager = create();
  });
});

describe("opening", () => {
  test("calls back once open; asked again meanwhile, it does nothing", () => {
    const done = vi.fn();
    create().open(done).open(done).connect(done);
    expect(manager._readyState).toBe("opening");
    network.last.open();
    expect([manager._readyState, names(), done.mock.calls]).toEqual(["open", ["open"], [[]]]);
    expect(network.connections).toHaveLength(1);
  });

  test("gives the error to the callback, and does not try again then", () => {
    const done = vi.fn();
    create().open(done);
    network.last.fail();
    expect([events, done.mock.calls[0]?.[0].message]).toEqual([[["error", "fake error"]], "fake error"]);
    vi.advanceTimersByTime(60_000);
    expect(network.connections).toHaveLength(1);
  });

  test("tries again without a callback", () => {
    create().open();
    network.last.fail();
    expect(manager._reconnecting).toBe(true);
    vi.advanceTimersByTime(1000);
    network.last.open();
    expect(events).toEqual([["error", "fake error"], ["reconnect_attempt", 1], ["open"], ["reconnect", 1]]);
  });

  test("gives up after `timeout`, and tries again", () => {
    create({ timeout: 300 }).open();
    vi.advanceTimersByTime(300);
    expect(events).toEqual([["error", "timeout"]]);
    network.last.open();
    expect(names()).toEqual(["error"]);
    vi.advanceTimersByTime(1000);
    expect(network.connections).toHaveLength(2);
  });

  test("has it in its diagnosis before listeners run", () => {
    const seen: unknown[] = [];
    create({ timeout: 300 })
      .on("error", () => seen.push(...manager.diagnosis.attempts!))
      .open();
    vi.advanceTimersByTime(300);
    expect(seen).toMatchObject([{ outcome: "failed", failure: { code: "CONNECT_TIMEOUT", message: "timeout" } }]);
  });

  test("never opens with `timeout: 0`, however fast the server is", () => {
    create({ timeout: 0 }).open();
    network.last.open();
    vi.advanceTimersByTime(1);
    expect(events).toEqual([["error", "timeout"]]);
  });

  test("waits for ever with `timeout: false`", () => {
    create({ timeout: false }).open();
    vi.advanceTimersByTime(1e9);
    expect(events).toEqual([]);
  });
});

describe("reconnection", () => {
  test("waits twice as long each time, up to the maximum, and starts anew after a connection that lasted", () => {
    opened({ reconnectionDelayMax: 3000 });
    const waits: number[] = [];
    network.last.drop();
    for (let i = 0; i < 4; i++) {
      const { length } = network.connections;
      const start = Date.now();
      while (network.connections.length === length) vi.advanceTimersByTime(100);
      waits.push(Date.now() - start);
      network.last.fail();
    }
    expect(waits).toEqual([1000, 2000, 3000, 3000]);
    vi.advanceTimersByTime(3000);
    network.last.open();
    expect(events.at(-1)).toEqual(["reconnect", 5]);
    vi.advanceTimersByTime(5000);
    network.last.drop();
    vi.advanceTimersByTime(1000);
    expect(events.at(-1)).toEqual(["reconnect_attempt", 1]);
  });

  test("reports each step", () => {
    opened({ reconnectionAttempts: 2 });
    network.last.drop();
    vi.advanceTimersByTime(1000);
    network.last.fail();
    vi.advanceTimersByTime(2000);
    network.last.fail();
    expect(events).toEqual([
      ["close", "transport close", { description: "lost", context: undefined }],
      ["reconnect_attempt", 1],
      ["error", "fake error"],
      ["reconnect_error", "fake error"],
      ["reconnect_attempt", 2],
      ["error", "fake error"],
      ["reconnect_failed"],
      ["reconnect_error", "fake error"],
    ]);
    vi.advanceTimersByTime(1e6);
    expect([network.connections.length, manager._reconnecting]).toEqual([3, false]);
  });

  test("strays at random", () => {
    vi.spyOn(Math, "random").mockReturnValueOnce(0);
    opened({ randomizationFactor: 0.5 });
    network.last.drop();
    vi.advanceTimersByTime(500);
    expect(names()).toContain("reconnect_attempt");
  });

  test("does not happen with `reconnection: false`, nor after it was switched off", () => {
    opened({ reconnection: false });
    network.last.drop();
    vi.advanceTimersByTime(1e6);
    expect(names()).toEqual(["close"]);

    opened();
    network.last.drop();
    manager.reconnection(false);
    vi.advanceTimersByTime(1e6);
    expect([names(), manager._reconnecting]).toEqual([["close"], false]);
  });

  test("ends with _close(), even when a listener calls that", () => {
    opened().on("reconnect_attempt", () => manager._close());
    network.last.drop();
    vi.advanceTimersByTime(1e6);
    expect(names()).toEqual(["close", "reconnect_attempt", "close"]);
    expect(network.connections).toHaveLength(1);
  });

  test("open() while an attempt is due is that attempt", () => {
    opened();
    network.last.drop();
    manager.open();
    network.last.open();
    expect(names()).toEqual(["close", "open", "reconnect"]);
    vi.advanceTimersByTime(40_000);
    expect(network.connections).toHaveLength(2);
  });
});

describe("delays that a server asks for", () => {
  const waited = (): number => {
    const start = Date.now();
    while (network.connections.length === 1) vi.advanceTimersByTime(10);
    return Date.now() - start;
  };

  test("a close with retry-after puts the reconnection off, and spreads it", () => {
    opened();
    vi.spyOn(Math, "random").mockReturnValueOnce(0.5);
    network.last.drop({ code: 1013, reason: "overloaded retry-after=8000" });
    expect(waited()).toBe(12_000);
  });

  test("a refused handshake does so, too", () => {
    create().open();
    vi.spyOn(Math, "random").mockReturnValueOnce(0);
    network.last.fail({ status: 503, responseText: '{"code":"OVERLOADED","message":"full","retryAfter":9000}' });
    expect(waited()).toBe(9000);
  });

  test("a wake-up does not cut that short", () => {
    let wake = (): void => {};
    opened({ wakeOn: (fn) => ((wake = fn), () => {}) });
    network.last.drop({ code: 1012, reason: "retry-after=8000" });
    wake();
    expect(network.connections).toHaveLength(1);
    expect(manager._reconnecting).toBe(true);
  });
});

describe("a wake-up", () => {
  let wake: () => void;
  const unsubscribe = vi.fn();
  beforeEach(() => unsubscribe.mockClear());
  const wakeOn: ManagerOptions["wakeOn"] = (fn) => {
    wake = fn;
    return unsubscribe;
  };

  test("makes a reconnection that waits happen at once", () => {
    opened({ wakeOn });
    network.last.drop();
    wake();
    wake();
    network.last.open();
    expect(names()).toEqual(["close", "reconnect_attempt", "open", "reconnect"]);
    expect(network.connections).toHaveLength(2);
  });

  test("finds a connection that has died", async () => {
    opened({ wakeOn });
    vi.setSystemTime(Date.now() + 60_000);
    wake();
    await delivered();
    expect(events).toEqual([["close", "ping timeout", undefined]]);
  });

  test("does nothing while all is well, and after _close()", () => {
    opened({ wakeOn });
    wake();
    expect(events).toEqual([]);
    manager._close();
    expect(unsubscribe).toHaveBeenCalledOnce();
    wake();
    expect(network.connections).toHaveLength(1);
  });
});

describe("a page without a network", () => {
  const offline = (options?: Partial<ManagerOptions>): void => {
    create(options).uri = "https://example.org";
    manager.open();
    network.last.open();
    vi.stubGlobal("navigator", { onLine: false });
    events.length = 0;
    network.last.drop();
  };

  test("makes no attempts, and the scheduled one at once when the network is back", () => {
    let wake = (): void => {};
    offline({ wakeOn: (fn) => ((wake = fn), () => {}), reconnectionAttempts: 2 });
    const { length } = network.connections;
    vi.advanceTimersByTime(60_000);
    wake();
    expect([names(), network.connections.length]).toEqual([["close"], length]);
    vi.stubGlobal("navigator", { onLine: true });
    wake();
    network.last.open();
    expect(events.slice(-3)).toEqual([["reconnect_attempt", 1], ["open"], ["reconnect", 1]]);
  });

  test("finds out by itself that the network is back", () => {
    offline();
    vi.advanceTimersByTime(60_000);
    vi.stubGlobal("navigator", { onLine: true });
    vi.advanceTimersByTime(5000);
    expect(events.at(-1)).toEqual(["reconnect_attempt", 1]);
  });

  test("reaches a server on the same machine all the same, with growing delays", () => {
    opened();
    vi.stubGlobal("navigator", { onLine: false });
    network.last.drop();
    vi.advanceTimersByTime(1000);
    network.last.fail();
    vi.advanceTimersByTime(1999);
    expect(network.connections).toHaveLength(2);
    vi.advanceTimersByTime(1);
    expect(network.connections).toHaveLength(3);
  });
});

describe("closing", () => {
  test("a packet that can't be read ends the connection, and it is opened again", () => {
    opened();
    network.last.send("garbage");
    expect(events).toEqual([["close", "parse error", "invalid packet: garbage"]]);
    vi.advanceTimersByTime(1000);
    expect(network.connections).toHaveLength(2);
  });

  test("an attachment that was due on the old connection is not expected on the new one", async () => {
    const packets: unknown[] = [];
    opened().on("packet", (packet) => packets.push(packet.data));
    network.last.send('51-["x",{"_placeholder":true,"num":0}]');
    network.last.drop();
    vi.advanceTimersByTime(1000);
    network.last.open();
    network.last.send('2["y"]');
    await delivered();
    expect(packets).toEqual([["y"]]);
  });

  test("with autoUnref nothing keeps the process alive", () => {
    const unref = vi.spyOn(setTimeout(() => {}, 0) as object as { unref(): void }, "unref");
    expect(unref).not.toHaveBeenCalled();
    create({ autoUnref: true }).open();
    network.last.fail();
    expect(manager._reconnecting).toBe(true);
  });

  test("a ping of the server is an event", () => {
    opened();
    network.last.ping();
    expect(names()).toEqual(["ping"]);
  });
});

describe("diagnosis", () => {
  test("has past attempts and the time of the next one", () => {
    opened();
    const { reconnectAttempts, nextAttemptAt } = manager.diagnosis;
    expect([reconnectAttempts, nextAttemptAt]).toEqual([0, undefined]);
    network.last.drop();
    expect(manager.diagnosis).toMatchObject({ reconnectAttempts: 1, nextAttemptAt: Date.now() + 1000 });
    expect(manager.diagnosis.closed).toMatchObject({ reason: "transport close" });
    expect(manager.diagnosis.attempts).toHaveLength(1);
  });

  test("is there before the first connection", () => {
    expect(create().diagnosis).toEqual({ reconnectAttempts: 0, nextAttemptAt: undefined });
  });
});

test("one namespace, one socket; a socket that was idle connects again", () => {
  create({ autoConnect: true });
  const socket = manager.socket("/chat");
  expect(manager.socket("/chat")).toBe(socket);
  socket.disconnect();
  expect(socket.active).toBe(false);
  manager.socket("/chat");
  expect(socket.active).toBe(true);
});
