import { expect, test } from "vitest";
import { Random } from "../../../support/random.ts";
import { World } from "./world.ts";

/*
 * Schedules of a cluster in one process, each from a seed. FUZZ_ROUNDS sets their number, FUZZ_SEED the first seed.
 */
const ROUNDS = Number(process.env["FUZZ_ROUNDS"] ?? 100);
const SEED = Number(process.env["FUZZ_SEED"] ?? 1);
/** With it, all steps are printed. */
const TRACED = process.env["FUZZ_TRACE"] !== undefined;

/** The command that repeats a schedule. */
const replayOf = (seed: number): string =>
  `FUZZ_SEED=${seed} FUZZ_ROUNDS=1 FUZZ_TRACE=1 npm test -- unit/cluster/simulation`;

test("sessions of a cluster survive what they can", { timeout: 3_600_000 }, async () => {
  const counts: Record<string, number> = {};
  for (let seed = SEED; seed < SEED + ROUNDS; seed++) {
    const trace: string[] | undefined = TRACED ? [] : undefined;
    const world = new World(new Random(seed), trace);
    const findings = await world.run();
    if (trace) console.log(trace.join("\n"));
    if (findings.length > 0) throw new Error(`${replayOf(seed)}: ${findings.join("; ")}`);
    for (const [name, count] of Object.entries(world.witness.counts)) counts[name] = (counts[name] ?? 0) + count;
  }
  if (process.env["FUZZ_ROUNDS"]) console.log(`seeds ${SEED} to ${SEED + ROUNDS - 1}`, counts);
});

test("a seed decides everything", async () => {
  for (let seed = SEED; seed < SEED + 10; seed++) {
    const [one, two]: [string[], string[]] = [[], []];
    await new World(new Random(seed), one).run();
    await new World(new Random(seed), two).run();
    expect(one).toEqual(two);
  }
});
