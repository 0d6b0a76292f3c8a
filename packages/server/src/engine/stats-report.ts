import { kTimingWheel, kReceiving, kStats } from "./keys.ts";
import { queuedProcessBytes } from "./outgoing/congestion.ts";
import type { TimingWheel } from "./timing-wheel.ts";
import type { EngineStats, Tally } from "./report/stats.ts";

/** What an engine has counted since it was made, and how it stands now. Bytes are characters where they are text. */
export interface EngineReport {
  readonly sessions: {
    readonly open: number;
    /** Of these, those that are ending: they have something to send yet, or wait for a poll that can tell their client. */
    readonly closing: number;
    readonly opened: number;
    /** Open ones by the name of their transport. */
    readonly byTransport: Tally;
    /** Open ones by the revision of Engine.IO. */
    readonly byRevision: Tally;
    /** Open ones whose peer reads too slowly now. */
    readonly slow: number;
    /** Ended ones by code. */
    readonly closed: Tally;
    /** Which rules of packets and of WebSocket they broke, of those that ended for one, by code. */
    readonly broken: Tally;
  };
  readonly upgrades: { readonly completed: number; readonly failed: Tally };
  readonly packets: { readonly in: number; readonly out: number };
  readonly bytes: {
    readonly in: number;
    readonly out: number;
    /** What waits for all sessions together, each counted for itself. */
    readonly queued: number;
    /** The same for this process, where what waits for many is counted once. */
    readonly waiting: number;
    /** What messages hold that are not complete. */
    readonly receiving: number;
  };
  /** Limits that were met, by code; the session went on. */
  readonly limits: Tally;
  /** Requests that were turned away, by name. */
  readonly refusals: Tally;
  /** Requests for a session by pages that may not read the answer: the option `cors` does not name their origin. */
  readonly corsMismatches: number;
  /** By how many milliseconds the event loop was late, the last time and at its worst. */
  readonly loop: { readonly lag: number; readonly maxLag: number };
}

/** Reads what was counted along the way, so that it costs the same however many sessions there are. */
export function reportOn(stats: EngineStats, wheel: TimingWheel, receiving: number): EngineReport {
  return {
    sessions: {
      open: stats.open,
      closing: stats.closing,
      opened: stats.sessionsOpened,
      byTransport: { ...stats.byTransport },
      byRevision: { ...stats.byRevision },
      slow: stats.slow,
      closed: { ...stats.closes },
      broken: { ...stats.broken },
    },
    upgrades: { completed: stats.upgrades, failed: { ...stats.upgradeFailures } },
    packets: { in: stats.packetsIn, out: stats.packetsOut },
    bytes: { in: stats.bytesIn, out: stats.bytesOut, queued: stats.queued, waiting: queuedProcessBytes(), receiving },
    limits: { ...stats.limits },
    refusals: { ...stats.refusals },
    corsMismatches: stats.corsMismatches,
    loop: { lag: Math.round(wheel.lag), maxLag: Math.round(wheel.maxLag) },
  };
}

/** What an engine has counted, and how things stand. */
export function reportOf(engine: {
  readonly [kStats]: EngineStats;
  readonly [kTimingWheel]: TimingWheel;
  readonly [kReceiving]: { readonly held: number };
}): EngineReport {
  return reportOn(engine[kStats], engine[kTimingWheel], engine[kReceiving].held);
}
