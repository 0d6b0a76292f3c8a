import type { Adapter, Room, SocketId } from "../adapter/adapter.ts";
import { type AckCallback, type AckTally, expectAckWithin, type PendingAcks } from "../events/acks.ts";
import type { Clock } from "../../base/clock.ts";
import { runNextTick } from "../../base/turn.ts";
import { kEngineClock } from "../../engine/index.ts";
import type { SessionPort } from "../client/session-port.ts";
import type { ResolvedLimits } from "../limits.ts";
import { SocketIoError } from "../report/errors.ts";
import type { SessionLimitCode } from "../report/limit-codes.ts";
import { kCall, kLimits, kReadsOnly, kReportLimit, kPort, kTally } from "../keys.ts";

/** The members of a socket that its limits need. */
interface LimitedSocket {
  readonly id: SocketId;
  readonly client: { readonly [kPort]: SessionPort; readonly [kReadsOnly]?: boolean };
  readonly acks: PendingAcks;
  readonly adapter: Adapter;
  readonly server: {
    readonly [kEngineClock]: Clock;
    readonly [kLimits]: ResolvedLimits;
    [kReportLimit](port: SessionPort, code: SessionLimitCode, limit: number, actual: number): void;
  };
}

/** Whether a socket may join the wanted rooms. A refused join is reported. */
export function mayJoin(socket: LimitedSocket, wanted: ReadonlySet<Room>): boolean {
  const { maxRooms } = socket.server[kLimits];
  const joined = socket.adapter.socketRooms(socket.id);
  let size = joined?.size ?? 0;
  // Counting the wanted rooms that are new is rarely necessary.
  if (size + wanted.size <= maxRooms) return true;
  for (const room of wanted) if (!joined?.has(room)) size++;
  if (size <= maxRooms) return true;
  reportSocketLimit(socket, "TOO_MANY_ROOMS", maxRooms, size);
  return false;
}

/** The members of a socket that its pending acknowledgements need. */
interface AcknowledgingSocket extends LimitedSocket {
  readonly server: LimitedSocket["server"] & { readonly [kTally]: AckTally };
  readonly nsp: { _ids: number };
  [kCall](ack: AckCallback, args: unknown[], kind: "acknowledgement"): void;
}

/**
 * Stores an acknowledgement until the client answers. Beyond `maxPendingAcks` the oldest one is dropped. That of a client that
 * only reads fails at once, if it takes an error.
 *
 * @param timeout in milliseconds; unlimited when undefined
 * @returns the id to send with the event; undefined if the client can't answer
 */
export function addPendingAck(
  socket: AcknowledgingSocket,
  ack: AckCallback,
  timeout: number | undefined,
): number | undefined {
  const { acks, nsp, server, client } = socket;
  if (client[kReadsOnly]) {
    const fail = (): void => socket[kCall](ack, [new SocketIoError("CLIENT_READS_ONLY")], "acknowledgement");
    if (timeout !== undefined) runNextTick(fail, undefined);
    return undefined;
  }
  const id = nsp._ids++;
  const { maxPendingAcks } = server[kLimits];
  if (acks.size >= maxPendingAcks) dropOldestAck(socket, maxPendingAcks);
  if (timeout === undefined) acks.set(id, ack);
  else {
    const call = (args: unknown[]): void => socket[kCall](ack, args, "acknowledgement");
    expectAckWithin(acks, id, { ms: timeout, clock: server[kEngineClock], tally: server[kTally], call });
  }
  return id;
}

/** Drops the oldest pending acknowledgement of a socket, and reports it. */
export function dropOldestAck(socket: LimitedSocket, maxPendingAcks: number): void {
  for (const id of socket.acks.keys()) {
    socket.acks.delete(id);
    return reportSocketLimit(socket, "TOO_MANY_ACKS", maxPendingAcks, maxPendingAcks + 1);
  }
}

/** Sockets that have logged a warning; each warns once. */
const warned = new WeakSet();

function reportSocketLimit(
  socket: LimitedSocket,
  code: "TOO_MANY_ROOMS" | "TOO_MANY_ACKS",
  limit: number,
  actual: number,
): void {
  socket.server[kReportLimit](socket.client[kPort], code, limit, actual);
  if (warned.has(socket)) return;
  warned.add(socket);
  process.emitWarning(new SocketIoError(code));
}
