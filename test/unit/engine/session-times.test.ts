import { EventEmitter } from "node:events";
import { describe, expect, test } from "vitest";
import { closeReason } from "../../../packages/server/src/engine/report/close-codes.ts";
import { DURATION_BOUNDS } from "../../../packages/server/src/engine/report/histogram.ts";
import { kEmitGuarded, kFailSession, kStats, kUpgradeTrouble } from "../../../packages/server/src/engine/keys.ts";
import { reportRefusal, reportUpgradeFailure } from "../../../packages/server/src/engine/report/reports.ts";
import { EngineStats } from "../../../packages/server/src/engine/report/stats.ts";
import { openSession, PING_INTERVAL } from "./fake-host.ts";

describe("a session", () => {
  test("records when it opened, in tenths of a second", () => {
    const { session, clock } = openSession();
    expect(session.openedAt).toBe(0);
    clock.advance(1250);
    expect(session.openedAt).toBe(0);
    expect(clock.now() - session.openedAt).toBe(1250);
  });

  test("knows the round trip of its last ping, and none before it", () => {
    const { host, session, clock, transport } = openSession();
    expect(session.rtt).toBeUndefined();
    for (const ms of [37, 250, 4]) {
      clock.advance(PING_INTERVAL - 1);
      // The wheel turns in steps, so a ping may be late.
      for (let late = 0; late < 200 && session.writeBuffer.length === 0; late++) clock.advance(1);
      session.flush();
      transport.drain();
      clock.advance(ms);
      transport.receive("pong");
      expect(session.rtt).toBe(ms);
    }
    const { rtt } = session;
    transport.receive("pong");
    expect(session.rtt).toBe(rtt);
    const { counts, sum } = host.stats.roundTrips.report();
    expect(counts.reduce((all, count) => all + count)).toBe(3);
    expect(sum).toBeCloseTo(0.037 + 0.25 + 0.004, 5);
  });

  test("is counted with the time that it was open, by transport and code, once", () => {
    const { host, session, clock } = openSession({ transport: "websocket" });
    clock.advance(5500);
    session[kFailSession](closeReason("CLIENT_CLOSED"));
    session[kFailSession](closeReason("CONNECTION_CLOSED"));
    expect([...host.stats.durations.keys()]).toEqual(["websocket>CLIENT_CLOSED"]);
    const { counts, sum } = host.stats.durations.get("websocket>CLIENT_CLOSED")!.report();
    expect(DURATION_BOUNDS[counts.indexOf(1)]).toBe(10);
    expect(sum).toBe(5.5);
  });

  test("has no round trip in revision 3, whose clients ping", () => {
    const { session, transport } = openSession({ protocol: 3 });
    transport.receive("ping");
    expect(session.rtt).toBeUndefined();
  });
});

describe("a session that was not upgraded", () => {
  const engineOf = (clients: object) => {
    const engine = new EventEmitter() as unknown as Parameters<typeof reportRefusal>[0];
    return Object.assign(engine, { clients, [kStats]: new EngineStats(), [kEmitGuarded]: () => true });
  };

  test("records the step that failed last, and the last refused request for another transport", () => {
    const { session } = openSession();
    const engine = engineOf({ abc: session });
    const ask = (transport: string, sid: string): void =>
      reportRefusal(engine, { _query: { sid, transport } } as never, {
        code: 3,
        context: { name: "TRANSPORT_MISMATCH" },
      });
    ask("polling", "abc");
    ask("websocket", "other");
    expect(session[kUpgradeTrouble]).toBeUndefined();
    ask("websocket", "abc");
    expect(session[kUpgradeTrouble]).toEqual({ refusal: "TRANSPORT_MISMATCH" });
    reportUpgradeFailure(engine, session, "timeout");
    expect(session[kUpgradeTrouble]).toEqual({ refusal: "TRANSPORT_MISMATCH", step: "timeout" });
  });
});
