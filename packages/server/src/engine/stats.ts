import { brokenRule, type CloseCode, type CloseReason } from "./close-reason.ts";
import type { LimitCode } from "./limit-codes.ts";

/**
 * Why an upgrade failed: another one was under way or done (`candidate`), the candidate said something out of place
 * (`stray`), its connection ended (`lost`), it took longer than `upgradeTimeout`, or the session ended first.
 */
export type UpgradeFailure = "candidate" | "stray" | "lost" | "timeout" | "sessionClosed";

/** Numbers by name. */
export type Tally<Name extends string = string> = { [key in Name]?: number };

/**
 * What an engine counts: plain numbers that only grow, written on the hot path. Those of text are characters, those of
 * binary data bytes, before compression and framing.
 */
export class EngineStats {
  packetsIn = 0;
  packetsOut = 0;
  bytesIn = 0;
  bytesOut = 0;
  sessionsOpened = 0;
  upgrades = 0;
  /** Failed upgrades by step. */
  readonly upgradeFailures: Tally<UpgradeFailure> = {};
  /** Sessions that ended, by code. */
  readonly closes: Tally<CloseCode> = {};
  /** The rules of the layers below that they broke, by code. */
  readonly broken: Tally = {};
  /** Requests that were turned away, by name. */
  readonly refusals: Tally = {};
  /** Limits that were hit, by code. */
  readonly limits: Tally<LimitCode> = {};

  /** A session has ended. */
  onClose(reason: CloseReason): void {
    count(this.closes, reason.code);
    const rule = brokenRule(reason);
    if (rule !== undefined) count(this.broken, rule);
  }
}

/** Adds one. */
export function count<Name extends string>(tally: Tally<Name>, name: Name): void {
  tally[name] = (tally[name] ?? 0) + 1;
}
