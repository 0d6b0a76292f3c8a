import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findProgram, type Program } from "./debian-program.ts";
import { freePort, missing, startProcess, type TestServer } from "./server-process.ts";

const REDIS = {
  name: "redis-server",
  packages: ["redis-server", "redis-tools", "libjemalloc2", "liblzf1"],
  path: "usr/bin/redis-server",
};

/** A Redis for tests: `REDIS_URL`, a `redis-server` on the path, or Debian's package; undefined without all. */
export async function startRedis(): Promise<TestServer | undefined> {
  const url = process.env["REDIS_URL"];
  if (url) return { url, stop: () => Promise.resolve() };
  try {
    return await launch(await findProgram(REDIS));
  } catch (error) {
    return missing("Redis", String(error));
  }
}

/** A Redis that a test starts and stops itself; undefined where there is no `redis-server`. */
export async function ownRedis(): Promise<{ readonly url: string; start(): Promise<TestServer> } | undefined> {
  try {
    const program = await findProgram(REDIS);
    const port = await freePort();
    return { url: urlOf(port), start: () => launch(program, port) };
  } catch (error) {
    return missing("Redis", String(error));
  }
}

const urlOf = (port: number): string => `redis://127.0.0.1:${port}`;

async function launch({ command, env }: Program, given?: number): Promise<TestServer> {
  const port = given ?? (await freePort());
  const cwd = await mkdtemp(join(tmpdir(), "portage-redis-"));
  const args = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
  const end = await startProcess({ command, args, cwd, env, ready: "Ready to accept connections" });
  const stop = async (): Promise<void> => {
    await end();
    await rm(cwd, { recursive: true, force: true });
  };
  return { url: urlOf(port), stop };
}
