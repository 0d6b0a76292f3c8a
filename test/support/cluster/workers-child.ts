import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Inbox, within } from "../waiting.ts";

/** A line that the program has written. */
export interface Line {
  readonly event: string;
  readonly pid?: number;
  readonly port?: number;
  readonly state?: string;
  readonly code?: number | string | null;
  readonly signal?: string | null;
  readonly delay?: number;
  readonly client?: string;
  readonly number?: number;
}

/** How the program is started. */
export interface Plan {
  readonly program?: string;
  readonly port?: number;
  readonly primary?: "runWorkers" | "setupPrimary" | "plain";
  readonly upgrades?: "auto" | "tunnel";
  /** The option `connectionStateRecovery`. */
  readonly recovery?: object;
  /** Milliseconds after which `echo` is answered. Default: at once. */
  readonly answerAfter?: number;
  /** Milliseconds between two broadcasts of each worker. Default: none. */
  readonly newsEvery?: number;
  readonly tls?: { readonly key: string; readonly cert: string };
  /** A file: while it exists, workers fail to start. */
  readonly brokenBy?: string;
  /** Workers never finish closing. */
  readonly hangs?: boolean;
  readonly options: object;
}

const isLike = (line: Line, wanted: Partial<Line>): boolean =>
  Object.entries(wanted).every(([name, value]) => line[name as keyof Line] === value);

/** Time limit for a step with the start of a process, on a machine that does much else. */
const START_PATIENCE = 60_000;

const children = new Set<WorkersChild>();

/** Ends the programs that still run. Their workers end with them. */
export function endPrograms(): void {
  for (const child of children) child.signal("SIGKILL");
}

/** A program that uses `runWorkers()`, in a process group of its own. It ends when its input ends: this process is gone. */
export class WorkersChild {
  readonly #process: ChildProcess;
  readonly #lines = new Inbox<Line>("a line of the program");
  /** All lines so far. */
  readonly lines: Line[] = [];
  /** What it has written to stderr. */
  complaints = "";
  /** Resolves with exit code and signal once the program and all its workers have ended. */
  readonly ended: Promise<readonly [number | null, NodeJS.Signals | null]>;

  constructor({ program = "workers-program.mjs", ...plan }: Plan) {
    const script = fileURLToPath(new URL(`../../e2e/cluster/${program}`, import.meta.url));
    const env = { ...process.env, WORKERS_PLAN: JSON.stringify(plan) };
    const child = spawn(process.execPath, [script], { env, detached: true });
    this.#process = child;
    children.add(this);
    let rest = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#hear(JSON.parse(line) as Line);
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => (this.complaints += text));
    const ended = new Promise<readonly [number | null, NodeJS.Signals | null]>((resolve) =>
      // When the pipes have closed, the workers have ended as well: they share them.
      child.once("close", (code, signal) => {
        children.delete(this);
        resolve([code, signal]);
      }),
    );
    this.ended = ended;
  }

  #hear(line: Line): void {
    this.lines.push(line);
    this.#lines.push(line);
  }

  /** Reads lines until one matches. */
  until(wanted: Partial<Line>): Promise<Line> {
    return within(
      this.#lines.find((line) => isLike(line, wanted)),
      () => `${JSON.stringify(wanted)}; it wrote ${this.complaints}`,
      START_PATIENCE,
    );
  }

  /** Reads lines until so many of all lines match. */
  async count(count: number, wanted: Partial<Line>): Promise<void> {
    while (this.lines.filter((line) => isLike(line, wanted)).length < count) await this.until(wanted);
  }

  /** Reads lines until so many workers more are up. Returns their pids. */
  async up(count: number): Promise<number[]> {
    const pids: number[] = [];
    while (pids.length < count) pids.push((await this.until({ event: "worker", state: "up" })).pid ?? 0);
    return pids;
  }

  /** The port on which the workers listen. */
  get url(): string {
    const port = this.lines.find(({ event }) => event === "listening")?.port;
    return `http://127.0.0.1:${port}`;
  }

  /** Sends a signal to the primary. */
  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Sends a signal to the primary and all workers, as a terminal does. */
  signalAll(signal: NodeJS.Signals): void {
    process.kill(-(this.#process.pid ?? Number.NaN), signal);
  }
}
