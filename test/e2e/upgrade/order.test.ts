import { afterAll, beforeAll, describe, test } from "vitest";
import { serveEngine, type RunningEngine } from "../../support/servers/host.ts";
import { Random } from "../../support/random.ts";
import { subject } from "../../support/targets.ts";
import { POLLS, STEPS, UpgradeRun, type Plan, type PollStep, type Step } from "./run.ts";

const TOTAL = 1000;
let server: RunningEngine;

beforeAll(async () => {
  server = await serveEngine(subject);
});
afterAll(() => server.stop());

async function run(plan: Plan): Promise<void> {
  try {
    await new UpgradeRun(server, plan).run();
  } catch (error) {
    const shown = { ...plan, polls: [...plan.polls] };
    throw new Error(`plan ${JSON.stringify(shown)}: ${(error as Error).message}`, { cause: error });
  }
}

/** Splits `TOTAL` over the steps, unevenly. */
function split(random: Random): Partial<Record<Step, number>> {
  const weights = STEPS.map(() => (random.below(3) === 0 ? 0 : random.below(100)));
  const sum = weights.reduce((left, right) => left + right, 0) || 1;
  const counts = weights.map((weight) => Math.floor((weight * TOTAL) / sum));
  const last = STEPS.length - 1;
  counts[last] = (counts[last] ?? 0) + TOTAL - counts.reduce((left, right) => left + right, 0);
  return Object.fromEntries(STEPS.map((step, index) => [step, counts[index] ?? 0]));
}

function randomPlan(seed: number): Plan {
  const random = new Random(seed);
  const polls = new Set<PollStep>(POLLS.filter(() => random.below(2) === 0));
  const failures = Array.from({ length: random.below(3) }, () => random.pick<Step>(["candidate", "probing", "probed"]));
  return { down: split(random), up: split(random), polls, failures };
}

describe("1,000 messages each way during the upgrade, none lost, doubled or reordered", () => {
  describe.each(POLLS)("with a poll waiting: %s", (poll) => {
    test.each(STEPS)("the server sends when %s, the client at every step", async (down) => {
      for (const up of STEPS) await run({ down: { [down]: TOTAL }, up: { [up]: TOTAL }, polls: new Set([poll]) });
    });
  });

  test("some at every step, with every poll", async () => {
    const each = Object.fromEntries(STEPS.map((step) => [step, Math.ceil(TOTAL / STEPS.length)]));
    for (const poll of POLLS) await run({ down: each, up: each, polls: new Set([poll]) });
    await run({ down: each, up: each, polls: new Set(POLLS) });
  });

  test.each(["candidate", "probing", "probed"] as const)("after a candidate that was lost when %s", async (failure) => {
    const each = Object.fromEntries(STEPS.map((step) => [step, Math.ceil(TOTAL / STEPS.length)]));
    for (const poll of POLLS) await run({ down: each, up: each, polls: new Set([poll]), failures: [failure, failure] });
  });

  test.each([1, 2, 3, 4])("random plans, seed %i", async (seed) => {
    for (let round = 0; round < 10; round++) await run(randomPlan(seed * 1000 + round));
  });
});
