/** A job for zlib's threads, and how many jobs may run when it starts. */
interface Job {
  readonly limit: number;
  readonly start: () => void;
}

let running = 0;
/** Jobs in order of arrival. A connection has at most a few here, so none starves the others. */
const jobs: Job[] = [];

/**
 * Calls `start` once fewer than `limit` jobs of the process run, at once if possible. Each start
 * must be followed by one `releaseThread`. Node has four such threads by default, shared with
 * file system and DNS calls.
 */
export function runOnThreads(limit: number, start: () => void): void {
  if (running >= limit || jobs.length > 0) {
    jobs.push({ limit, start });
    return;
  }
  running++;
  start();
}

/** Ends a job and starts the next ones. */
export function releaseThread(): void {
  running--;
  for (let next = jobs[0]; next !== undefined && running < next.limit; next = jobs[0]) {
    jobs.shift();
    running++;
    next.start();
  }
}
