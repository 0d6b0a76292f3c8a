import type { Untyped } from "./typed-events.ts";

/** `[eventName, ...args]`, as the middlewares of a socket get it. */
export type Event = [string, ...Untyped[]];

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

/** The events that a socket emits by itself. */
export interface SocketReservedEventsMap {
  disconnect: (reason: DisconnectReason, description?: Untyped) => void;
  disconnecting: (reason: DisconnectReason, description?: Untyped) => void;
  error: (err: Error) => void;
}
