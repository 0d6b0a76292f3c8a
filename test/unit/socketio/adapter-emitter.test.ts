import { EventEmitter, once } from "node:events";
import { describe, expect, test } from "vitest";
import { InMemoryAdapter } from "../../../packages/server/src/socketio/adapter/in-memory.ts";

const NSP = { name: "/", sockets: new Map(), server: { encoder: { encode: () => [] } } };
const adapter = (): InMemoryAdapter => new InMemoryAdapter(NSP);

/** Calls on an emitter, compared with the results of Node's. */
const SCRIPTS: Readonly<Record<string, (emitter: EventEmitter) => unknown>> = {
  "listeners, in order, with all arguments": (emitter) => {
    const heard: unknown[] = [];
    emitter.on("x", (...args) => heard.push(["on", ...args]));
    emitter.once("x", (...args) => heard.push(["once", ...args]));
    emitter.prependListener("x", (...args) => heard.push(["first", ...args]));
    emitter.prependOnceListener("x", (...args) => heard.push(["first of all", ...args]));
    return [emitter.emit("x", 1, 2, 3, 4, 5, 6), emitter.emit("x"), emitter.emit("y"), heard];
  },
  "listeners are counted and listed": (emitter) => {
    const symbol = Symbol.for("event");
    const f = (): void => {};
    emitter.on("x", f).once("x", f).on(symbol, f);
    const raw = emitter.rawListeners("x") as (typeof f & { listener?: unknown })[];
    return [
      emitter.eventNames(),
      emitter.listenerCount("x"),
      emitter.listeners("x").map((listener) => listener === f),
      raw.map((listener) => [listener === f, listener.listener === f]),
      emitter.rawListeners("y"),
    ];
  },
  "listeners are removed": (emitter) => {
    const f = (): void => {};
    const g = (): void => {};
    emitter.on("x", f).once("x", g).on("y", f).addListener("z", g);
    emitter.off("x", g).removeListener("y", f).removeListener("nothing", f);
    const left = emitter.eventNames();
    emitter.removeAllListeners("x");
    const then = emitter.eventNames();
    return [left, then, emitter.removeAllListeners().eventNames()];
  },
  "a listener that was added twice is removed once": (emitter) => {
    const heard: string[] = [];
    const f = (): void => void heard.push("f");
    emitter.on("x", f).on("x", f).off("x", f);
    emitter.emit("x");
    return [heard, emitter.listenerCount("x")];
  },
  "an error that is not heard is thrown": (emitter) => {
    const thrown: unknown[] = [];
    for (const error of [new Error("lost"), "text"]) {
      try {
        emitter.emit("error", error);
      } catch (caught) {
        thrown.push((caught as Error).message.includes(error instanceof Error ? "lost" : "text"));
      }
    }
    emitter.on("error", (error: Error) => thrown.push(error.message));
    emitter.emit("error", new Error("heard"));
    return thrown;
  },
  "the number of listeners has a bound that can be set": (emitter) => [
    emitter.getMaxListeners(),
    emitter.setMaxListeners(100) === emitter,
    emitter.getMaxListeners(),
  ],
  "a raw listener of once runs once": (emitter) => {
    let count = 0;
    emitter.once("x", () => (count += 1));
    emitter.rawListeners("x")[0]!();
    return [count, emitter.emit("x"), count];
  },
};

describe("an adapter is an emitter as Node's is", () => {
  test.each(Object.entries(SCRIPTS))("%s", (_name, script) => {
    expect(script(adapter())).toEqual(script(new EventEmitter()));
  });

  test("with all its members", () => {
    const emitter = adapter();
    const members = Object.getOwnPropertyNames(EventEmitter.prototype).filter((name) => !name.startsWith("_"));
    expect(members.filter((name) => !(name in emitter))).toEqual([]);
  });

  test("for events.once(), and for a listener that adds another one", async () => {
    const emitter = adapter();
    const heard = once(emitter, "create-room");
    emitter.on("create-room", () => emitter.prependListener("create-room", () => {}));
    void emitter.addAll("id", new Set(["room"]));
    expect(await heard).toEqual(["room"]);
    expect(emitter.listenerCount("create-room")).toBe(2);
  });

  test("and it emits room events from the first listener on", () => {
    const emitter = adapter();
    const heard: unknown[] = [];
    void emitter.addAll("id", new Set(["early"]));
    for (const event of ["create-room", "join-room", "leave-room", "delete-room"]) {
      emitter.on(event, (...args) => heard.push([event, ...args]));
    }
    void emitter.addAll("id", new Set(["room"]));
    emitter.delAll("id");
    expect(heard).toEqual([
      ["create-room", "room"],
      ["join-room", "room", "id"],
      ["leave-room", "early", "id"],
      ["delete-room", "early"],
      ["leave-room", "room", "id"],
      ["delete-room", "room"],
    ]);
  });
});
