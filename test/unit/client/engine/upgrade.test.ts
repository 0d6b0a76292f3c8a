import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { EngineError } from "../../../../packages/client/src/engine/errors.ts";
import { pageListeners } from "../../../../packages/client/src/engine/platform/page.ts";
import { Socket } from "../../../../packages/client/src/engine/socket.ts";
import {
  type Upgrade,
  UPGRADE_TABLE,
  type UpgradePhase,
  type UpgradeSignal,
} from "../../../../packages/client/src/engine/upgrade.ts";
import { type FakeTransport, fakeTransport, made } from "./fake-transport.ts";

const TRANSPORTS = ["slow", "fast", "faster"].map(fakeTransport);
const UPGRADE_TIMEOUT = 10_000;

function setUp(upgrades: readonly string[] = ["fast"]) {
  made.length = 0;
  const events: string[] = [];
  // no ping is missed before an upgrade has taken too long
  const handshake = { upgrades, pingTimeout: 10 * UPGRADE_TIMEOUT };
  const socket = new Socket("http://example.org", {
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

/** Events, and the upgrade's signal for each. */
const HAPPENINGS = {
  start: "start",
  open: "open",
  answer: "answer",
  stray: "stray",
  lost: "lost",
  timeout: "lost",
  paused: "paused",
  sessionClosed: "end",
} satisfies Record<string, UpgradeSignal>;
type Happening = keyof typeof HAPPENINGS;

type Stage = ReturnType<typeof setUp>;

const phaseOf = ({ socket }: Stage): UpgradePhase => (socket.upgrade_ as Upgrade).phase_;

/** Moves an upgrade into each phase by actions of a server. */
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

/** Sends each signal. Without a candidate, it can only come from an earlier transport. */
const HAPPEN: Record<Happening, (stage: Stage) => void> = {
  start: ({ start }) => start(),
  open: ({ candidate }) => candidate()?.opens(),
  answer: ({ candidate }) => candidate()?.receive("pong", "probe"),
  stray: ({ candidate }) => candidate()?.receive("message", "too early"),
  lost: ({ candidate }) => candidate()?.fails(),
  timeout: () => vi.advanceTimersByTime(UPGRADE_TIMEOUT),
  paused: ({ current }) => current.onPaused?.(),
  sessionClosed: ({ socket }) => (socket.transport as FakeTransport).closes(),
};

const PHASES = Object.keys(UPGRADE_TABLE) as UpgradePhase[];
const SIGNALS = Object.keys(HAPPEN) as Happening[];
/** The effects of entering each phase. */
const ACTIONS = {
  idle: "fail",
  opening: "open",
  probing: "probe",
  pausing: "pause",
  upgraded: "commit",
  closed: "fail",
} as const;
/** The report of each signal. */
const FAILURES: Partial<Record<Happening, string>> = {
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
    const before = phaseOf(stage);
    expect(before).toBe(phase);
    const candidates = made.length;
    HAPPEN[signal](stage);
    // a lost transport of the session ends the session
    const isSessionLost = phase === "upgraded" && signal === "lost";
    const entered = UPGRADE_TABLE[phase][isSessionLost ? "end" : HAPPENINGS[signal]];
    const next = entered ?? phase;
    // without a candidate there is nothing that could fail
    const action = !entered || (/idle|upgraded/.test(phase) && entered === "closed") ? "none" : ACTIONS[entered];
    expect(phaseOf(stage)).toBe(next);
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
    // a timer runs in each phase with a candidate, besides the heartbeat's
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
  expect(phaseOf(stage)).toBe("opening");
});

test("opening and probing share one time limit, pausing has another", () => {
  const stage = setUp();
  REACH.opening(stage);
  vi.advanceTimersByTime(UPGRADE_TIMEOUT - 1);
  stage.candidate()!.opens();
  expect(phaseOf(stage)).toBe("probing");
  vi.advanceTimersByTime(1);
  expect(phaseOf(stage)).toBe("idle");

  const other = setUp();
  REACH.opening(other);
  vi.advanceTimersByTime(UPGRADE_TIMEOUT - 1);
  other.candidate()!.opens();
  other.candidate()!.receive("pong", "probe");
  vi.advanceTimersByTime(UPGRADE_TIMEOUT - 1);
  expect(phaseOf(other)).toBe("pausing");
  vi.advanceTimersByTime(1);
  expect(phaseOf(other)).toBe("idle");
});

test("a pause that ends after the upgrade has failed changes nothing", () => {
  const stage = setUp(["fast", "faster"]);
  REACH.pausing(stage);
  const late = stage.current.onPaused!;
  vi.advanceTimersByTime(UPGRADE_TIMEOUT);
  stage.candidate()!.opens();
  stage.candidate()!.receive("pong", "probe");
  late();
  expect(phaseOf(stage)).toBe("pausing");
  stage.current.onPaused!();
  expect(stage.socket.transport.name).toBe("faster");
});
