import { ENGINE_PARSER_ERRORS } from "@portage/parser/engine";
import { VIOLATIONS } from "@portage/websocket";
import { type AnyLayerCloseCode, brokenRule, type CloseReason, type CodeText } from "./close-codes.ts";
import { DURATION_BOUNDS, Histogram, LATENCY_BOUNDS } from "./histogram.ts";
import type { AnyLayerLimitCode } from "./limit-codes.ts";

/** Why an upgrade failed, by step. The session stays on its transport. */
export const UPGRADE_FAILURES = {
  candidate: {
    message: "another upgrade of the session was under way, or done",
    fix: "nothing, the first one goes on; check proxies that repeat requests",
  },
  stray: {
    message: "the new connection sent something else than a probe",
    fix: "use a Socket.IO client, and check proxies that change messages",
  },
  lost: {
    message: "the new connection broke before the upgrade was complete",
    fix: "if it is frequent, check proxies that cut WebSockets: `npx portage-doctor`",
  },
  timeout: {
    message: "the upgrade took longer than upgradeTimeout",
    fix: "check proxies that hold frames back, or raise `upgradeTimeout`",
  },
  sessionClosed: {
    message: "the session ended before the upgrade was complete",
    fix: "nothing, look at why the session ended",
  },
} as const satisfies Record<string, CodeText>;

export type UpgradeFailure = keyof typeof UPGRADE_FAILURES;

/** The rules of packets and of WebSocket that a client can violate. */
export const ENGINE_RULES: readonly string[] = [...Object.keys(VIOLATIONS), ...Object.keys(ENGINE_PARSER_ERRORS)];

/** Counters by name. */
export type Tally<Name extends string = string> = { [key in Name]?: number };

/**
 * Counters of an engine, written on the hot path. Text counts in characters and binary data in bytes, before compression and
 * framing.
 */
export class EngineStats {
  packetsIn = 0;
  packetsOut = 0;
  bytesIn = 0;
  bytesOut = 0;
  sessionsOpened = 0;
  upgrades = 0;
  /** Returns of clients, by `from>to`: the names of the transport that died and of the next one. */
  readonly carried: Tally = {};
  /** Handshakes of pages that may not read the response. */
  corsMismatches = 0;
  /** Open sessions, including closing ones. */
  open = 0;
  closing = 0;
  /** Sessions with a slow reader. */
  slow = 0;
  /** Sum of the queues of all sessions. */
  queued = 0;
  /** Open sessions by transport. */
  readonly byTransport: Tally = {};
  /** Open sessions by Engine.IO revision. */
  readonly byRevision: Tally = {};
  /** Failed upgrades by step. */
  readonly upgradeFailures: Tally<UpgradeFailure> = {};
  /** Ended sessions by close code. */
  readonly closes: Tally<AnyLayerCloseCode> = {};
  /** Sessions that ended because of a violation, by rule. */
  readonly broken: Tally = {};
  /** Refused requests by name. */
  readonly refusals: Tally = {};
  /** Reached limits by code. */
  readonly limits: Tally<AnyLayerLimitCode> = {};

  /** How long ended sessions were open, in seconds, by `transport>code`. Both come from tables. */
  readonly durations: Map<string, Histogram> = new Map();
  /** Times from a ping to its pong, in seconds. */
  readonly roundTrips: Histogram = new Histogram(LATENCY_BOUNDS);
  /** Times from the new connection to the end of the upgrade, in seconds. */
  readonly upgradeTimes: Histogram = new Histogram(LATENCY_BOUNDS);

  /** Counts a new session. */
  recordOpen(transport: string, revision: number): void {
    this.sessionsOpened += 1;
    this.open += 1;
    count(this.byTransport, transport);
    count(this.byRevision, String(revision));
  }

  /** Counts a completed upgrade, and how many milliseconds it took. */
  recordUpgrade(from: string, to: string, took: number): void {
    this.upgrades += 1;
    this.upgradeTimes.add(took / 1000);
    uncount(this.byTransport, from);
    count(this.byTransport, to);
  }

  /** A session goes on over another transport after the death of one. */
  recordCarry(from: string, to: string): void {
    count(this.carried, `${from}>${to}`);
    uncount(this.byTransport, from);
    count(this.byTransport, to);
  }

  /** Counts an ended session, and how many milliseconds it was open. */
  recordClose(
    reason: CloseReason,
    { transport, revision, age }: { readonly transport: string; readonly revision: number; readonly age: number },
  ): void {
    this.open -= 1;
    uncount(this.byTransport, transport);
    uncount(this.byRevision, String(revision));
    count(this.closes, reason.code);
    const rule = brokenRule(reason);
    if (rule !== undefined) count(this.broken, rule);
    const key = `${transport}>${reason.code}`;
    let durations = this.durations.get(key);
    if (durations === undefined) this.durations.set(key, (durations = new Histogram(DURATION_BOUNDS)));
    durations.add(age / 1000);
  }
}

/** Adds one. */
export function count<Name extends string>(tally: Tally<Name>, name: Name): void {
  tally[name] = (tally[name] ?? 0) + 1;
}

/** Subtracts one; deletes a counter at zero. */
function uncount(tally: Tally, name: string): void {
  const left = (tally[name] ?? 0) - 1;
  if (left > 0) tally[name] = left;
  else delete tally[name];
}
