import { availableParallelism } from "node:os";
import { WorkersError } from "./errors.ts";

/** Options of `runWorkers()`. */
export interface WorkersOptions {
  /** Number of workers. Default: `os.availableParallelism()`, one for each core. */
  workers?: number;
  /**
   * Milliseconds that the clients of a leaving worker have to move to other servers. The worker then disconnects the rest.
   * Default 8000, because `docker stop` kills after 10 s.
   */
  drain?: number;
  /** Milliseconds after which a worker that does not listen yet is killed. Default 30000. `Infinity`: never. */
  startTimeout?: number;
  /** Failed starts in a row after which the program ends, if no other worker serves. Default 5. */
  maxFailedStarts?: number;
}

/** Milliseconds for a leaving worker to close, after `drain`. Then it ends itself. */
export const LEAVE_TIMEOUT = 3000;

/** Milliseconds after which a leaving worker is killed, counted from the end of `drain`. */
export const KILL_TIMEOUT = 5000;

const WORKERS_DEFAULTS = { drain: 8000, startTimeout: 30_000, maxFailedStarts: 5 };

interface Range {
  readonly from: number;
  readonly to: number;
  readonly takes: (value: number) => boolean;
}

const COUNT: Range = { from: 1, to: 1024, takes: Number.isInteger };
const TIME: Range = { from: 0, to: Infinity, takes: (value) => !Number.isNaN(value) };
const FINITE: Range = { from: 0, to: 2 ** 31 - 1, takes: Number.isFinite };

const RANGES: Readonly<Record<keyof WorkersOptions, Range>> = {
  workers: COUNT,
  drain: FINITE,
  startTimeout: TIME,
  maxFailedStarts: COUNT,
};

/**
 * Completes the options.
 *
 * @throws WorkersError `OPTION_INVALID`
 */
export function resolveWorkersOptions(given: WorkersOptions = {}): Required<WorkersOptions> {
  const options = { workers: given.workers ?? availableParallelism(), ...WORKERS_DEFAULTS, ...definedIn(given) };
  for (const [name, { from, to, takes }] of Object.entries(RANGES)) {
    const value: unknown = options[name as keyof WorkersOptions];
    if (typeof value === "number" && takes(value) && value >= from && value <= to) continue;
    throw new WorkersError("OPTION_INVALID", `${name} takes a number from ${from} to ${to}`);
  }
  return options;
}

function definedIn(given: WorkersOptions): WorkersOptions {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
