import { EventEmitter } from "node:events";
import { describe, expect, test } from "vitest";
import { Emitter, kObserved } from "../../packages/server/src/base/emitter.ts";

const listener = (): void => {};

describe("an emitter knows whether there is a listener", () => {
  const ADD: readonly [string, (emitter: EventEmitter) => unknown][] = [
    ["on", (emitter) => emitter.on("a", listener)],
    ["addListener", (emitter) => emitter.addListener("a", listener)],
    ["prependListener", (emitter) => emitter.prependListener("a", listener)],
    ["once", (emitter) => emitter.once("a", listener)],
    ["prependOnceListener", (emitter) => emitter.prependOnceListener("a", listener)],
  ];
  const REMOVE: readonly [string, (emitter: EventEmitter) => unknown][] = [
    ["off", (emitter) => emitter.off("a", listener)],
    ["removeListener", (emitter) => emitter.removeListener("a", listener)],
    ["removeAllListeners", (emitter) => emitter.removeAllListeners()],
    ["removeAllListeners of the event", (emitter) => emitter.removeAllListeners("a")],
  ];

  test.each(ADD)("after %s", (_name, add) => {
    for (const [, remove] of REMOVE) {
      const emitter = new Emitter();
      expect(emitter[kObserved]).toBe(false);
      expect(add(emitter)).toBe(emitter);
      expect(emitter[kObserved]).toBe(true);
      emitter.on("b", listener);
      expect(remove(emitter)).toBe(emitter);
      expect(emitter[kObserved]).toBe(emitter.listenerCount("b") > 0);
      emitter.removeAllListeners("b");
      expect(emitter[kObserved]).toBe(false);
      emitter.on("a", listener);
      expect(emitter[kObserved]).toBe(true);
    }
  });

  test("also when listeners are removed by way of an object that was made from it", () => {
    const emitter = new Emitter();
    const made = Object.create(emitter) as Emitter;
    emitter.on("a", listener).on("b", listener);
    made.off("a", listener);
    expect([emitter[kObserved], emitter.eventNames()]).toEqual([true, ["b"]]);
    made.removeAllListeners();
    expect([emitter[kObserved], emitter.eventNames(), Object.keys(made)]).toEqual([false, [], []]);
    made.on("c", listener);
    expect([emitter[kObserved], emitter.eventNames()]).toEqual([true, ["c"]]);
  });

  test("after the only call of a listener for one call", () => {
    const emitter = new Emitter();
    emitter.once("a", listener);
    emitter.emit("a");
    expect(emitter[kObserved]).toBe(false);
  });

  test("and removes the same as Node's own emitter", () => {
    for (const emitter of [new EventEmitter(), new Emitter()]) {
      emitter.on("a", listener).on("removeListener", listener);
      emitter.removeAllListeners(undefined);
      expect(emitter.listenerCount("a")).toBe(1);
      emitter.off("b", listener).off("a", () => {});
      expect(emitter.listenerCount("a")).toBe(1);
      emitter.removeAllListeners();
      expect(emitter.eventNames()).toEqual([]);
    }
  });
});
