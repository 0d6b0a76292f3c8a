import { createHash, type Hash } from "node:crypto";
import { link, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

async function add(hash: Hash, path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) for (const name of (await readdir(path)).sort()) await add(hash, join(path, name));
  else if (found) hash.update(path).update(await readFile(path));
}

/** Returns a name for the contents of files and folders; missing ones count as empty. */
export async function digest(paths: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  for (const path of paths) await add(hash, path);
  return hash.digest("hex").slice(0, 16);
}

const succeeds = (work: Promise<unknown>): Promise<boolean> =>
  work.then(
    () => true,
    () => false,
  );

const exists = (path: string): Promise<boolean> => succeeds(stat(path));

/** Describes a process for a lock: id and start time, as ids are reused. */
async function describeProcess(pid: number): Promise<string | undefined> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return undefined;
  }
  // Without /proc, the id must suffice. The second field may contain spaces.
  const status = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  const [, state, ...fields] = status.slice(status.lastIndexOf(")") + 1).split(" ");
  return state === "Z" ? undefined : `${pid} ${fields[18] ?? ""}`;
}

/** Acquires the lock, also after its owner has ended. Returns whether this process has it. */
async function lock(path: string, self: string): Promise<boolean> {
  if (await succeeds(writeFile(`${path}.${process.pid}`, self).then(() => link(`${path}.${process.pid}`, path))))
    return true;
  const owner = await readFile(path, "utf8").catch(() => undefined);
  if (owner === undefined) return false;
  const isAlive = (await describeProcess(Number.parseInt(owner, 10))) === owner;
  // Two processes that detect this at once both make the folder: the second one finds it.
  if (!isAlive) await rm(path, { force: true });
  return false;
}

async function makeUnder(folder: string, make: (folder: string) => Promise<void>): Promise<void> {
  const unfinished = `${folder}.unfinished-${process.pid}`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished);
  try {
    await make(unfinished);
    await rename(unfinished, folder).catch(async (error: unknown) => {
      if (!(await exists(folder))) throw error;
    });
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

/** Does the work once other processes that do work under this name have done theirs. */
export async function oneAtATime<T>(path: string, work: () => Promise<T>): Promise<T> {
  const locked = `${path}.lock`;
  const self = (await describeProcess(process.pid)) ?? "";
  await mkdir(dirname(path), { recursive: true });
  while (!(await lock(locked, self))) await new Promise((resolve) => setTimeout(resolve, 50));
  try {
    return await work();
  } finally {
    await rm(locked, { force: true });
    await rm(`${locked}.${process.pid}`, { force: true });
  }
}

/** Removes obsolete folders of other names. */
async function tidy(folder: string): Promise<void> {
  const parent = dirname(folder);
  const others = (await readdir(parent)).filter((name) => !name.startsWith(basename(folder)));
  await Promise.all(others.map((name) => rm(join(parent, name), { recursive: true, force: true })));
}

/**
 * Makes a folder for several test files in one of their processes; the others wait for it. It stays for the next
 * run, until a folder of another name is made beside it. The caller sets the time limit: making the folder may
 * take as long as the process lives.
 */
export async function madeOnce(folder: string, make: (folder: string) => Promise<void>): Promise<void> {
  if (await exists(folder)) return;
  await oneAtATime(folder, async () => {
    if (!(await exists(folder))) await makeUnder(folder, make);
  });
  await tidy(folder);
}
