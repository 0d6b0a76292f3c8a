import { EventEmitter } from "node:events";
import type { Clock } from "@portage/server/relay";
import type { WorkerInfo, WorkerState } from "./child.ts";
import { WorkersError } from "./errors.ts";
import { type Leavable, leavables, leaveServers, type Started } from "./leaving.ts";
import { type WorkerMessage, readMessage } from "./messages.ts";
import { LEAVE_TIMEOUT } from "./options.ts";
import { runningNodes } from "./registry.ts";
import type { Workers, WorkersEvents } from "./workers.ts";

/** What a worker needs of its process. */
export interface WorkerPort {
  readonly id: number;
  readonly clock: Clock;
  send(message: WorkerMessage): void;
  /** Leaves node:cluster. Resolves when the primary has got everything, connections that it has to pass elsewhere included. */
  disconnect(): Promise<void>;
  exit(code: number): void;
  /** Ends the process because of an error. */
  fail(error: unknown): void;
}

/** A worker: runs start(), reports when it is ready, and leaves when it is asked to. */
export class WorkerProcess extends EventEmitter<WorkersEvents> implements Workers {
  readonly isPrimary = false;
  readonly #port: WorkerPort;
  readonly #drain: number;
  #targets: readonly Leavable[] = [];
  #state: WorkerState = "starting";
  #leaving: Promise<void> | undefined;

  constructor(port: WorkerPort, drain: number) {
    super();
    this.#port = port;
    this.#drain = drain;
  }

  workers(): readonly WorkerInfo[] {
    return [{ id: this.#port.id, pid: process.pid, state: this.#state }];
  }

  roll(): Promise<void> {
    return Promise.reject(new WorkersError("PRIMARY_ONLY"));
  }

  stop(): Promise<void> {
    return this.leave(this.#drain);
  }

  /** Runs start(), and waits until the nodes of the process have joined. */
  async run(start: () => Started | PromiseLike<Started>): Promise<void> {
    this.#port.send({ name: "began" });
    try {
      this.#targets = leavables(await start());
      await Promise.all(runningNodes().map((node) => node.whenJoined()));
    } catch (error) {
      if (this.#state === "starting") this.#port.fail(error);
      return;
    }
    if (this.#state !== "starting") return;
    this.#state = "up";
    this.#port.send({ name: "ready" });
  }

  onMessage(received: unknown): void {
    const message = readMessage(received);
    if (message?.name === "leave") void this.leave(message.drain);
  }

  /** Drains and closes all servers, then ends the process. A second call changes nothing. */
  leave(drain: number): Promise<void> {
    this.#leaving ??= this.#leave(drain);
    return this.#leaving;
  }

  async #leave(drain: number): Promise<void> {
    const port = this.#port;
    this.#state = "leaving";
    port.clock.after(drain + LEAVE_TIMEOUT, () => port.exit(1));
    const targets = new Set([...this.#targets, ...runningNodes().flatMap((node) => [...node.servers()])]);
    const problems = await leaveServers([...targets], drain);
    for (const problem of problems) process.emitWarning(problem instanceof Error ? problem : String(problem));
    await port.disconnect();
    port.exit(problems.length === 0 ? 0 : 1);
  }
}
