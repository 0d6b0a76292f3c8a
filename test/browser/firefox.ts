import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { WebSocket } from "ws";
import { within } from "../support/waiting.ts";

const NAMES = ["firefox-esr", "firefox"];

/** A Firefox: FIREFOX_PATH, else an installed one. */
export function findFirefox(): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const installed = folders.flatMap((folder) => NAMES.map((name) => join(folder, name))).find(existsSync);
  return process.env["FIREFOX_PATH"] || installed;
}

interface Answer {
  readonly id?: number;
  readonly type: "success" | "error" | "event";
  readonly result?: unknown;
  readonly message?: string;
}

/** A Firefox without a window, driven by WebDriver BiDi; it accepts any certificate. */
export class Firefox {
  readonly #child: ChildProcess;
  readonly #socket: WebSocket;
  readonly #profile: string;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #commands = 0;
  #context = "";

  private constructor(child: ChildProcess, socket: WebSocket, profile: string) {
    this.#child = child;
    this.#socket = socket;
    this.#profile = profile;
    socket.on("message", (data: Buffer) => {
      const answer = JSON.parse(data.toString()) as Answer;
      if (answer.id !== undefined) this.#waiting.get(answer.id)?.(answer);
    });
  }

  static async start(executable: string): Promise<Firefox> {
    const profile = await mkdtemp(join(tmpdir(), "portage-firefox-"));
    const args = ["--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0"];
    const env = { ...process.env, HOME: profile, MOZ_CRASHREPORTER_DISABLE: "1" };
    const child = spawn(executable, args, { env, stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    const url = new Promise<string>((resolve) =>
      child.stderr.on("data", (chunk: Buffer) => {
        said += chunk.toString();
        const found = /WebDriver BiDi listening on (ws:\S+)/.exec(said);
        if (found) resolve(found[1]!);
      }),
    );
    const socket = new WebSocket(`${await within(url, () => `Firefox to start; it said: ${said}`, 60_000)}/session`);
    await once(socket, "open");
    const firefox = new Firefox(child, socket, profile);
    await firefox.#send("session.new", { capabilities: { alwaysMatch: { acceptInsecureCerts: true } } });
    return firefox;
  }

  /** Opens a page in a new tab, which is the one for `evaluate`. */
  async open(url: string): Promise<void> {
    const { context } = (await this.#send("browsingContext.create", { type: "tab" })) as { context: string };
    this.#context = context;
    await this.#send("browsingContext.navigate", { context, url, wait: "complete" });
  }

  /** Runs a function in the page, with an argument that JSON can carry; its result is such a value, too. */
  async evaluate<Argument, Result>(fn: (argument: Argument) => Promise<Result>, argument: Argument): Promise<Result> {
    const expression = `(${fn.toString()})(${JSON.stringify(argument)}).then((result) => JSON.stringify(result))`;
    const target = { context: this.#context };
    const answer = await this.#send("script.evaluate", { expression, target, awaitPromise: true });
    const { result, exceptionDetails } = answer as { result?: { value: string }; exceptionDetails?: { text: string } };
    if (!result) throw new Error(exceptionDetails?.text);
    return JSON.parse(result.value) as Result;
  }

  closePage(): Promise<unknown> {
    return this.#send("browsingContext.close", { context: this.#context });
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, "close");
    this.#socket.terminate();
    this.#child.kill();
    await within(ended, "Firefox to end");
    await rm(this.#profile, { recursive: true, force: true });
  }

  async #send(method: string, params: object): Promise<unknown> {
    const id = ++this.#commands;
    const answered = new Promise<Answer>((resolve) => this.#waiting.set(id, resolve));
    this.#socket.send(JSON.stringify({ id, method, params }));
    const { type, result, message } = await within(answered, `an answer of Firefox to ${method}`, 240_000);
    this.#waiting.delete(id);
    if (type === "error") throw new Error(`${method}: ${message}`);
    return result;
  }
}
