import type { Adapter, Room, SocketId } from "./adapter/adapter.ts";
import type { PendingAcks } from "./acks.ts";
import type { LimitCode, Session } from "../engine/index.ts";
import type { ResolvedLimits } from "./limits.ts";
import { SocketIoError } from "./errors.ts";
import { kLimits, kOnLimit } from "./keys.ts";

/** A socket, as far as its limits go. */
export interface Limited {
  readonly id: SocketId;
  readonly conn: Session;
  readonly acks: PendingAcks;
  readonly adapter: Adapter;
  readonly server: {
    readonly [kLimits]: ResolvedLimits;
    [kOnLimit](conn: Session, code: LimitCode, limit: number, actual: number): void;
  };
}

/** Whether a socket may join these rooms as well. What it may not do is told, and does nothing. */
export function mayJoin(socket: Limited, wanted: ReadonlySet<Room>): boolean {
  const { maxRooms } = socket.server[kLimits];
  const joined = socket.adapter.socketRooms(socket.id);
  let size = joined?.size ?? 0;
  // Few are in so many rooms that it matters which of the wanted ones are new.
  if (size + wanted.size <= maxRooms) return true;
  for (const room of wanted) if (!joined?.has(room)) size++;
  if (size <= maxRooms) return true;
  report(socket, "TOO_MANY_ROOMS", maxRooms, size);
  return false;
}

/** Gives up the acknowledgement that a socket waits for the longest. */
export function giveUpOldest(socket: Limited, maxPendingAcks: number): void {
  for (const id of socket.acks.keys()) {
    socket.acks.delete(id);
    return report(socket, "TOO_MANY_ACKS", maxPendingAcks, maxPendingAcks + 1);
  }
}

/** Sockets of which the log has heard: each says it once. */
const warned = new WeakSet();

function report(socket: Limited, code: "TOO_MANY_ROOMS" | "TOO_MANY_ACKS", limit: number, actual: number): void {
  socket.server[kOnLimit](socket.conn, code, limit, actual);
  if (warned.has(socket)) return;
  warned.add(socket);
  process.emitWarning(new SocketIoError(code));
}
