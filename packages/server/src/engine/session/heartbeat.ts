/*
 * The heartbeat of one session: ping, pong and ping timeout (Engine.IO protocol, "Heartbeat"). Each revision has a policy of
 * its own; timing-wheel.ts calls when the time has come, and knows nothing of either.
 */
import type { EnginePacket, EnginePacketType, RawData } from "@portage/parser/engine";
import { type Emitter, kObserved } from "../../base/emitter.ts";
import { type CloseReason, closeError, closeReason } from "../report/close-codes.ts";
import type { Beating } from "../timing-wheel.ts";
import { kHeartbeatPhase, kBeat, kEngineClock, kEnqueue, kFailSession, kHeardAt, kTimingWheel } from "../keys.ts";
import type { SessionHost } from "./host.ts";
import type { Transport } from "../transports/transport.ts";

/** What a heartbeat waits for: the client's ping or the time to ping it, the pong, or the pong with its one extension used up. */
export type HeartbeatPhase = "interval" | "pong" | "late pong";

/** A session, as far as its heartbeat goes. */
export interface Pinging extends Emitter, Beating {
  readonly server: SessionHost;
  readonly protocol: 3 | 4;
  readonly transport: Transport;
  readonly writeBuffer: EnginePacket[];
  [kHeartbeatPhase]: HeartbeatPhase;
  /** When the client's heartbeat last came in. */
  [kHeardAt]: number;
  [kEnqueue](type: EnginePacketType, data: RawData | undefined): EnginePacket | undefined;
  [kFailSession](reason: CloseReason): void;
}

/** Who pings whom, and when silence ends the session. A policy has no state: sessions carry it. */
export interface HeartbeatPolicy {
  /** The session is open, or its heartbeat has come in: waits for the next one. */
  start(session: Pinging): void;
  /** The time that the heartbeat waited for is over. */
  onBeat(session: Pinging): void;
  onPing(session: Pinging, packet: EnginePacket): void;
  onPong(session: Pinging): void;
}

/** Revision 4: the server pings each `pingInterval`, and the client has `pingTimeout` to answer. */
const SERVER_PINGS: HeartbeatPolicy = {
  start: (session) => waitForHeartbeat(session, session.server.pingInterval),
  onBeat(session) {
    if (session[kHeartbeatPhase] !== "interval") return endForSilence(session);
    session[kHeartbeatPhase] = "pong";
    session[kEnqueue]("ping", undefined);
    session.server[kTimingWheel].schedule(session[kBeat], session.server.pingTimeout);
  },
  onPing: endForDirection,
  onPong(session) {
    this.start(session);
    if (session[kObserved]) session.emit("heartbeat");
  },
};

/** Revision 3: the client pings each `pingInterval`, at most `pingTimeout` late, and the server answers. */
const CLIENT_PINGS: HeartbeatPolicy = {
  start: (session) => waitForHeartbeat(session, session.server.pingInterval + session.server.pingTimeout),
  onBeat: endForSilence,
  onPing(session, { data }) {
    this.start(session);
    // One answer waits, however often a peer asks that does not read.
    const isAnswered = !session.transport.writable && session.writeBuffer.at(-1)?.type === "pong";
    if (!isAnswered) session[kEnqueue]("pong", data);
    if (session[kObserved]) session.emit("heartbeat");
  },
  onPong: endForDirection,
};

/** The policy of a session, by its revision. */
export const heartbeatOf = ({ protocol }: Pick<Pinging, "protocol">): HeartbeatPolicy =>
  protocol === 4 ? SERVER_PINGS : CLIENT_PINGS;

/** A packet while a pong is awaited shows that the peer is alive: it gets one more pingTimeout. */
export function extendPong(session: Pinging): void {
  session[kHeartbeatPhase] = "late pong";
  session.server[kTimingWheel].schedule(session[kBeat], session.server.pingTimeout);
}

function waitForHeartbeat(session: Pinging, delay: number): void {
  session[kHeartbeatPhase] = "interval";
  const now = (session[kHeardAt] = session.server[kEngineClock].now());
  session.server[kTimingWheel].schedule(session[kBeat], delay, now);
}

function endForSilence(session: Pinging): void {
  session[kFailSession](closeReason("PING_TIMEOUT"));
}

function endForDirection(session: Pinging): void {
  session[kFailSession](closeError("INVALID_HEARTBEAT", "invalid heartbeat direction"));
}
