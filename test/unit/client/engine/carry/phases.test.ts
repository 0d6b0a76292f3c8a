import { describe, expect, test, vi } from "vitest";
import { CARRY_TABLE, type CarryPhase, type CarrySignal } from "../../../../../packages/client/src/engine/carry.ts";
import { type FakeTransport, made } from "../fake-transport.ts";
import { breakDown, openCarried, RETRY, type Stage, useFakeTime } from "./stage.ts";

useFakeTime();

/** Moves a carry into each phase, by what happens to its transports. */
const REACH: Record<CarryPhase, (stage: Stage) => void> = {
  steady(stage) {
    REACH.returning(stage);
    stage.last().fails();
    vi.advanceTimersByTime(RETRY);
    stage.last().welcome(0);
  },
  lost: ({ last }) => last().closes(1006),
  returning: breakDown,
  ended(stage) {
    REACH.returning(stage);
    stage.socket.onPage_("page frozen");
  },
};

/** What causes each signal. The first transport is the one that died, the second one was tried first. */
const HAPPEN: Record<CarrySignal, (stage: Stage) => void> = {
  lose: ({ socket }) => socket.fail_("ping timeout"),
  try: () => vi.advanceTimersByTime(0),
  arrive: ({ last }) => last().welcome(0),
  fail: () => made[1]?.fails(),
  end: ({ socket }) => socket.onPage_("page frozen"),
};

const PHASES = Object.keys(CARRY_TABLE) as CarryPhase[];
const SIGNALS = Object.keys(HAPPEN) as CarrySignal[];

describe.each(PHASES)("%s", (phase) => {
  test.each(SIGNALS)("%s", (signal) => {
    const stage = openCarried();
    REACH[phase](stage);
    expect(stage.phase()).toBe(phase);
    const { transport } = stage.socket;
    const [carried, transports] = [stage.events.length, made.length];
    HAPPEN[signal](stage);
    const next = CARRY_TABLE[phase][signal] ?? phase;
    expect(stage.phase()).toBe(next);
    expect(stage.events.length - carried, "carried events").toBe(phase === "returning" && signal === "arrive" ? 1 : 0);
    expect(made.length - transports, "transports").toBe(phase === "lost" && signal === "try" ? 1 : 0);
    expect(stage.closes).toHaveLength(next === "ended" ? 1 : 0);
    expect(stage.socket.transport === transport).toBe(!(phase === "returning" && next === "steady"));
    // steady: the heartbeat, and the watch on a WebSocket; lost: until the next try; returning: the limit of the try
    expect(vi.getTimerCount()).toBe(next === "ended" ? 0 : 1);
    const open = made.filter((each: FakeTransport) => each.state !== "closed");
    if (next === "ended") expect(open.map(({ name }) => name)).toEqual([]);
  });
});
