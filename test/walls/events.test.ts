import { expect, test } from "vitest";
import { runCuts } from "../e2e/streaming/cuts.ts";

const isLong = process.env["WALLS"] === "storm";
const seed = Number(process.env["WALLS_SEED"] ?? 1);

// The short form is in e2e/streaming/event-source-recovery.test.ts.
test.runIf(isLong)("pages whose connections are cut under load miss nothing", { timeout: 120_000 }, async () => {
  const outcome = await runCuts({ seed, readers: 20, cuts: 1000, bytes: 60_000, pace: 2 });
  console.table(outcome);
  expect(outcome, `WALLS_SEED=${seed}`).toMatchObject({ gaps: 0, doubled: 0, reordered: 0, fresh: 0 });
});
