/*
 * Ends a session: completes its reason, counts it, and ends its transport.
 */
import type { Emitter } from "../../base/emitter.ts";
import { createLog } from "../../base/log.ts";
import { type CloseReason, completeReason, isMove, ownReason } from "../report/close-codes.ts";
import type { Beating } from "../timing-wheel.ts";
import {
  kBeat,
  kEngineClock,
  kFailSession,
  kTransportOwner,
  kHeardAt,
  kTimingWheel,
  kStats,
  kTakeError,
} from "../keys.ts";
import type { SessionHandler, SessionHost, SessionState } from "./host.ts";
import { NO_OWNER, type Transport } from "../transports/transport.ts";

const log = createLog("engine:socket");

/** The part of a session that its end uses. */
interface EndingSession extends Beating {
  readonly id: string;
  readonly server: SessionHost;
  readonly protocol: 3 | 4;
  readonly transport: Transport;
  readonly [kHeardAt]: number;
  readonly openedAt: number;
  readyState: SessionState;
  closeReason?: CloseReason;
}

/** Whether a session is closing because it moves to another server: what its client has already sent is delivered. */
export function isMoving({ readyState, closeReason }: Pick<EndingSession, "readyState" | "closeReason">): boolean {
  return readyState === "closing" && closeReason !== undefined && isMove(closeReason);
}

/** Marks a session as closed: completes the reason, counts it, and stops its heartbeat. */
export function recordSessionEnd(session: EndingSession, why: CloseReason): CloseReason {
  const { server, transport } = session;
  const { [kTimingWheel]: wheel, [kStats]: stats } = server;
  const now = server[kEngineClock].now();
  const heartbeatAge = now - session[kHeardAt];
  const reason = completeReason(why, { transport: transport.name, heartbeatAge, loopLag: wheel.lag });
  session.closeReason = reason;
  if (session.readyState === "closing") stats.closing -= 1;
  const age = now - session.openedAt;
  stats.recordClose(reason, { transport: transport.name, revision: session.protocol, age });
  if (log.enabled) log("session %s closed: %s (%s)", session.id, reason.message, reason.code);
  session.readyState = "closed";
  wheel.cancel(session[kBeat]);
  return reason;
}

/** Ends a session on which the program emits `close` or `error`, as engine.io does. Returns true if nothing is left to emit. */
export function endedByEvent(
  session: EndingSession & Emitter & { [kFailSession](why: CloseReason): void },
  handler: SessionHandler,
  event: string | symbol,
  [first, second]: unknown[],
): boolean {
  if (session.readyState === "closed" || (event !== "close" && event !== "error")) return false;
  if (event === "close") session[kFailSession](ownReason(first as string | undefined, second));
  else if (handler[kTakeError]) handler[kTakeError](first);
  else return false;
  // Without a listener, Node would throw the error.
  return event === "close" || session.listenerCount("error") === 0;
}

/** Ends the transport of a session that has ended, for the same reason. */
export function endTransport(transport: Transport, reason: CloseReason): void {
  transport[kTransportOwner] = NO_OWNER;
  if (transport.readyState === "open") transport.close(undefined, reason);
  else if (transport.readyState === "closing") transport.discard();
}
