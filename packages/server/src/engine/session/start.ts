/*
 * Starts a session: the `open` packet, then its heartbeat.
 */
import { kObserved } from "../../base/emitter.ts";
import { kEnqueue, kTransportOwner } from "../keys.ts";
import { heartbeatOf } from "./heartbeat.ts";
import { handshakeData } from "./host.ts";
import { messageData } from "./sending.ts";
import type { Session } from "./session.ts";

/** Opens a session on the transport of its handshake. Call it once. */
export function start(session: Session): void {
  const { server, transport } = session;
  session.readyState = "open";
  transport.sid = session.id;
  transport[kTransportOwner] = session;
  session[kEnqueue]("open", handshakeData(server, transport.name, session));
  if (server.initialPacket) session[kEnqueue]("message", messageData(server.initialPacket));
  session.flush();
  if (session[kObserved]) session.emit("open");
  heartbeatOf(session).start(session);
}
