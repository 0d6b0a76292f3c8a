import { describe, expect, it } from "vitest";
import { WriteCallbacks } from "../../../packages/websocket/src/link/write-callbacks.ts";
import { turn } from "../../support/waiting.ts";

describe("callbacks of writes", () => {
  function recorded(...positions: number[]): { callbacks: WriteCallbacks; log: string[] } {
    const callbacks = new WriteCallbacks();
    const log: string[] = [];
    for (const position of positions) {
      callbacks.push(position, (error) => log.push(`${position} ${error?.message ?? "ok"}`));
    }
    return { callbacks, log };
  }

  it("belong to the frames taken, in order", async () => {
    const { callbacks, log } = recorded(1, 2, 2, 5);
    expect(callbacks.takeUpTo(0)).toBe(undefined);
    callbacks.takeUpTo(3)!();
    await turn();
    expect(log).toEqual(["1 ok", "2 ok", "2 ok"]);
    expect(callbacks.takeUpTo(4)).toBe(undefined);
    callbacks.takeUpTo(5)!(new Error("lost"));
    await turn();
    expect(log).toEqual(["1 ok", "2 ok", "2 ok", "5 lost"]);
  });

  it("fail with the stream, once", async () => {
    const { callbacks, log } = recorded(1, 2);
    callbacks.fail();
    callbacks.fail();
    await turn();
    const message = "The connection was closed before the message was written";
    expect(log).toEqual([`1 ${message}`, `2 ${message}`]);
    expect(callbacks.takeUpTo(9)).toBe(undefined);
  });
});
