import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The demo by itself, and as `npm start` runs it. */
const COMMANDS = {
  server: ["examples/chat/server.mjs"],
  start: ["scripts/run.mjs", "start"],
};

export type DemoCommand = keyof typeof COMMANDS;

export interface Demo {
  /** For example `http://localhost:9999`. */
  readonly origin: string;
  readonly port: number;
  /** The output so far. */
  output(): string;
  errors(): string;
  /** Sends a signal; resolves with the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** The demo in its own process. Needs built packages. */
function run(command: DemoCommand, args: string[]) {
  const child = spawn(process.execPath, [...COMMANDS[command], ...args], {
    cwd: ROOT,
    // The command that started the tests may have set it, and the demo would find packages that it does not name.
    env: { ...process.env, NODE_PATH: "" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const text = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (text.out += chunk));
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (text.err += chunk));
  const exit = once(child, "close").then(([code]) => code as number | null);
  return { child, text, exit };
}

/** Runs the demo with arguments that end it at once. */
export async function runDemo(args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const { text, exit } = run("server", args);
  return { code: await exit, ...text };
}

/** Starts the demo on a free port and waits until it has printed its addresses. */
export async function startDemo(command: DemoCommand = "server", ...args: string[]): Promise<Demo> {
  const { child, text, exit } = run(command, ["--port", "0", ...args]);
  const origin = await new Promise<string>((resolve, reject) => {
    child.stdout.on("data", () => {
      const [found] = /http:\/\/localhost:\d+(?=\/broadcast)/.exec(text.out) ?? [];
      if (found) resolve(found);
    });
    void exit.then(() => reject(new Error(`The demo ended: ${text.err}`)));
  });
  return {
    origin,
    port: Number(new URL(origin).port),
    output: () => text.out,
    errors: () => text.err,
    stop(signal = "SIGTERM") {
      child.kill(signal);
      return exit;
    },
  };
}
