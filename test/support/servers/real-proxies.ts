import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findProgram, type Program } from "./debian-program.ts";
import { freePort, missing, startProcess, type TestServer } from "./server-process.ts";

/** A real proxy program, which can be started with any configuration. */
export interface ProxyProgram {
  /** @param configuration returns the configuration for the proxy's port */
  start(configuration: (port: number) => string): Promise<TestServer>;
}

const WANTED = {
  nginx: { name: "nginx", packages: ["nginx", "libpcre2-8-0"], path: "usr/sbin/nginx" },
  haproxy: {
    name: "haproxy",
    packages: ["haproxy", "liblua5.3-0", "libopentracing-c-wrapper0", "libopentracing1"],
    path: "usr/sbin/haproxy",
  },
  caddy: { name: "caddy", packages: ["caddy"], path: "usr/bin/caddy" },
};

/** Arguments that run the program in the foreground, and its output when it is ready. */
const STARTING = {
  nginx: { args: (file: string, folder: string) => ["-p", folder, "-c", file, "-e", "stderr"], ready: "start worker" },
  haproxy: { args: (file: string) => ["-W", "-f", file], ready: "Loading success" },
  caddy: {
    args: (file: string) => ["run", "--config", file, "--adapter", "caddyfile"],
    ready: "serving initial configuration",
  },
};

/** Finds or downloads the program; prints the reason and returns undefined if that fails. */
export async function findProxy(name: keyof typeof WANTED): Promise<ProxyProgram | undefined> {
  try {
    const program = await findProgram(WANTED[name]);
    return { start: (configuration) => start(name, program, configuration) };
  } catch (error) {
    return missing(name, String(error));
  }
}

async function start(
  name: keyof typeof WANTED,
  { command, env }: Program,
  configuration: (port: number) => string,
): Promise<TestServer> {
  const port = await freePort();
  const cwd = await mkdtemp(join(tmpdir(), `portage-${name}-`));
  const file = join(cwd, "configuration");
  await writeFile(file, configuration(port));
  const { args, ready } = STARTING[name];
  const end = await startProcess({
    command,
    args: args(file, cwd),
    cwd,
    // Caddy stores its state below HOME.
    env: { ...env, HOME: cwd },
    ready,
    stopWith: "SIGTERM",
  });
  const stop = async (): Promise<void> => {
    await end();
    await rm(cwd, { recursive: true, force: true });
  };
  return { url: `http://127.0.0.1:${port}`, stop };
}
