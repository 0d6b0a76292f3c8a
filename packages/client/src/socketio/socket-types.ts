import type { CloseDetails } from "../engine/index.ts";
import type { ExtendedError } from "./typed-events.ts";

/** Details of a disconnection. `code` is a machine code of docs/errors.md, if the server sent one. */
export type DisconnectDescription = (Error & { code?: string }) | CloseDetails;

/** Events that a {@link Socket} emits itself, besides the server's events. */
export interface SocketReservedEvents {
  /** The socket is connected, for the first time or again. */
  connect: () => void;
  /** The connection failed, or the server refused the socket. If `socket.active` is true, the client will try again. */
  connect_error: (err: ExtendedError) => void;
  /** The socket is disconnected. */
  disconnect: (reason: DisconnectReason, description?: DisconnectDescription) => void;
}

/** The reason of a disconnection. */
export type DisconnectReason =
  | "io server disconnect"
  | "io client disconnect"
  | "ping timeout"
  | "transport close"
  | "transport error"
  | "parse error";

/** An event sent again until it is acknowledged. */
export interface QueuedPacket {
  /** Number of times that it was sent. */
  tryCount_: number;
  /** Whether it was sent and its acknowledgement is pending. */
  pending: boolean;
  /** Name, arguments, and the acknowledgement callback. */
  readonly args: unknown[];
  /** The flags of its `emit`. */
  readonly flags: Flags;
}

/** Flags of one event. */
export interface Flags {
  compress?: boolean;
  volatile?: boolean;
  timeout?: number;
  /** The id of the event, for all its tries. */
  id?: number;
}
