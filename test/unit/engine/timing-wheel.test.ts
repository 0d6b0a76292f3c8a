import { describe, expect, test } from "vitest";
import { Beat, TimingWheel } from "../../../packages/server/src/engine/timing-wheel.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { kBeat, kOnBeat } from "../../../packages/server/src/engine/keys.ts";

function setUp(shortest = 20_000, longest = 45_000) {
  const clock = new FakeClock();
  const wheel = new TimingWheel(clock, shortest, longest);
  const beats: Array<[name: string, at: number]> = [];
  const entry = (name: string, onBeat = () => {}): Beat => {
    const beat: Beat = new Beat({
      get [kBeat]() {
        return beat;
      },
      [kOnBeat]() {
        beats.push([name, clock.now()]);
        onBeat();
      },
    });
    return beat;
  };
  return { clock, wheel, beats, entry };
}

describe("the heartbeat wheel", () => {
  test("calls each entry once, never early and at most one tick late", () => {
    const { clock, wheel, beats, entry } = setUp();
    const delays = [1, 499, 500, 501, 20_000, 25_000, 44_999, 45_000];
    for (const delay of delays) wheel.schedule(entry(String(delay)), delay);
    clock.advance(60_000);
    expect(beats.map(([name]) => Number(name))).toEqual(expect.arrayContaining(delays));
    expect(beats).toHaveLength(delays.length);
    for (const [name, at] of beats) {
      expect(at).toBeGreaterThanOrEqual(Number(name));
      expect(at).toBeLessThanOrEqual(Number(name) + wheel.tickLength);
    }
  });

  test("accepts delays longer than one round of the wheel, and endless ones", () => {
    const { clock, wheel, beats, entry } = setUp(1_000, Infinity);
    wheel.schedule(entry("long"), 200_000);
    wheel.schedule(entry("never"), Infinity);
    expect(wheel.size).toBe(1);
    clock.advance(199_999);
    expect(beats).toEqual([]);
    clock.advance(1_000);
    expect(beats.map(([name]) => name)).toEqual(["long"]);
  });

  test("is never early for a member added in the middle of a tick", () => {
    const { clock, wheel, beats, entry } = setUp();
    wheel.schedule(entry("first"), 45_000);
    clock.advance(499);
    wheel.schedule(entry("second"), 1_000);
    clock.advance(1_000);
    expect(beats).toEqual([]);
    clock.advance(501);
    expect(beats.map(([name]) => name)).toEqual(["second"]);
  });

  test("runs one timer for any number of entries, and none when it is empty", () => {
    const { clock, wheel, entry } = setUp();
    expect(clock.pending).toBe(0);
    const beats = Array.from({ length: 1_000 }, (_, index) => entry(String(index)));
    for (const beat of beats) wheel.schedule(beat, 25_000);
    expect(wheel.size).toBe(1_000);
    expect(clock.pending).toBe(1);
    for (const beat of beats) wheel.cancel(beat);
    expect(wheel.size).toBe(0);
    expect(clock.pending).toBe(0);
  });

  test("forgets an earlier call when an entry is scheduled again, and a cancelled one for good", () => {
    const { clock, wheel, beats, entry } = setUp();
    const again = entry("again");
    const cancelled = entry("cancelled");
    wheel.schedule(again, 1_000);
    wheel.schedule(cancelled, 1_000);
    wheel.schedule(again, 30_000);
    wheel.cancel(cancelled);
    wheel.cancel(cancelled);
    clock.advance(29_000);
    expect(beats).toEqual([]);
    clock.advance(2_000);
    expect(beats.map(([name]) => name)).toEqual(["again"]);
  });

  test("lets an entry schedule itself and cancel its neighbours from its own beat", () => {
    const { clock, wheel, beats, entry } = setUp();
    const victim = entry("victim");
    const self: Beat = entry("self", () => {
      wheel.cancel(victim);
      wheel.schedule(self, 10_000);
    });
    wheel.schedule(victim, 10_000);
    wheel.schedule(self, 10_000);
    clock.advance(35_000);
    expect(beats.map(([name]) => name)).toEqual(["self", "self", "self"]);
  });

  test("goes on for everybody when one beat throws", () => {
    const { clock, wheel, beats, entry } = setUp();
    const bad: Beat = entry("bad", () => {
      throw new Error("of a listener");
    });
    wheel.schedule(entry("neighbour"), 10_000);
    wheel.schedule(bad, 10_000);
    wheel.schedule(entry("later"), 20_000);
    expect(() => clock.advance(11_000)).toThrow("of a listener");
    clock.advance(11_000);
    expect(beats.map(([name]) => name)).toEqual(["bad", "neighbour", "later"]);
  });

  test("goes on when the timers of the platform were replaced, and forgotten", () => {
    const { clock, wheel, beats, entry } = setUp(200, 500);
    wheel.schedule(entry("first"), 300);
    clock.forgetTimers();
    clock.advance(10_000);
    expect(beats).toEqual([]);
    wheel.schedule(entry("second"), 300);
    clock.advance(1_000);
    expect(beats.map(([name]) => name).sort()).toEqual(["first", "second"]);
  });

  test("goes on when the time of the platform went back", () => {
    const { clock, wheel, beats, entry } = setUp(200, 500);
    clock.advance(100_000);
    wheel.schedule(entry("first"), 300);
    clock.stall(-90_000);
    clock.forgetTimers();
    wheel.schedule(entry("second"), 300);
    clock.advance(1_000);
    expect(beats.map(([name]) => name).sort()).toEqual(["first", "second"]);
  });

  test("does not hold a stall of the event loop against anybody", () => {
    const { clock, wheel, beats, entry } = setUp(1_000, 2_000);
    wheel.schedule(entry("peer"), 1_000);
    clock.advance(200);
    clock.stall(5_000);
    clock.advance(0);
    expect(beats).toEqual([]);
    clock.advance(1_000);
    expect(beats).toHaveLength(1);
  });
});

describe("a wheel that is adjusted", () => {
  test("calls new and waiting entries at the right time", () => {
    const { clock, wheel, beats, entry } = setUp();
    wheel.schedule(entry("before"), 45_000);
    clock.advance(10_000);
    wheel.adjust(200, 500);
    wheel.schedule(entry("after"), 500);
    clock.advance(36_000);
    expect(beats.map(([name]) => name)).toEqual(["after", "before"]);
    expect([beats[0]![1] - 10_500, beats[1]![1] - 45_000].every((late) => late >= 0 && late <= 5)).toBe(true);
    expect([wheel.size, clock.pending]).toEqual([0, 0]);
  });

  test("to the same again changes nothing, nor does it within a beat", () => {
    const { clock, wheel, beats, entry } = setUp(200, 500);
    wheel.schedule(
      entry("adjusting", () => wheel.adjust(1000, 2000)),
      100,
    );
    wheel.schedule(entry("next"), 200);
    wheel.adjust(200, 500);
    clock.advance(300);
    expect(beats.map(([name]) => name)).toEqual(["adjusting", "next"]);
  });
});

test("timers that are slightly late do not delay beats, and received data is read before them", () => {
  const { clock, wheel, beats, entry } = setUp(50, 1050);
  const answered = entry("answered");
  wheel.schedule(entry("silent"), 1000);
  wheel.schedule(answered, 1000);
  // Each timer is late by 20 ms.
  while (clock.now() < 970) {
    clock.stall(20);
    clock.advance(1);
  }
  clock.stall(1005 - clock.now());
  clock.advance(0);
  wheel.cancel(answered);
  clock.advance(30);
  expect(beats.map(([name]) => name)).toEqual(["silent"]);
  expect(beats[0]![1]).toBeLessThanOrEqual(1050);
});

/** A peer that is pinged, and answers or does not. */
class Peer {
  readonly [kBeat]: Beat = new Beat(this);
  readonly #wheel: TimingWheel;
  readonly #clock: FakeClock;
  readonly #options: { interval: number; timeout: number };
  readonly openedAt: number;
  pings = 0;
  endedAt: number | undefined;

  constructor(wheel: TimingWheel, clock: FakeClock, options: { interval: number; timeout: number }) {
    this.#wheel = wheel;
    this.#clock = clock;
    this.#options = options;
    this.openedAt = clock.now();
    wheel.schedule(this[kBeat], options.interval);
  }

  [kOnBeat](): void {
    if (this.pings++ > 0) this.endedAt = this.#clock.now();
    else this.#wheel.schedule(this[kBeat], this.#options.timeout);
  }

  answer(): void {
    if (this.pings === 0 || this.endedAt !== undefined) return;
    this.pings = 0;
    this.#wheel.schedule(this[kBeat], this.#options.interval);
  }
}

describe.each([
  { interval: 300, timeout: 200 },
  { interval: 25_000, timeout: 20_000 },
  { interval: 1, timeout: 1 },
  { interval: 97, timeout: 1_003 },
  { interval: 600_000, timeout: 10_000 },
])("heartbeats of $interval and $timeout ms", (options) => {
  const sum = options.interval + options.timeout;

  function peers(count: number) {
    const clock = new FakeClock();
    const wheel = new TimingWheel(clock, Math.min(options.interval, options.timeout), sum);
    const all: Peer[] = [];
    // Fractions of milliseconds, as the clock of the machine has.
    for (let index = 0; index < count; index += 1) {
      clock.advance(sum / 200);
      for (let same = 0; same < 50; same += 1) all.push(new Peer(wheel, clock, options));
    }
    return { clock, wheel, all };
  }

  test("end 10,000 peers that do not answer at the sum, at most 5 ms or 1% later", () => {
    const { clock, wheel, all } = peers(200);
    clock.advance(sum * 2);
    const late = all.map(({ openedAt, endedAt = Infinity }) => endedAt - openedAt - sum);
    expect(late).toHaveLength(10_000);
    expect(Math.min(...late)).toBeGreaterThanOrEqual(-0.001);
    expect(Math.max(...late)).toBeLessThanOrEqual(Math.max(5, sum / 100));
    expect([wheel.size, clock.pending]).toEqual([0, 0]);
  });

  test("never end a client that answers after each stall, however long", () => {
    const { clock, all } = peers(20);
    for (let stall = 0; stall < 10; stall += 1) {
      clock.stall(sum * 10);
      // Data received during the stall is read after the due timers have fired.
      clock.advance(0);
      for (const peer of all) peer.answer();
      clock.advance(options.timeout / 2);
    }
    expect(all.filter(({ endedAt }) => endedAt !== undefined)).toEqual([]);
  });

  test("come also when the event loop is blocked all the time", () => {
    const { clock, all } = peers(20);
    for (let turn = 0; turn < 100_000 && all.some(({ endedAt }) => endedAt === undefined); turn += 1) {
      clock.stall(1_000);
      clock.advance(0);
    }
    expect(all.filter(({ endedAt }) => endedAt === undefined)).toEqual([]);
  });
});
