/*
 * The heartbeat of one session: ping, pong and ping timeout (Engine.IO protocol, "Heartbeat"). The wheel of heartbeat.ts
 * says when.
 */
import type { EnginePacket, EnginePacketType, RawData } from "@portage/parser/engine";
import { type Emitter, kObserved } from "../../base/emitter.ts";
import { type CloseReason, closeError, closeReason } from "../report/close-codes.ts";
import type { Beating } from "../timing-wheel.ts";
import { kAwaits, kBeat, kClock, kEnqueue, kFail, kHeardAt, kHeartbeat } from "../keys.ts";
import type { SessionHost } from "./host.ts";
import type { Transport } from "../transports/transport.ts";

/** What a heartbeat waits for: the time to ping, the pong, or the pong with its one extension used up. */
export type HeartbeatPhase = "interval" | "pong" | "late pong";

/** A session, as far as its heartbeat goes. */
export interface Pinging extends Emitter, Beating {
  readonly server: SessionHost;
  readonly protocol: 3 | 4;
  readonly transport: Transport;
  readonly writeBuffer: EnginePacket[];
  [kAwaits]: HeartbeatPhase;
  /** When the client's heartbeat last came in. */
  [kHeardAt]: number;
  [kEnqueue](type: EnginePacketType, data: RawData | undefined): EnginePacket | undefined;
  [kFail](reason: CloseReason): void;
}

/** Begins the wait for the next ping. Revision 3: the client pings. Revision 4: the server does. */
export function start(session: Pinging): void {
  const { server } = session;
  session[kAwaits] = "interval";
  const now = (session[kHeardAt] = server[kClock].now());
  const delay = session.protocol === 3 ? server.pingInterval + server.pingTimeout : server.pingInterval;
  server[kHeartbeat].schedule(session[kBeat], delay, now);
}

/** The time that the heartbeat waited for is over. */
export function onBeat(session: Pinging): void {
  if (session.protocol === 3 || session[kAwaits] !== "interval") return session[kFail](closeReason("PING_TIMEOUT"));
  session[kAwaits] = "pong";
  session[kEnqueue]("ping", undefined);
  session.server[kHeartbeat].schedule(session[kBeat], session.server.pingTimeout);
}

/** A packet while a pong is awaited shows that the peer is alive: it gets one more pingTimeout. */
export function extendPong(session: Pinging): void {
  session[kAwaits] = "late pong";
  session.server[kHeartbeat].schedule(session[kBeat], session.server.pingTimeout);
}

export function onPong(session: Pinging): void {
  if (session.protocol === 3) return fail(session);
  start(session);
  if (session[kObserved]) session.emit("heartbeat");
}

export function onPing(session: Pinging, { data }: EnginePacket): void {
  if (session.protocol === 4) return fail(session);
  start(session);
  // One answer waits, however often a peer asks that does not read.
  const isAnswered = !session.transport.writable && session.writeBuffer.at(-1)?.type === "pong";
  if (!isAnswered) session[kEnqueue]("pong", data);
  if (session[kObserved]) session.emit("heartbeat");
}

function fail(session: Pinging): void {
  session[kFail](closeError("INVALID_HEARTBEAT", "invalid heartbeat direction"));
}
