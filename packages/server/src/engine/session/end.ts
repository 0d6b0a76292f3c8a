/*
 * What the end of a session leaves behind: its reason, the counts, and a transport that has to end as well.
 */
import { createLog } from "../../base/log.ts";
import { type CloseReason, completeReason } from "../report/close-codes.ts";
import type { Beating } from "../timing-wheel.ts";
import { kBeat, kClock, kHandler, kHeardAt, kHeartbeat, kStats } from "../keys.ts";
import type { SessionHost, SessionState } from "./host.ts";
import { NOBODY, type Transport } from "../transports/transport.ts";

const log = createLog("engine:socket");

/** A session, as far as its end goes. */
interface Ending extends Beating {
  readonly id: string;
  readonly server: SessionHost;
  readonly protocol: 3 | 4;
  readonly transport: Transport;
  readonly [kHeardAt]: number;
  readyState: SessionState;
  closeReason?: CloseReason;
}

/** Closes the books of a session: completes why it ended, counts it and stops its heartbeat. */
export function recordEnd(session: Ending, why: CloseReason): CloseReason {
  const { server, transport } = session;
  const { [kHeartbeat]: wheel, [kStats]: stats } = server;
  const heartbeatAge = server[kClock].now() - session[kHeardAt];
  const reason = completeReason(why, { transport: transport.name, heartbeatAge, loopLag: wheel.lag });
  session.closeReason = reason;
  if (session.readyState === "closing") stats.closing -= 1;
  stats.onClose(reason, transport.name, session.protocol);
  if (log.enabled) log("session %s closed: %s (%s)", session.id, reason.message, reason.code);
  session.readyState = "closed";
  wheel.cancel(session[kBeat]);
  return reason;
}

/** Ends what has carried a session, for the same reason. */
export function endTransport(transport: Transport, reason: CloseReason): void {
  transport[kHandler] = NOBODY;
  if (transport.readyState === "open") transport.close(undefined, reason);
  else if (transport.readyState === "closing") transport.discard();
}
