import { defineConfig } from "vitest/config";

/** The built packages on runtimes other than Node, which are fetched from npm: not part of `npm test`. */
export default defineConfig({
  test: {
    pool: "forks",
    maxWorkers: 1,
    testTimeout: 60_000,
    hookTimeout: 300_000,
    reporters: ["default", "./support/reporter.ts"],
    include: ["hosts/**/*.test.ts"],
  },
});
