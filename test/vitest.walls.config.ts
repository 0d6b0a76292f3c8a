import { defineConfig } from "vitest/config";
import shared from "./vitest.config.ts";

/** Every client against every wall, which takes minutes; `npm test` runs only the quick ones. */
process.env["WALLS"] ??= "full";

const { resolve, ssr } = shared;

export default defineConfig({
  ...(resolve && { resolve }),
  ...(ssr && { ssr }),
  test: {
    pool: "forks",
    maxWorkers: 1,
    reporters: ["default", "./support/reporter.ts"],
    include: ["walls/**/*.test.ts"],
    testTimeout: 600_000,
  },
});
