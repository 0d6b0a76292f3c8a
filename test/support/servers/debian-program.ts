import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { madeOnce, oneAtATime } from "./once.ts";
import { CACHE } from "./server-process.ts";

const run = promisify(execFile);

/** A run of the tests may take this long, in milliseconds. */
const RUN_TIME = 600_000;

/** A program that tests need, and where Debian has it. */
export interface Wanted {
  readonly name: string;
  /** Packages with the program and its less common libraries. */
  readonly packages: readonly string[];
  /** Path of the program in the packages. */
  readonly path: string;
}

/** The command that starts it. */
export interface Program {
  readonly command: string;
  readonly env: NodeJS.ProcessEnv;
}

/** Finds a program on the path, or downloads it from Debian. Rejects if both fail. */
export async function findProgram({ name, packages, path }: Wanted): Promise<Program> {
  const folders = [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin", "/usr/local/sbin"];
  const command = folders.map((folder) => join(folder, name)).find((each) => existsSync(each));
  if (command !== undefined) return { command, env: process.env };
  const root = join(CACHE, name, "root");
  await madeOnce(root, (unfinished) => failingOnce(`${root}.failed`, () => unpack(unfinished, packages)));
  const folder = join(root, "usr/lib");
  const libraries = existsSync(folder) ? await readdir(folder) : [];
  const [own = ""] = libraries.filter((each) => each.endsWith("-linux-gnu"));
  return { command: join(root, path), env: { ...process.env, LD_LIBRARY_PATH: join(folder, own) } };
}

/**
 * Rejects at once where another test file of this run has failed to do the work: without a network, each attempt may take
 * minutes. The files of a run have the same parent process.
 */
async function failingOnce(note: string, work: () => Promise<void>): Promise<void> {
  const isRecent = await stat(note).then(
    ({ mtimeMs }) => Date.now() - mtimeMs < RUN_TIME,
    () => false,
  );
  const [parent, ...reason] = isRecent ? (await readFile(note, "utf8")).split("\n") : [];
  if (parent === String(process.ppid)) throw new Error(reason.join("\n"));
  try {
    await work();
  } catch (error) {
    await writeFile(note, `${process.ppid}\n${String(error)}`);
    throw error;
  }
}

/** Needs neither root nor a service: the packages are downloaded and unpacked, not installed. */
async function unpack(folder: string, packages: readonly string[]): Promise<void> {
  // apt-get refuses to update its lists while another test file has it do so.
  await oneAtATime(join(CACHE, "apt"), () => download(folder, packages));
  for (const file of await readdir(folder)) {
    await run("dpkg-deb", ["-x", join(folder, file), folder]);
    await rm(join(folder, file));
  }
}

async function download(folder: string, packages: readonly string[]): Promise<void> {
  const attempt = (): Promise<unknown> => run("apt-get", ["download", ...packages], { cwd: folder, timeout: 30_000 });
  try {
    await attempt();
  } catch {
    // A new machine has no list of packages yet.
    await run("apt-get", ["update"], { timeout: 60_000 });
    await attempt();
  }
}
