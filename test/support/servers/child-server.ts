import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { io as connect, type Socket } from "socket.io-client";
import { subject } from "../targets.ts";
import { nextEvent, within } from "../waiting.ts";

/** The objects left in a server after garbage collection. */
export interface Remains {
  /** Bytes. */
  readonly heapUsed: number;
  readonly external: number;
  readonly rss: number;
  readonly sessions: number;
  readonly rooms: number;
  readonly sids: number;
  readonly namespaces: number;
}

/** An echo server in its own process, for tests that misuse it. It runs the build. */
export class ChildServer {
  readonly #child: ChildProcess;
  readonly #answers = new Map<number, (answer: unknown) => void>();
  #said = "";
  #count = 0;
  port = 0;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.on("message", ({ id, answer }: { id: number; answer: unknown }) => this.#answers.get(id)?.(answer));
    child.stderr?.on("data", (chunk: Buffer) => (this.#said += chunk.toString()));
    child.stdout?.resume();
  }

  /** @param options the server's options, as far as JSON can represent them */
  static async start(options: object = {}): Promise<ChildServer> {
    const name = subject.name === "portage" ? "@portage/server" : "socket.io";
    const script = fileURLToPath(new URL("server-child.mjs", import.meta.url));
    const server = new ChildServer(
      fork(script, [JSON.stringify([name, options])], {
        execArgv: ["--expose-gc"],
        stdio: ["ignore", "pipe", "pipe", "ipc"],
      }),
    );
    server.port = await server.#answer<number>(0);
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Returns the objects left after garbage collection. */
  memory(): Promise<Remains> {
    return this.#ask("memory");
  }

  sessions(): Promise<number> {
    return this.#ask("sessions");
  }

  /** Blocks its event loop for some milliseconds. */
  block(ms: number): Promise<void> {
    return this.#ask("block", ms);
  }

  /** Waits until no more than these sessions are left. */
  async settled(sessions: number): Promise<void> {
    const wait = async (): Promise<void> => {
      while ((await this.sessions()) > sessions) await new Promise((resolve) => setTimeout(resolve, 20));
    };
    await within(wait(), `no more than ${sessions} sessions to be left`, 20_000);
  }

  /** Rejects with the output of the process if it has ended. */
  checkAlive(): void {
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== null || signalCode !== null)
      throw new Error(`the server ended (${exitCode ?? signalCode}): ${this.#said}`);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const exit = nextEvent(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exit;
  }

  #ask<T>(ask: string, value?: number): Promise<T> {
    const id = ++this.#count;
    this.checkAlive();
    this.#child.send({ id, ask, value });
    return this.#answer<T>(id);
  }

  #answer<T>(id: number): Promise<T> {
    const answer = new Promise<T>((resolve, reject) => {
      this.#answers.set(id, (value) => {
        this.#answers.delete(id);
        resolve(value as T);
      });
      this.#child.once("exit", () => {
        // The output may arrive after the exit.
        setImmediate(() => reject(new Error(`the server has ended: ${this.#said}`)));
      });
    });
    this.#child.setMaxListeners(0);
    return within(answer, "an answer of the server's process", 20_000);
  }
}

/** A well-behaved client of such a server on each transport. */
export class ChildBystander {
  readonly #clients: readonly Socket[];
  #count = 0;
  #accident: string | undefined;

  private constructor(clients: readonly Socket[]) {
    this.#clients = clients;
    for (const client of clients) client.on("disconnect", (reason) => (this.#accident ??= reason));
  }

  static async join(server: ChildServer): Promise<ChildBystander> {
    const clients = ["websocket", "polling"].map((transport) =>
      connect(server.url, { transports: [transport], forceNew: true, reconnection: false }),
    );
    await Promise.all(clients.map((client) => nextEvent(client, "connect")));
    return new ChildBystander(clients);
  }

  /** Rejects if one of them is not served. */
  async check(): Promise<void> {
    const asked = this.#clients.map(async (client) => {
      const value = ++this.#count;
      if (this.#accident) throw new Error(`a bystander was disconnected: ${this.#accident}`);
      const [answer] = await new Promise<unknown[]>((resolve) => {
        client.emit("bystander", value, (...answers: unknown[]) => resolve(answers));
      });
      if (answer !== value) throw new Error(`a bystander got ${String(answer)} for ${value}`);
    });
    await within(Promise.all(asked), "the bystanders to be served");
  }

  leave(): void {
    for (const client of this.#clients) client.off("disconnect").disconnect();
  }
}
