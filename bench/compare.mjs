// The working tree beside another commit: the same rows, on one server after the other.
//
//   npm run bench -- compare main                  a few rows
//   npm run bench -- compare HEAD~3 echo rooms     those rows; BENCH_ROUNDS (default 5)
//
// The commit is checked out and built below .cache/bench, and reused by the next comparison. Both run the server
// program of the working tree, so that nothing but the packages differs.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Contender, isPinned } from "./contender.mjs";
import { median } from "./report.mjs";
import { messageRows } from "./rows-messages.mjs";
import { sessionRows } from "./rows-sessions.mjs";

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const DEFAULT_ROWS = ["echo", "pipelined", "broadcast", "polling", "connect"];
const rows = { ...messageRows, ...sessionRows };
const root = fileURLToPath(new URL("..", import.meta.url));

function leave(message) {
  console.error(message);
  process.exit(1);
}

function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, encoding: "utf8", ...options });
  if (result.status !== 0) leave(`${command} ${args.join(" ")} failed\n${result.stderr ?? ""}`);
  return result.stdout?.trim();
}

/** Checks a commit out, builds it, and returns its folder. */
function checkedOut(base) {
  const commit = run("git", ["rev-parse", "--verify", "--quiet", `${base}^{commit}`]);
  const folder = join(root, ".cache/bench", commit.slice(0, 12));
  const built = join(folder, ".cache/built");
  if (!existsSync(built)) {
    run("git", ["worktree", "prune"]);
    if (!existsSync(folder)) run("git", ["worktree", "add", "--detach", "--quiet", folder, commit]);
    run(process.execPath, ["scripts/run.mjs", "build"], { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
    mkdirSync(join(folder, ".cache"), { recursive: true });
    writeFileSync(built, "");
  }
  cpSync(join(root, "bench/servers"), join(folder, "bench/servers"), { recursive: true });
  return folder;
}

async function figureOf(row, folder) {
  const contender = await new Contender("portage", row.options, join(folder, "bench")).start();
  try {
    const figure = await row.run(contender);
    return typeof figure === "number" ? figure : figure.value;
  } finally {
    await contender.stop();
  }
}

const column = (text, width = 12) => String(text).padStart(width);
const fixed = (value) => value.toFixed(value >= 1000 ? 0 : 2);
const scatter = (values) =>
  `± ${((100 * (Math.max(...values) - Math.min(...values))) / 2 / median(values)).toFixed(1)} %`;

const [base, ...wanted] = process.argv.slice(2);
if (base === undefined)
  leave(`usage: npm run bench -- compare <commit> [row...]\nrows: ${Object.keys(rows).join(", ")}`);
const unknown = wanted.filter((name) => !Object.hasOwn(rows, name));
if (unknown.length > 0) leave(`no such row: ${unknown.join(", ")}\nthere are: ${Object.keys(rows).join(", ")}`);
const folder = checkedOut(base);

const pinned = isPinned ? "server and load pinned to a core each" : "NOT pinned";
console.log(`Node ${process.version}, ${pinned}, medians of ${ROUNDS} rounds; below 1 the working tree is better\n`);
console.log(`${"".padEnd(44)}${[base.slice(0, 11), "", "here", "", "ratio"].map((text) => column(text)).join("")}`);
for (const name of wanted.length > 0 ? wanted : DEFAULT_ROWS) {
  const row = rows[name];
  const before = [];
  const now = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    before.push(await figureOf(row, folder));
    now.push(await figureOf(row, root));
  }
  // The two runs of a round are close in time, so their ratio varies less than the ratio of the medians.
  const ratios = now.map((figure, round) => figure / before[round]);
  const cells = [fixed(median(before)), scatter(before), fixed(median(now)), scatter(now), fixed(median(ratios))];
  console.log(`${row.title.padEnd(44)}${cells.map((cell) => column(cell)).join("")}  ${scatter(ratios)}  ${row.unit}`);
}
