import { beforeEach, describe, expect, test } from "vitest";
import type { EngineError } from "../../../../packages/client/src/engine/errors.ts";
import { createUpgrade, type UpgradePhase } from "../../../../packages/client/src/engine/upgrade.ts";
import { type FakeTransport, fakeTransport, made } from "./fake-transport.ts";

const Candidate = fakeTransport("fast");
const OPTIONS = { query: {}, socket: {} };

function setUp() {
  made.length = 0;
  const events: string[] = [];
  let paused: (() => void) | undefined;
  let expire: (() => void) | undefined;
  let timers = 0;
  const upgrade = createUpgrade({
    create: () => new Candidate(OPTIONS),
    after(callback) {
      timers++;
      expire = callback;
      return () => {
        timers--;
        expire = undefined;
      };
    },
    onProbed(_candidate, onPaused) {
      events.push("pause");
      paused = onPaused;
    },
    onCommit: () => events.push("commit"),
    onFail: (_candidate, error: EngineError) => events.push(`${error.step}: ${error.message}`),
  });
  return {
    events,
    upgrade,
    timers: () => timers,
    pause: () => paused?.(),
    expire: () => expire?.(),
    candidate: (): FakeTransport | undefined => made.at(-1),
  };
}

/**
 * What can happen to an upgrade.
 *
 * - `start`: there is a name to try
 * - `open`, `answer`, `stray`: the candidate opened, received `3probe`, received anything else
 * - `lost`: the candidate failed or closed
 * - `timeout`: the phase took too long
 * - `paused`: polling has come to rest
 * - `sessionClosed`: the session ended
 */
type UpgradeSignal = "start" | "open" | "answer" | "stray" | "lost" | "timeout" | "paused" | "sessionClosed";

/** Every phase with a candidate may end so. */
const ENDS = { lost: "idle", timeout: "idle", sessionClosed: "closed" } as const;

/** The phase to which each signal leads from each phase; what has no cell is ignored. */
const TABLE: Readonly<Record<UpgradePhase, Readonly<Partial<Record<UpgradeSignal, UpgradePhase>>>>> = {
  idle: { start: "opening", sessionClosed: "closed" },
  opening: { ...ENDS, open: "probing" },
  probing: { ...ENDS, answer: "pausing", stray: "idle" },
  pausing: { ...ENDS, paused: "upgraded" },
  upgraded: { sessionClosed: "closed" },
  closed: {},
};

type Stage = ReturnType<typeof setUp>;

/** Brings an upgrade into each phase by what a server would do. */
const REACH: Record<UpgradePhase, (stage: Stage) => void> = {
  idle() {},
  opening: ({ upgrade }) => upgrade.start(["fast"]),
  probing(stage) {
    REACH.opening(stage);
    stage.candidate()!.opens();
  },
  pausing(stage) {
    REACH.probing(stage);
    stage.candidate()!.receive("pong", "probe");
  },
  upgraded(stage) {
    REACH.pausing(stage);
    stage.pause();
  },
  closed: ({ upgrade }) => upgrade.close(),
};

/** Makes each thing happen. Where there is no candidate the signal can only come from a transport of the past. */
const HAPPEN: Record<UpgradeSignal, (stage: Stage) => void> = {
  start: ({ upgrade }) => upgrade.start(["fast"]),
  open: ({ candidate }) => candidate()?.opens(),
  answer: ({ candidate }) => candidate()?.receive("pong", "probe"),
  stray: ({ candidate }) => candidate()?.receive("message", "too early"),
  lost: ({ candidate }) => candidate()?.fails(),
  timeout: ({ expire }) => expire(),
  paused: ({ pause }) => pause(),
  sessionClosed: ({ upgrade }) => upgrade.close(),
};

const PHASES = Object.keys(TABLE) as UpgradePhase[];
const SIGNALS = Object.keys(HAPPEN) as UpgradeSignal[];
/** What entering each phase does. */
const ACTIONS = {
  idle: "fail",
  opening: "open",
  probing: "probe",
  pausing: "pause",
  upgraded: "commit",
  closed: "fail",
} as const;
/** How each signal is reported. */
const FAILURES: Partial<Record<UpgradeSignal, string>> = {
  stray: "probe error",
  lost: "probe error: Error: fake error",
  timeout: "probe error: timeout",
  sessionClosed: "probe error: socket closed",
};

describe.each(PHASES)("%s", (phase) => {
  let stage: Stage;
  beforeEach(() => {
    stage = setUp();
    REACH[phase](stage);
    stage.events.length = 0;
  });

  test.each(SIGNALS)("%s", (signal) => {
    const before = stage.upgrade.phase;
    expect(before).toBe(phase);
    const candidates = made.length;
    HAPPEN[signal](stage);
    const entered = TABLE[phase][signal];
    const next = entered ?? phase;
    // without a candidate there is nothing that could fail
    const action = !entered || (/idle|upgraded/.test(phase) && entered === "closed") ? "none" : ACTIONS[entered];
    expect(stage.upgrade.phase).toBe(next);
    const expected: Record<typeof action, string[]> = {
      none: [],
      open: [],
      probe: [],
      pause: ["pause"],
      commit: ["commit"],
      fail: [`${phase}: ${FAILURES[signal]}`],
    };
    expect(stage.events).toEqual(expected[action]);
    expect(made.length - candidates).toBe(action === "open" ? 1 : 0);
    const candidate = stage.candidate();
    if (action === "probe") expect(candidate!.written).toEqual(["ping probe"]);
    if (action === "fail") expect(candidate!.calls.at(-1)).toBe("close");
    if (action === "commit") expect(candidate!.calls).toEqual(["open"]);
    // no timer runs where nothing is awaited
    if (["idle", "upgraded", "closed"].includes(next)) expect(stage.timers()).toBe(0);
    if (next === "opening" || next === "pausing") expect(stage.timers()).toBe(1);
  });
});

test("the next candidate is tried when one has failed", () => {
  const stage = setUp();
  stage.upgrade.start(["fast", "faster"]);
  made[0]!.closes();
  expect(stage.events).toEqual(["opening: probe error: transport closed"]);
  expect(made.length).toBe(2);
  expect(stage.upgrade.phase).toBe("opening");
});

test("what pauses too late pauses for nobody", () => {
  const stage = setUp();
  REACH.pausing(stage);
  stage.expire();
  stage.upgrade.start(["fast"]);
  made[1]!.opens();
  stage.pause();
  expect(stage.upgrade.phase).toBe("probing");
});
