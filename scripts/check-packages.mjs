// Packs each published package and lets publint and attw look at what a user would install.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const pnpm = process.argv[2];
/** Entries for browsers and script tags: files without types. */
const FILES = Object.keys(JSON.parse(readFileSync(join(root, "packages/client/package.json"), "utf8")).exports).filter(
  (entry) => entry.startsWith("./dist/"),
);
const out = mkdtempSync(join(tmpdir(), "portage-pack-"));
let failed = false;

function run(command, args, cwd) {
  const result = spawnSync(command, args, { cwd, encoding: "utf8", shell: process.platform === "win32" });
  if (result.status !== 0) {
    failed = true;
    console.error(`${command} ${args.join(" ")}\n${result.stdout}${result.stderr}`);
  }
}

try {
  run("npx", ["--yes", pnpm, "--filter", "./packages/*", "pack", "--pack-destination", out], root);
  for (const tarball of readdirSync(out)) {
    run(join(root, "node_modules/.bin/publint"), ["run", join(out, tarball), "--strict"], root);
    const flags = ["--no-emoji", "--format", "ascii", "--exclude-entrypoints", ...FILES];
    run(join(root, "node_modules/.bin/attw"), [join(out, tarball), ...flags], root);
  }
} finally {
  rmSync(out, { recursive: true, force: true });
}
console.log(`packages: ${failed ? "problems above" : "publint and attw are content"}`);
process.exit(failed ? 1 : 0);
