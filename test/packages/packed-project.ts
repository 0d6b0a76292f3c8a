import { spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { digest, madeOnce } from "../support/servers/once.ts";
import { CACHE } from "../support/servers/server-process.ts";

/** The repository. */
export const ROOT: string = fileURLToPath(new URL("../..", import.meta.url));
/** Packages of the tests, for further dependencies of a project. */
const MODULES = join(ROOT, "test/node_modules");

/** The packages that are published. */
const PACKAGES = ["parser", "websocket", "server", "cluster", "client"];

/** The packages that programs use under their own names. */
const OWN_NAMES = ["parser", "websocket", "server", "cluster"];

/** Names of the reference's packages, and their replacements. */
const ALIASES: Record<string, string> = {
  "socket.io": "server",
  "socket.io-client": "client",
  "socket.io-parser": "parser",
};

/** Names without a separate package here: an entry of another package replaces them. */
const FACADES: Record<string, string> = {
  "engine.io": "socket.io/engine",
  "socket.io-adapter": "socket.io/adapter",
  "engine.io-parser": "@portage/parser/engine",
};

/** Time limit for programs of the tests, in milliseconds. */
const RUNNING_TIME = 50_000;

/** Time limit for packing and installing in milliseconds, as long as for the hook, as a machine may be busy. */
const INSTALL_TIME = 240_000;

interface Manifest {
  readonly version: string;
  readonly dependencies?: Record<string, string>;
}

const readManifest = async (folder: string): Promise<Manifest> =>
  JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as Manifest;

/** Runs a program and returns its output. Rejects with its error output if it fails. */
export function run(command: string, args: readonly string[], cwd: string, timeout = RUNNING_TIME): Promise<string> {
  const env = { ...process.env, NODE_OPTIONS: "", NODE_PATH: "" };
  const child = spawn(command, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"], timeout });
  let output = "";
  let complaints = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (complaints += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve(output);
      else reject(new Error(`${command} ${args.join(" ")} ended with ${code}\n${output}${complaints}`));
    });
  });
}

/** Where the dependencies of an installed package are, by name, and theirs. */
async function dependenciesOf(folder: string, found = new Map<string, string>()): Promise<Map<string, string>> {
  const { dependencies = {} } = await readManifest(folder);
  for (const name of Object.keys(dependencies)) {
    if (name.startsWith("@portage/") || found.has(name)) continue;
    const place = await locate(name, folder);
    found.set(name, place);
    await dependenciesOf(place, found);
  }
  return found;
}

/** Looks for a package as Node does: in each `node_modules` upwards from `folder`. */
async function locate(name: string, folder: string): Promise<string> {
  for (let at = folder; at !== dirname(at); at = dirname(at)) {
    const found = await realpath(join(at, "node_modules", name)).catch(() => undefined);
    if (found !== undefined) return found;
  }
  throw new Error(`${name} is not installed for ${folder}`);
}

/** A user's project, with the packed packages installed by npm under the names that they replace. */
export class Project {
  readonly folder: string;
  readonly #modules: string;
  #programs = 0;

  constructor(folder: string) {
    this.folder = folder;
    this.#modules = join(folder, "node_modules");
  }

  /** Puts packages of the tests into the project. They see its `socket.io` only if they are copied. */
  async link(...names: string[]): Promise<void> {
    await this.linkFrom(MODULES, ...names);
  }

  /** The same, from another folder of packages. */
  async linkFrom(folder: string, ...names: string[]): Promise<void> {
    for (const name of names) await this.#link(name, await realpath(join(folder, name)));
  }

  async #link(name: string, target: string): Promise<void> {
    await mkdir(dirname(join(this.#modules, name)), { recursive: true });
    await symlink(target, join(this.#modules, name), "dir").catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
  }

  /** Copies a package into the project, so that its imports resolve there. Links dependencies. */
  async copy(name: string, from: string = MODULES): Promise<void> {
    const source = await realpath(join(from, name));
    await cp(source, join(this.#modules, name), { recursive: true });
    const { dependencies = {} } = await readManifest(source);
    for (const needed of Object.keys(dependencies)) {
      if (!(needed in ALIASES)) await this.#link(needed, await locate(needed, source));
    }
  }

  /** Writes a file of the project and returns its path. */
  async write(file: string, text: string): Promise<string> {
    const path = join(this.folder, file);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
    return path;
  }

  /** Runs a program of the project, in the language of `extension`. Returns its output, parsed as JSON. */
  async run(extension: "cjs" | "mjs", text: string): Promise<unknown> {
    const file = await this.write(`program-${++this.#programs}.${extension}`, text);
    return JSON.parse(await run(process.execPath, [file], this.folder));
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }
}

async function pack(destination: string): Promise<Map<string, string>> {
  const filters = ["--filter", `./packages/{${PACKAGES.join(",")}}`];
  await run(
    "npx",
    ["--yes", "pnpm@10.34.9", ...filters, "pack", "--pack-destination", destination],
    ROOT,
    INSTALL_TIME,
  );
  const tarballs = (await readdir(destination)).filter((file) => file.endsWith(".tgz"));
  return new Map(tarballs.map((file) => [file.replace(/^portage-(\w+)-.*/, "$1"), `file:./${file}`]));
}

/** Writes a package that reexports another module. */
async function writeFacade(folder: string, name: string, target: string): Promise<void> {
  const manifest = { name, version: "6.6.0", main: "index.js", types: "index.d.ts" };
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "package.json"), JSON.stringify(manifest));
  await writeFile(join(folder, "index.js"), `module.exports = require("${target}");\n`);
  await writeFile(join(folder, "index.d.ts"), `export * from "${target}";\n`);
}

/**
 * Packs the packages and has npm install the tarballs. What they depend on comes from the packages of this repository,
 * so that nothing is fetched.
 */
async function install(folder: string): Promise<void> {
  const tarballs = await pack(folder);
  const dependencies: Record<string, string | undefined> = Object.fromEntries(
    OWN_NAMES.map((name) => [`@portage/${name}`, tarballs.get(name)]),
  );
  for (const [name, place] of await dependenciesOf(join(ROOT, "packages/server"))) dependencies[name] = `file:${place}`;
  const overrides = Object.fromEntries(Object.keys(dependencies).map((name) => [name, `$${name}`]));
  for (const [alias, name] of Object.entries(ALIASES)) dependencies[alias] = tarballs.get(name);
  await writeFile(join(folder, "package.json"), JSON.stringify({ private: true, dependencies, overrides }));
  const flags = ["--offline", "--install-links", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"];
  await run("npm", ["install", ...flags], folder, INSTALL_TIME);
  for (const [name, target] of Object.entries(FACADES)) {
    await writeFacade(join(folder, "node_modules", name), name, target);
  }
}

/** A project with the packages as they are now. They are packed and installed once for all test files. */
export async function createProject(): Promise<Project> {
  const contents = ["package.json", "bin", "src", "dist", "esm", "types", "client-dist"];
  const files = PACKAGES.flatMap((name) => contents.map((each) => join(ROOT, "packages", name, each)));
  const key = await digest([...files, join(ROOT, "pnpm-lock.yaml"), fileURLToPath(import.meta.url)]);
  const installed = join(CACHE, "packed", key);
  await madeOnce(installed, install);
  const folder = await realpath(await mkdtemp(join(tmpdir(), "portage-project-")));
  await cp(installed, folder, { recursive: true, verbatimSymlinks: true });
  return new Project(folder);
}
