/*
 * The heartbeat of one session: ping, pong and ping timeout (Engine.IO protocol, "Heartbeat"). Each protocol revision has
 * its own policy. timing-wheel.ts calls it at the scheduled times.
 */
import type { EnginePacket, EnginePacketType, RawData } from "@portage/parser/engine";
import { type Emitter, kObserved } from "../../base/emitter.ts";
import { type CloseReason, closeError, closeReason } from "../report/close-codes.ts";
import type { Carry } from "../carry/carry.ts";
import { CHANNELS } from "../report/reports.ts";
import type { Beating } from "../timing-wheel.ts";
import {
  kHeartbeatPhase,
  kBeat,
  kCarry,
  kEngineClock,
  kEnqueue,
  kFailSession,
  kHeardAt,
  kPingedAt,
  kRoundTrip,
  kStats,
  kTimingWheel,
  kTraceWire,
} from "../keys.ts";
import type { SessionHost } from "./host.ts";
import type { Transport } from "../transports/transport.ts";

const CARRY_COUNT = /^\d+\??$/;

/** What comes next: the next ping in either direction, the pong, or the pong after its one extension. */
export type HeartbeatPhase = "interval" | "pong" | "late pong";

/** The part of a session that its heartbeat uses. */
export interface Pinging extends Emitter, Beating {
  readonly server: SessionHost;
  readonly protocol: 3 | 4;
  readonly transport: Transport;
  readonly writeBuffer: EnginePacket[];
  readonly [kCarry]: Pick<Carry, "report" | "confirm"> | undefined;
  [kHeartbeatPhase]: HeartbeatPhase;
  /** When the client's last ping or pong came in. */
  [kHeardAt]: number;
  /** See `times.ts`. */
  [kPingedAt]: number;
  [kRoundTrip]: number;
  [kEnqueue](type: EnginePacketType, data: RawData | undefined): EnginePacket | undefined;
  onClose(reason: CloseReason): void;
  [kFailSession](reason: CloseReason): void;
}

/** Decides which side pings, and when silence ends the session. Policies are stateless; the state is in the session. */
export interface HeartbeatPolicy {
  /** Schedules the next ping. Called when the session opens, and after each ping or pong of the client. */
  start(session: Pinging): void;
  /** Called at the scheduled time. */
  onBeat(session: Pinging): void;
  onPing(session: Pinging, packet: EnginePacket): void;
  onPong(session: Pinging): void;
}

/** Revision 4: the server pings every `pingInterval`, and the client has `pingTimeout` to answer. */
const SERVER_PINGS: HeartbeatPolicy = {
  start: (session) => waitForHeartbeat(session, session.server.pingInterval),
  onBeat(session) {
    if (session[kHeartbeatPhase] !== "interval") return endForSilence(session);
    session[kHeartbeatPhase] = "pong";
    session[kPingedAt] = session.server[kEngineClock].now() | 0;
    session[kEnqueue]("ping", session[kCarry]?.report());
    session.server[kTimingWheel].schedule(session[kBeat], session.server.pingTimeout);
  },
  onPing: endForDirection,
  onPong(session) {
    const isAnswer = session[kHeartbeatPhase] !== "interval";
    this.start(session);
    // In 32 bits, as the ping was recorded: right for any round trip of less than 24 days.
    if (isAnswer) {
      session[kRoundTrip] = (session[kHeardAt] - session[kPingedAt]) | 0;
      session.server[kStats].roundTrips.add(session[kRoundTrip] / 1000);
      if (CHANNELS.heartbeat.hasSubscribers) CHANNELS.heartbeat.publish({ session });
    }
    if (session[kObserved]) session.emit("heartbeat");
  },
};

/** Revision 3: the client pings every `pingInterval`, at most `pingTimeout` late, and the server answers. */
const CLIENT_PINGS: HeartbeatPolicy = {
  start: (session) => waitForHeartbeat(session, session.server.pingInterval + session.server.pingTimeout),
  onBeat: endForSilence,
  onPing(session, { data }) {
    this.start(session);
    // Queue at most one pong for a client that pings without reading.
    const isAnswered = !session.transport.writable && session.writeBuffer.at(-1)?.type === "pong";
    if (!isAnswered) session[kEnqueue]("pong", data);
    if (session[kObserved]) session.emit("heartbeat");
  },
  onPong: endForDirection,
};

/** Returns the policy for the session's protocol revision. */
export const heartbeatOf = ({ protocol }: Pick<Pinging, "protocol">): HeartbeatPolicy =>
  protocol === 4 ? SERVER_PINGS : CLIENT_PINGS;

/** Gives the client one more `pingTimeout` for its pong, because another packet has shown that it is alive. */
export function extendPong(session: Pinging): void {
  session[kHeartbeatPhase] = "late pong";
  session.server[kTimingWheel].schedule(session[kBeat], session.server.pingTimeout);
}

/** Takes a packet that is not a message. */
export function takeControlPacket(session: Pinging, packet: EnginePacket): void {
  switch (packet.type) {
    case "pong":
      session[kCarry]?.confirm(packet.data);
      return heartbeatOf(session).onPong(session);
    case "ping":
      return heartbeatOf(session).onPing(session, packet);
    case "noop":
      return takeNoop(session, packet);
    case "close":
      return session[kFailSession](closeReason("CLIENT_CLOSED"));
    case "message":
    case "open":
    case "upgrade":
      // Messages are the session's own matter; a client has no use for the others.
      return;
  }
}

/** Takes a noop with data: a count of the carry, which is of digits, or a trace context. */
function takeNoop(session: Pinging, { data }: EnginePacket): void {
  const wire = session.server[kTraceWire];
  if (wire === undefined || data === undefined || CARRY_COUNT.test(data as string)) session[kCarry]?.confirm(data);
  else wire.take(session, data);
}

function waitForHeartbeat(session: Pinging, delay: number): void {
  session[kHeartbeatPhase] = "interval";
  const now = (session[kHeardAt] = session.server[kEngineClock].now());
  session.server[kTimingWheel].schedule(session[kBeat], delay, now);
}

function endForSilence(session: Pinging): void {
  session.onClose(closeReason("PING_TIMEOUT"));
}

function endForDirection(session: Pinging): void {
  session[kFailSession](closeError("INVALID_HEARTBEAT", "invalid heartbeat direction"));
}
