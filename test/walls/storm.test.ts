import { expect, test } from "vitest";
import { runStorm, type StormPlan } from "./storm.ts";

const isLong = process.env["WALLS"] === "storm";
const seed = Number(process.env["WALLS_SEED"] ?? 1);

const PLAN: StormPlan = isLong
  ? { seed, clients: 50, kills: 2000, lasts: 60_000, pace: 100, patience: 10_000, after: 15_000 }
  : { seed, clients: 8, kills: 60, lasts: 1500, pace: 25, patience: 10_000, after: 0 };

test("a storm that kills connections at random bytes", { timeout: 120_000 }, async () => {
  const outcome = await runStorm(PLAN);
  if (isLong) console.table({ ...outcome, inside: JSON.stringify(outcome.inside) });
  const nothing = { disconnects: 0, lost: 0, doubled: 0, reordered: 0, unsettled: 0 };
  expect(outcome, `WALLS_SEED=${seed}`).toMatchObject({ ...nothing, back: PLAN.clients });
  expect(outcome.kills, "kills").toBeGreaterThan(PLAN.kills / 4);
  if (isLong) expect(outcome.left, "sessions that stay behind").toBe(0);
  if (isLong) expect(outcome.heap, "growth of the heap").toBeLessThan(1.5);
});
