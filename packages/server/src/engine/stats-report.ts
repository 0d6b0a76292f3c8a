import { kAdrift, kTimingWheel, kReceiving, kStats } from "./keys.ts";
import { queuedProcessBytes } from "./outgoing/congestion.ts";
import type { TimingWheel } from "./timing-wheel.ts";
import type { Histogram, HistogramReport } from "./report/histogram.ts";
import type { EngineStats, Tally } from "./report/stats.ts";

/** Counters since the engine was created, and its current state. Text counts in characters, binary data in bytes. */
export interface EngineReport {
  /** The sessions by state. */
  readonly sessions: {
    readonly open: number;
    /** Open sessions that are closing: they still flush their queue, or wait for a poll to answer. */
    readonly closing: number;
    readonly opened: number;
    /** Open sessions by transport. */
    readonly byTransport: Tally;
    /** Open sessions by Engine.IO revision. */
    readonly byRevision: Tally;
    /** Open sessions with a slow reader. */
    readonly slow: number;
    /** Of these, those whose transport has died, while their client may return. */
    readonly adrift: number;
    /** Returns of clients after the death of a transport, by `from>to`, the names of the transports. */
    readonly carried: Tally;
    /** Ended sessions by close code. */
    readonly closed: Tally;
    /** Sessions that ended because of a violation, by the rule of packets or of WebSocket. */
    readonly broken: Tally;
    /** How long ended sessions were open, in seconds, by `transport>code`: the last transport and the close code. */
    readonly durations: Readonly<Record<string, HistogramReport>>;
  };
  /** `rtt`: the times from a ping of the server to its answer, in seconds. */
  readonly heartbeats: { readonly rtt: HistogramReport };
  /** Upgrades; the failed ones by step. `duration`: from the new connection to the end of the upgrade, in seconds. */
  readonly upgrades: { readonly completed: number; readonly failed: Tally; readonly duration: HistogramReport };
  /** Packets received and sent. */
  readonly packets: { readonly in: number; readonly out: number };
  /** Bytes received, sent and queued. */
  readonly bytes: {
    readonly in: number;
    readonly out: number;
    /** Sum of the queues of all sessions. */
    readonly queued: number;
    /** Queued in this process; a broadcast counts once. */
    readonly waiting: number;
    /** Incomplete messages. */
    readonly receiving: number;
  };
  /** Limits reached without ending the session, by code. */
  readonly limits: Tally;
  /** Refused requests, by name. */
  readonly refusals: Tally;
  /** Handshakes of pages that may not read the response, because the option `cors` does not allow their origin. */
  readonly corsMismatches: number;
  /** Delay of the event loop in milliseconds: the last one, and the longest. */
  readonly loop: { readonly lag: number; readonly maxLag: number };
}

/** Builds the report from counters, in constant time. */
export function reportOn(stats: EngineStats, wheel: TimingWheel, receiving: number, adrift: number): EngineReport {
  return {
    sessions: {
      open: stats.open,
      closing: stats.closing,
      opened: stats.sessionsOpened,
      byTransport: { ...stats.byTransport },
      byRevision: { ...stats.byRevision },
      slow: stats.slow,
      adrift,
      carried: { ...stats.carried },
      closed: { ...stats.closes },
      broken: { ...stats.broken },
      durations: Object.fromEntries(Array.from(stats.durations, ([key, durations]) => [key, durations.report()])),
    },
    heartbeats: { rtt: stats.roundTrips.report() },
    upgrades: {
      completed: stats.upgrades,
      failed: { ...stats.upgradeFailures },
      duration: stats.upgradeTimes.report(),
    },
    packets: { in: stats.packetsIn, out: stats.packetsOut },
    bytes: { in: stats.bytesIn, out: stats.bytesOut, queued: stats.queued, waiting: queuedProcessBytes(), receiving },
    limits: { ...stats.limits },
    refusals: { ...stats.refusals },
    corsMismatches: stats.corsMismatches,
    loop: { lag: Math.round(wheel.lag), maxLag: Math.round(wheel.maxLag) },
  };
}

/** Returns the report of an engine. */
export function reportOf(engine: {
  readonly [kStats]: EngineStats;
  readonly [kTimingWheel]: TimingWheel;
  readonly [kReceiving]: { readonly held: number };
  readonly [kAdrift]: { readonly size: number };
}): EngineReport {
  return reportOn(engine[kStats], engine[kTimingWheel], engine[kReceiving].held, engine[kAdrift].size);
}

/** Returns how long sessions of an engine with this end were open; undefined before the first end. */
export function durationsOf(
  engine: { readonly [kStats]: EngineStats },
  { transport, code }: { readonly transport: string; readonly code: string },
): Histogram | undefined {
  return engine[kStats].durations.get(`${transport}>${code}`);
}
