import { defineConfig } from "vitest/config";
import shared from "./vitest.config.ts";

const { resolve, ssr } = shared;

/** The live page in a real Chromium, which takes minutes: not part of `npm test`. */
export default defineConfig({
  ...(resolve && { resolve }),
  ...(ssr && { ssr }),
  test: {
    pool: "forks",
    maxWorkers: 1,
    reporters: ["default", "./support/reporter.ts"],
    include: ["dashboard/**/*.test.ts"],
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
