import { EventEmitter } from "node:events";
import type { Child, Nursery, WorkerEnd, WorkerInfo } from "./child.ts";
import { WorkersError } from "./errors.ts";
import type { WorkersOptions } from "./options.ts";
import { WorkerPlace, type PlaceObserver } from "./place.ts";
import type { Workers, WorkersEvents } from "./workers.ts";

/** What the supervisor needs of its process. */
export interface Surroundings extends Omit<Nursery, "startTimeout" | "drain"> {
  /** Keeps the process alive until the result is called: without workers, nothing else may. */
  keepAlive(): () => void;
  /** Ends the process because of an error. */
  fail(error: WorkersError): void;
}

/**
 * The workers of a primary. Does nothing for a message or a request: it starts workers, restarts workers that end, and replaces
 * them on demand.
 */
export class Supervisor extends EventEmitter<WorkersEvents> implements Workers, PlaceObserver {
  readonly isPrimary = true;
  readonly #surroundings: Surroundings;
  readonly #maxFailedStarts: number;
  readonly #places: readonly WorkerPlace[];
  readonly #release: () => void;
  #roll: Promise<void> | undefined;
  #nextRoll: Promise<void> | undefined;
  #stop: Promise<void> | undefined;
  #unclean = 0;

  constructor(surroundings: Surroundings, options: Required<WorkersOptions>) {
    super();
    const { startTimeout, drain, workers, maxFailedStarts } = options;
    this.#surroundings = surroundings;
    this.#maxFailedStarts = maxFailedStarts;
    this.#release = surroundings.keepAlive();
    const nursery = { ...surroundings, startTimeout, drain };
    this.#places = Array.from({ length: workers }, () => new WorkerPlace(nursery, this));
  }

  workers(): readonly WorkerInfo[] {
    return this.#children().map(({ info }) => info);
  }

  #children(): Child[] {
    return this.#places.flatMap(({ children }) => [...children]);
  }

  /** Number of workers that were killed, or failed, while they left. */
  get unclean(): number {
    return this.#unclean;
  }

  roll(): Promise<void> {
    if (this.#stop) return Promise.reject(new WorkersError("WORKERS_STOPPED"));
    if (!this.#roll) return this.#beginRoll();
    // Programs may have changed again since the present one began. One more serves all that ask for it until then.
    this.#nextRoll ??= this.#roll
      .catch(() => {})
      .then(() => {
        this.#nextRoll = undefined;
        return this.#stop ? undefined : this.#beginRoll();
      });
    return this.#nextRoll;
  }

  #beginRoll(): Promise<void> {
    const roll = this.#replaceAll().finally(() => (this.#roll = undefined));
    this.#roll = roll;
    return roll;
  }

  async #replaceAll(): Promise<void> {
    try {
      for (const place of this.#places) await place.replace();
    } catch (error) {
      this.emit("failed", error as WorkersError);
      throw error;
    }
  }

  stop(): Promise<void> {
    this.#stop ??= Promise.all(this.#places.map((place) => place.close())).then(() => this.#release());
    return this.#stop;
  }

  /** Ends all workers at once. */
  kill(): void {
    for (const place of this.#places) place.kill();
  }

  onState(child: Child): void {
    this.emit("worker", child.info);
  }

  onLeft(end: WorkerEnd): void {
    if (end.signal === "SIGKILL" || (end.code ?? 0) !== 0) this.#unclean += 1;
  }

  onRestart(child: Child, end: WorkerEnd, delay: number): void {
    this.emit("restart", { worker: child.info, ...end, delay });
  }

  /** Ends the program if workers fail and none serves. While others serve, the failing ones are tried again. */
  onFailures(count: number): void {
    if (count < this.#maxFailedStarts) return;
    const error = new WorkersError("WORKERS_CRASH_LOOP");
    const isDown = this.#children().every(({ state }) => state !== "up");
    if (isDown || count === this.#maxFailedStarts) this.emit("failed", error);
    if (!isDown) return;
    this.kill();
    this.#surroundings.fail(error);
  }
}
