/** Something with packets to send at the end of this tick. */
export interface Flushable {
  flush(): void;
}

let waiting: Flushable[] = [];
let spare: Flushable[] = [];

/**
 * Has `entry.flush()` called once the code that runs now is done, before any I/O.
 *
 * What a tick emits to one session leaves as one batch: one answer to a poll, one write to a WebSocket. All sessions
 * share one `nextTick`, so that a broadcast schedules one call and not one per receiver.
 */
// hot path
export function flushSoon(entry: Flushable): void {
  if (waiting.push(entry) === 1) process.nextTick(flushAll);
}

function flushAll(): void {
  const batch = waiting;
  waiting = spare;
  spare = batch;
  for (const entry of batch) entry.flush();
  batch.length = 0;
}
