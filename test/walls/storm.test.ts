import { expect, test } from "vitest";
import { hasLanded } from "./cells.ts";
import { runStorm, type StormPlan } from "./storm.ts";

const isLong = process.env["WALLS"] === "storm";
const seed = Number(process.env["WALLS_SEED"] ?? 1);
/** Without carry nothing more arrives. Milliseconds. */
const patience = hasLanded("carry") ? 5000 : 0;

const PLAN: StormPlan = isLong
  ? { seed, clients: 50, kills: 2000, lasts: 60_000, pace: 100, patience }
  : { seed, clients: 8, kills: 60, lasts: 1500, pace: 25, patience };

test("a storm that kills connections at random bytes", { timeout: 120_000 }, async () => {
  const outcome = await runStorm(PLAN);
  if (isLong) console.table({ ...outcome, inside: JSON.stringify(outcome.inside) });
  expect(outcome, `WALLS_SEED=${seed}`).toMatchObject({ doubled: 0, reordered: 0, back: PLAN.clients, left: 0 });
  expect(outcome.kills, "kills").toBeGreaterThan(PLAN.kills / 4);
  if (hasLanded("carry")) expect(outcome).toMatchObject({ disconnects: 0, lost: 0, unsettled: 0 });
  if (isLong) expect(outcome.heap, "growth of the heap").toBeLessThan(1.5);
});
