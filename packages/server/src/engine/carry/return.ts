import { EnginePacket } from "@portage/parser/engine";
import { type Emitter, kObserved } from "../../base/emitter.ts";
import { createLog } from "../../base/log.ts";
import type { Clock } from "../../base/clock.ts";
import { kCarriedBy, kCarry, type kEngineClock, kStats, kTransportOwner } from "../keys.ts";
import { type OutgoingQueue, requeue } from "../outgoing/congestion.ts";
import { COMPRESS } from "../outgoing/prepared-message.ts";
import { CHANNELS } from "../report/reports.ts";
import type { EngineStats } from "../report/stats.ts";
import { type Transport, type TransportOwner } from "../transports/transport.ts";
import { Carry, type CarriedSession, type CarryQuery } from "./carry.ts";
import { carryLimits, type CarryOptions } from "./options.ts";

const log = createLog("engine:socket");

/** A session that its client has returned to. */
interface ReturningSession extends TransportOwner, Emitter, Omit<OutgoingQueue, "transport"> {
  readonly server: OutgoingQueue["server"] & { readonly [kEngineClock]: Clock; readonly [kStats]: EngineStats };
  readonly [kCarry]: Carry | undefined;
  transport: Transport;
}

/** The carry of a new session, if its client asks for one in the handshake and the option `carry` agrees. */
export function carryFor(
  session: CarriedSession & { readonly protocol: number; readonly [kCarriedBy]: string | undefined },
  query: CarryQuery,
  option: boolean | CarryOptions | undefined,
): Carry | undefined {
  if (query.carry !== "1" || session.protocol !== 4 || session[kCarriedBy] === "answer") return undefined;
  const limits = carryLimits(option);
  return limits && new Carry(session, limits);
}

/**
 * Makes `transport` the one of a session whose client has returned with it. First on it goes the count of what the server has
 * received, then what the client has not, then the queue.
 */
export function takeBack(session: ReturningSession, transport: Transport, query: CarryQuery): void {
  const { [kCarry]: carry, transport: previous, server } = session;
  if (!carry) return;
  const { count, lost } = carry.resume(query);
  // A listener of the previous transport has ended it.
  if (session.readyState === "closed") return transport.discard();
  transport.sid = session.id;
  transport[kTransportOwner] = session;
  session.transport = transport;
  requeue(session, [new EnginePacket("noop", count, COMPRESS), ...lost]);
  server[kStats].recordCarry(previous.name, transport.name);
  if (log.enabled) log("session %s is carried from %s to %s", session.id, previous.name, transport.name);
  if (session[kObserved]) session.emit("carried", previous.name, transport.name);
  if (CHANNELS.carried.hasSubscribers) {
    CHANNELS.carried.publish({ session, from: previous.name, to: transport.name });
  }
}
