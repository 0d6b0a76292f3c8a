import { logProblems, type ProblemLine } from "@portage/server/logs";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { closeReason } from "../../packages/server/src/engine/report/close-codes.ts";
import { CHANNELS } from "../../packages/server/src/engine/report/reports.ts";
import { Bench } from "./socketio/peer.ts";

type Line = readonly [level: string, line: ProblemLine, sentence: string];

/** A logger with the methods of pino. */
class FakeLogger {
  readonly lines: Line[] = [];
  readonly error = (line: ProblemLine, sentence: string): void => void this.lines.push(["error", line, sentence]);
  readonly warn = (line: ProblemLine, sentence: string): void => void this.lines.push(["warn", line, sentence]);
  readonly info = (line: ProblemLine, sentence: string): void => void this.lines.push(["info", line, sentence]);
}

const print = vi.spyOn(console, "error").mockImplementation(() => {});
let stop = (): void => {};

/** The listeners of the test runner, which would get all failures. */
const EVENTS = ["uncaughtException", "unhandledRejection"] as const;
let theirs: (readonly [(typeof EVENTS)[number], (...args: unknown[]) => void])[] = [];

beforeEach(() => {
  theirs = EVENTS.flatMap((event) =>
    process.rawListeners(event).map((listener) => [event, listener as () => void] as const),
  );
  for (const event of EVENTS) process.removeAllListeners(event);
});

afterEach(() => {
  stop();
  print.mockClear();
  for (const event of EVENTS) process.removeAllListeners(event);
  for (const [event, listener] of theirs) process.on(event, listener);
});

function logged(options: Parameters<typeof logProblems>[2] = {}) {
  const bench = new Bench();
  const logger = new FakeLogger();
  stop = logProblems(bench.io, logger, options);
  return { bench, logger };
}

/** Publishes that a session has reached a limit, as the engine does. */
const hitLimit = (session: object): void =>
  CHANNELS.limit.publish({ session, code: "SLOW_READER", limit: 100, actual: 101 });

describe("the log of problems", () => {
  test("has the failure of a listener as an error, and it is not printed", async () => {
    const { bench, logger } = logged();
    bench.io.of("/chat");
    const { peer, socket } = await bench.join("/chat");
    const error = new Error("boom");
    socket.on("say", () => {
      throw error;
    });
    await peer.say('2/chat,["say"]');
    expect(logger.lines).toEqual([
      [
        "error",
        {
          kind: "handler",
          code: "listener",
          fix: expect.stringContaining("handler_error") as string,
          session: expect.stringMatching(/^[\w-]{10}$/) as string,
          address: "10.0.0.1",
          namespace: "/chat",
          event: "say",
          err: error,
        },
        "a listener of an event threw, or its promise rejected: boom",
      ],
    ]);
    expect(print).not.toHaveBeenCalled();
  });

  test("leaves failures to the console once it is stopped", async () => {
    const { bench, logger } = logged();
    const { peer, socket } = await bench.join();
    socket.on("say", () => {
      throw new Error("boom");
    });
    stop();
    stop = () => {};
    await peer.say('2["say"]');
    expect(logger.lines).toEqual([]);
    expect(print).toHaveBeenCalledOnce();
  });

  test("lets listeners of handler_error and of the process have failures as before", async () => {
    const { bench, logger } = logged();
    const heard: unknown[] = [];
    process.on("uncaughtException", (error) => heard.push("process", error));
    const { peer, socket } = await bench.join();
    const error = new Error("boom");
    socket.on("say", () => {
      throw error;
    });
    await peer.say('2["say"]');
    bench.io.on("handler_error", (failure) => heard.push("hook", failure));
    await peer.say('2["say"]');
    expect(heard).toEqual(["process", error, "hook", error]);
    expect(logger.lines).toHaveLength(2);
  });

  test("has a refused join as a warning", async () => {
    const { bench, logger } = logged();
    const peer = bench.peer();
    await peer.say("0/nowhere,");
    expect(logger.lines).toMatchObject(
      [["warn", { kind: "refusal", code: "UNKNOWN_NAMESPACE", namespace: "/nowhere", address: "10.0.0.1" }, /./]].map(
        ([level, line]) => [level, line, expect.any(String) as string],
      ),
    );
  });

  test("has an abnormal end as information, and none of the normal ones", () => {
    const { bench, logger } = logged();
    const { session } = bench.peer();
    const codes = [
      "CLIENT_CLOSED",
      "CONNECTION_CLOSED",
      "SERVER_CLOSED",
      "SERVER_DRAINING",
      "SERVER_SHUTDOWN",
    ] as const;
    for (const code of [...codes, "PING_TIMEOUT"] as const) {
      CHANNELS.closed.publish({ session, reason: closeReason(code) });
    }
    expect(logger.lines).toMatchObject([
      [
        "info",
        {
          kind: "end",
          code: "PING_TIMEOUT",
          address: "10.0.0.1",
          fix: expect.stringContaining("pingTimeout") as string,
        },
        "the client did not answer the heartbeat in time",
      ],
    ]);
  });

  test("names a session by a handle, not by its id", async () => {
    const { bench, logger } = logged();
    const peer = bench.peer();
    hitLimit(peer.session);
    hitLimit(peer.session);
    const [[, first], [, second]] = logger.lines as [Line, Line];
    expect(first).toMatchObject({ kind: "limit", code: "SLOW_READER", limit: 100, actual: 101 });
    expect(first.session).toBe(second.session);
    expect(JSON.stringify(logger.lines)).not.toContain(peer.session.id);
  });

  test("has ten lines of a kind a second, then how many more there were", () => {
    const { bench, logger } = logged();
    const { session } = bench.peer();
    for (let hits = 0; hits < 25; hits++) hitLimit(session);
    expect(logger.lines).toHaveLength(10);
    bench.clock.advance(1000);
    expect(logger.lines.slice(10)).toEqual([
      ["warn", { kind: "limit", skipped: 15 }, '15 more of kind "limit" were not logged'],
    ]);
    hitLimit(session);
    expect(logger.lines).toHaveLength(12);
    bench.clock.advance(1000);
    expect(logger.lines).toHaveLength(12);
  });

  test("has each kind's own share, which an option sets", async () => {
    const { bench, logger } = logged({ perSecond: 1 });
    const peer = bench.peer();
    for (let hits = 0; hits < 5; hits++) hitLimit(peer.session);
    await peer.say("0/nowhere,");
    expect(logger.lines.map(([, { kind }]) => kind)).toEqual(["limit", "refusal"]);
  });

  test("has nothing of another server in the process", async () => {
    const { logger } = logged();
    const other = new Bench();
    hitLimit(other.peer().session);
    await other.peer().say("0/nowhere,");
    expect(logger.lines).toEqual([]);
  });
});
