import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { EngineError } from "../../../../packages/client/src/engine/errors.ts";
import { pageListeners } from "../../../../packages/client/src/engine/platform/page.ts";
import { Socket } from "../../../../packages/client/src/engine/socket.ts";
import type { UpgradePhase } from "../../../../packages/client/src/engine/upgrade.ts";
import { type FakeTransport, fakeTransport, made } from "./fake-transport.ts";

const TRANSPORTS = ["slow", "fast", "faster"].map(fakeTransport);
const UPGRADE_TIMEOUT = 10_000;

class Observed extends Socket {
  get upgradePhase(): UpgradePhase {
    return this.phase;
  }
}

function setUp(upgrades: readonly string[] = ["fast"]) {
  made.length = 0;
  const events: string[] = [];
  // no ping is missed before an upgrade has taken too long
  const handshake = { upgrades, pingTimeout: 10 * UPGRADE_TIMEOUT };
  const socket = new Observed("http://example.org", {
    transportImplementations: TRANSPORTS,
    upgradeTimeout: UPGRADE_TIMEOUT,
  });
  const current = made[0]!;
  socket.on("upgrading", () => events.push("pause"));
  socket.on("upgrade", () => events.push("commit"));
  socket.on("upgradeError", (error) => events.push(`${(error as EngineError).step}: ${error.message}`));
  return {
    events,
    socket,
    current,
    start: () => current.shakeHands(handshake),
    candidate: (): FakeTransport | undefined => made.slice(1).at(-1),
  };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  pageListeners.clear();
});

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
  upgraded: { lost: "closed", sessionClosed: "closed" },
  closed: {},
};

type Stage = ReturnType<typeof setUp>;

/** Brings an upgrade into each phase by what a server would do. */
const REACH: Record<UpgradePhase, (stage: Stage) => void> = {
  idle() {},
  opening: ({ start }) => start(),
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
    stage.current.onPaused!();
  },
  closed: ({ current }) => current.closes(),
};

/** Makes each thing happen. Where there is no candidate the signal can only come from a transport of the past. */
const HAPPEN: Record<UpgradeSignal, (stage: Stage) => void> = {
  start: ({ start }) => start(),
  open: ({ candidate }) => candidate()?.opens(),
  answer: ({ candidate }) => candidate()?.receive("pong", "probe"),
  stray: ({ candidate }) => candidate()?.receive("message", "too early"),
  lost: ({ candidate }) => candidate()?.fails(),
  timeout: () => vi.advanceTimersByTime(UPGRADE_TIMEOUT),
  paused: ({ current }) => current.onPaused?.(),
  sessionClosed: ({ socket }) => (socket.transport as FakeTransport).closes(),
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
    const before = stage.socket.upgradePhase;
    expect(before).toBe(phase);
    const candidates = made.length;
    HAPPEN[signal](stage);
    const entered = TABLE[phase][signal];
    const next = entered ?? phase;
    // without a candidate there is nothing that could fail
    const action = !entered || (/idle|upgraded/.test(phase) && entered === "closed") ? "none" : ACTIONS[entered];
    expect(stage.socket.upgradePhase).toBe(next);
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
    // a timer runs where something is awaited, beside that of the heartbeat
    const timers = vi.getTimerCount() - (stage.socket.id ? 1 : 0);
    expect(timers).toBe(["opening", "probing", "pausing"].includes(next) ? 1 : 0);
  });
});

test("the next candidate is tried when one has failed", () => {
  const stage = setUp(["fast", "faster"]);
  stage.start();
  made[1]!.closes();
  expect(stage.events).toEqual(["opening: probe error: transport closed"]);
  expect(made.map(({ name }) => name)).toEqual(["slow", "fast", "faster"]);
  expect(stage.socket.upgradePhase).toBe("opening");
});

test("what pauses too late pauses for nobody", () => {
  const stage = setUp(["fast", "faster"]);
  REACH.pausing(stage);
  const late = stage.current.onPaused!;
  vi.advanceTimersByTime(UPGRADE_TIMEOUT);
  stage.candidate()!.opens();
  stage.candidate()!.receive("pong", "probe");
  late();
  expect(stage.socket.upgradePhase).toBe("pausing");
  stage.current.onPaused!();
  expect(stage.socket.transport.name).toBe("faster");
});
