import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { pageListeners, type PageSignal } from "../../../../packages/client/src/engine/platform/page.ts";
import { Socket } from "../../../../packages/client/src/engine/socket.ts";
import type { SocketOptions } from "../../../../packages/client/src/engine/options.ts";
import { fakeTransport, made } from "./fake-transport.ts";

const Slow = fakeTransport("slow");
const Fast = fakeTransport("fast");
const Polling = fakeTransport("polling");
const WebSocket = fakeTransport("websocket");

let events: string[];

beforeEach(() => {
  vi.useFakeTimers();
  made.length = 0;
  events = [];
});
afterEach(() => {
  vi.useRealTimers();
  pageListeners.clear();
});

const open = (options: SocketOptions): Socket => new Socket(options);

const NOTED = ["open", "message", "drain", "upgrading", "upgrade", "upgradeError", "error", "close", "pong"] as const;

function connect(options: SocketOptions = {}): Socket {
  const socket = new Socket("http://example.org", { transportImplementations: [Slow, Fast], ...options });
  for (const event of NOTED) {
    socket.on(event, (value?: unknown, details?: unknown) => {
      const shown = [value, details].map((item) => {
        if (item instanceof Error) return item.message;
        if (typeof item === "object" && item)
          return "name" in item ? item.name : (item as { description: string }).description;
        return item;
      });
      events.push([event, ...shown.filter((item) => item !== undefined).map(String)].join(" "));
    });
  }
  return socket;
}

/** Up to the point where polling has been asked to pause. */
function pausing(options: SocketOptions = {}): Socket {
  const socket = connect(options);
  made[0]!.shakeHands();
  made[1]!.opens();
  made[1]!.receive("pong", "probe");
  return socket;
}

describe("an upgrade", () => {
  test("commits when polling rests, and sends queued packets on the new transport", () => {
    const socket = pausing();
    socket.send("meanwhile");
    expect(made[0]!.written).toEqual([]);
    made[0]!.onPaused!();
    expect(made[1]!.written).toEqual(["ping probe", "upgrade"]);
    made[1]!.drain();
    expect(made[1]!.written).toEqual(["ping probe", "upgrade", "message meanwhile"]);
    expect(events).toEqual(["open", "upgrading fast", "upgrade fast"]);
  });

  test("resumes polling at once if its WebSocket dies while polling pauses", () => {
    const socket = pausing();
    socket.send("meanwhile");
    made[1]!.fails("websocket error");
    expect(made[0]!.calls).toEqual(["open", "pause", "resume"]);
    expect(made[0]!.written).toEqual(["message meanwhile"]);
    expect(events.at(-1)).toBe("upgradeError probe error: Error: websocket error");
    expect(socket.readyState).toBe("open");
  });

  test("closes the session at once if its WebSocket dies after the upgrade packet", () => {
    const socket = pausing();
    made[0]!.onPaused!();
    made[1]!.closes();
    expect(events.at(-1)).toBe("close transport close fake closed");
    expect(socket.readyState).toBe("closed");
  });

  test("that meets silence is given up after upgradeTimeout, in each phase", () => {
    connect({ upgradeTimeout: 200 });
    made[0]!.shakeHands();
    vi.advanceTimersByTime(199);
    expect(events).toEqual(["open"]);
    vi.advanceTimersByTime(1);
    expect(events).toEqual(["open", "upgradeError probe error: timeout"]);
    expect(made[1]!.calls).toEqual(["open", "close"]);
  });

  test("that waits for polling in vain is given up, too", () => {
    pausing({ upgradeTimeout: 200 });
    vi.advanceTimersByTime(200);
    expect(events).toEqual(["open", "upgrading fast", "upgradeError probe error: timeout"]);
    expect(made[0]!.calls).toEqual(["open", "pause", "resume"]);
  });

  test("under way delays close, and its failure does not prevent it", () => {
    const socket = pausing();
    socket.close();
    expect(socket.readyState).toBe("closing");
    made[1]!.fails();
    expect(events.slice(-2)).toEqual(["upgradeError probe error: Error: fake error", "close forced close"]);
  });

  test("ends with the session", () => {
    const socket = pausing();
    made[0]!.closes();
    expect(events.slice(-2)).toEqual(["upgradeError probe error: socket closed", "close transport close fake closed"]);
    expect(socket.diagnosis.attempts.map(({ outcome }) => outcome)).toEqual(["opened", "dropped"]);
  });

  test("that closing waits for fails with the session, before the close is reported", () => {
    const socket = pausing();
    socket.close();
    made[0]!.fails();
    expect(events.slice(-3)).toEqual([
      "error fake error",
      "upgradeError probe error: socket closed",
      "close transport error fake error",
    ]);
  });

  test("is not started when it is not wanted, or the server offers none", () => {
    connect({ upgrade: false });
    made[0]!.shakeHands();
    connect();
    made[1]!.shakeHands({ upgrades: ["pigeon"] });
    expect(made.length).toBe(2);
  });
});

describe("heartbeat", () => {
  test("a ping is answered; an overdue ping closes the session", () => {
    const socket = connect({ upgrade: false });
    made[0]!.shakeHands();
    vi.advanceTimersByTime(1400);
    made[0]!.receive("ping");
    expect(made[0]!.written).toEqual(["pong"]);
    vi.advanceTimersByTime(1499);
    expect(socket.readyState).toBe("open");
    vi.advanceTimersByTime(1);
    expect(events).toEqual(["open", "pong", "close ping timeout"]);
  });

  test("an expired heartbeat is found before its timer fires", async () => {
    const socket = connect({ upgrade: false });
    made[0]!.shakeHands();
    expect(socket.checkAlive()).toBe(true);
    vi.setSystemTime(Date.now() + 1501); // the machine slept: no timer has fired
    expect(socket._hasPingExpired()).toBe(true);
    expect(socket.checkAlive()).toBe(false);
    await new Promise((resolve) => process.nextTick(resolve));
    expect(events).toEqual(["open", "close ping timeout"]);
  });

  test("no timer is left when the socket has closed", () => {
    const socket = pausing();
    made[0]!.onPaused!();
    made[1]!.drain();
    socket.close();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("the page", () => {
  const signal = (name: PageSignal): void => {
    for (const listener of pageListeners) listener.onPage_(name);
  };

  test("goes offline: the connection closes at once", () => {
    connect();
    signal("network connection lost");
    expect(events).toEqual(["close transport close network connection lost"]);
    expect(pageListeners.size).toBe(0);
  });

  test("is frozen: the connection closes, so that it does not keep the page from being stored", () => {
    connect();
    made[0]!.shakeHands();
    signal("page frozen");
    expect(events.at(-1)).toBe("close transport close page frozen");
    expect(made[0]!.state).toBe("closed");
  });

  test("wakes up: an overdue heartbeat is found, a good one is left alone", async () => {
    connect({ upgrade: false });
    made[0]!.shakeHands();
    signal("wake");
    expect(events).toEqual(["open"]);
    vi.setSystemTime(Date.now() + 1501);
    signal("wake");
    await new Promise((resolve) => process.nextTick(resolve));
    expect(events).toEqual(["open", "close ping timeout"]);
  });

  test("is left: the transport closes silently, if that is wanted", () => {
    connect();
    signal("leave");
    expect(made[0]!.state).toBe("opening");
    connect({ closeOnBeforeunload: true });
    signal("leave");
    expect(made[1]!.state).toBe("closed");
    expect(events).toEqual([]);
  });
});

describe("opening", () => {
  // winners are remembered by host, so each test has its own
  const RACE = { race: true, transportImplementations: [Polling, WebSocket] } as SocketOptions;

  test("a race: WebSocket first, polling 300 ms behind; the first to hear from the server wins", () => {
    const socket = connect(RACE);
    expect(made.map(({ name }) => name)).toEqual(["websocket"]);
    vi.advanceTimersByTime(299);
    expect(made.length).toBe(1);
    vi.advanceTimersByTime(1);
    expect(made.map(({ name }) => name)).toEqual(["websocket", "polling"]);
    made[1]!.shakeHands({ upgrades: [] });
    expect(socket.transport).toBe(made[1]);
    expect(made[0]!.state).toBe("closed");
    expect(events).toEqual(["open"]);
  });

  test("a race: polling starts at once when WebSocket fails, and WebSocket is not probed again", () => {
    open({ ...RACE, hostname: "race-2" });
    made[0]!.fails();
    expect(made.map(({ name }) => name)).toEqual(["websocket", "polling"]);
    made[1]!.shakeHands({ upgrades: ["websocket"] });
    expect(made.length).toBe(2);
  });

  test("a race: the winner goes first, alone, until it fails", () => {
    const options = { ...RACE, hostname: "race-3" };
    open(options);
    made[0]!.shakeHands({ upgrades: [] });
    const second = new Socket(options);
    vi.advanceTimersByTime(1000);
    expect(made.map(({ name }) => name)).toEqual(["websocket", "websocket"]);
    made[1]!.fails();
    expect(second.readyState).toBe("closed");
    open(options);
    vi.advanceTimersByTime(300);
    expect(made.slice(2).map(({ name }) => name)).toEqual(["websocket", "polling"]);
  });

  test("a race that both lose is one error and one close", () => {
    const socket = new Socket({ ...RACE, hostname: "race-4" });
    socket.on("error", (error) => events.push("error " + (error as Error).message));
    socket.on("close", (reason) => events.push("close " + reason));
    made[0]!.fails("first");
    expect(events).toEqual([]);
    made[1]!.fails("second");
    expect(events).toEqual(["error second", "close transport error"]);
    expect(socket.diagnosis.attempts.map(({ failure }) => failure?.message)).toEqual(["first", "second"]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("leaves those alone that listen to the transport themselves", () => {
    const socket = connect({ upgrade: false });
    const heard: string[] = [];
    socket.transport.on("packet", ({ type }) => heard.push(type)).on("drain", () => heard.push("drain"));
    made[0]!.shakeHands();
    made[0]!.receive("noop");
    made[0]!.drain();
    expect(heard).toEqual(["open", "noop", "drain"]);
    expect(events).toEqual(["open", "drain"]);
  });

  test("tryAllTransports: the next one after a failure, or after silence", () => {
    const socket = connect({ tryAllTransports: true, upgradeTimeout: 500 });
    vi.advanceTimersByTime(500);
    expect(made.map(({ name }) => name)).toEqual(["slow", "fast"]);
    expect(made[0]!.state).toBe("closed");
    expect(socket.transport).toBe(made[1]);
    made[1]!.fails();
    expect(events).toEqual(["error fake error", "close transport error fake error"]);
  });

  test("without it the first failure is the end", () => {
    connect();
    made[0]!.fails();
    expect(made.length).toBe(1);
    expect(events).toEqual(["error fake error", "close transport error fake error"]);
  });

  test("rememberUpgrade: WebSocket first if the last connection was one", () => {
    const options = { transportImplementations: [Polling, WebSocket], rememberUpgrade: true };
    Socket.priorWebsocketSuccess = true;
    const socket = connect(options);
    expect(made[0]!.name).toBe("websocket");
    made[0]!.fails();
    expect(Socket.priorWebsocketSuccess).toBe(false);
    connect(options);
    expect(made[1]!.name).toBe("polling");
    expect(socket.readyState).toBe("closed");
  });

  test("no transport at all is an error, in the next turn", () => {
    const socket = new Socket({ transports: ["pigeon"], refuseTooLarge: true });
    socket.on("error", (error) => events.push(String(error)));
    socket.send("goes nowhere").close();
    vi.runAllTimers();
    expect(events).toEqual(["No transports available"]);
  });

  test("two lists of transports are refused", () => {
    expect(() => new Socket({ transports: ["polling"], transportImplementations: [Fast] })).toThrow(
      "give either transports or transportImplementations",
    );
  });
});

describe("sending", () => {
  test("callbacks are called when their own packet has left, and not before", () => {
    const socket = connect({ transportImplementations: [Polling], upgrade: false });
    made[0]!.shakeHands();
    const called: number[] = [];
    socket.send("x".repeat(60), () => called.push(1));
    socket.send("x".repeat(60), () => called.push(2));
    socket.send("x".repeat(60), {}, () => called.push(3));
    expect(called).toEqual([1]);
    made[0]!.drain();
    expect(called).toEqual([1, 2]); // 120 bytes do not fit into the server's 100
    made[0]!.drain();
    expect(called).toEqual([1, 2, 3]);
    made[0]!.drain();
    expect(socket.writeBuffer).toEqual([]);
    expect(events).toEqual(["open", "drain"]);
  });

  test("packets sent before a close, both before the opening, are delivered first", () => {
    const socket = connect();
    socket.send("early");
    socket.close();
    expect(socket.readyState).toBe("closing");
    made[0]!.shakeHands();
    expect(made[0]!.written).toEqual(["message early"]);
    made[0]!.drain();
    expect(events).toEqual(["open", "drain", "close forced close"]);
    expect(made.length).toBe(1);
  });

  test("after close packets are dropped", () => {
    const socket = connect();
    made[0]!.shakeHands();
    socket.send("last");
    socket.close();
    socket.send("too late");
    expect(socket.readyState).toBe("closing");
    made[0]!.drain();
    expect(events.at(-1)).toBe("close forced close");
    expect(made[0]!.written).toEqual(["message last"]);
  });

  test("a listener that throws does not break the socket: the error is an uncaught one", async () => {
    const socket = connect({ upgrade: false });
    made[0]!.shakeHands();
    socket.once("message", () => {
      throw new Error("of the application");
    });
    const uncaught = new Promise((resolve) => process.setUncaughtExceptionCaptureCallback(resolve));
    made[0]!.receive("message", "a");
    expect(await uncaught).toMatchObject({ message: "of the application" });
    process.setUncaughtExceptionCaptureCallback(null);
    made[0]!.receive("message", "b");
    expect(events.at(-1)).toBe("message b");
  });
});

test("the caller's options are not changed", () => {
  const options = Object.freeze({ transportImplementations: Object.freeze([Slow]), query: Object.freeze({ a: 1 }) });
  const socket = new Socket("https://example.org:8443/?b=2", options);
  expect(made[0]!.query).toEqual({ b: "2", EIO: 4, transport: "slow", carry: 1 });
  expect([socket.hostname, socket.port, socket.secure]).toEqual(["example.org", "8443", true]);
});

test("diagnosis has a failure before its error is emitted", () => {
  const socket = connect();
  const seen: unknown[] = [];
  socket.on("error", () => seen.push(...socket.diagnosis.attempts));
  made[0]!.opens();
  made[0]!.receive("error", "parser error");
  expect(seen).toMatchObject([{ outcome: "failed", failure: { code: "INVALID_PACKET" } }]);
});

test("diagnosis is bounded and plain data", () => {
  const names = Array.from({ length: 30 }, (_value, i) => fakeTransport("t" + i));
  const socket = connect({ transportImplementations: names, tryAllTransports: true });
  for (let i = 0; i < 30; i++) made[i]!.fails("error " + i);
  expect(socket.diagnosis.attempts.length).toBe(16);
  expect(JSON.parse(JSON.stringify(socket.diagnosis)).closed).toMatchObject({ failure: { message: "error 29" } });
});
