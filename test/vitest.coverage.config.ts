import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import shared from "./vitest.config.ts";

const { resolve, ssr } = shared;

/**
 * What the tests run of the packages' sources: those tests that take little time, and run the packages in their own
 * process. See scripts/coverage.mjs.
 */
export default defineConfig({
  ...(resolve && { resolve }),
  ...(ssr && { ssr }),
  root: fileURLToPath(new URL("..", import.meta.url)),
  test: {
    pool: "forks",
    maxWorkers: 4,
    isolate: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: ["default", "./test/support/reporter.ts"],
    include: [
      "test/{unit,contract}/**/*.test.ts",
      "test/e2e/{closing,doctor,hosts,reports,requests,upgrade}/*.test.ts",
    ],
    coverage: {
      enabled: true,
      provider: "v8",
      include: ["packages/*/src/**/*.ts"],
      // Its tests change the logs of their process, which these tests share.
      exclude: ["packages/server/src/dashboard/**"],
      reporter: ["json-summary", "html"],
      reportsDirectory: ".cache/coverage",
    },
  },
});
