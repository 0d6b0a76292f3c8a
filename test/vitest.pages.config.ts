import { defineConfig } from "vitest/config";
import shared, { LONG_IN_BROWSER } from "./vitest.config.ts";

const { resolve, ssr } = shared;

/** The live page, and the demo in its storms, in a real Chromium. They take minutes: not part of `npm test`. */
export default defineConfig({
  ...(resolve && { resolve }),
  ...(ssr && { ssr }),
  test: {
    pool: "forks",
    maxWorkers: 2,
    reporters: ["default", "./support/reporter.ts"],
    include: ["dashboard/**/*.test.ts", LONG_IN_BROWSER],
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
