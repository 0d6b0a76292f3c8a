import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { Inbox } from "../support/waiting.ts";
import type { Runtime } from "./runtimes.ts";

/** A program on a runtime, and the lines that it prints. */
export class Running {
  readonly child: ChildProcess;
  readonly lines = new Inbox<string>("a line of a program");
  readonly exited: Promise<number | null>;
  #complaints = "";

  constructor({ command, args }: Runtime, ...file: string[]) {
    this.child = spawn(command, [...args, ...file], { stdio: ["pipe", "pipe", "pipe"] });
    this.exited = new Promise((resolve) => this.child.once("close", (code) => resolve(code)));
    createInterface(this.child.stdout!).on("line", (line) => this.lines.push(line));
    this.child.stderr!.on("data", (chunk: Buffer) => (this.#complaints += chunk.toString()));
  }

  async json(): Promise<{ port?: number; runtime?: string; step?: string; result?: unknown; error?: string }> {
    const early = this.exited.then((code) => Promise.reject(new Error(`ended with ${code}: ${this.#complaints}`)));
    const line = await Promise.race([this.lines.next(), early]);
    return JSON.parse(line) as { port?: number };
  }
}

const running: Running[] = [];
/** Ends all programs. */
export async function stopAll(): Promise<void> {
  for (const { child, exited } of running.splice(0)) {
    child.kill("SIGKILL");
    await exited;
  }
}

export function start(runtime: Runtime, ...file: string[]): Running {
  const started = new Running(runtime, ...file);
  running.push(started);
  return started;
}
