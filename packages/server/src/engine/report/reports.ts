/*
 * Reports refusals, limits and failed upgrades to the log, the counters, the diagnostics channels and listeners.
 */
import { type Channel, channel } from "node:diagnostics_channel";
import type { IncomingMessage } from "node:http";
import type { Emitter } from "../../base/emitter.ts";
import { createLog } from "../../base/log.ts";
import { type ConnectionError, type Refusal, refusalName, REFUSALS } from "./refusals.ts";
import { kStats, kEmitGuarded } from "../keys.ts";
import { type LimitHit, limitSentence } from "./limit-codes.ts";
import { count, type EngineStats, type UpgradeFailure } from "./stats.ts";

const log = createLog("engine");

/**
 * Messages on `node:diagnostics_channel`:
 *
 * - `portage.session.open`: `{ session }`
 * - `portage.session.close`: `{ session, reason }`, a CloseReason
 * - `portage.session.carried`: `{ session, from, to }`, names of transports
 * - `portage.refusal`: `{ req, name, code, context }`
 * - `portage.limit`: `{ session, code, limit, actual }`
 * - `portage.upgrade.failed`: `{ session, step }`
 */
export const CHANNELS: Readonly<
  Record<"opened" | "closed" | "carried" | "refusal" | "limit" | "upgradeFailed", Channel>
> = {
  opened: channel("portage.session.open"),
  closed: channel("portage.session.close"),
  carried: channel("portage.session.carried"),
  refusal: channel("portage.refusal"),
  limit: channel("portage.limit"),
  upgradeFailed: channel("portage.upgrade.failed"),
};

/** The part of an engine that reports use. */
interface ReportingEngine extends Emitter {
  readonly [kStats]: EngineStats;
  [kEmitGuarded](event: string, ...args: unknown[]): void;
}

/** The part of a session that reports use. */
interface Reported {
  readonly id: string;
}

/** Reports a refused request. */
export function reportRefusal(engine: ReportingEngine, req: IncomingMessage, refusal: Refusal): void {
  const name = refusalName(refusal);
  const { code, context } = refusal;
  const { message, hint, fix } = REFUSALS[name];
  if (log.enabled) log("refused: %s (%s) %o", message, hint, context);
  count(engine[kStats].refusals, name);
  if (CHANNELS.refusal.hasSubscribers) CHANNELS.refusal.publish({ req, name, code, context });
  const error: ConnectionError = { req, code, message, context, name, hint, fix };
  engine[kEmitGuarded]("connection_error", error);
}

/** Reports a limit that a session has reached without ending. */
export function reportLimit(
  engine: ReportingEngine,
  session: Reported,
  { code, limit, actual }: Pick<LimitHit, "code" | "limit" | "actual">,
): void {
  if (log.enabled) log("limit met by session %s: %s, %d of %d", session.id, code, actual, limit);
  count(engine[kStats].limits, code);
  if (CHANNELS.limit.hasSubscribers) CHANNELS.limit.publish({ session, code, limit, actual });
  if (engine.listenerCount("limit") === 0) return;
  const hit: LimitHit = { code, message: limitSentence(code), limit, actual, sid: session.id };
  engine.emit("limit", hit);
}

/** Reports an upgrade that has failed at `step`. The session stays on its transport. */
export function reportUpgradeFailure(engine: ReportingEngine, session: Reported, step: UpgradeFailure): void {
  if (log.enabled) log("upgrade of session %s failed: %s", session.id, step);
  count(engine[kStats].upgradeFailures, step);
  if (CHANNELS.upgradeFailed.hasSubscribers) CHANNELS.upgradeFailed.publish({ session, step });
}
