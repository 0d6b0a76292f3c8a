import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { CACHE, freePort, missing, startProcess, type TestServer } from "./server-process.ts";

const run = promisify(execFile);
const PACKAGES = ["redis-server", "redis-tools", "libjemalloc2", "liblzf1"];

/** A Redis for tests: `REDIS_URL`, a `redis-server` on the path, or one from packages of Debian; undefined without. */
export async function startRedis(): Promise<TestServer | undefined> {
  const url = process.env["REDIS_URL"];
  if (url) return { url, stop: () => Promise.resolve() };
  try {
    return await launch(await findProgram());
  } catch (error) {
    return missing("Redis", String(error));
  }
}

interface Program {
  readonly command: string;
  readonly env: NodeJS.ProcessEnv;
}

async function findProgram(): Promise<Program> {
  const installed = (process.env["PATH"] ?? "").split(":").map((folder) => join(folder, "redis-server"));
  const command = installed.find((each) => existsSync(each));
  if (command !== undefined) return { command, env: process.env };
  const root = join(CACHE, "redis/root");
  const unpacked = join(root, "usr/bin/redis-server");
  if (!existsSync(unpacked)) await unpack(root);
  const [libraries = ""] = (await readdir(join(root, "usr/lib"))).filter((name) => name.endsWith("-linux-gnu"));
  return { command: unpacked, env: { ...process.env, LD_LIBRARY_PATH: join(root, "usr/lib", libraries) } };
}

/** Needs neither root nor a service: the packages are downloaded and unpacked, not installed. */
async function unpack(root: string): Promise<void> {
  const folder = join(CACHE, "redis", `download-${process.pid}`);
  const made = join(folder, "root");
  await mkdir(folder, { recursive: true });
  try {
    await download(folder);
    for (const file of await readdir(folder)) await run("dpkg-deb", ["-x", join(folder, file), made]);
    // In one step: another test file may be at it as well, and whoever comes first will do.
    await rename(made, root).catch((error: unknown) => {
      if (!existsSync(root)) throw error;
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function download(folder: string): Promise<void> {
  const attempt = (): Promise<unknown> => run("apt-get", ["download", ...PACKAGES], { cwd: folder, timeout: 30_000 });
  try {
    await attempt();
  } catch {
    // A new machine has no list of packages yet.
    await run("apt-get", ["update"], { timeout: 60_000 });
    await attempt();
  }
}

async function launch({ command, env }: Program): Promise<TestServer> {
  const port = await freePort();
  const cwd = await mkdtemp(join(tmpdir(), "portage-redis-"));
  const args = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
  const end = await startProcess({ command, args, cwd, env, ready: "Ready to accept connections" });
  const stop = async (): Promise<void> => {
    await end();
    await rm(cwd, { recursive: true, force: true });
  };
  return { url: `redis://127.0.0.1:${port}`, stop };
}
