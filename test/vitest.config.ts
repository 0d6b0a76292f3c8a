import { defineConfig } from "vitest/config";

/** From source by default; PORTAGE_DIST=1 runs the same tests against the built packages. */
const conditions = process.env["PORTAGE_DIST"] ? [] : ["portage-source"];

const shared = {
  resolve: { conditions: [...conditions, "node"] },
  ssr: { resolve: { conditions: [...conditions, "node"] } },
};

export default defineConfig({
  ...shared,
  test: {
    pool: "forks",
    maxWorkers: 2,
    reporters: ["default", "./support/reporter.ts"],
    projects: [
      { ...shared, test: { name: "unit", include: ["unit/**/*.test.ts"], isolate: false } },
      {
        ...shared,
        test: {
          name: "system",
          include: ["{contract,e2e,differential,conformance,fuzz,types,browser}/**/*.test.ts"],
          testTimeout: 20_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
