import { type ChildProcess, spawn } from "node:child_process";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { within } from "../waiting.ts";

/** Where tests keep what they have downloaded; not under version control. */
export const CACHE = fileURLToPath(new URL("../../.cache/", import.meta.url));

/** A server of another make that runs for a test. */
export interface TestServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** Says why tests of a server are skipped, or fails where skipping is not allowed. */
export function missing(what: string, reason: string): undefined {
  if (process.env["PORTAGE_REQUIRE_SERVERS"]) throw new Error(`${what} is required here: ${reason}`);
  process.stdout.write(`\nskipped, no ${what}: ${reason}\n`);
}

/** Returns a free loopback port. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** How a program is started. */
export interface Start {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly uid?: number;
  /** It is ready when it says this. */
  readonly ready: string;
  /** How it is asked to end. Default: SIGINT. */
  readonly stopWith?: NodeJS.Signals;
  /** Gets all that it has said until then. */
  readonly onReady?: (said: string) => void;
}

/** Starts a program and waits until it is ready; the result stops it. */
export async function startProcess({
  command,
  args,
  ready,
  stopWith = "SIGINT",
  onReady,
  ...options
}: Start): Promise<() => Promise<void>> {
  const gid = options.uid === undefined ? {} : { gid: options.uid };
  const child: ChildProcess = spawn(command, args, { ...options, ...gid, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  const exited = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const isReady = new Promise<void>((resolve, reject) => {
    const listen = (chunk: Buffer): void => {
      said += chunk.toString();
      if (said.includes(ready)) resolve();
    };
    child.stdout?.on("data", listen);
    child.stderr?.on("data", listen);
    child.once("error", reject);
    child.once("close", (code) => reject(new Error(`${command} ended with ${code}: ${said}`)));
  });
  await within(isReady, () => `${command} to be ready; it said: ${said}`, 10_000);
  onReady?.(said);
  return async () => {
    child.kill(stopWith);
    await within(exited, `${command} to end`);
  };
}
