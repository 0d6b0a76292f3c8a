import { defineConfig } from "vitest/config";
import shared from "./vitest.config.ts";

/** Processes of a cluster under load that are killed, stopped and flooded, for as long as `CHAOS` says: medium or long. */
process.env["CHAOS"] ??= "medium";

const { resolve, ssr } = shared;

export default defineConfig({
  ...(resolve && { resolve }),
  ...(ssr && { ssr }),
  test: {
    pool: "forks",
    maxWorkers: 1,
    reporters: ["default", "./support/reporter.ts"],
    include: ["cluster/**/*.test.ts"],
    testTimeout: 1_200_000,
    hookTimeout: 300_000,
  },
});
