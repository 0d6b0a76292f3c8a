// Packs the packages and prints the command that installs the tarballs; or copies an example and lets it use them.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const out = join(root, "tarballs");
const [pnpm, ...args] = process.argv.slice(2);
const USAGE = `usage: npm run pack
       npm run pack -- --example NAME FOLDER    a copy of examples/NAME that runs anywhere`;

/** The tarballs by the names of their packages. */
function pack() {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out);
  const flags = ["--yes", pnpm, "--filter", "./packages/*", "pack", "--pack-destination", out];
  const result = spawnSync("npx", flags, { cwd: root, encoding: "utf8", shell: process.platform === "win32" });
  if (result.status !== 0) throw new Error(`${result.stdout}${result.stderr}`);
  const names = readdirSync(out).map((file) => [file.replace(/^portage-(\w+)-.*/, "@portage/$1"), join(out, file)]);
  return Object.fromEntries(names);
}

/** A path as a shell takes it. */
const quote = (path) => (/[^\w./:@\\-]/.test(path) ? `"${path}"` : path);

/** Why an example can't be copied, or undefined. */
function objection(name, folder) {
  const examples = readdirSync(join(root, "examples"));
  if (!examples.includes(name)) return `There is no example "${name}". There are: ${examples.join(", ")}.`;
  const isTaken = existsSync(folder) && (!statSync(folder).isDirectory() || readdirSync(folder).length > 0);
  return isTaken ? `${resolve(folder)} is not an empty folder.` : undefined;
}

/** Copies an example; its manifest names the tarballs in place of the packages of the workspace. */
function copyExample(name, folder, tarballs) {
  const source = join(root, "examples", name);
  const target = resolve(folder);
  cpSync(source, target, { recursive: true, filter: (path) => !["node_modules", "dist"].includes(basename(path)) });
  const file = join(target, "package.json");
  const manifest = JSON.parse(readFileSync(file, "utf8"));
  const names = new Set(Object.keys(manifest.dependencies).filter((each) => each in tarballs));
  for (const needed of ["@portage/parser", "@portage/websocket"]) names.add(needed);
  for (const each of names) manifest.dependencies[each] = `file:${tarballs[each]}`;
  writeFileSync(file, `${JSON.stringify(manifest, undefined, 2)}\n`);
  console.log(`The example is in ${target}. To run it:\n\n  cd ${quote(target)} && npm install && npm start`);
}

const [flag, name, folder] = args;
if (args.length > 0 && (flag !== "--example" || folder === undefined || args.length > 3)) {
  console.error(USAGE);
  process.exit(1);
}
const problem = name === undefined ? undefined : objection(name, folder);
if (problem !== undefined) {
  console.error(`${problem}\n${USAGE}`);
  process.exit(1);
}
const tarballs = pack();
if (name !== undefined) copyExample(name, folder, tarballs);
else {
  const { "@portage/server": server, "@portage/client": client, ...needed } = tarballs;
  const both = Object.values(needed).map(quote).join(" ");
  console.log(`The packages are in ${out}. They need each other: install them in one command, in your project:

  npm install ${quote(server)} ${quote(client)} ${both}

In the place of socket.io and socket.io-client:

  npm install ${quote(`socket.io@file:${server}`)} ${quote(`socket.io-client@file:${client}`)} ${both}`);
}
