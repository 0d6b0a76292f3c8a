import { describe, expect, test } from "vitest";
import {
  UpgradeAttempt,
  UPGRADE_ATTEMPT_TABLE,
  type UpgradeAttemptPhase,
  type UpgradeAttemptSignal,
} from "../../../packages/server/src/engine/session/upgrade.ts";
import { kCommitted, kProbed } from "../../../packages/server/src/engine/keys.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { FakeTransport } from "./fake-transport.ts";

const TIMEOUT = 10_000;

function setUp() {
  const clock = new FakeClock();
  const events: string[] = [];
  const upgrade = new UpgradeAttempt(
    {
      [kProbed]: () => events.push("probed"),
      [kCommitted]: () => events.push("commit"),
    },
    clock,
    TIMEOUT,
  );
  return { clock, events, upgrade, candidate: new FakeTransport("websocket") };
}

type Stage = ReturnType<typeof setUp>;

/** Moves an upgrade into each phase by actions of a peer. */
const REACH: Record<UpgradeAttemptPhase, (stage: Stage) => void> = {
  idle() {},
  probing: ({ upgrade, candidate }) => upgrade.offer(candidate),
  probed(stage) {
    REACH.probing(stage);
    stage.candidate.receive("ping", "probe");
  },
  upgraded(stage) {
    REACH.probed(stage);
    stage.candidate.receive("upgrade");
  },
  closed: ({ upgrade }) => upgrade.sessionClosed(),
};

/** Sends each signal. Without a candidate, it can only come from an earlier transport. */
const HAPPEN: Record<UpgradeAttemptSignal, (stage: Stage) => FakeTransport | void> = {
  candidate({ upgrade }) {
    const newcomer = new FakeTransport("websocket");
    upgrade.offer(newcomer);
    return newcomer;
  },
  probe: ({ candidate }) => candidate.receive("ping", "probe"),
  commit: ({ candidate }) => candidate.receive("upgrade"),
  stray: ({ candidate }) => candidate.receive("message", "too early"),
  lost: ({ candidate }) => candidate.lose(),
  timeout: ({ clock }) => clock.advance(TIMEOUT),
  sessionClosed: ({ upgrade }) => upgrade.sessionClosed(),
};

type Expected = {
  phase: UpgradeAttemptPhase;
  /** The calls to the session. */
  events?: string[];
  /** The packets of the candidate. */
  sent?: string[];
  /** Whether the candidate, and the newcomer if one came, is closed. */
  candidate?: "closed" | "open";
  newcomer?: "closed" | "open";
};

const still = (phase: UpgradeAttemptPhase): Expected => ({ phase });

/** All 35 cells, written by hand: the effects on a peer and the session. */
const CELLS: Record<UpgradeAttemptPhase, Record<UpgradeAttemptSignal, Expected>> = {
  idle: {
    candidate: { phase: "probing", newcomer: "open" },
    probe: still("idle"),
    commit: still("idle"),
    stray: still("idle"),
    lost: { phase: "idle", candidate: "closed" },
    timeout: still("idle"),
    sessionClosed: still("closed"),
  },
  probing: {
    candidate: { phase: "probing", newcomer: "closed" },
    probe: { phase: "probed", events: ["probed"], sent: ["pong:probe"] },
    commit: { phase: "upgraded", events: ["commit"] },
    stray: { phase: "idle", candidate: "closed" },
    lost: { phase: "idle", candidate: "closed" },
    timeout: { phase: "idle", candidate: "closed" },
    sessionClosed: { phase: "closed", candidate: "closed" },
  },
  probed: {
    candidate: { phase: "probed", newcomer: "closed" },
    probe: { phase: "probed", events: ["probed"], sent: ["pong:probe"] },
    commit: { phase: "upgraded", events: ["commit"] },
    stray: { phase: "idle", candidate: "closed" },
    lost: { phase: "idle", candidate: "closed" },
    timeout: { phase: "idle", candidate: "closed" },
    sessionClosed: { phase: "closed", candidate: "closed" },
  },
  upgraded: {
    candidate: { phase: "upgraded", newcomer: "closed" },
    probe: still("upgraded"),
    commit: still("upgraded"),
    stray: still("upgraded"),
    lost: { phase: "upgraded", candidate: "closed" },
    timeout: still("upgraded"),
    sessionClosed: still("upgraded"),
  },
  closed: {
    candidate: { phase: "closed", newcomer: "closed" },
    probe: still("closed"),
    commit: still("closed"),
    stray: still("closed"),
    lost: { phase: "closed", candidate: "closed" },
    timeout: still("closed"),
    sessionClosed: still("closed"),
  },
};

const PHASES = Object.keys(CELLS) as UpgradeAttemptPhase[];
const SIGNALS = Object.keys(HAPPEN) as UpgradeAttemptSignal[];

describe("the upgrade table", () => {
  test("has a cell for each phase and signal", () => {
    expect(Object.keys(UPGRADE_ATTEMPT_TABLE)).toEqual(PHASES);
    for (const phase of PHASES) expect(Object.keys(UPGRADE_ATTEMPT_TABLE[phase])).toEqual(SIGNALS);
  });

  for (const phase of PHASES) {
    for (const signal of SIGNALS) {
      const expected = CELLS[phase][signal];
      test(`${phase} × ${signal} → ${expected.phase}`, () => {
        const stage = setUp();
        REACH[phase](stage);
        expect(stage.upgrade.phase).toBe(phase);
        stage.events.length = 0;
        stage.candidate.sent.length = 0;
        const newcomer = HAPPEN[signal](stage);
        expect(stage.upgrade.phase).toBe(expected.phase);
        expect(UPGRADE_ATTEMPT_TABLE[phase][signal][0]).toBe(expected.phase);
        expect(stage.events).toEqual(expected.events ?? []);
        expect(stage.candidate.sent).toEqual(expected.sent ?? []);
        expect(stage.candidate.readyState).toBe(expected.candidate ?? "open");
        expect(newcomer ? newcomer.readyState : undefined).toBe(expected.newcomer);
      });
    }
  }
});

describe("an upgrade", () => {
  test("may be tried again after a failure, by a new candidate", () => {
    const stage = setUp();
    REACH.probed(stage);
    stage.candidate.lose();
    const second = new FakeTransport("websocket");
    stage.upgrade.offer(second);
    second.receive("ping", "probe");
    second.receive("upgrade");
    expect(stage.upgrade.phase).toBe("upgraded");
  });

  test("leaves no timer behind, however it ends", () => {
    for (const signal of ["commit", "stray", "lost", "timeout", "sessionClosed"] as const) {
      const stage = setUp();
      REACH.probed(stage);
      HAPPEN[signal](stage);
      expect(stage.clock.pending, signal).toBe(0);
    }
  });

  test("a ping other than a probe is a stray packet", () => {
    const stage = setUp();
    REACH.probing(stage);
    stage.candidate.receive("ping", "other");
    expect(stage.upgrade.phase).toBe("idle");
    expect(stage.candidate.readyState).toBe("closed");
  });
});
