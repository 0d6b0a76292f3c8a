import { describe, expect, test } from "vitest";
import type { Fork, ForkObserver, WorkerInfo } from "../../../../packages/cluster/src/workers/child.ts";
import type { WorkersError } from "../../../../packages/cluster/src/workers/errors.ts";
import { resolveWorkersOptions, type WorkersOptions } from "../../../../packages/cluster/src/workers/options.ts";
import { Supervisor } from "../../../../packages/cluster/src/workers/supervisor.ts";
import { FakeClock } from "../../support/fake-clock.ts";

/** A process that does what the test says. */
class FakeFork implements Fork {
  readonly id: number;
  readonly pid: number;
  readonly asked: string[] = [];
  readonly observer: ForkObserver;

  constructor(id: number, observer: ForkObserver) {
    this.id = id;
    this.pid = 1000 + id;
    this.observer = observer;
  }

  leave(drain: number): void {
    this.asked.push(`leave ${drain}`);
  }

  kill(): void {
    this.asked.push("kill");
  }

  up(): void {
    this.observer.onStep("ready");
    this.observer.onStep("listening");
  }

  end(code: number | null = 0, signal: string | null = null): void {
    this.observer.onEnd({ code, signal });
  }
}

function start(options: WorkersOptions = {}) {
  const clock = new FakeClock();
  const forks: FakeFork[] = [];
  const log: unknown[] = [];
  const failures: WorkersError[] = [];
  const holds = { count: 0 };
  const supervisor = new Supervisor(
    {
      clock,
      fork: (observer) => {
        const made = new FakeFork(forks.length + 1, observer);
        forks.push(made);
        return made;
      },
      keepAlive: () => {
        holds.count += 1;
        return () => void (holds.count -= 1);
      },
      fail: (error) => failures.push(error),
    },
    resolveWorkersOptions({ workers: 2, drain: 1000, ...options }),
  );
  supervisor.on("restart", ({ worker, delay }) => log.push([worker.id, delay]));
  supervisor.on("failed", (error) => log.push(error.code));
  const states = (): string[] => supervisor.workers().map(({ id, state }: WorkerInfo) => `${id} ${state}`);
  const fork = (id: number): FakeFork => forks[id - 1] as FakeFork;
  return { clock, forks, fork, log, failures, holds, supervisor, states };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("a worker is up once it listens and is ready, in either order", () => {
  const { fork, states } = start();
  expect(states()).toEqual(["1 starting", "2 starting"]);
  fork(1).observer.onStep("ready");
  fork(2).observer.onStep("listening");
  expect(states()).toEqual(["1 starting", "2 starting"]);
  fork(1).observer.onStep("listening");
  fork(2).observer.onStep("ready");
  expect(states()).toEqual(["1 up", "2 up"]);
});

test("the delays before restarts grow, and begin anew after a life of 10 s", () => {
  const { clock, fork, forks, log } = start({ workers: 1 });
  const delays = [0, 100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000];
  for (const [index, delay] of delays.entries()) {
    fork(index + 1).up();
    fork(index + 1).end(null, "SIGKILL");
    expect(log.at(-1)).toEqual([index + 1, delay]);
    expect(forks).toHaveLength(index + (delay === 0 ? 2 : 1));
    clock.advance(delay);
    expect(forks).toHaveLength(index + 2);
  }
  clock.advance(10_000);
  fork(forks.length).end(1);
  expect(log.at(-1)).toEqual([forks.length - 1, 0]);
});

describe("a start that fails", () => {
  test("ends the program after five in a row in one place, if no worker serves", () => {
    const { clock, fork, forks, log, failures } = start({ workers: 1 });
    for (const delay of [0, 100, 200, 400]) {
      fork(forks.length).end(1);
      clock.advance(delay);
    }
    expect(failures).toEqual([]);
    fork(5).end(1);
    expect(failures.map(({ code }) => code)).toEqual(["WORKERS_CRASH_LOOP"]);
    expect(log.at(-1)).toBe("WORKERS_CRASH_LOOP");
    clock.advance(60_000);
    expect(forks).toHaveLength(5);
    expect(clock.pending).toBe(0);
  });

  test("kills the workers that start in other places", () => {
    const { fork, failures } = start({ maxFailedStarts: 1 });
    fork(1).end(1);
    expect(failures).toHaveLength(1);
    expect(fork(2).asked).toEqual(["kill"]);
    expect(fork(3).asked).toEqual(["kill"]);
  });

  test("is tried again while another worker serves, and reported once", () => {
    const { clock, fork, forks, log, failures } = start({ maxFailedStarts: 2 });
    fork(2).up();
    fork(1).end(1);
    for (let index = 0; index < 5; index += 1) {
      fork(forks.length).end(1);
      clock.advance(30_000);
    }
    expect(failures).toEqual([]);
    expect(log.filter((entry) => entry === "WORKERS_CRASH_LOOP")).toHaveLength(1);
    expect(forks.length).toBeGreaterThan(5);
    fork(2).end(1);
    clock.advance(30_000);
    fork(forks.length - 1).end(1);
    expect(failures).toHaveLength(1);
  });

  test("does not count with earlier ones after a worker was up", () => {
    const { clock, fork, forks, failures } = start({ workers: 1, maxFailedStarts: 2 });
    for (let index = 0; index < 6; index += 1) {
      if (index % 2 === 1) fork(forks.length).up();
      fork(forks.length).end(1);
      clock.advance(30_000);
    }
    expect(failures).toEqual([]);
  });

  test("may be a start that takes longer than startTimeout", () => {
    const { clock, fork } = start({ startTimeout: 500 });
    fork(1).up();
    clock.advance(500);
    expect(fork(1).asked).toEqual([]);
    expect(fork(2).asked).toEqual(["kill"]);
  });
});

describe("stop", () => {
  test("asks all to leave, restarts none, and releases the process", async () => {
    const { clock, fork, forks, holds, supervisor, states } = start({ workers: 3 });
    fork(1).up();
    fork(2).end(1);
    fork(4).end(1); // the next start of this place is scheduled
    const stopped = supervisor.stop();
    expect(fork(1).asked).toEqual(["leave 1000"]);
    expect(fork(3).asked).toEqual(["leave 1000"]);
    expect(states()).toEqual(["1 leaving", "3 leaving"]);
    fork(1).end();
    fork(3).end(null, "SIGTERM");
    await stopped;
    expect(supervisor.unclean).toBe(0);
    expect(holds.count).toBe(0);
    clock.advance(60_000);
    expect(forks).toHaveLength(4);
    expect(clock.pending).toBe(0);
  });

  test("kills a worker that stays, which the result counts", async () => {
    const { clock, fork, supervisor } = start({ workers: 1 });
    fork(1).up();
    const stopped = supervisor.stop();
    clock.advance(1000 + 4999);
    expect(fork(1).asked).toEqual(["leave 1000"]);
    clock.advance(1);
    expect(fork(1).asked).toEqual(["leave 1000", "kill"]);
    fork(1).end(null, "SIGKILL");
    await stopped;
    expect(supervisor.unclean).toBe(1);
  });
});

describe("roll", () => {
  test("replaces one worker after the other, each once the new one is up", async () => {
    const { fork, forks, supervisor, states } = start();
    fork(1).up();
    fork(2).up();
    const rolled = supervisor.roll();
    await settled();
    expect(states()).toEqual(["1 up", "3 starting", "2 up"]);
    fork(3).up();
    expect(states()).toEqual(["1 leaving", "3 up", "2 up"]);
    await settled();
    expect(forks).toHaveLength(3);
    fork(1).end();
    await settled();
    expect(states()).toEqual(["3 up", "2 up", "4 starting"]);
    fork(4).up();
    fork(2).end();
    await rolled;
    expect(states()).toEqual(["3 up", "4 up"]);
  });

  test("ends where a new one does not start, and the old one serves on", async () => {
    const { fork, forks, log, failures, supervisor, states } = start();
    fork(1).up();
    fork(2).up();
    const rolled = supervisor.roll();
    await settled();
    fork(3).end(1);
    await expect(rolled).rejects.toMatchObject({ code: "ROLL_FAILED" });
    expect(states()).toEqual(["1 up", "2 up"]);
    expect(forks).toHaveLength(3);
    expect(log).toEqual(["ROLL_FAILED"]);
    expect(failures).toEqual([]);
  });

  test("the new worker takes the place of an old worker that ends meanwhile", async () => {
    const { clock, fork, forks, supervisor, states } = start({ workers: 1 });
    fork(1).up();
    const rolled = supervisor.roll();
    await settled();
    fork(1).end(1);
    fork(2).up();
    await rolled;
    clock.advance(60_000);
    expect(states()).toEqual(["2 up"]);
    expect(forks).toHaveLength(2);
  });

  test("both end: the place gets another one", async () => {
    const { fork, supervisor, states } = start({ workers: 1 });
    fork(1).up();
    const rolled = supervisor.roll();
    await settled();
    fork(1).end(1);
    fork(2).end(1);
    await expect(rolled).rejects.toMatchObject({ code: "ROLL_FAILED" });
    expect(states()).toEqual(["3 starting"]);
  });

  test("waits for a worker that starts, and leaves a scheduled restart alone", async () => {
    const { clock, fork, forks, supervisor } = start();
    fork(2).end(1);
    fork(3).end(1);
    const rolled = supervisor.roll();
    await settled();
    expect(forks).toHaveLength(3);
    fork(1).up();
    await settled();
    fork(4).up();
    fork(1).end();
    await rolled;
    expect(forks).toHaveLength(4);
    clock.advance(100);
    expect(forks).toHaveLength(5);
  });

  test("while one is under way, all others are one", async () => {
    const { fork, forks, supervisor } = start({ workers: 1 });
    fork(1).up();
    const rolls = [supervisor.roll(), supervisor.roll(), supervisor.roll()];
    for (const [old, next] of [
      [1, 2],
      [2, 3],
    ] as const) {
      await settled();
      fork(next).up();
      fork(old).end();
    }
    await Promise.all(rolls);
    expect(forks).toHaveLength(3);
  });

  test("stop() ends it, and the workers that start", async () => {
    const { fork, supervisor } = start({ workers: 1 });
    fork(1).up();
    const rolled = supervisor.roll();
    await settled();
    const stopped = supervisor.stop();
    expect(fork(2).asked).toEqual(["leave 1000"]);
    fork(2).end();
    fork(1).end();
    await Promise.all([rolled, stopped]);
    await expect(supervisor.roll()).rejects.toMatchObject({ code: "WORKERS_STOPPED" });
  });
});

test.each([
  [{ workers: 0 }],
  [{ workers: 1.5 }],
  [{ workers: "2" as unknown as number }],
  [{ workers: Number.NaN }],
  [{ drain: -1 }],
  [{ drain: Infinity }],
  [{ startTimeout: Number.NaN }],
  [{ maxFailedStarts: 0 }],
])("refuses the options %j", (options) => {
  expect(() => resolveWorkersOptions(options)).toThrow(expect.objectContaining({ code: "OPTION_INVALID" }));
});

test("options that are undefined have their defaults", () => {
  const { workers, ...others } = resolveWorkersOptions({
    workers: undefined as unknown as number,
    drain: undefined as unknown as number,
  });
  expect(workers).toBeGreaterThan(0);
  expect(others).toEqual({ drain: 8000, startTimeout: 30_000, maxFailedStarts: 5 });
});
