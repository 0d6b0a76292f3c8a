/*
 * One socket of one namespace: its public interface, its handshake, its restored session.
 * Knows: its namespace, server and client: the public classes lead to each other.
 * Must not know: sessions, beyond what the client passes on.
 */
import type { CloseReason } from "../../engine/index.ts";
import { createCloseReason, DISCONNECT_CODES, type DisconnectCode } from "../report/close-codes.ts";
import type { Untyped } from "../events/typed-events.ts";

/** Why a socket was disconnected. */
export type DisconnectReason =
  /** The connection failed. */
  | "transport error"
  /** The client closed the connection, or the network lost it. */
  | "transport close"
  /** The program closed the session of the engine. */
  | "forced close"
  /** The client did not answer a ping within `pingTimeout`. */
  | "ping timeout"
  /** The client sent an invalid packet. */
  | "parse error"
  /** The program called `io.close()`. */
  | "server shutting down"
  /** The server closed the connection: no namespace was joined in time, or the client sent a packet that is not allowed. */
  | "forced server close"
  /** The client called `socket.disconnect()`. */
  | "client namespace disconnect"
  /** The server called `socket.disconnect()`. */
  | "server namespace disconnect";

/** The events that a socket emits by itself. `any` for descriptions, as in socket.io: an Error, or details of a transport. */
export interface SocketReservedEventsMap {
  disconnect: (reason: DisconnectReason, description?: Untyped) => void;
  disconnecting: SocketReservedEventsMap["disconnect"];
  error: (err: Error) => void;
  /** The client had read too slowly, and its queue has emptied. */
  drain: () => void;
}

const CODE_OF_REASON: Partial<Record<DisconnectReason, keyof typeof DISCONNECT_CODES>> = {
  "client namespace disconnect": "CLIENT_LEFT",
  "server namespace disconnect": "SERVER_DISCONNECTED",
  "forced server close": "SERVER_DISCONNECTED",
  "server shutting down": "SERVER_SHUTDOWN",
  "transport close": "SESSION_RESUMED",
};

/** Returns the close record of a disconnection that this layer caused. */
export function leaving(reason: DisconnectReason, description: unknown): CloseReason<DisconnectReason, DisconnectCode> {
  const code = CODE_OF_REASON[reason];
  if (code === undefined) return withPublicReason(createCloseReason("SERVER_CLOSED"), reason, description);
  const { side, message } = DISCONNECT_CODES[code];
  return { reason, code, message, description, side };
}

/** Returns the engine's close record with the reason and description that listeners get. */
export function withPublicReason(
  record: CloseReason<string>,
  reason: DisconnectReason,
  description: unknown,
): CloseReason<DisconnectReason, DisconnectCode> {
  const isSame = record.reason === reason && record.description === description;
  // The engine's type does not have the codes of this layer, but its value may.
  return (isSame ? record : { ...record, reason, description }) as CloseReason<DisconnectReason, DisconnectCode>;
}
