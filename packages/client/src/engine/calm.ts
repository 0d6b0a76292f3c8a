/*
 * Memory of WebSockets that broke down soon after they had opened. Some proxies and scanners accept a WebSocket and end or
 * mute it seconds later; a client that opens the next one at once disconnects again and again.
 *
 * After two such WebSockets in a row to one origin, no WebSocket is tried for 30 s. Each further one doubles the pause, up
 * to 10 min. A WebSocket that lasts 60 s clears the record. Nothing is stored beyond the process or page.
 */

/** Age, in milliseconds, at which a WebSocket has proven to work. */
const LASTING_WEBSOCKET = 60_000;
const FIRST_PAUSE = 30_000;
const LONGEST_PAUSE = 600_000;

/** The WebSockets to one origin that broke down in a row. */
export interface Breakdowns {
  count_: number;
  /** Time of the last one, in milliseconds since the epoch. */
  at_: number;
}

/**
 * Records the end of a WebSocket.
 *
 * @param startedAt in milliseconds since the epoch, as `now`
 * @param isBreakdown whether neither side ended it
 */
export function recordEnd(record: Breakdowns, startedAt: number, isBreakdown: boolean, now: number): void {
  if (now - startedAt >= LASTING_WEBSOCKET) record.count_ = 0;
  // counts connections that broke down together once
  else if (isBreakdown && startedAt >= record.at_) {
    record.count_++;
    record.at_ = now;
  }
}

/** Returns the milliseconds for which no WebSocket may be tried; 0: try it. */
export function pauseLeft({ count_, at_ }: Breakdowns, now: number): number {
  const pause = count_ > 1 ? Math.min(FIRST_PAUSE * 2 ** (count_ - 2), LONGEST_PAUSE) : 0;
  // a clock that was set back ends the pause
  return now < at_ ? 0 : Math.max(at_ + pause - now, 0);
}
