/** A piece of work for zlib's threads, and how many pieces may be under way when it begins. */
interface Work {
  readonly limit: number;
  readonly start: () => void;
}

let running = 0;
/** First come, first served: a connection has at most a few pieces here, so that none can starve the others. */
const waiting: Work[] = [];

/**
 * Calls `start`, at once or as soon as less than `limit` pieces of work of the whole process are under way. Each start has to
 * be followed by one `threadsDone`. Node has four such threads by default, and file system and DNS calls wait for the same.
 */
export function onThreads(limit: number, start: () => void): void {
  if (running >= limit || waiting.length > 0) {
    waiting.push({ limit, start });
    return;
  }
  running++;
  start();
}

/** A piece of work is done. */
export function threadsDone(): void {
  running--;
  for (let next = waiting[0]; next !== undefined && running < next.limit; next = waiting[0]) {
    waiting.shift();
    running++;
    next.start();
  }
}
