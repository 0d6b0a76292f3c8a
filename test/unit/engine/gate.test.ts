import type { IncomingMessage } from "node:http";
import { describe, expect, test } from "vitest";
import { Gate, type GateOptions } from "../../../packages/server/src/engine/admission/gate.ts";
import { FakeClock } from "../support/fake-clock.ts";

const from = (remoteAddress: string): IncomingMessage => ({ socket: { remoteAddress } }) as IncomingMessage;

function gate(options: GateOptions) {
  const clock = new FakeClock();
  return { clock, gate: new Gate(options, clock) };
}

test("admits everyone without limits", () => {
  expect(gate({}).gate.check(from("1"), 1_000_000)).toBeUndefined();
});

test("counts open sessions, also by address", () => {
  const { gate: both } = gate({ maxConnections: 3, maxConnectionsPerAddress: 1, retryAfter: 2000 });
  expect(both.check(from("1"), 3)).toEqual({
    code: 6,
    context: { name: "TOO_MANY_CONNECTIONS", limit: 3, actual: 4 },
    retryAfter: 2000,
  });
  both.add({ remoteAddress: "1" }, from("1"));
  expect(both.check(from("1"), 1)).toMatchObject({ context: { name: "TOO_MANY_CONNECTIONS_FROM_ADDRESS", limit: 1 } });
  expect(both.check(from("2"), 1)).toBeUndefined();
  both.remove({ remoteAddress: "1" });
  expect(both.check(from("1"), 0)).toBeUndefined();
  expect(both.size).toBe(0);
});

test("admits the configured number per second", () => {
  const { gate: slow, clock } = gate({ maxHandshakesPerSecond: 2 });
  const names = () => [1, 2, 3].map(() => slow.check(from("1"), 0)?.context["name"]);
  expect(names()).toEqual([undefined, undefined, "TOO_MANY_HANDSHAKES"]);
  clock.advance(1000);
  expect(names()).toEqual([undefined, undefined, "TOO_MANY_HANDSHAKES"]);
});

test("refuses everyone once it is closed", () => {
  const { gate: closed } = gate({});
  closed.close();
  expect(closed.check(from("1"), 0)).toMatchObject({ code: 7, retryAfter: 5000 });
  closed.open();
  expect(closed.check(from("1"), 0)).toBeUndefined();
});

const unheard = (error: unknown): never => {
  throw error;
};
const of = (user: unknown): IncomingMessage => ({ socket: { remoteAddress: "1" }, user }) as never;
const userOf = (req: IncomingMessage) => (req as { user?: string }).user;

describe("of one user", () => {
  test("counts open sessions, and forgets users that have none", () => {
    const { gate: full } = gate({ maxConnectionsPerUser: 2, userOf, retryAfter: 2000 });
    const sessions = ["ann", "ann", "bob", undefined, undefined, undefined].map((user) => {
      const [req, session] = [of(user), { remoteAddress: "1" }];
      expect(full.identify(req, unheard)).toBeUndefined();
      full.add(session, req);
      return session;
    });
    expect(full.size).toBe(2);
    expect(full.identify(of("ann"), unheard)).toEqual({
      code: 6,
      context: { name: "TOO_MANY_CONNECTIONS_OF_USER", limit: 2, actual: 3, user: "ann" },
      retryAfter: 2000,
    });
    full.remove(sessions[0]!);
    expect(full.identify(of("ann"), unheard)).toBeUndefined();
    for (const session of sessions.slice(1)) full.remove(session);
    expect(full.size).toBe(0);
  });

  test("looks again at a handshake that had to wait", () => {
    const { gate: full } = gate({ maxConnectionsPerUser: 1, userOf });
    const [first, second] = [of("ann"), of("ann")];
    for (const req of [first, second]) expect(full.identify(req, unheard)).toBeUndefined();
    expect(full.recheck(first, 0)).toBeUndefined();
    full.add({ remoteAddress: "1" }, first);
    expect(full.recheck(second, 1)).toMatchObject({ context: { name: "TOO_MANY_CONNECTIONS_OF_USER" } });
  });

  test.each([
    ["throws", () => unheard(new Error("no")), "no"],
    ["gives a number", () => 7, "userOf must return a string or undefined"],
    ["is async", () => Promise.reject(new Error("late")), "userOf must return a string or undefined"],
  ])("refuses the handshake when userOf %s", (_how, bad, message) => {
    const { gate: full } = gate({ maxConnectionsPerUser: 1, userOf: bad as never });
    const told: unknown[] = [];
    expect(full.identify(of("ann"), (error, how) => told.push([String(error), how]))).toMatchObject({ code: 4 });
    expect(told).toEqual([[expect.stringContaining(message), "thrown"]]);
  });

  test("can't be limited without userOf", () => {
    expect(() => gate({ maxConnectionsPerUser: 1 })).toThrow(TypeError);
    expect(() => gate({ maxConnectionsPerUser: 1 })).toThrow(/maxConnectionsPerUser needs userOf/);
  });
});
