import type { IncomingMessage } from "node:http";
import { expect, test } from "vitest";
import { BodyReader } from "../../../packages/server/src/engine/transports/body-reader.ts";
import { exchange, limits } from "./fake-http.ts";

/** Three bodies that are being read. */
function setUp() {
  const shared = limits();
  const given: string[] = [];
  const [a, b, c] = ["a", "b", "c"].map((name) => {
    const { req } = exchange("POST");
    const tell = (how: string): void => void given.push(`${name}: ${how}`);
    const reader = new BodyReader(req as unknown as IncomingMessage, shared, {
      onBody: (body) => tell(String(body)),
      onTooLarge: () => tell("too large"),
      onAborted: () => tell("aborted"),
      onForgotten: () => tell("forgotten"),
      onGivenUp: tell,
    });
    reader.start();
    return { get: (text: string) => reader.receive(Buffer.from(text)), end: () => reader.finish() };
  }) as [Body, Body, Body];
  return { ...shared, given, a, b, c };
}

interface Body {
  get(text: string): void;
  end(): void;
}

test("a body without further data times out, but not by a stall of the server", () => {
  const { clock, given, a, b, c, heartbeat } = setUp();
  clock.advance(25_000);
  a.get("1");
  clock.stall(60_000);
  b.get("1");
  clock.advance(500);
  expect(given).toEqual([]);
  c.get("all");
  c.end();
  clock.advance(31_000);
  expect(new Set(given)).toEqual(new Set(["c: all", "a: POST_LATE", "b: POST_LATE"]));
  expect(heartbeat.size).toBe(0);
});

test("bodies that stall are given up when all together hold too much", () => {
  const { given, a, b, c, receiving } = setUp();
  // 1,000 bytes in all.
  const hold = { onEvicted: () => void given.push("hold") };
  receiving.update(hold, 850);
  a.get("x".repeat(60));
  b.get("x".repeat(60));
  expect([receiving.held, given]).toEqual([970, []]);
  c.get("x".repeat(60));
  expect(given).toEqual(["hold"]);
  receiving.update(hold, 900);
  expect(given).toEqual(["hold", "a: RECEIVE_BUDGET", "b: RECEIVE_BUDGET"]);
  c.end();
  receiving.remove(hold);
  expect(receiving.held).toBe(0);
});
