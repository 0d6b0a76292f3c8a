import type { IncomingMessage } from "node:http";
import { expect, test } from "vitest";
import { Gate, type GateOptions } from "../../../packages/server/src/engine/gate.ts";
import { FakeClock } from "../support/fake-clock.ts";

const from = (remoteAddress: string): IncomingMessage => ({ socket: { remoteAddress } }) as IncomingMessage;

function gate(options: GateOptions) {
  const clock = new FakeClock();
  return { clock, gate: new Gate(options, clock) };
}

test("lets everybody in where nothing is limited", () => {
  expect(gate({}).gate.check(from("1"), 1_000_000)).toBeUndefined();
});

test("counts open sessions, and those of one address", () => {
  const { gate: both } = gate({ maxConnections: 3, maxConnectionsPerAddress: 1, retryAfter: 2000 });
  expect(both.check(from("1"), 3)).toEqual({
    code: 6,
    context: { name: "TOO_MANY_CONNECTIONS", limit: 3, actual: 4 },
    retryAfter: 2000,
  });
  both.onOpen("1");
  expect(both.check(from("1"), 1)).toMatchObject({ context: { name: "TOO_MANY_CONNECTIONS_FROM_ADDRESS", limit: 1 } });
  expect(both.check(from("2"), 1)).toBeUndefined();
  both.onClose("1");
  expect(both.check(from("1"), 0)).toBeUndefined();
});

test("lets so many in each second", () => {
  const { gate: slow, clock } = gate({ maxHandshakesPerSecond: 2 });
  const names = () => [1, 2, 3].map(() => slow.check(from("1"), 0)?.context["name"]);
  expect(names()).toEqual([undefined, undefined, "TOO_MANY_HANDSHAKES"]);
  clock.advance(1000);
  expect(names()).toEqual([undefined, undefined, "TOO_MANY_HANDSHAKES"]);
});

test("lets nobody in once it is closed", () => {
  const { gate: closed } = gate({});
  closed.close();
  expect(closed.check(from("1"), 0)).toMatchObject({ code: 7, retryAfter: 5000 });
  closed.open();
  expect(closed.check(from("1"), 0)).toBeUndefined();
});
