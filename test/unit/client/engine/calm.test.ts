import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type Breakdowns, pauseLeft, recordEnd } from "../../../../packages/client/src/engine/calm.ts";
import type { SocketOptions } from "../../../../packages/client/src/engine/options.ts";
import { pageListeners } from "../../../../packages/client/src/engine/platform/page.ts";
import { Socket } from "../../../../packages/client/src/engine/socket.ts";
import { fakeTransport, made } from "./fake-transport.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;

describe("the record of an origin", () => {
  let now: number;
  let record: Breakdowns;
  beforeEach(() => {
    now = 1e9;
    record = { count_: 0, at_: 0 };
  });

  /** A WebSocket that lasts so long, then ends. */
  const live = (ms: number, isBreakdown = true): void => {
    const startedAt = now;
    now += ms;
    recordEnd(record, startedAt, isBreakdown, now);
  };
  const left = (): number => pauseLeft(record, now);

  test("one breakdown makes no pause", () => {
    live(SECOND);
    expect(left()).toBe(0);
  });

  test("two in a row make a pause, further ones double it, up to ten minutes", () => {
    live(SECOND);
    const pauses = Array.from({ length: 7 }, () => {
      live(SECOND);
      return left() / SECOND;
    });
    expect(pauses).toEqual([30, 60, 120, 240, 480, 600, 600]);
    now += 599_999;
    expect(left()).toBe(1);
    now += 1;
    expect(left()).toBe(0);
  });

  test("a WebSocket that lasts a minute clears the record, however it ends", () => {
    live(SECOND);
    live(SECOND);
    live(MINUTE);
    expect(left()).toBe(0);
    live(SECOND);
    expect(left()).toBe(0);
  });

  test("a young one that either side ends says nothing", () => {
    live(SECOND);
    live(SECOND, false);
    expect(left()).toBe(0);
    live(SECOND);
    expect(left()).toBe(30 * SECOND);
  });

  test("connections that break down together count once", () => {
    for (let count = 0; count < 10; count++) recordEnd(record, now, true, now + SECOND + count);
    expect(pauseLeft(record, now + 2 * SECOND)).toBe(0);
  });

  test("a clock that is set back does not prolong the pause", () => {
    live(SECOND);
    live(SECOND);
    now -= 24 * 60 * MINUTE;
    expect(left()).toBe(0);
  });
});

describe("a socket", () => {
  const Polling = fakeTransport("polling");
  const WebSocket = fakeTransport("websocket");
  const BOTH = { transportImplementations: [Polling, WebSocket] };
  const ONE = { transportImplementations: [WebSocket] };
  const UPGRADES = { upgrades: ["websocket"], pingInterval: 20_000, pingTimeout: 15_000 };

  // sockets learn by origin: each test has its own
  let count = 0;
  let hostname: string;
  beforeEach(() => {
    hostname = `calm-${count++}`;
    vi.useFakeTimers();
    made.length = 0;
  });
  afterEach(() => {
    vi.useRealTimers();
    pageListeners.clear();
  });

  const open = (options: SocketOptions): Socket => new Socket({ hostname, ...options });
  const names = (): string[] => made.map(({ name }) => name);
  const last = (): (typeof made)[number] => made.at(-1)!;

  /** A socket that is on WebSocket from the start. */
  function opened(options: SocketOptions): Socket {
    const socket = open(options);
    last().shakeHands(UPGRADES);
    return socket;
  }

  /** The upgrade of the socket that has just opened on polling. */
  function becomeUpgraded(): void {
    last().opens();
    last().receive("pong", "probe");
    made.at(-2)!.onPaused!();
  }

  /** A session that opens on polling and is upgraded. */
  function upgraded(): Socket {
    const socket = open(BOTH);
    last().shakeHands(UPGRADES);
    becomeUpgraded();
    expect(socket.transport.name).toBe("websocket");
    return socket;
  }

  const ENDS: readonly (readonly [string, (socket: Socket) => void, isBreakdown: boolean])[] = [
    ["is cut (1006)", () => last().closes(1006), true],
    ["has its frames altered (1002)", () => last().closes(1002), true],
    ["fails", () => last().fails(), true],
    ["falls silent", () => vi.advanceTimersByTime(35_000), true],
    ["is closed by the server (1001)", () => last().closes(1001), false],
    ["is closed by the program", (socket) => socket.close(), false],
    ["goes offline", (socket) => socket.onPage_("network connection lost"), false],
    ["is frozen", (socket) => socket.onPage_("page frozen"), false],
  ];

  test.each(ENDS)("whose WebSocket %s twice", (_how, end, isBreakdown) => {
    for (let count = 0; count < 2; count++) end(upgraded());
    const { diagnosis } = open(BOTH);
    last().shakeHands(UPGRADES);
    expect(last().name).toBe(isBreakdown ? "polling" : "websocket");
    expect(diagnosis.attempts.some(({ outcome }) => outcome === "skipped")).toBe(isBreakdown);
  });

  test("says that it skips WebSocket, and for how long", () => {
    for (let count = 0; count < 2; count++) {
      upgraded();
      last().closes(1006);
    }
    const { diagnosis } = open({ ...BOTH, race: true });
    expect(last().name).toBe("polling");
    expect(diagnosis.attempts[0]).toMatchObject({
      transport: "websocket",
      purpose: "open",
      outcome: "skipped",
      nextAt: Date.now() + 30_000,
      failure: { message: "WebSockets to this server broke down; next try in 30 s" },
    });
  });

  test("says so as well when its session survives", () => {
    upgraded();
    last().closes(1006);
    const carried = open(BOTH);
    last().shakeHands({ ...UPGRADES, carry: { key: "key", window: 10_000 } });
    becomeUpgraded();
    last().closes(1006);
    vi.advanceTimersByTime(0);
    last().opens();
    last().receive("noop", "0");
    expect(carried.readyState).toBe("open");
    expect(carried.diagnosis.attempts.at(-1)).toMatchObject({
      purpose: "upgrade",
      outcome: "skipped",
      nextAt: Date.now() + 30_000,
    });
  });

  test("upgrades when the pause is over", () => {
    for (let count = 0; count < 2; count++) {
      upgraded();
      last().closes(1006);
    }
    open(BOTH);
    last().shakeHands(UPGRADES);
    made.length = 0;
    vi.advanceTimersByTime(29_999);
    expect(names()).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(names()).toEqual(["websocket"]);
  });

  test("that ends during the pause leaves no timer", () => {
    for (let count = 0; count < 2; count++) {
      upgraded();
      last().closes(1006);
    }
    const socket = open(BOTH);
    last().shakeHands(UPGRADES);
    socket.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("that has nothing else is not held back", () => {
    for (let count = 0; count < 5; count++) {
      opened(ONE);
      last().closes(1006);
    }
    expect(names()).toEqual(Array.from({ length: 5 }, () => "websocket"));
  });

  describe("that races", () => {
    const RACE = { ...BOTH, race: true };

    test("has lost with a WebSocket that ends without a message: polling goes first for 30 s", () => {
      opened(RACE);
      last().closes(1008);
      open(RACE);
      last().shakeHands({ upgrades: [] });
      expect(names()).toEqual(["websocket", "polling"]);
      vi.advanceTimersByTime(30_000);
      open(RACE);
      expect(last().name).toBe("websocket");
    });

    test("has won with one that has carried a message", () => {
      opened(RACE);
      last().receive("message", "hello");
      last().closes(1008);
      open(RACE);
      expect(names()).toEqual(["websocket", "websocket"]);
    });

    test("that the program closed has not lost", () => {
      opened(RACE).close();
      open(RACE);
      expect(last().name).toBe("websocket");
    });
  });
});
