import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Manager } from "../../../../packages/client/src/socketio/manager.ts";
import type { Socket } from "../../../../packages/client/src/socketio/socket.ts";
import { delivered, type FakeConnection, FakeNetwork } from "./fake-network.ts";

// The content of one read, without a tick between, is reported in the order of sending.

let network: FakeNetwork;
let manager: Manager;
let socket: Socket;
let events: string[];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
  network = new FakeNetwork();
  manager = new Manager("http://localhost", { transports: network.transports, randomizationFactor: 0 });
  events = [];
  socket = watch(manager.socket("/"));
});
afterEach(() => {
  manager._close();
  vi.useRealTimers();
});

function watch(socket: Socket): Socket {
  const prefix = socket.nsp === "/" ? "" : `${socket.nsp} `;
  for (const name of ["connect", "connect_error", "disconnect"] as const) {
    socket.on(name as "connect_error", (detail) => {
      const what = name === "connect" ? name : `${name} (${(detail as Error | undefined)?.message ?? String(detail)})`;
      events.push(`${prefix}${what}`);
    });
  }
  socket.onAny((name) => events.push(`${prefix}< ${name}`));
  return socket;
}

/** Ends of a connection, and their reports. */
const ENDS: Record<string, [end: (connection: FakeConnection) => void, reason: string]> = {
  "a close": [(connection) => connection.drop(), "transport close"],
  "an error": [(connection) => connection.fail(), "transport error"],
  "an invalid packet": [(connection) => connection.send("garbage"), "parse error"],
  "an invalid packet and more": [(connection) => connection.send("garbage", '2["late"]', "0"), "parse error"],
  "a close of the engine": [() => manager.engine.close(), "forced close"],
};

describe.each(Object.entries(ENDS))("%s in the same read", (_, [end, reason]) => {
  const comesBack = async (): Promise<void> => {
    expect([socket.connected, socket.id, socket.active, manager._readyState]).toEqual([
      false,
      undefined,
      true,
      "closed",
    ]);
    vi.advanceTimersByTime(5000);
    network.last.open();
    network.last.accept("again");
    await delivered();
    expect([socket.connected, socket.id, events.at(-1)]).toEqual([true, "again", "connect"]);
  };

  test.each([1, 2])("as the answer to CONNECT, on connection %i", async (n) => {
    if (n === 2) {
      network.last.open();
      network.last.accept();
      await delivered();
      network.last.drop();
      vi.advanceTimersByTime(1000);
      events.length = 0;
    }
    network.last.open();
    network.last.accept();
    end(network.last);
    await delivered();
    expect(events).toEqual(["connect", `disconnect (${reason})`]);
    await comesBack();
  });

  test("as CONNECT, an event, and an acknowledgement", async () => {
    network.last.open();
    network.last.accept();
    network.last.send('2["a"]');
    end(network.last);
    await delivered();
    expect(events).toEqual(["connect", "< a", `disconnect (${reason})`]);
    vi.advanceTimersByTime(5000);
    network.last.open();
    network.last.accept();
    await delivered();
    const ack = vi.fn();
    socket.timeout(1000).emit("ask", ack);
    network.last.send('30["answer"]', '2["b"]');
    end(network.last);
    await delivered();
    expect(ack.mock.calls).toEqual([[null, "answer"]]);
    expect(events.slice(-2)).toEqual(["< b", `disconnect (${reason})`]);
  });

  test("as CONNECT for two namespaces: both", async () => {
    const chat = watch(manager.socket("/chat"));
    network.last.open();
    network.last.accept();
    network.last.accept("b", "/chat,");
    end(network.last);
    await delivered();
    expect(events).toEqual(["connect", "/chat connect", `disconnect (${reason})`, `/chat disconnect (${reason})`]);
    expect(chat.connected).toBe(false);
  });

  test.each([
    ['4{"message":"no"}', ["connect_error (no)"]],
    ["1", ["disconnect (io server disconnect)"]],
  ])("as %s", async (packet, expected) => {
    network.last.open();
    network.last.send(packet);
    end(network.last);
    await delivered();
    expect(events).toEqual(expected);
    expect(socket.connected).toBe(false);
  });

  test("events that a listener emits meanwhile are sent on the next connection", async () => {
    socket.once("connect", () => socket.emit("hello"));
    network.last.open();
    network.last.accept();
    end(network.last);
    await delivered();
    await comesBack();
    expect(network.last.sent).toContain('2["hello"]');
  });

  test("a listener that connects again does not receive the rest of the old connection", async () => {
    socket.once("connect", () => socket.disconnect().connect());
    network.last.open();
    network.last.accept();
    network.last.send('2["old"]');
    end(network.last);
    await delivered();
    expect(events).toEqual(["connect", "disconnect (io client disconnect)"]);
    expect(network.connections).toHaveLength(2);
    network.last.open();
    network.last.accept();
    await delivered();
    expect([socket.connected, events.at(-1)]).toEqual([true, "connect"]);
    expect(events).not.toContain("< old");
  });
});

test.each<[string, string[], string[]]>([
  ["DISCONNECT and CONNECT_ERROR", ["1", '4{"message":"no"}'], ["disconnect (io server disconnect)"]],
  ["an event and DISCONNECT", ['2["a"]', '1{"reason":1}'], ["< a", "disconnect (io server disconnect)"]],
  [
    "a refusal of a namespace that is connected",
    ['4{"message":"no","data":7}'],
    ["disconnect (io server disconnect)", "connect_error (no)"],
  ],
])("%s", async (_, packets, expected) => {
  network.last.open();
  network.last.accept();
  await delivered();
  events.length = 0;
  network.last.send(...packets);
  await delivered();
  expect(events).toEqual(expected);
  expect([socket.connected, socket.active, socket.id]).toEqual([false, false, undefined]);
});

test("a connection that closes before it was open has failed, and is tried again", async () => {
  network.last.drop();
  expect(events).toEqual(["connect_error (closed before it was open)"]);
  vi.advanceTimersByTime(1000);
  network.last.open();
  network.last.accept();
  await delivered();
  expect(socket.connected).toBe(true);
});
