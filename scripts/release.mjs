// From the notes in .changeset to packages on npm. CONTRIBUTING.md says in which order.
//
//   node scripts/release.mjs versions        new versions, and a section of CHANGELOG.md out of the notes
//   node scripts/release.mjs notes v4.8.0    prints that section; fails when the packages have another version
//   node scripts/release.mjs publish PNPM    publishes what is not on npm in its version yet
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const KINDS = ["Security", "Changed", "Added", "Fixed"];
const root = fileURLToPath(new URL("..", import.meta.url));
const changelog = join(root, "CHANGELOG.md");
const versionFile = join(root, "packages/server/src/socketio/host/version.ts");
const notesFolder = join(root, ".changeset");

function fail(message) {
  console.error(message);
  process.exit(1);
}

function run(command, args, options = {}) {
  const { status } = spawnSync(command, args, { cwd: root, stdio: "inherit", ...options });
  if (status !== 0) process.exit(status ?? 1);
}

/** The version that all packages have. */
function versionOfPackages() {
  const all = readdirSync(join(root, "packages")).map(
    (name) => JSON.parse(readFileSync(join(root, "packages", name, "package.json"), "utf8")).version,
  );
  if (new Set(all).size !== 1) fail(`the packages have several versions: ${all.join(", ")}`);
  return all[0];
}

/** The notes by their kind, without what is for changesets. */
function notesByKind() {
  const kinds = new Map(KINDS.map((kind) => [kind, []]));
  const names = readdirSync(notesFolder).filter((name) => name.endsWith(".md") && name !== "README.md");
  if (names.length === 0) fail("there are no notes in .changeset: nothing that users notice has changed");
  for (const name of names.toSorted()) {
    const note = readFileSync(join(notesFolder, name), "utf8").replace(/^---\r?\n[\s\S]*?\n---\r?\n/, "");
    const [, kind, text] = /^(\w+): (\S[\s\S]*)$/.exec(note.trim()) ?? [];
    if (!kinds.has(kind)) fail(`.changeset/${name}: a note begins with one of ${KINDS.join(", ")} and a colon`);
    kinds.get(kind).push(`- ${text.replaceAll("\n", "\n  ")}`);
  }
  return [...kinds].filter(([, lines]) => lines.length > 0);
}

function versions() {
  const body = notesByKind().map(([kind, lines]) => `### ${kind}\n\n${lines.join("\n")}\n\n`);
  run(process.execPath, [join(root, "node_modules/@changesets/cli/bin.js"), "version"]);
  writeFileSync(versionFile, readFileSync(versionFile, "utf8").replace(/"[^"]+"/, `"${versionOfPackages()}"`));
  const text = readFileSync(changelog, "utf8");
  const at = text.indexOf("\n## ") + 1;
  const heading = `## ${versionOfPackages()} (${new Date().toISOString().slice(0, 10)})\n\n`;
  writeFileSync(changelog, text.slice(0, at) + heading + body.join("") + text.slice(at));
}

function notes(tag) {
  const current = versionOfPackages();
  if (tag !== `v${current}`) fail(`the tag is ${tag}, and the packages have the version ${current}`);
  const sections = readFileSync(changelog, "utf8").split(/^## /m);
  const section = sections.find((one) => one.split(/[\s,(]/)[0] === current);
  if (section === undefined) fail(`CHANGELOG.md has no section ${current}`);
  console.log(section.slice(section.indexOf("\n")).trim());
}

function publish(pnpm) {
  const flags = ["--filter", "./packages/*", "publish", "--access", "public", "--no-git-checks"];
  run("npx", ["--yes", pnpm, "--recursive", ...flags], { shell: process.platform === "win32" });
}

const jobs = { versions, notes, publish };
const [job, argument] = process.argv.slice(2);
if (!Object.hasOwn(jobs, job)) fail(`usage: node scripts/release.mjs ${Object.keys(jobs).join(" | ")}`);
jobs[job](argument);
