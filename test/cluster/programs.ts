import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { within } from "../support/waiting.ts";

interface Answer {
  readonly id: number;
  readonly answer?: unknown;
  readonly error?: string;
}

/** A program in a process of its own, which answers questions. */
export class Program {
  readonly #child: ChildProcess;
  readonly #open = new Map<number, (answer: Answer) => void>();
  readonly #name: string;
  #count = 0;
  #said = "";

  constructor(file: string, env: Readonly<Record<string, string>> = {}) {
    this.#name = file;
    this.#child = fork(fileURLToPath(new URL(file, import.meta.url)), [], {
      env: { ...process.env, ...env },
      // The arguments of this process would load the sources.
      execArgv: ["--expose-gc"],
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    const listen = (chunk: Buffer): void => void (this.#said = (this.#said + chunk.toString()).slice(-10_000));
    this.#child.stdout?.on("data", listen);
    this.#child.stderr?.on("data", listen);
    this.#child.on("message", (answer: Answer) => this.#open.get(answer.id)?.(answer));
    this.#child.once("exit", () => {
      for (const settle of this.#open.values()) settle(this.#ending());
    });
  }

  #ending(): Answer {
    const { exitCode, signalCode } = this.#child;
    return { id: 0, error: `${this.#name} ended with ${exitCode ?? signalCode}: ${this.#said}` };
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  /** What it has written. */
  get said(): string {
    return this.#said;
  }

  /** The message that it sends once it has started. */
  ready(): Promise<unknown> {
    return within(this.#answer(0), () => `${this.#name} to start; it said: ${this.#said}`, 60_000);
  }

  ask<T = unknown>(question: string, value?: unknown, worker?: number): Promise<T> {
    const id = ++this.#count;
    const answer = this.#answer(id);
    if (this.#child.connected) this.#child.send({ id, question, value, worker });
    else this.#open.get(id)?.(this.#ending());
    return answer as Promise<T>;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, "exit");
    // Also if it has been stopped by SIGSTOP.
    this.#child.kill("SIGKILL");
    await ended;
  }

  async #answer(id: number): Promise<unknown> {
    const { answer, error } = await new Promise<Answer>((resolve) => this.#open.set(id, resolve));
    this.#open.delete(id);
    if (error !== undefined) throw new Error(error);
    return answer;
  }
}
