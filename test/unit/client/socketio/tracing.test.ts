import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Manager } from "../../../../packages/client/src/socketio/manager.ts";
import type { Socket } from "../../../../packages/client/src/socketio/socket.ts";
import { type ReceivedTrace, traced, type TraceOptions } from "../../../../packages/client/src/socketio/tracing.ts";
import type { ManagerOptions, SocketOptions } from "../../../../packages/client/src/socketio/options.ts";
import { delivered, FakeNetwork } from "./fake-network.ts";

// Trace contexts between `emit` and the wire, and between the wire and the listeners.

const contextOf = (n: number): string => `00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333${n}-01`;

let network: FakeNetwork;
let socket: Socket;
/** What the tracer of the program returns. */
let current: string | undefined;
let asked: string[];
let errors: unknown[];

const onError = (error: unknown): void => void errors.push(error);
let listeners: NodeJS.UncaughtExceptionListener[];

beforeEach(() => {
  network = new FakeNetwork();
  current = undefined;
  asked = [];
  errors = [];
  listeners = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException").on("uncaughtException", onError);
});

afterEach(() => {
  process.removeAllListeners("uncaughtException");
  for (const listener of listeners) process.on("uncaughtException", listener);
  socket.io._close();
  vi.useRealTimers();
});

const SENDING: TraceOptions = {
  traceparent({ event, namespace }) {
    asked.push(namespace + event);
    return current;
  },
};

type Options = Partial<ManagerOptions & SocketOptions>;

function connect(trace: TraceOptions = SENDING, options: Options = {}, url = "http://localhost"): void {
  const io = traced(Manager, trace);
  socket = io(url, { transports: network.transports, randomizationFactor: 0, ...options });
}

async function open(more: object = { trace: 1 }): Promise<void> {
  network.last.open(more);
  network.last.accept();
  await delivered();
}

/** What the client has written after its CONNECT: one text for each write. */
const writes = (connection = network.last): string[] =>
  connection.writes
    .map((packets) =>
      packets.map(({ type, data }) => (type === "noop" ? `6${String(data)}` : String(data))).join(" | "),
    )
    .slice(1);

/** Emits in the trace with this number. */
function within(n: number, emit: () => void): void {
  const outer = current;
  current = contextOf(n);
  emit();
  current = outer;
}

describe("a context goes with its event", () => {
  test("directly before it, in the same write", async () => {
    connect();
    await open();
    within(1, () => socket.emit("one"));
    socket.emit("none");
    within(2, () => socket.emit("two", () => {}));
    let answer: Promise<unknown> | undefined;
    within(3, () => (answer = socket.emitWithAck("three")));
    within(4, () => socket.send("four"));
    expect(writes()).toEqual([
      `6${contextOf(1)} | 2["one"]`,
      '2["none"]',
      `6${contextOf(2)} | 20["two"]`,
      `6${contextOf(3)} | 21["three"]`,
      `6${contextOf(4)} | 2["message","four"]`,
    ]);
    expect(asked).toEqual(["/one", "/none", "/two", "/three", "/message"]);
    network.last.send('31["answer"]');
    expect(await answer).toBe("answer");
  });

  test("before the first part of a message with attachments", async () => {
    connect();
    await open();
    within(1, () => socket.emit("bytes", Uint8Array.of(1)));
    const [text, bytes] = writes();
    expect(text).toBe(`6${contextOf(1)} | 51-["bytes",{"_placeholder":true,"num":0}]`);
    expect(bytes).toBe("1");
  });

  test("and is that of the emit, if the event is sent later", async () => {
    connect();
    within(1, () => socket.emit("one"));
    socket.emit("none");
    within(2, () => socket.emit("two"));
    current = contextOf(9);
    await open();
    expect(writes()).toEqual([`6${contextOf(1)} | 2["one"]`, '2["none"]', `6${contextOf(2)} | 2["two"]`]);
    expect(asked).toEqual(["/one", "/none", "/two"]);
  });

  test("also if a listener for sent events emits another one", async () => {
    connect();
    await open();
    socket.onAnyOutgoing((event) => {
      if (event === "one") within(2, () => socket.emit("two"));
    });
    within(1, () => socket.emit("one"));
    expect(writes()).toEqual([`6${contextOf(2)} | 2["two"]`, `6${contextOf(1)} | 2["one"]`]);
  });

  test("and not with a dropped volatile event", async () => {
    connect();
    await open();
    within(1, () => socket.volatile.emit("one"));
    network.last.writable = false;
    within(2, () => socket.volatile.emit("two"));
    network.last.writable = true;
    socket.emit("three");
    expect(writes()).toEqual([`6${contextOf(1)} | 2["one"]`, '2["three"]']);
  });

  test("and not with an acknowledgement, or after an event that can't be encoded", async () => {
    connect();
    await open();
    socket.on("ask", (answer: () => void) => within(1, answer));
    network.last.send('27["ask"]');
    await delivered();
    within(2, () => expect(() => socket.emit("one", 1n)).toThrow("can't be encoded"));
    socket.emit("two");
    expect(writes()).toEqual(["37[]", '2["two"]']);
  });

  test("in each namespace of a connection", async () => {
    connect();
    await open();
    const chat = socket.io.socket("/chat");
    network.last.accept("chat", "/chat,");
    await delivered();
    within(1, () => chat.emit("one"));
    expect(writes().at(-1)).toBe(`6${contextOf(1)} | 2/chat,["one"]`);
    expect(asked).toEqual(["/chatone"]);
    expect(socket.io.socket("/chat")).toBe(chat);
  });
});

describe("with `retries`", () => {
  test("each try has the context of its emit", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    connect(SENDING, { retries: 2, ackTimeout: 50 });
    await open();
    within(1, () => socket.emit("one"));
    within(2, () => socket.emit("two"));
    vi.advanceTimersByTime(50);
    network.last.send("30[]");
    await delivered();
    expect(writes()).toEqual([
      `6${contextOf(1)} | 20["one"]`,
      `6${contextOf(1)} | 20["one"]`,
      `6${contextOf(2)} | 21["two"]`,
    ]);
  });

  test("an event that is sent within the emit of a later one has its own", async () => {
    connect(SENDING, { retries: 2 });
    await open();
    within(1, () => socket.emit("one", () => within(3, () => socket.emit("three"))));
    within(2, () => socket.emit("two", () => within(5, () => socket.emit("five"))));
    socket.emit("none");
    for (const id of [0, 1, 2, 3]) {
      network.last.send(`3${id}[]`);
      await delivered();
    }
    expect(writes()).toEqual([
      `6${contextOf(1)} | 20["one"]`,
      `6${contextOf(2)} | 21["two"]`,
      '22["none"]',
      `6${contextOf(3)} | 23["three"]`,
      `6${contextOf(5)} | 24["five"]`,
    ]);
  });
});

describe("while the connection has no transport", () => {
  test("events keep their contexts until it is carried", async () => {
    connect();
    await open({ trace: 1, carry: { key: "the-key", window: 10_000 } });
    const carried = new Promise<void>((resolve) => {
      socket.io.on("carried", () => resolve());
    });
    network.last.drop({ code: 1006 });
    within(1, () => socket.emit("one"));
    await vi.waitFor(() => expect(network.connections).toHaveLength(2));
    network.last.welcome(1);
    await carried;
    within(2, () => socket.emit("two"));
    const all = network.last.writes.flat().map(({ data }) => data);
    expect(all).toEqual([contextOf(1), '2["one"]', contextOf(2), '2["two"]']);
  });
});

describe("nothing is sent", () => {
  test.each([{}, { trace: 0 }, { trace: "1" }, { trace: true }])("to a server that says %j", async (more) => {
    connect();
    await open(more);
    within(1, () => socket.emit("one"));
    expect(writes()).toEqual(['2["one"]']);
  });

  test("to a server that has said it on an earlier connection", async () => {
    connect(SENDING, { reconnectionDelay: 1 });
    await open();
    network.last.drop();
    await vi.waitFor(() => expect(network.connections).toHaveLength(2));
    await open({});
    within(1, () => socket.emit("one"));
    expect(writes()).toEqual(['2["one"]']);
  });

  test.each([
    "",
    "00-00000000000000000000000000000000-b7ad6b7169203331-01",
    "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
    "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    `${contextOf(1)}-more`,
    `01${contextOf(1).slice(2)}-${"x".repeat(512)}`,
    { toString: () => contextOf(1) },
    Promise.resolve(contextOf(1)),
    1,
  ])("of a value that is malformed: %s", async (value) => {
    connect({ traceparent: () => value as string });
    await open();
    socket.emit("one");
    expect(writes()).toEqual(['2["one"]']);
  });

  test("of a function that throws, and its error reaches the platform", async () => {
    const error = new Error("no tracer");
    connect({
      traceparent() {
        throw error;
      },
    });
    await open();
    expect(socket.emit("one")).toBe(socket);
    await delivered();
    expect([writes(), errors]).toEqual([['2["one"]'], [error]]);
  });
});

describe("the query asks for contexts", () => {
  const receive: TraceOptions = { onEvent: () => {} };

  test("if the program wants them", () => {
    connect(receive);
    expect(network.last.query).toMatchObject({ trace: 1 });
    socket.io._close();
    connect(SENDING);
    expect(network.last.query).not.toHaveProperty("trace");
  });

  test.each([
    ["an object", { query: { a: "b" } }, "http://localhost"],
    ["a text", { query: "a=b" as unknown as Record<string, string> }, "http://localhost"],
    ["in the address", {}, "http://localhost?a=b"],
  ])("beside the program's own: %s", (_name, options, url) => {
    connect(receive, options, url);
    expect(network.last.query).toMatchObject({ a: "b", trace: expect.anything() as unknown });
    expect(String(network.last.query["trace"])).toBe("1");
  });

  test("unless the program uses the name itself", () => {
    connect(receive, { query: { trace: "x" } });
    expect(network.last.query).toMatchObject({ trace: "x" });
    socket.io._close();
    connect(receive, {}, "http://localhost?trace=x");
    expect(network.last.query).toMatchObject({ trace: "x" });
  });
});

describe("a context of the server", () => {
  let seen: unknown[];
  const RECEIVING: TraceOptions = {
    onEvent(received, run) {
      seen.push(received);
      current = received.traceparent;
      run();
      current = undefined;
    },
  };

  const received = (n: number, event: string): ReceivedTrace => ({ event, namespace: "/", traceparent: contextOf(n) });

  function listen(): void {
    seen = [];
    socket.onAny((event: string, ...args: unknown[]) => seen.push([event, args.length, current]));
  }

  test("goes around the listeners of the event behind it", async () => {
    connect(RECEIVING);
    listen();
    await open();
    network.last.announce(contextOf(1));
    network.last.send('2["one",1]', '2["none"]');
    network.last.announce(contextOf(2));
    network.last.send('51-["two",{"_placeholder":true,"num":0}]', Buffer.of(1), '2["none"]');
    network.last.announce(contextOf(3));
    network.last.send('23["three"]');
    await delivered();
    expect(seen).toEqual([
      received(1, "one"),
      ["one", 1, contextOf(1)],
      ["none", 0, undefined],
      received(2, "two"),
      ["two", 1, contextOf(2)],
      ["none", 0, undefined],
      received(3, "three"),
      ["three", 1, contextOf(3)],
    ]);
  });

  test("waits with an event that comes before the socket is connected", async () => {
    connect(RECEIVING);
    listen();
    network.last.open({ trace: 1 });
    network.last.announce(contextOf(1));
    network.last.send('2["one"]');
    await delivered();
    expect(seen).toEqual([]);
    network.last.accept();
    await delivered();
    expect(seen).toEqual([received(1, "one"), ["one", 0, contextOf(1)]]);
  });

  test("is ignored if it is malformed, or before an acknowledgement", async () => {
    connect(RECEIVING);
    listen();
    await open();
    network.last.announce("00-1-2-3");
    network.last.send('2["one"]');
    const answer = new Promise((resolve) => {
      socket.emit("ask", resolve);
    });
    network.last.announce(contextOf(1));
    network.last.send('30["answer"]', '2["two"]');
    await delivered();
    expect(await answer).toBe("answer");
    expect(seen).toEqual([
      ["one", 0, undefined],
      ["two", 0, undefined],
    ]);
  });

  test.each<[string, NonNullable<TraceOptions["onEvent"]>]>([
    ["does not call `run`", () => {}],
    ["calls it twice", (_received, run) => [run, run].forEach((each) => each())],
    ["calls it later", (_received, run) => void setImmediate(run)],
    [
      "throws",
      () => {
        throw new Error("no tracer");
      },
    ],
  ])("does not keep an event from its listeners if the function %s", async (name, onEvent) => {
    connect({ onEvent });
    listen();
    await open();
    network.last.announce(contextOf(1));
    network.last.send('2["one"]', '2["two"]');
    await delivered();
    await delivered();
    expect(seen).toEqual([
      ["one", 0, undefined],
      ["two", 0, undefined],
    ]);
    expect(errors).toHaveLength(name === "throws" ? 1 : 0);
  });

  test("of a connection that has ended is forgotten", async () => {
    connect(RECEIVING, { reconnectionDelay: 1 });
    listen();
    await open();
    network.last.announce(contextOf(1));
    network.last.drop();
    await vi.waitFor(() => expect(network.connections).toHaveLength(2));
    await open();
    network.last.send('2["one"]');
    await delivered();
    expect(seen).toEqual([["one", 0, undefined]]);
  });
});
