// Runs the fast tests, and prints which part of each package's lines and branches they ran. Fails below the floors.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Whole percent of lines and branches. Raise them with the figures; who lowers one says why in the commit. */
const FLOORS = {
  parser: { lines: 100, branches: 99 },
  websocket: { lines: 99, branches: 95 },
  server: { lines: 94, branches: 86 },
  cluster: { lines: 82, branches: 75 },
  client: { lines: 96, branches: 94 },
};

/** Percent of the branches that run on some machines only: what arrives in one read depends on time. */
const SCATTER = 0.3;

const root = fileURLToPath(new URL("..", import.meta.url));
const vitest = join(root, "test/node_modules/vitest/vitest.mjs");
const flags = ["run", "--config", "vitest.coverage.config.ts", ...process.argv.slice(2)];
const { status } = spawnSync(process.execPath, [vitest, ...flags], { cwd: join(root, "test"), stdio: "inherit" });
if (status !== 0) process.exit(status ?? 1);

const summary = JSON.parse(readFileSync(join(root, ".cache/coverage/coverage-summary.json"), "utf8"));

/** Percent of what all files of a package have of a kind, `lines` or `branches`. */
function percent(name, kind) {
  const files = Object.entries(summary).filter(([file]) =>
    file.replaceAll("\\", "/").includes(`/packages/${name}/src/`),
  );
  const sum = (field) => files.reduce((total, [, figures]) => total + figures[kind][field], 0);
  return (100 * sum("covered")) / sum("total");
}

let failed = false;
console.log(`\n${"".padEnd(12)}${"lines".padStart(12)}${"branches".padStart(12)}`);
for (const [name, floors] of Object.entries(FLOORS)) {
  const cells = Object.entries(floors).map(([kind, floor]) => {
    const figure = percent(name, kind);
    if (figure >= floor - (kind === "branches" ? SCATTER : 0)) return `${figure.toFixed(2)} %`;
    failed = true;
    return `${figure.toFixed(2)} < ${floor}`;
  });
  console.log(name.padEnd(12) + cells.map((cell) => cell.padStart(12)).join(""));
}
process.exit(failed ? 1 : 0);
