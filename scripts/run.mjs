// Bootstrap of every root command: install when the lockfile or Node changed, build, then the job.
// It depends on nothing but Node itself, so that a fresh machine needs only Node and npm.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const PNPM = "pnpm@10.34.9";
const root = fileURLToPath(new URL("..", import.meta.url));
const [job = "help", ...rest] = process.argv.slice(2);
const isWindows = process.platform === "win32";

/** Runs a program in the repository and leaves with its exit code when it fails. */
function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: "inherit", ...options });
  if (result.error) throw result.error;
  if (result.status !== 0) process.exit(result.status ?? 1);
}

/** Runs a Node program in this process's place: it gets the signals of the terminal itself. */
const node = (file, args = [], options = {}) => run(process.execPath, [file, ...args], options);

/** Runs a program of a package. Windows has a command file for each, which only a shell runs. */
const tool = (name, ...args) =>
  run(join(root, "node_modules/.bin", isWindows ? `${name}.cmd` : name), args, { shell: isWindows });

/** Installs the packages of a folder, unless they are those of its lockfile and of this Node. */
function install(folder, ...flags) {
  const lock = readFileSync(join(folder, "pnpm-lock.yaml"));
  const stamp = createHash("sha256").update(lock).update(process.version).digest("hex");
  const file = join(folder, "node_modules", ".portage-install");
  if (existsSync(file) && readFileSync(file, "utf8") === stamp) return;
  run("npx", ["--yes", PNPM, "install", "--frozen-lockfile", ...flags], {
    cwd: folder,
    env: { ...process.env, CI: "true" },
    shell: isWindows,
  });
  writeFileSync(file, stamp);
}

function checkNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < 20 || (major === 20 && minor < 20)) {
    console.error(`Node 20.20 or newer is needed, this is ${process.version}.`);
    process.exit(1);
  }
}

function build() {
  node("scripts/clean-stale.mjs");
  tool("tsc", "-b", "packages/parser", "packages/websocket", "packages/server", "packages/cluster", "packages/client");
  node("scripts/output.mjs");
  node("packages/client/build.mjs");
  node("packages/server/dashboard-page/build.mjs");
}

const vitest = (...args) =>
  run(process.execPath, ["node_modules/vitest/vitest.mjs", "run", ...args, ...rest], { cwd: join(root, "test") });

const jobs = {
  build() {},
  // In this process: the signals of the terminal, and those that npm passes on, reach the server itself.
  async start() {
    const program = join(root, "examples/chat/server.mjs");
    process.argv.splice(1, Infinity, program, ...rest);
    await import(pathToFileURL(program).href);
  },
  test: () => vitest(),
  "test:packages": () => vitest("--config", "vitest.packages.config.ts"),
  "test:pages": () => vitest("--config", "vitest.pages.config.ts"),
  "test:hosts": () => vitest("--config", "vitest.hosts.config.ts"),
  coverage: () => node("scripts/coverage.mjs", rest),
  rfc: () => node("scripts/rfc-coverage.mjs"),
  fuzz: () => vitest("--config", "vitest.fuzz.config.ts"),
  walls() {
    if (rest[0] === "--storm") {
      process.env.WALLS = "storm";
      rest.splice(0, 1, "walls/storm");
    }
    vitest("--config", "vitest.walls.config.ts");
  },
  chaos() {
    if (rest[0] === "--long") {
      process.env.CHAOS = "long";
      rest.shift();
    }
    vitest("--config", "vitest.chaos.config.ts");
  },
  change: () => node("node_modules/@changesets/cli/bin.js", ["add", ...rest]),
  versions: () => node("scripts/release.mjs", ["versions"]),
  release: () => node("scripts/release.mjs", ["publish", PNPM]),
  pack: () => node("scripts/pack.mjs", [PNPM, ...rest]),
  bench: () => node("bench/run.mjs", rest),
  // The site has packages of its own, so that tests need not wait for them.
  docs() {
    install(join(root, "site"), "--ignore-workspace");
    node("site/build.mjs", rest);
  },
  format: () => tool("prettier", "--write", "."),
  check() {
    tool("tsc", "-b");
    tool("oxlint", "--type-aware", "--deny-warnings");
    tool("prettier", "--check", ".");
    node("scripts/check-layers.mjs");
    node("scripts/check-house.mjs");
    node("scripts/check-words.mjs");
    node("scripts/check-names.mjs");
    node("scripts/check-links.mjs");
    node("scripts/rfc-coverage.mjs");
    tool("knip");
    node("scripts/errors-doc.mjs", ["--check"]);
    node("scripts/doctor-doc.mjs", ["--check"]);
    node("scripts/metrics-doc.mjs", ["--check"]);
    tool("size-limit");
    node("scripts/check-packages.mjs", [PNPM]);
  },
};

if (!Object.hasOwn(jobs, job)) {
  console.error(`usage: node scripts/run.mjs ${Object.keys(jobs).join(" | ")}`);
  process.exit(1);
}
checkNode();
install(root);
build();
await jobs[job]();
