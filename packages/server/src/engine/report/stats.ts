import { ENGINE_PARSER_ERRORS } from "@portage/parser/engine";
import { VIOLATIONS } from "@portage/websocket";
import { type AnyCloseCode, brokenRule, type CloseReason } from "./close-codes.ts";
import type { AnyLimitCode } from "./limit-codes.ts";

/**
 * Why an upgrade failed: another one was under way or done (`candidate`), the candidate said something out of place
 * (`stray`), its connection ended (`lost`), it took longer than `upgradeTimeout`, or the session ended first.
 */
export type UpgradeFailure = (typeof UPGRADE_FAILURES)[number];
export const UPGRADE_FAILURES = ["candidate", "stray", "lost", "timeout", "sessionClosed"] as const;

/** The rules of packets and of WebSocket that a peer of an engine can break. */
export const ENGINE_RULES: readonly string[] = [...Object.keys(VIOLATIONS), ...Object.keys(ENGINE_PARSER_ERRORS)];

/** Numbers by name. */
export type Tally<Name extends string = string> = { [key in Name]?: number };

/**
 * What an engine counts, written on the hot path: numbers that only grow, and how things stand now. Those of text are
 * characters, those of binary data bytes, before compression and framing.
 */
export class EngineStats {
  packetsIn = 0;
  packetsOut = 0;
  bytesIn = 0;
  bytesOut = 0;
  sessionsOpened = 0;
  upgrades = 0;
  /** Requests of pages that may not read the answer. */
  corsMismatches = 0;
  /** Sessions that are open, those that are ending among them. */
  open = 0;
  closing = 0;
  /** Sessions whose peer reads too slowly now. */
  slow = 0;
  /** What waits in the queues of all sessions. */
  queued = 0;
  /** Open sessions by the name of their transport. */
  readonly byTransport: Tally = {};
  /** Open sessions by the revision of Engine.IO. */
  readonly byRevision: Tally = {};
  /** Failed upgrades by step. */
  readonly upgradeFailures: Tally<UpgradeFailure> = {};
  /** Sessions that ended, by code. */
  readonly closes: Tally<AnyCloseCode> = {};
  /** The rules of the layers below that they broke, by code. */
  readonly broken: Tally = {};
  /** Requests that were turned away, by name. */
  readonly refusals: Tally = {};
  /** Limits that were hit, by code. */
  readonly limits: Tally<AnyLimitCode> = {};

  /** A session is there. */
  recordOpen(transport: string, revision: number): void {
    this.sessionsOpened += 1;
    this.open += 1;
    count(this.byTransport, transport);
    count(this.byRevision, String(revision));
  }

  /** A session goes on over another transport. */
  recordUpgrade(from: string, to: string): void {
    this.upgrades += 1;
    uncount(this.byTransport, from);
    count(this.byTransport, to);
  }

  /** A session has ended on this transport. */
  recordClose(reason: CloseReason, transport: string, revision: number): void {
    this.open -= 1;
    uncount(this.byTransport, transport);
    uncount(this.byRevision, String(revision));
    count(this.closes, reason.code);
    const rule = brokenRule(reason);
    if (rule !== undefined) count(this.broken, rule);
  }
}

/** Adds one. */
export function count<Name extends string>(tally: Tally<Name>, name: Name): void {
  tally[name] = (tally[name] ?? 0) + 1;
}

/** Takes one away; what is at zero is not there. */
function uncount(tally: Tally, name: string): void {
  const left = (tally[name] ?? 0) - 1;
  if (left > 0) tally[name] = left;
  else delete tally[name];
}
