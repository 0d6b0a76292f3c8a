import { defineConfig } from "vitest/config";
import shared, { MORE_IN_BROWSER } from "./vitest.config.ts";

const { resolve, ssr } = shared;

/** The live page, the demo and single transports in real browsers. They take minutes: not part of `npm test`. */
export default defineConfig({
  ...(resolve && { resolve }),
  ...(ssr && { ssr }),
  test: {
    pool: "forks",
    maxWorkers: 2,
    // All healthy programs at once: they wait for ten minutes.
    maxConcurrency: 6,
    reporters: ["default", "./support/reporter.ts"],
    include: ["dashboard/**/*.test.ts", MORE_IN_BROWSER],
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
