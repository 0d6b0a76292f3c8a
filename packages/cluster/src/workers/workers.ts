import type { EventEmitter } from "node:events";
import type { WorkerEnd, WorkerInfo } from "./child.ts";
import type { WorkersError } from "./errors.ts";

/** A worker that ended unasked, and will be restarted. */
export interface WorkerRestart extends WorkerEnd {
  /** The worker that has ended. */
  readonly worker: WorkerInfo;
  /** Milliseconds until the next one is started. */
  readonly delay: number;
}

/** The events of the result of `runWorkers()`, in the primary. */
export interface WorkersEvents {
  /** A worker was started, or its state has changed. */
  worker: [worker: WorkerInfo];
  /** A worker has ended unasked. */
  restart: [restart: WorkerRestart];
  /** `WORKERS_CRASH_LOOP`: workers do not start. `ROLL_FAILED`: a replacement did not. */
  failed: [error: WorkersError];
}

/** The result of `runWorkers()`. */
export interface Workers extends EventEmitter<WorkersEvents> {
  /** Whether this process is the primary. The workers run `start()`. */
  readonly isPrimary: boolean;
  /** Lists the workers that have not ended; in a worker, this one. */
  workers(): readonly WorkerInfo[];
  /**
   * Replaces all workers in turn, as SIGHUP does: a new one starts, and once it listens, the old one drains and exits.
   * In a worker, rejects with `PRIMARY_ONLY`.
   *
   * @returns rejects with a WorkersError if a new one does not start; the old one serves on, and so do the others
   */
  roll(): Promise<void>;
  /**
   * Drains and ends all workers; in a worker, this one, whose process exits. The primary goes on: it exits if nothing else
   * keeps it running.
   */
  stop(): Promise<void>;
}
