import { defineConfig } from "vitest/config";

/** What package managers and bundlers of users do with the packages. They fetch what they need: not part of `npm test`. */
export default defineConfig({
  resolve: { conditions: ["portage-source", "node"] },
  ssr: { resolve: { conditions: ["portage-source", "node"] } },
  test: {
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 300_000,
    hookTimeout: 300_000,
    reporters: ["default", "./support/reporter.ts"],
    include: ["packages/**/*.test.ts"],
  },
});
