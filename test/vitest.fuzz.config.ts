import { defineConfig } from "vitest/config";
import shared from "./vitest.config.ts";

/** The fuzzers alone, for as long as `FUZZ_ROUNDS` says; `FUZZ_SEED` starts them elsewhere. */
process.env["FUZZ_ROUNDS"] ??= "200000";

const { resolve, ssr } = shared;

export default defineConfig({
  ...(resolve && { resolve }),
  ...(ssr && { ssr }),
  test: {
    pool: "forks",
    maxWorkers: 2,
    reporters: ["default", "./support/reporter.ts"],
    include: ["fuzz/**/*.test.ts"],
    testTimeout: 600_000,
  },
});
