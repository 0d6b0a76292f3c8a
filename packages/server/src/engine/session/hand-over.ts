/*
 * Moves a session from one transport to another, without losing or reordering the client's packets.
 */
import { type Emitter, kObserved } from "../../base/emitter.ts";
import { createLog } from "../../base/log.ts";
import type { CloseReason } from "../report/close-codes.ts";
import { CHANNELS, type UpgradeProgress } from "../report/reports.ts";
import { kFailSession, kCarry, kTransportOwner, kStats } from "../keys.ts";
import type { SessionHost, SessionState } from "./host.ts";
import { upgradesOf } from "../transports/registry.ts";
import { NO_OWNER, NOOP_PACKET, type Transport, type TransportOwner } from "../transports/transport.ts";
import type { UpgradeAttempt } from "./upgrade.ts";

const log = createLog("engine:socket");

/** The part of a session that a change of its transport uses. */
interface MovingSession extends TransportOwner, Emitter {
  readonly id: string;
  readonly server: SessionHost;
  readonly readyState: SessionState;
  readonly [kCarry]: { retiring: Transport | undefined } | undefined;
  transport: Transport;
  flush(): void;
  [kFailSession](reason: CloseReason): void;
}

/** Publishes that the upgrade of a session goes on. */
function publishPhase(session: MovingSession, phase: UpgradeProgress, { name }: Transport, took?: number): void {
  if (CHANNELS.upgrade.hasSubscribers) CHANNELS.upgrade.publish({ session, phase, transport: name, took });
}

/**
 * Offers a transport to the upgrade of a session. If the session's own transport has no such upgrade, it is refused: a WebSocket
 * can always send, so the noops for a pending poll would not end.
 */
export function offerTo(
  session: MovingSession,
  upgrade: Pick<UpgradeAttempt, "refuse" | "offer">,
  candidate: Transport,
): void {
  candidate.sid = session.id;
  publishPhase(session, "probing", candidate);
  if (upgradesOf(session.transport.name).includes(candidate.name)) upgrade.offer(candidate);
  else upgrade.refuse(candidate);
}

/** Makes `candidate` the session's transport. The previous transport retires after it has read the client's last POST. */
export function takeOver(session: MovingSession, candidate: Transport, took: number): void {
  const { transport: previous } = session;
  session.server[kStats].recordUpgrade(previous.name, candidate.name, took);
  previous[kTransportOwner] = {
    onPacket: (packet) => session.onPacket(packet),
    onDrain() {},
    // A late POST may contain a close packet, or be malformed.
    onClose: (reason) => reason.side === "client" && session[kFailSession](reason),
  };
  candidate[kTransportOwner] = session;
  session.transport = candidate;
  // The client sent its last POST before anything on the new transport, so that POST is delivered first.
  candidate.pause();
  const { [kCarry]: carry } = session;
  if (carry) carry.retiring = previous;
  previous.retire(() => {
    if (carry) carry.retiring = undefined;
    previous[kTransportOwner] = NO_OWNER;
    candidate.resume();
  });
  if (log.enabled) log("session %s upgraded to %s", session.id, candidate.name);
  publishPhase(session, "upgraded", candidate, took);
  if (session[kObserved]) session.emit("upgrade", candidate);
  session.flush();
}

/** Ends the pending poll after a successful probe, so that the client can commit. */
export function releaseClient(session: MovingSession, candidate: Transport): void {
  if (log.enabled) log("session %s was probed by %s", session.id, candidate.name);
  publishPhase(session, "probed", candidate);
  if (session[kObserved]) session.emit("upgrading", candidate);
  answerPendingPoll(session);
}

/** Answers a pending poll at once, with a noop if nothing is queued. A client commits only between polls. */
export function answerPendingPoll(session: MovingSession): void {
  session.flush();
  if (session.transport.writable && session.readyState !== "closed") session.transport.send([NOOP_PACKET]);
}
