/*
 * Reports refusals, limits and failed upgrades to the log, the counters, the diagnostics channels and listeners.
 */
import { type Channel, channel } from "node:diagnostics_channel";
import type { IncomingMessage } from "node:http";
import type { Emitter } from "../../base/emitter.ts";
import { createLog } from "../../base/log.ts";
import { type ConnectionError, type Refusal, type RefusalName, refusalName, REFUSALS } from "./refusals.ts";
import { kStats, kEmitGuarded, kUpgradeTrouble } from "../keys.ts";
import { type LimitHit, limitSentence } from "./limit-codes.ts";
import { count, type EngineStats, type UpgradeFailure } from "./stats.ts";

const log = createLog("engine");

/**
 * Messages on `node:diagnostics_channel`:
 *
 * - `portage.session.open`: `{ session }`
 * - `portage.session.close`: `{ session, reason }`, a CloseReason
 * - `portage.session.carried`: `{ session, from, to }`, names of transports
 * - `portage.refusal`: `{ server, req, name, code, context }`, the server is the engine
 * - `portage.limit`: `{ session, code, limit, actual }`
 * - `portage.heartbeat`: `{ session }`, a client has answered a ping after `session.rtt` milliseconds
 * - `portage.upgrade`: `{ session, phase, transport, took }`, an {@link UpgradeProgress}, the name of the better transport, and
 *   in the last phase the milliseconds since it was connected
 * - `portage.upgrade.failed`: `{ session, step }`
 *
 * Those of the layer above, such as `portage.namespace.join`, are in `socketio/report/channels.ts`.
 */
export const CHANNELS: Readonly<
  Record<"opened" | "closed" | "carried" | "refusal" | "limit" | "heartbeat" | "upgrade" | "upgradeFailed", Channel>
> = {
  opened: channel("portage.session.open"),
  closed: channel("portage.session.close"),
  carried: channel("portage.session.carried"),
  refusal: channel("portage.refusal"),
  limit: channel("portage.limit"),
  heartbeat: channel("portage.heartbeat"),
  upgrade: channel("portage.upgrade"),
  upgradeFailed: channel("portage.upgrade.failed"),
};

/** How far an upgrade is: the better transport is connected, has been probed, or is the one of the session. */
export type UpgradeProgress = "probing" | "probed" | "upgraded";

/** Why a client was not upgraded: the step that failed last, and the last refused request for a better transport. */
export interface UpgradeTrouble {
  readonly step?: UpgradeFailure;
  readonly refusal?: RefusalName;
}

/** The part of an engine that reports use. */
interface ReportingEngine extends Emitter {
  /** The open sessions by id. Tests may leave it out. */
  readonly clients?: Readonly<Record<string, Upgradable | undefined>>;
  readonly [kStats]: EngineStats;
  [kEmitGuarded](event: string, ...args: unknown[]): void;
}

/** The part of a session that reports use. */
interface Reported {
  readonly id: string;
}

/** A session that a client may want to upgrade. */
interface Upgradable {
  readonly transport: { readonly name: string };
  [kUpgradeTrouble]?: UpgradeTrouble;
}

/** A request whose query was parsed. */
interface QueriedRequest extends IncomingMessage {
  readonly _query?: Readonly<Record<string, string | undefined>>;
}

/** Records in the session that a request for another transport was refused. */
function recordRefusedUpgrade(engine: ReportingEngine, req: IncomingMessage, refusal: RefusalName): void {
  const { sid, transport } = (req as QueriedRequest)._query ?? {};
  const session = sid === undefined ? undefined : engine.clients?.[sid];
  if (session === undefined || transport === undefined || session.transport.name === transport) return;
  session[kUpgradeTrouble] = { ...session[kUpgradeTrouble], refusal };
}

/** Reports a refused request. */
export function reportRefusal(engine: ReportingEngine, req: IncomingMessage, refusal: Refusal): void {
  const name = refusalName(refusal);
  const { code, context } = refusal;
  const { message, hint, fix } = REFUSALS[name];
  if (log.enabled) log("refused: %s (%s) %o", message, hint, context);
  count(engine[kStats].refusals, name);
  recordRefusedUpgrade(engine, req, name);
  if (CHANNELS.refusal.hasSubscribers) CHANNELS.refusal.publish({ server: engine, req, name, code, context });
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
export function reportUpgradeFailure(
  engine: ReportingEngine,
  session: Reported & Pick<Upgradable, typeof kUpgradeTrouble>,
  step: UpgradeFailure,
): void {
  if (log.enabled) log("upgrade of session %s failed: %s", session.id, step);
  count(engine[kStats].upgradeFailures, step);
  session[kUpgradeTrouble] = { ...session[kUpgradeTrouble], step };
  if (CHANNELS.upgradeFailed.hasSubscribers) CHANNELS.upgradeFailed.publish({ session, step });
}
