/*
 * One socket of one namespace: what programs listen to and call, its handshake, its restored session.
 * Knows: its namespace, server and client: the public classes lead to each other.
 * Must not know: sessions beyond what the client hands on.
 */
import type { CloseReason } from "../../engine/index.ts";
import { closeReason, DISCONNECT_CODES, type DisconnectCode } from "../report/close-codes.ts";
import type { Untyped } from "../events/typed-events.ts";

/** Why a socket was disconnected. */
export type DisconnectReason =
  /** The connection broke. */
  | "transport error"
  /** The client closed the connection, or it was lost. */
  | "transport close"
  /** The connection was closed by the server below the sockets. */
  | "forced close"
  /** The client did not answer in time. */
  | "ping timeout"
  /** The client sent something that is no packet. */
  | "parse error"
  /** `io.close()` was called. */
  | "server shutting down"
  /** The server closed the connection: the client joined no namespace in time, or sent what it must not. */
  | "forced server close"
  /** The client called `socket.disconnect()`. */
  | "client namespace disconnect"
  /** The server called `socket.disconnect()`. */
  | "server namespace disconnect";

/** The events that a socket emits by itself. A description is an Error, or what the transport has to say: `any`, as there. */
export interface SocketReservedEventsMap {
  disconnect: (reason: DisconnectReason, description?: Untyped) => void;
  disconnecting: SocketReservedEventsMap["disconnect"];
  error: (err: Error) => void;
  /** The client had read too slowly, and has taken what waited for it. */
  drain: () => void;
}

const CODES: Partial<Record<DisconnectReason, keyof typeof DISCONNECT_CODES>> = {
  "client namespace disconnect": "CLIENT_LEFT",
  "server namespace disconnect": "SERVER_DISCONNECTED",
  "forced server close": "SERVER_DISCONNECTED",
  "server shutting down": "SERVER_SHUTDOWN",
  "transport close": "SESSION_RESUMED",
};

/** The record of a disconnection that is none of the engine's. */
export function leaving(reason: DisconnectReason, description: unknown): CloseReason<DisconnectReason, DisconnectCode> {
  const code = CODES[reason];
  if (code === undefined) return asTold(closeReason("SERVER_CLOSED"), reason, description);
  const [side, message] = DISCONNECT_CODES[code];
  return { reason, code, message, description, side };
}

/** The record of a disconnection that the engine knows of, with the reason that listeners are told. */
export function asTold(
  record: CloseReason<string>,
  reason: DisconnectReason,
  description: unknown,
): CloseReason<DisconnectReason, DisconnectCode> {
  const isSame = record.reason === reason && record.description === description;
  // The engine does not know the codes of this layer; what ends a socket of this layer has one of the two.
  return (isSame ? record : { ...record, reason, description }) as CloseReason<DisconnectReason, DisconnectCode>;
}
