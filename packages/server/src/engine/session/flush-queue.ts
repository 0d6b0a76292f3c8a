import { TickQueue } from "../../base/tick-queue.ts";

/** Something with packets to send at the end of this tick. */
export interface FlushableSession {
  flush(): void;
}

/**
 * Milliseconds of flushing in a row: a broadcast to a hundred thousand sessions takes half a second of system calls, in
 * which heartbeats, requests and other messages must have their turn.
 */
const FLUSH_BUDGET = 10;

/**
 * Sessions with something to send. What a tick emits to one session leaves as one batch: one answer to a poll, one write
 * to a WebSocket. All sessions share the queue, so that a broadcast schedules one call and not one per receiver.
 */
const flushQueue = new TickQueue<FlushableSession>((entry) => entry.flush(), FLUSH_BUDGET);

/** Has `entry.flush()` called once the code that runs now is done, before any I/O. */
export function flushSoon(entry: FlushableSession): void {
  flushQueue.add(entry, undefined);
}
