import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { findProgram, type Program } from "./debian-program.ts";
import { freePort, missing, startProcess, type TestServer } from "./server-process.ts";

const run = promisify(execFile);

/** Prometheus, and the tool that checks its files. */
export interface Prometheus {
  /** Runs promtool in a folder, and returns what it printed. Rejects with it if promtool objects. */
  promtool(cwd: string, ...args: readonly string[]): Promise<string>;
  /** Starts a server with a configuration. */
  start(configuration: string): Promise<TestServer>;
}

/** Finds or downloads Prometheus; prints the reason and returns undefined if that fails. */
export async function findPrometheus(): Promise<Prometheus | undefined> {
  try {
    const find = (name: string): Promise<Program> =>
      findProgram({ name, packages: ["prometheus"], path: `usr/bin/${name}` });
    const [tool, server] = [await find("promtool"), await find("prometheus")];
    return {
      async promtool(cwd, ...args) {
        const { stdout } = await run(tool.command, args, { cwd, env: tool.env });
        return stdout;
      },
      start: (configuration) => start(server, configuration),
    };
  } catch (error) {
    return missing("prometheus", String(error));
  }
}

async function start({ command, env }: Program, configuration: string): Promise<TestServer> {
  const port = await freePort();
  const cwd = await mkdtemp(join(tmpdir(), "portage-prometheus-"));
  await writeFile(join(cwd, "prometheus.yml"), configuration);
  const args = [
    `--web.listen-address=127.0.0.1:${port}`,
    "--config.file=prometheus.yml",
    "--storage.tsdb.path=data",
    "--enable-feature=exemplar-storage",
  ];
  const end = await startProcess({
    command,
    args,
    cwd,
    env,
    ready: "Server is ready to receive web requests",
    stopWith: "SIGTERM",
  });
  const stop = async (): Promise<void> => {
    await end();
    await rm(cwd, { recursive: true, force: true });
  };
  return { url: `http://127.0.0.1:${port}`, stop };
}
