import { LONGEST_DELAY } from "../base/clock.ts";

/** Times of the heartbeat, in milliseconds. */
export interface PingTimes {
  readonly pingInterval: number;
  readonly pingTimeout: number;
}

/**
 * The times that a client is given. It waits for their sum by one timer of its platform, which fires at once where that is
 * too long (about 25 days): pings come often enough for that, however long the server itself would wait.
 */
export function timesForClient({ pingInterval, pingTimeout }: PingTimes): PingTimes {
  const timeout = Math.min(pingTimeout, LONGEST_DELAY / 2);
  return {
    pingInterval: Math.floor(Math.min(pingInterval, LONGEST_DELAY - timeout)),
    pingTimeout: Math.floor(timeout),
  };
}
