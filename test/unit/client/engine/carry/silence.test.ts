import { describe, expect, test, vi } from "vitest";
import { RETRY, openCarried, type Stage, useFakeTime } from "./stage.ts";

useFakeTime();

const QUIET = 3000;
const ANSWER = 2000;

const asks = ({ last }: Stage): string[] => last().written.filter((packet) => packet.endsWith("?"));

/** Sends a message, which leaves at once. */
function send(stage: Stage, data = "a"): void {
  stage.socket.send(data);
  stage.last().drain();
}

/** The server answers a question; the transport has taken it. */
function answer(stage: Stage, count: number): void {
  stage.last().drain();
  stage.last().receive("noop", String(count));
}

describe("a message that is not confirmed", () => {
  test("is asked about after 3 s, and the transport is lost 2 s later", () => {
    const stage = openCarried();
    send(stage);
    vi.advanceTimersByTime(QUIET - 1);
    expect(asks(stage)).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(asks(stage)).toEqual(["noop 0?"]);
    vi.advanceTimersByTime(ANSWER - 1);
    expect(stage.phase()).toBe("steady");
    vi.advanceTimersByTime(3);
    expect(stage.phase()).toBe("returning");
    stage.last().welcome(0);
    expect([stage.last().written, stage.events]).toEqual([["message a"], ["websocket to polling"]]);
  });

  test("is not asked about again once the server has confirmed it", () => {
    const stage = openCarried();
    send(stage);
    vi.advanceTimersByTime(QUIET);
    answer(stage, 1);
    vi.advanceTimersByTime(600_000);
    expect([asks(stage).length, stage.phase()]).toEqual([1, "steady"]);
  });

  test("has all the time that those after the last confirmed one have", () => {
    const stage = openCarried();
    send(stage);
    vi.advanceTimersByTime(QUIET - 1);
    send(stage, "b");
    stage.last().receive("noop", "1");
    vi.advanceTimersByTime(QUIET - 1);
    expect(asks(stage)).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(asks(stage)).toHaveLength(1);
  });

  test("has longer on a line that opened slowly, or if it is large", () => {
    const stage = openCarried();
    const { attempt_: attempt } = stage.last();
    Object.assign(attempt!, { took: 400 });
    send(stage, "x".repeat(64_000));
    vi.advanceTimersByTime(QUIET);
    vi.advanceTimersByTime(ANSWER + 400 + 1000 - 1);
    expect(stage.phase()).toBe("steady");
    vi.advanceTimersByTime(2);
    expect(stage.phase()).toBe("returning");
  });

  test("is found as fast on a connection that was quiet for long", () => {
    const stage = openCarried();
    stage.last().receive("message", "news");
    stage.last().drain();
    for (let passed = 0; passed < 30_000; passed += 1000) {
      vi.advanceTimersByTime(1000);
      if (asks(stage).length > 0) answer(stage, 0);
    }
    expect(stage.phase()).toBe("steady");
    const before = asks(stage).length;
    send(stage);
    vi.advanceTimersByTime(QUIET);
    expect(asks(stage).length - before).toBe(1);
    vi.advanceTimersByTime(ANSWER + 2);
    expect(stage.phase()).toBe("returning");
  });

  test("is lost even if the server still sends", () => {
    const stage = openCarried();
    send(stage);
    for (let passed = 0; passed < QUIET + ANSWER; passed += 100) {
      expect(stage.phase()).toBe("steady");
      stage.last().receive("message", "tick");
      stage.last().drain();
      vi.advanceTimersByTime(100);
    }
    vi.advanceTimersByTime(2);
    expect(stage.phase()).toBe("returning");
  });
});

describe("bytes that the platform still sends", () => {
  /** Asks, and sets what is buffered at each look. */
  function watch(amounts: number[]): Stage {
    const stage = openCarried();
    send(stage);
    let wait = QUIET;
    for (const amount of amounts) {
      stage.last().waiting = amount;
      vi.advanceTimersByTime(wait);
      wait = ANSWER + 1;
    }
    vi.advanceTimersByTime(1);
    return stage;
  }

  test.each([
    ["that get fewer", [5000, 4000, 3000, 2000], "steady"],
    ["that stay as many", [5000, 5000], "returning"],
    ["that get more, since the program goes on", [5000, 6000], "returning"],
  ])("%s: %j", (_, amounts, phase) => {
    expect(watch(amounts).phase()).toBe(phase);
  });
});

describe("a connection that was busy and is quiet", () => {
  const hear = (stage: Stage): void => {
    stage.last().receive("message", "news");
    stage.last().drain();
  };

  test("is asked, and lost without an answer", () => {
    const stage = openCarried();
    hear(stage);
    vi.advanceTimersByTime(QUIET);
    expect(asks(stage)).toHaveLength(1);
    vi.advanceTimersByTime(ANSWER + 2);
    expect(stage.phase()).toBe("returning");
  });

  test("is asked ever less often, and no longer after a minute", () => {
    const stage = openCarried();
    hear(stage);
    const at: number[] = [];
    for (let second = 1; second < 600; second++) {
      vi.advanceTimersByTime(1000);
      if (asks(stage).length > at.length) {
        at.push(second);
        answer(stage, 0);
      }
    }
    expect(at).toEqual([3, 9, 21, 45]);
    expect(stage.phase()).toBe("steady");
  });

  test("is not asked if a message never came", () => {
    const stage = openCarried();
    vi.advanceTimersByTime(600_000);
    expect(stage.last().written).toEqual([]);
  });
});

describe("a client without another transport", () => {
  test("ends if the server never confirmed anything over this one", () => {
    const stage = openCarried(["websocket"]);
    send(stage);
    vi.advanceTimersByTime(QUIET + ANSWER + 2);
    expect(stage.closes).toEqual([["ping timeout", { description: "silence of the server" }]]);
  });

  test.each([
    ["confirmed a message", (stage: Stage) => stage.last().receive("noop", "1")],
    [
      "answered a question",
      (stage: Stage) => {
        stage.last().receive("message", "news");
        stage.last().drain();
        vi.advanceTimersByTime(QUIET);
        answer(stage, 1);
      },
    ],
  ])("returns if the server has %s over it", (_, prove) => {
    const stage = openCarried(["websocket"]);
    send(stage);
    prove(stage);
    send(stage, "b");
    vi.advanceTimersByTime(QUIET);
    vi.advanceTimersByTime(ANSWER + 2);
    expect(stage.phase()).toBe("returning");
  });
});

test("a client without another transport leaves two silent ones in a row, not a third", () => {
  const stage = openCarried(["websocket"]);
  send(stage);
  stage.last().receive("noop", "1");
  send(stage, "b");
  for (let left = 0; left < 2; left++) {
    vi.advanceTimersByTime(QUIET);
    vi.advanceTimersByTime(ANSWER + 2);
    vi.advanceTimersByTime(left ? RETRY : 0);
    expect(stage.phase()).toBe("returning");
    stage.last().welcome(1);
    stage.last().drain();
  }
  vi.advanceTimersByTime(QUIET);
  vi.advanceTimersByTime(ANSWER + 2);
  expect(stage.closes).toHaveLength(1);
});

test("polling is not watched: its requests end by themselves", () => {
  const stage = openCarried(["polling"]);
  send(stage);
  stage.last().receive("message", "news");
  vi.advanceTimersByTime(600_000);
  expect([asks(stage), stage.phase()]).toEqual([[], "steady"]);
});

test("the server may ask, too", () => {
  const stage = openCarried(["polling"]);
  stage.last().receive("message", "a");
  stage.last().drain();
  stage.last().receive("noop", "0?");
  stage.last().drain();
  stage.last().receive("ping", "0");
  expect(stage.last().written).toEqual(["noop 1", "noop 1", "pong 1"]);
});
