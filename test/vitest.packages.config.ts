import { defineConfig } from "vitest/config";

/**
 * The packed packages in projects of users, with their package managers, compilers and bundlers. These take long, and some
 * of them fetch what they need: not part of `npm test`.
 */
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
