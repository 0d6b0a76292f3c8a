import { describe, expect, test } from "vitest";
import { countTimers, KeptSockets } from "../../../packages/server/src/dashboard/findings/kept-sockets.ts";

/** Ends a socket in each second, and asks for a collection when there are enough. Nothing is ever freed. */
class Leak {
  readonly kept: KeptSockets;
  readonly #sockets: object[] = [];
  #now = 0;

  constructor(timers: number) {
    this.kept = new KeptSockets(() => timers);
  }

  /** Returns the first second when a collection decides about something. */
  run(): number {
    for (; this.#now < 60; this.#now += 1) {
      const socket = {};
      this.#sockets.push(socket);
      this.kept.left(socket, this.#now);
      this.kept.turn(this.#now);
      if (this.kept.isUndecided(this.#now)) break;
    }
    return this.#now;
  }

  collect(): { readonly watched: number; readonly alive: number } {
    this.kept.collected(this.#now);
    this.kept.turn(this.#now + 1);
    return this.kept.report();
  }
}

describe("closed sockets", () => {
  test("are kept once they outlive a collection 8 s after their end", () => {
    const leak = new Leak(2);
    expect(leak.collect()).toEqual({ watched: 0, alive: 0 });
    expect(leak.run()).toBe(15);
    expect(leak.collect()).toEqual({ watched: 8, alive: 8 });
  });

  test("may be held by timers for half a minute", () => {
    const leak = new Leak(40);
    expect(leak.run()).toBe(38);
    expect(leak.collect()).toEqual({ watched: 8, alive: 8 });
  });

  test("are not decided about by an early collection", () => {
    const kept = new KeptSockets(() => 40);
    const sockets = Array.from({ length: 30 }, () => ({}));
    sockets.forEach((socket, second) => kept.left(socket, second));
    kept.collected(30);
    kept.turn(31);
    expect(kept.report()).toEqual({ watched: 0, alive: 0 });
    expect(kept.isUndecided(31)).toBe(false);
    expect(sockets).toHaveLength(30);
  });
});

test("timers that keep the process running are counted", () => {
  const before = countTimers();
  const timers = Array.from({ length: 3 }, () => setTimeout(() => undefined, 60_000));
  expect(countTimers() - before).toBe(3);
  timers.forEach((timer) => clearTimeout(timer));
  expect(countTimers()).toBe(before);
});
