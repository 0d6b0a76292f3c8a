import { defineConfig } from "vitest/config";

/** From source by default; PORTAGE_DIST=1 runs the same tests against the built packages. */
const conditions = process.env["PORTAGE_DIST"] ? [] : ["portage-source"];

const shared = {
  resolve: { conditions: [...conditions, "node"] },
  ssr: { resolve: { conditions: [...conditions, "node"] } },
};

const patient = { testTimeout: 30_000, hookTimeout: 300_000 };

/** These measure the memory of their process, or listen to what happens in it: each has one of its own. */
const ALONE = [
  "e2e/bounds/*.test.ts",
  "e2e/program/{clock-jumps,handler-errors}*.test.ts",
  "differential/{arguments,options}.test.ts",
];

/** What is slow in a browser, or special to one transport: `npm run test:pages`. */
export const MORE_IN_BROWSER = "browser/{demo,demo-carry,demo-workers,http2,old-clients,streaming}.test.ts";

export default defineConfig({
  ...shared,
  test: {
    pool: "forks",
    // Most files wait for processes, browsers and time limits more than they compute.
    maxWorkers: 4,
    reporters: ["default", "./support/reporter.ts"],
    projects: [
      { ...shared, test: { ...patient, name: "unit", include: ["unit/**/*.test.ts"], isolate: false } },
      // Most time of a short test file is the start of its process and the loading of what it tests: they share both.
      {
        ...shared,
        test: {
          ...patient,
          name: "system",
          include: ["{contract,e2e,differential,conformance,types,browser,walls,cluster}/**/*.test.ts"],
          exclude: [...ALONE, MORE_IN_BROWSER],
          isolate: false,
        },
      },
      { ...shared, test: { ...patient, name: "alone", include: [...ALONE, "fuzz/**/*.test.ts"] } },
    ],
  },
});
