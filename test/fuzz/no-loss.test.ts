import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { NoLossRun, numbers, rough } from "../e2e/delivery/no-loss-run.ts";
import { POLLS, STEPS, type PollStep, type Step, UpgradeRun } from "../e2e/upgrade/run.ts";
import { WAYS } from "../support/clients.ts";
import { FUZZ_TIME, forSeeds } from "../support/fuzzing.ts";
import { serveEngine, type RunningEngine } from "../support/servers/host.ts";
import type { Random } from "../support/random.ts";
import { Relay } from "../support/scripted/relay.ts";
import { portage } from "../support/targets.ts";

const LOSSES: readonly Step[] = ["candidate", "probing", "probed"];

describe("the upgrade", () => {
  let server: RunningEngine;

  beforeAll(async () => {
    server = await serveEngine(portage);
  });
  afterAll(() => server.stop());

  function plan(random: Random): ConstructorParameters<typeof UpgradeRun>[1] {
    const some = (): Partial<Record<Step, number>> =>
      Object.fromEntries(STEPS.map((step) => [step, random.below(3) === 0 ? random.below(30) : 0]));
    return {
      down: some(),
      up: some(),
      polls: new Set<PollStep>(POLLS.filter(() => random.below(2) === 0)),
      failures: Array.from({ length: random.below(3) }, () => random.pick(LOSSES)),
    };
  }

  test("at any interleaving", { timeout: FUZZ_TIME }, async () => {
    await forSeeds((_seed, random) => new UpgradeRun(server, plan(random)).run());
  });

  test("at any interleaving, through rough weather", { timeout: FUZZ_TIME }, async () => {
    await forSeeds(async (_seed, random) => {
      const relay = new Relay(server.port, rough(random));
      await relay.listen();
      try {
        await new UpgradeRun({ ...server, port: relay.port }, plan(random)).run();
      } finally {
        await relay.stop();
      }
    });
  });
});

describe("connections that are lost at any moment, with recovery", () => {
  const back = { reconnection: true, reconnectionDelay: 1, reconnectionDelayMax: 5, timeout: 2000 };

  test.each(Object.entries(WAYS))("%s", { timeout: FUZZ_TIME }, async (_way, options) => {
    await forSeeds(async (seed, random) => {
      const run = await NoLossRun.start(seed, { ...back, ...options, retries: 20, ackTimeout: 250 }, true);
      try {
        for (let count = 1 + random.below(4); count > 0; count--) {
          await Promise.all([run.talk(random.below(60)), run.talk(random.below(30)).then(() => run.lose())]);
        }
        await run.settle();
        expect([...new Set(run.received)]).toEqual(numbers(run.sentUp));
      } finally {
        await run.stop();
      }
    });
  });
});
