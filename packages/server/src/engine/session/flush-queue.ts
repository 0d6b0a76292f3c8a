import { TickQueue } from "../../base/tick-queue.ts";

/** A session with packets to send at the end of this tick. */
export interface FlushableSession {
  flush(): void;
}

/**
 * Longest run of flushes, in milliseconds. A broadcast to 100,000 sessions takes half a second of system calls; heartbeats
 * and requests must run in between.
 */
const FLUSH_BUDGET = 10;

/**
 * Sessions to flush. All packets of one tick leave a session as one batch: one poll response, one WebSocket write. All
 * sessions share the queue, so a broadcast schedules one call instead of one per receiver.
 */
const flushQueue = new TickQueue<FlushableSession>((entry) => entry.flush(), FLUSH_BUDGET);

/** Calls `entry.flush()` after the current code returns, before any I/O. */
export function flushSoon(entry: FlushableSession): void {
  flushQueue.add(entry, undefined);
}
