import { EventEmitter } from "node:events";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { serverClock } from "../../packages/server/src/base/clock.ts";
import { type HandlerFailure, reportFailure } from "../../packages/server/src/base/handler-errors.ts";

const EVENTS = ["uncaughtException", "unhandledRejection"] as const;
const THROWN: HandlerFailure = { handler: "listener", how: "thrown", event: "chat" };
const REJECTED: HandlerFailure = { handler: "allowRequest", how: "rejected" };
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

let theirs: Array<[string, (...args: never[]) => void]>;
let printed: unknown[][];
let now = 1e9;

beforeEach(() => {
  // The test runner has its own listeners.
  theirs = EVENTS.flatMap((event) => process.listeners(event as never).map((listener) => [event, listener] as never));
  for (const event of EVENTS) process.removeAllListeners(event);
  printed = [];
  vi.spyOn(console, "error").mockImplementation((...args) => void printed.push(args));
  vi.spyOn(serverClock, "now").mockImplementation(() => now);
  // Beyond the second of the test before.
  now += 1000;
});
afterEach(() => {
  for (const event of EVENTS) process.removeAllListeners(event);
  for (const [event, listener] of theirs) process.on(event, listener as never);
  vi.restoreAllMocks();
});

describe("a failure of the program", () => {
  test("reaches all listeners, and nothing else", async () => {
    const emitter = new EventEmitter();
    const [one, two, process_] = [vi.fn(), vi.fn(), vi.fn()];
    emitter.on("handler_error", one);
    emitter.once("handler_error", two);
    process.on("uncaughtException", process_);
    const error = new Error("oops");
    reportFailure(emitter, error, THROWN);
    reportFailure(emitter, error, REJECTED);
    await settle();
    expect(one.mock.calls).toEqual([
      [error, THROWN],
      [error, REJECTED],
    ]);
    expect(two).toHaveBeenCalledTimes(1);
    expect([process_.mock.calls, printed]).toEqual([[], []]);
  });

  test("of a listener of failures is printed, and the next listener is called", async () => {
    const emitter = new EventEmitter();
    const heard = vi.fn();
    emitter.on("handler_error", () => {
      throw new Error("mine");
    });
    emitter.on("handler_error", async () => Promise.reject(new Error("later")));
    emitter.on("handler_error", heard);
    reportFailure(emitter, new Error("oops"), THROWN);
    await settle();
    expect(heard).toHaveBeenCalledTimes(1);
    expect(printed.map(([, error]) => (error as Error).message)).toEqual(["mine", "later"]);
  });
});

describe("a failure without listeners", () => {
  test("goes where the process handles exceptions and rejections", async () => {
    const heard = { uncaughtException: vi.fn(), unhandledRejection: vi.fn() };
    for (const event of EVENTS) process.on(event, heard[event]);
    reportFailure(new EventEmitter(), "thrown", THROWN);
    reportFailure(new EventEmitter(), "rejected", REJECTED);
    expect(heard.uncaughtException).not.toHaveBeenCalled();
    await settle();
    expect(heard.uncaughtException.mock.calls.map(([error]) => error as unknown)).toEqual(["thrown"]);
    expect(heard.unhandledRejection.mock.calls.map(([error]) => error as unknown)).toEqual(["rejected"]);
    expect(printed).toEqual([]);
  });

  test("is printed with its stack, else", () => {
    const error = new Error("oops");
    reportFailure(new EventEmitter(), error, THROWN);
    reportFailure(new EventEmitter(), error, REJECTED);
    expect(printed).toEqual([
      ['@portage/server: failure in listener of "chat":', error],
      ["@portage/server: failure in allowRequest:", error],
    ]);
  });

  test("is counted, once ten of a second have been printed", () => {
    for (let index = 0; index < 500; index++) reportFailure(new EventEmitter(), index, THROWN);
    expect(printed.map(([, error]) => error)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    now += 1000;
    reportFailure(new EventEmitter(), "next", THROWN);
    expect(printed.slice(10)).toEqual([
      ["@portage/server: 490 more failures were not printed"],
      ['@portage/server: failure in listener of "chat":', "next"],
    ]);
  });
});
