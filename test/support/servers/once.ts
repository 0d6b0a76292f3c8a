import { createHash, type Hash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { within } from "../waiting.ts";

/** Longer than anything takes that is made once; who holds a lock for so long is gone. Milliseconds. */
const STALE = 60_000;

async function add(hash: Hash, path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) for (const name of (await readdir(path)).sort()) await add(hash, join(path, name));
  else if (found) hash.update(path).update(await readFile(path));
}

/** A name for what these files and folders contain. Those that are missing count as empty. */
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

/** Gives whether this process holds the lock now; a lock that was forgotten is broken. */
async function lock(path: string): Promise<boolean> {
  if (await succeeds(mkdir(path))) return true;
  const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Infinity }));
  if (Date.now() - mtimeMs > STALE) await rm(path, { recursive: true, force: true });
  return false;
}

async function makeOrWait(folder: string, make: (folder: string) => Promise<void>): Promise<void> {
  const locked = `${folder}.lock`;
  while (!(await exists(folder))) {
    if (!(await lock(locked))) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      continue;
    }
    try {
      if (await exists(folder)) return;
      const unfinished = `${folder}.unfinished`;
      await rm(unfinished, { recursive: true, force: true });
      await mkdir(unfinished);
      await make(unfinished);
      await rename(unfinished, folder);
    } finally {
      await rm(locked, { recursive: true, force: true });
    }
  }
}

/** Removes what was made under other names and is of no use any more. */
async function tidy(folder: string): Promise<void> {
  const parent = dirname(folder);
  const others = (await readdir(parent)).filter((name) => !name.startsWith(basename(folder)));
  await Promise.all(others.map((name) => rm(join(parent, name), { recursive: true, force: true })));
}

/**
 * Makes a folder that several test files want, in one of their processes; the others wait for it. It stays for the next
 * run, until something is made under another name beside it.
 */
export async function madeOnce(folder: string, make: (folder: string) => Promise<void>): Promise<void> {
  if (await exists(folder)) return;
  await mkdir(dirname(folder), { recursive: true });
  await within(makeOrWait(folder, make), `${folder} to be made`, STALE);
  await tidy(folder);
}
