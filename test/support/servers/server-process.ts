import { type ChildProcess, spawn } from "node:child_process";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { within } from "../waiting.ts";

/** Folder for downloads of the tests; not under version control. */
export const CACHE = fileURLToPath(new URL("../../.cache/", import.meta.url));

/** A third-party server that runs for a test. */
export interface TestServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** Prints why tests of a server are skipped; throws if skipping is not allowed. */
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

/** How to start a program. */
export interface Start {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly uid?: number;
  /** Output that shows that the program is ready. */
  readonly ready: string;
  /** Signal that ends the program. Default: SIGINT. */
  readonly stopWith?: NodeJS.Signals;
  /** Receives the output so far. */
  readonly onReady?: (said: string) => void;
}

/** Starts a program and waits until it is ready. Returns a function that stops it. */
export async function startProcess({
  command,
  args,
  ready,
  stopWith = "SIGINT",
  onReady,
  ...options
}: Start): Promise<() => Promise<void>> {
  const gid = options.uid === undefined ? {} : { gid: options.uid };
  const child: ChildProcess = spawn(command, args, { ...options, ...gid });
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
