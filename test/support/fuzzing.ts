import { Random } from "./random.ts";

/** Run time of each fuzzer of a live server in seconds: a moment in `npm test`, a minute in `npm run fuzz`. */
const SECONDS = Number(process.env["FUZZ_SECONDS"] ?? (process.env["FUZZ_ROUNDS"] ? 60 : 0.8));

/** The first seed. */
const SEED = Number(process.env["FUZZ_SEED"] ?? 1);

/** Time limit of {@link forSeeds} in milliseconds, for the timeout of a test. */
export const FUZZ_TIME = SECONDS * 1000 + 30_000;

/** Runs seeds one after another until the time is over; a failure names its seed. Returns the number of runs. */
export async function forSeeds(run: (seed: number, random: Random) => Promise<void>): Promise<number> {
  const end = performance.now() + SECONDS * 1000;
  let seed = SEED;
  do {
    try {
      await run(seed, new Random(seed));
    } catch (error) {
      throw new Error(`FUZZ_SEED=${seed}: ${(error as Error).message}`, { cause: error });
    }
    seed++;
  } while (performance.now() < end);
  if (SECONDS > 10) process.stdout.write(`\nseeds ${SEED} to ${seed - 1}\n`);
  return seed - SEED;
}
