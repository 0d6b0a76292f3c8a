import { describe, expect, test, vi } from "vitest";
import { type FakeTransport, made } from "../fake-transport.ts";
import { agree, breakDown, openCarried, prepare, RETRY, useFakeTime, WINDOW } from "./stage.ts";

useFakeTime();

const tried = (): string[] => made.map(({ name }) => name);

describe("a try", () => {
  test("says what the client has, the key, and a turn of its own", () => {
    const stage = openCarried();
    stage.last().receive("message", "a");
    breakDown(stage);
    expect(stage.last().asked).toEqual({ carry: 1, key: "the-key", turn: 1, sid: "session" });
    stage.last().fails();
    vi.advanceTimersByTime(RETRY);
    expect(stage.last().asked).toMatchObject({ carry: 1, turn: 2 });
  });

  test("leaves the turn alone in the requests that follow", () => {
    const stage = openCarried();
    breakDown(stage);
    stage.last().welcome(0);
    expect(stage.last().query).toMatchObject({ turn: 1, sid: "session", transport: "polling" });
    expect(Object.keys(stage.last().query)).not.toEqual(expect.arrayContaining(["carry"]));
    expect(Object.keys(stage.last().query)).not.toEqual(expect.arrayContaining(["key"]));
  });

  test("goes over polling first, then over the other transport, and so on", () => {
    const stage = openCarried();
    breakDown(stage);
    for (let index = 0; index < 3; index++) {
      stage.last().fails();
      vi.advanceTimersByTime(RETRY);
    }
    expect(tried()).toEqual(["websocket", "polling", "websocket", "polling", "websocket"]);
  });

  test("goes over polling alone while WebSockets to this server break down", () => {
    const stage = openCarried(["websocket", "polling"], { upgrade: true });
    breakDown(stage);
    stage.last().welcome(0);
    // the upgrade makes the second WebSocket
    expect(stage.last().name).toBe("websocket");
    stage.last().opens();
    stage.last().receive("pong", "probe");
    made.at(-2)!.onPaused!();
    breakDown(stage);
    for (let index = 0; index < 3; index++) {
      stage.last().fails();
      vi.advanceTimersByTime(RETRY);
    }
    expect(tried().slice(3)).toEqual(["polling", "polling", "polling"]);
  });

  test("goes over a WebSocket if the client has nothing else", () => {
    const stage = openCarried(["websocket"]);
    breakDown(stage);
    stage.last().fails();
    vi.advanceTimersByTime(RETRY);
    stage.last().welcome(0);
    expect(tried()).toEqual(["websocket", "websocket", "websocket"]);
    expect(stage.events).toEqual(["websocket to websocket"]);
  });

  test("that is refused ends the session with the reason of the death", () => {
    const stage = openCarried();
    breakDown(stage);
    stage.last().refuse(400, '{"code":1,"message":"Session ID unknown"}');
    expect(stage.closes).toEqual([["transport close", expect.objectContaining({ description: "fake closed" })]]);
    expect(stage.socket.diagnosis.attempts).toMatchObject([
      { transport: "websocket", purpose: "open", outcome: "opened", failure: { closeCode: 1006 } },
      { transport: "polling", purpose: "carry", outcome: "failed", failure: { status: 400 } },
    ]);
  });

  test("over WebSocket that is refused by a close frame ends the session, and any other close is followed by a try", () => {
    const stage = openCarried(["websocket"]);
    breakDown(stage);
    stage.last().opens();
    stage.last().closes(1006);
    vi.advanceTimersByTime(RETRY);
    expect([stage.closes, made.length]).toEqual([[], 3]);
    stage.last().opens();
    stage.last().closes(1008);
    expect(stage.closes).toEqual([["transport close", expect.objectContaining({ description: "fake closed" })]]);
  });

  test("that is refused after an error ends the session with that error", () => {
    const stage = openCarried(["polling"]);
    stage.last().fails("first");
    vi.advanceTimersByTime(0);
    stage.last().refuse(400);
    expect([stage.closes.length, stage.closes[0]![0], stage.events]).toEqual([1, "transport error", ["error first"]]);
  });

  test.each([0, 403, 404, 500, 502, 503])("that fails with the status %i is followed by another one", (status) => {
    const stage = openCarried();
    breakDown(stage);
    stage.last().refuse(status);
    vi.advanceTimersByTime(RETRY - 1);
    expect(made).toHaveLength(2);
    vi.advanceTimersByTime(1);
    expect(made).toHaveLength(3);
    expect(stage.closes).toEqual([]);
  });

  test.each([
    ["a message", "message", "hello"],
    ["a handshake", "open", "{}"],
    ["a noop without a count", "noop", undefined],
    ["a noop with a malformed count", "noop", "many"],
  ] as const)("that is answered by %s fails", (_, type, data) => {
    const stage = openCarried();
    breakDown(stage);
    stage.last().opens();
    stage.last().receive(type, data);
    expect([stage.phase(), stage.messages]).toEqual(["lost", []]);
  });

  test("has 2 s, the next one 4 s, then half the window", () => {
    const stage = openCarried();
    breakDown(stage);
    for (const patience of [2000, 4000, WINDOW / 2]) {
      const late = stage.last();
      vi.advanceTimersByTime(patience - 1);
      expect(stage.phase()).toBe("returning");
      vi.advanceTimersByTime(1);
      expect(stage.phase()).toBe("lost");
      late.opens();
      late.receive("noop", "0");
      expect([stage.phase(), stage.events]).toEqual(["lost", []]);
      vi.advanceTimersByTime(RETRY);
    }
    expect(stage.closes).toHaveLength(1);
  });

  test("has 10 s at most, however long the window is", () => {
    const stage = openCarried(["polling"], {}, { carry: { key: "the-key", window: 3_600_000 } });
    breakDown(stage);
    for (let index = 0; index < 20; index++) vi.advanceTimersByTime(10_000 + RETRY);
    expect(made.length).toBeGreaterThan(20);
  });

  test("has longer on a line that opened slowly", () => {
    const stage = prepare(["polling"]);
    vi.advanceTimersByTime(1500);
    agree(stage);
    breakDown(stage);
    vi.advanceTimersByTime(3499);
    expect(stage.phase()).toBe("returning");
    vi.advanceTimersByTime(1);
    expect(stage.phase()).toBe("lost");
  });
});

describe("the session ends with its first reason", () => {
  test("when the window is over", () => {
    const stage = openCarried();
    breakDown(stage);
    for (let passed = 0; passed < WINDOW; passed += RETRY) {
      expect(stage.closes).toEqual([]);
      stage.last().fails();
      vi.advanceTimersByTime(RETRY);
    }
    expect(stage.closes).toEqual([["transport close", expect.anything()]]);
    expect([stage.phase(), vi.getTimerCount()]).toEqual(["ended", 0]);
  });

  test.each([
    [["websocket", "polling"], 8],
    [["polling"], 3],
  ] as const)("over %j when %i returns in a row bring nothing", (names, most) => {
    const stage = openCarried(names);
    for (let index = 0; index < most; index++) {
      // the first one at once
      (stage.socket.transport as FakeTransport).fails();
      vi.advanceTimersByTime(index ? RETRY - 1 : 0);
      expect(stage.phase()).toBe(index ? "lost" : "returning");
      vi.advanceTimersByTime(index ? 1 : 0);
      stage.last().welcome(0);
    }
    expect(stage.events).toHaveLength(most);
    (stage.socket.transport as FakeTransport).fails("the last");
    expect([stage.closes.length, stage.events.at(-1)]).toEqual([1, "error the last"]);
  });

  test.each([
    ["a message comes", (stage: ReturnType<typeof openCarried>) => stage.last().receive("message", "a")],
    ["a message is confirmed", (stage: ReturnType<typeof openCarried>) => stage.last().receive("noop", "1")],
  ])("but not as long as %s each time", (_, progress) => {
    const stage = openCarried(["polling"]);
    stage.socket.send("a");
    for (let index = 0; index < 20; index++) {
      stage.last().fails();
      vi.advanceTimersByTime(RETRY);
      stage.last().welcome(index);
      stage.last().drain();
      stage.last().receive("noop", String(index + 1));
      progress(stage);
      stage.socket.send("b");
    }
    expect([stage.closes, stage.events.length]).toEqual([[], 20]);
  });

  test("but not if the deaths are more than a second apart", () => {
    const stage = openCarried(["polling"]);
    for (let index = 0; index < 20; index++) {
      breakDown(stage);
      stage.last().welcome(0);
      vi.advanceTimersByTime(1001);
    }
    expect([stage.closes, stage.events.length]).toEqual([[], 20]);
  });

  test("after a window that a clock set back does not prolong", () => {
    const stage = openCarried();
    breakDown(stage);
    vi.setSystemTime(Date.now() - 3_600_000);
    stage.last().fails();
    vi.advanceTimersByTime(RETRY);
    expect(stage.closes).toHaveLength(1);
  });

  test("if the server has received what the client never sent", () => {
    const stage = openCarried();
    breakDown(stage);
    stage.last().welcome(7);
    expect(stage.closes.map(([reason]) => reason)).toEqual(["transport close"]);
    expect(stage.last().state).toBe("closed");
  });
});

describe("messages", () => {
  const sentBy = (index: number): string[] => made[index]!.written.filter((packet) => packet.startsWith("message"));

  test("under way go again in front of the queue, those that arrived do not", () => {
    const stage = openCarried();
    for (const data of ["a", "b"]) stage.socket.send(data);
    stage.last().drain();
    stage.socket.send("c");
    breakDown(stage);
    stage.socket.send("d");
    stage.last().welcome(1);
    expect(sentBy(1)).toEqual(["message b", "message c", "message d"]);
    expect(stage.socket.writeBuffer).toHaveLength(3);
    stage.last().drain();
    expect(stage.socket.writeBuffer).toEqual([]);
  });

  test("call back once", () => {
    const stage = openCarried(["polling"]);
    const called: string[] = [];
    for (const data of ["a", "b"]) stage.socket.send(data, () => called.push(data));
    for (let turn = 0; turn < 3; turn++) {
      stage.last().fails();
      vi.advanceTimersByTime(RETRY);
      stage.last().welcome(0);
    }
    expect(called).toEqual(["a", "b"]);
    expect(sentBy(3)).toEqual(["message a", "message b"]);
  });

  test("that were sent before the handshake count", () => {
    const stage = prepare(["websocket", "polling"]);
    stage.last().opens();
    stage.socket.send("early");
    stage.last().drain();
    stage.last().receive("open", JSON.stringify(HANDSHAKE_OF_SERVER));
    breakDown(stage);
    stage.last().welcome(0);
    expect(sentBy(1)).toEqual(["message early"]);
  });

  test("arrive in the answer to a return", () => {
    const stage = openCarried(["polling"]);
    breakDown(stage);
    stage.last().welcome(0);
    stage.last().receive("message", "a");
    expect([stage.messages, stage.last().asked]).toEqual([["a"], expect.objectContaining({ turn: 1, sid: "session" })]);
  });

  const HANDSHAKE_OF_SERVER = {
    sid: "session",
    upgrades: [],
    pingInterval: 25_000,
    pingTimeout: 20_000,
    carry: { key: "the-key", window: WINDOW },
  };
});

describe("an upgrade", () => {
  const toProbe = { upgrades: ["websocket"] };

  test("under way ends when polling dies, and begins again after the return", () => {
    const stage = openCarried(["polling", "websocket"], { upgrade: true }, toProbe);
    const candidate = stage.last();
    candidate.opens();
    made[0]!.fails();
    expect(candidate.state).toBe("closed");
    vi.advanceTimersByTime(0);
    expect(stage.last().query).toMatchObject({ turn: 1, transport: "polling" });
    stage.last().welcome(0);
    expect(tried()).toEqual(["polling", "websocket", "polling", "websocket"]);
    expect(stage.last().query).toMatchObject({ turn: 1, sid: "session" });
    expect(stage.closes).toEqual([]);
  });

  test("that is pausing polling does not hold the session back after a return", () => {
    const stage = openCarried(["polling", "websocket"], { upgrade: true }, toProbe);
    stage.last().opens();
    stage.last().receive("pong", "probe");
    stage.socket.send("a");
    expect(made[0]!.written).toEqual([]);
    made[0]!.fails();
    vi.advanceTimersByTime(0);
    stage.last().welcome(0);
    expect(made[2]!.written).toEqual(["message a"]);
    made[0]!.onPaused!();
    expect(stage.socket.transport).toBe(made[2]);
  });

  test("that fails is not tried once for each return", () => {
    const stage = openCarried(["polling", "websocket"], { upgrade: true }, toProbe);
    for (let turn = 0; turn < 2; turn++) {
      const polling = stage.socket.transport as (typeof made)[number];
      stage.last().opens();
      stage.last().receive("pong", "probe");
      polling.onPaused!();
      // a minute later the WebSocket counts as a good one
      vi.advanceTimersByTime(61_000);
      breakDown(stage);
      stage.last().welcome(0);
    }
    const before = made.length;
    stage.last().fails();
    expect(made.length - before).toBe(0);
  });
});

describe("a client that closes while adrift", () => {
  test("returns to say so, and sends what is queued first", () => {
    const stage = openCarried();
    stage.socket.send("a");
    breakDown(stage);
    stage.socket.send("b");
    stage.socket.close();
    expect(stage.closes).toEqual([]);
    stage.last().welcome(0);
    expect(stage.last().written).toEqual(["message a", "message b"]);
    stage.last().drain();
    expect(stage.closes.map(([reason]) => reason)).toEqual(["forced close"]);
    expect(stage.last().calls).toEqual(["open", "close"]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("ends with the first try that fails", () => {
    const stage = openCarried();
    breakDown(stage);
    stage.socket.close();
    stage.last().fails();
    expect([stage.closes.length, vi.getTimerCount()]).toEqual([1, 0]);
  });

  test("ends with the first try after a connection that dies while it says goodbye", () => {
    const stage = openCarried();
    stage.socket.send("goodbye");
    stage.socket.close();
    stage.last().closes(1006);
    vi.advanceTimersByTime(0);
    expect([stage.closes.length, stage.phase()]).toEqual([0, "returning"]);
    stage.last().fails();
    expect([stage.closes.length, vi.getTimerCount()]).toEqual([1, 0]);
  });
});

test("the transport that was left is not writable, so that volatile events are dropped", () => {
  const stage = openCarried();
  breakDown(stage);
  expect(stage.phase()).toBe("returning");
  expect(stage.socket.transport.writable).toBe(false);
});
