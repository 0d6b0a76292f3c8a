import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { CACHE } from "../support/servers/server-process.ts";

const run = promisify(execFile);

/** A runtime other than Node, from npm: about 100 MB each, so they are in a folder of their own. */
interface Wanted {
  readonly version: string;
  /** The scope of the packages with binaries, one for each platform. */
  readonly scope: string;
  readonly binary: string;
  /** Arguments in front of a program. */
  readonly args: readonly string[];
}

const WANTED = {
  bun: { version: "1.4.5", scope: "@oven", binary: "bin/bun", args: ["run"] },
  deno: { version: "2.9.6", scope: "@deno", binary: "deno", args: ["run", "--allow-all", "--no-config"] },
} as const satisfies Record<string, Wanted>;

export type RuntimeName = keyof typeof WANTED;

/** How a program is started. */
export interface Runtime {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
}

export const node: Runtime = { name: "node", command: process.execPath, args: [] };

/** The runtime, fetched from npm; undefined, with a word about it, where that is not possible. */
export async function findRuntime(name: RuntimeName): Promise<Runtime | undefined> {
  const { version, scope, binary, args } = WANTED[name];
  const folder = join(CACHE, `${name}-${version}`);
  try {
    const command = (await binaryIn(folder, scope, binary)) ?? (await fetchRuntime(name, folder));
    return { name, command, args };
  } catch (error) {
    process.stdout.write(`\nskipped, no ${name}: ${String(error)}\n`);
    return undefined;
  }
}

async function fetchRuntime(name: RuntimeName, folder: string): Promise<string> {
  const { version, scope, binary } = WANTED[name];
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "package.json"), JSON.stringify({ private: true }));
  const flags = ["--no-save", "--no-audit", "--no-fund", "--ignore-scripts"];
  const isWindows = process.platform === "win32";
  await run("npm", ["install", ...flags, `${name}@${version}`], { cwd: folder, timeout: 240_000, shell: isWindows });
  const command = await binaryIn(folder, scope, binary);
  if (command === undefined) throw new Error(`npm has no ${name} ${version} for this platform`);
  return command;
}

/** Looks for the binary in the packages of a scope. Of several that suit the platform, the first by name will do. */
async function binaryIn(folder: string, scope: string, binary: string): Promise<string | undefined> {
  const packages = join(folder, "node_modules", scope);
  if (!existsSync(packages)) return undefined;
  const files = (await readdir(packages)).sort().flatMap((each) => {
    const file = join(packages, each, binary);
    return [file, `${file}.exe`];
  });
  return files.find((file) => existsSync(file));
}
