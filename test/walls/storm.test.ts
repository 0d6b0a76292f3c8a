import { expect, test } from "vitest";
import { runStorm, type StormOutcome, type StormPlan } from "./storm.ts";

const isLong = process.env["WALLS"] === "storm";
const seed = Number(process.env["WALLS_SEED"] ?? 1);

/** Losses that a client notices at once. */
const SUDDEN = ["end", "reset", "half-open"] as const;
const SHORT: StormPlan = {
  seed,
  clients: 8,
  kills: 60,
  lasts: 1500,
  pace: 25,
  losses: SUDDEN,
  patience: 15_000,
  after: 0,
};
const LONG: StormPlan = { ...SHORT, clients: 50, kills: 2000, lasts: 60_000, pace: 100, after: 20_000 };

async function brave(plan: StormPlan): Promise<StormOutcome> {
  const outcome = await runStorm(plan);
  if (isLong) console.table({ ...outcome, losses: plan.losses.join(" "), inside: JSON.stringify(outcome.inside) });
  expect(outcome, `WALLS_SEED=${seed}`).toMatchObject({ doubled: 0, back: plan.clients });
  expect(outcome.kills, "kills").toBeGreaterThan(plan.kills / 4);
  if (isLong) expect(outcome.left, "sessions that stay behind").toBe(0);
  if (isLong) expect(outcome.heap, "growth of the heap").toBeLessThan(1.5);
  return outcome;
}

test("a storm that kills connections at random bytes", { timeout: 120_000 }, async () => {
  const nothing = { disconnects: 0, lost: 0, reordered: 0, unsettled: 0 };
  expect(await brave(isLong ? LONG : SHORT), `WALLS_SEED=${seed}`).toMatchObject(nothing);
});

// several silent connections in a row fill the window of a session
test.runIf(isLong)("a storm in which one connection in seven falls silent", { timeout: 120_000 }, async () => {
  const { disconnects, kills } = await brave({ ...LONG, losses: [...SUDDEN, ...SUDDEN, "silence"] });
  expect(disconnects).toBeLessThan(kills / 100);
});
