import { describe, expect, test } from "vitest";
import { Emitter } from "../../../packages/client/src/emitter.ts";
import type { DefaultEventsMap } from "../../../packages/client/src/typed-events.ts";

const make = (): Emitter<DefaultEventsMap, DefaultEventsMap> => new Emitter();

describe("emitter", () => {
  test("listeners run in order, with the arguments, and `this` is the emitter", () => {
    const emitter = make();
    const seen: unknown[] = [];
    emitter.on("a", function (this: unknown, ...args) {
      seen.push(this === emitter, ...args);
    });
    emitter.addEventListener("a", () => seen.push("second"));
    expect(emitter.emit("a", 1, 2)).toBe(emitter);
    expect(seen).toEqual([true, 1, 2, "second"]);
  });

  test("once is called once, and can be removed by the listener it wraps", () => {
    const emitter = make();
    let calls = 0;
    const listener = (): void => void calls++;
    emitter.once("a", listener).once("b", listener);
    emitter.off("b", listener);
    emitter.emit("a").emit("a").emit("b");
    expect(calls).toBe(1);
    expect(emitter.hasListeners("a")).toBe(false);
  });

  test("nothing of an event stays behind when its last listener is gone", () => {
    const emitter = make();
    const listener = (): void => {};
    emitter.on("a", listener).once("b", listener).once("c", listener).on("d", listener);
    expect(emitter._callbacks).toMatchObject({ $a: [listener], $b: [expect.any(Function)] });
    emitter.off("a", listener).emit("b").off("c", listener).off("not there", listener);
    expect(emitter._callbacks).toEqual({ $d: [listener] });
  });

  test.each(["off", "removeListener", "removeEventListener", "removeAllListeners"] as const)("%s", (method) => {
    const emitter = make();
    const listener = (): void => {};
    emitter.on("a", listener).on("a", listener).on("b", listener).on("c", listener);
    emitter[method]("a", listener);
    expect(emitter.listeners("a")).toEqual([listener]);
    emitter[method]("a", () => {});
    expect(emitter.listeners("a")).toEqual([listener]);
    emitter[method]("b");
    expect(emitter.listeners("b")).toEqual([]);
    emitter[method]();
    expect([emitter.hasListeners("a"), emitter.hasListeners("c")]).toEqual([false, false]);
  });

  test("listeners added or removed during an event take effect with the next one", () => {
    const emitter = make();
    const seen: string[] = [];
    const second = (): void => void seen.push("second");
    emitter.once("a", () => {
      emitter.off("a", second);
      emitter.on("a", () => seen.push("late"));
    });
    emitter.on("a", second);
    emitter.emit("a");
    expect(seen).toEqual(["second"]);
    emitter.emit("a");
    expect(seen).toEqual(["second", "late"]);
  });

  test("no name is special", () => {
    const emitter = make();
    expect(emitter.listeners("__proto__")).toEqual([]);
    expect(() => emitter.emit("error", new Error("unheard")).emit("constructor")).not.toThrow();
  });

  test("proxies that observe plain objects leave it alone", () => {
    expect(Object.prototype.toString.call(make())).not.toBe("[object Object]");
  });
});
