/*
 * How a session passes from one transport to the next without losing or reordering what its client sends.
 */
import { type Emitter, kObserved } from "../../base/emitter.ts";
import { createLog } from "../../base/log.ts";
import type { CloseReason } from "../report/close-codes.ts";
import { kFailSession, kTransportOwner, kStats } from "../keys.ts";
import type { SessionHost, SessionState } from "./host.ts";
import { NO_OWNER, NOOP_PACKET, type Transport, type TransportOwner } from "../transports/transport.ts";

const log = createLog("engine:socket");

/** A session, as far as a change of its transport goes. */
interface MovingSession extends TransportOwner, Emitter {
  readonly id: string;
  readonly server: SessionHost;
  readonly readyState: SessionState;
  transport: Transport;
  flush(): void;
  [kFailSession](reason: CloseReason): void;
}

/** Makes `candidate` the session's transport. The previous one retires once the client's last POST on it has been read. */
export function takeOver(session: MovingSession, candidate: Transport): void {
  const { transport: previous } = session;
  session.server[kStats].recordUpgrade(previous.name, candidate.name);
  previous[kTransportOwner] = {
    onPacket: (packet) => session.onPacket(packet),
    onDrain() {},
    // What the client still posts may end the session, or be beyond repair.
    onClose: (reason) => reason.side === "client" && session[kFailSession](reason),
  };
  candidate[kTransportOwner] = session;
  session.transport = candidate;
  // What the client still posts on the old transport was sent before what it sends on the new one.
  candidate.hold();
  previous.retire(() => {
    previous[kTransportOwner] = NO_OWNER;
    candidate.release();
  });
  if (log.enabled) log("session %s upgraded to %s", session.id, candidate.name);
  if (session[kObserved]) session.emit("upgrade", candidate);
  session.flush();
}

/** The candidate works: the client waits for the end of its poll, so that it can commit. */
export function releaseClient(session: MovingSession, candidate: Transport): void {
  if (log.enabled) log("session %s was probed by %s", session.id, candidate.name);
  if (session[kObserved]) session.emit("upgrading", candidate);
  answerPendingPoll(session);
}

/** While the client waits for its poll to end, so that it can commit, a poll is answered at once. */
export function answerPendingPoll(session: MovingSession): void {
  session.flush();
  if (session.transport.writable && session.readyState !== "closed") session.transport.send([NOOP_PACKET]);
}
