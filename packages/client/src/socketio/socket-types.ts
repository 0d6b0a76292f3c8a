import type { CloseDetails } from "../engine/index.ts";
import type { ExtendedError } from "./typed-events.ts";

/** More on why a connection ended. `code` is what a machine can make of it: one of docs/errors.md, if the server has said why. */
export type DisconnectDescription = (Error & { code?: string }) | CloseDetails;

/** Events of a {@link Socket} of its own, beside those of the server. */
export interface SocketReservedEvents {
  /** The socket is connected, for the first time or again. */
  connect: () => void;
  /** The connection failed, or the server refused the socket. `socket.active` tells whether it will be tried again. */
  connect_error: (err: ExtendedError) => void;
  /** The socket is disconnected. */
  disconnect: (reason: DisconnectReason, description?: DisconnectDescription) => void;
}

/** Why a socket is disconnected. */
export type DisconnectReason =
  | "io server disconnect"
  | "io client disconnect"
  | "ping timeout"
  | "transport close"
  | "transport error"
  | "parse error";

/** An event that is sent until it is acknowledged. */
export interface QueuedPacket {
  /** How often it was sent. */
  tryCount_: number;
  /** Whether it was sent and its acknowledgement is due. */
  pending: boolean;
  /** Name, arguments, and the function that the acknowledgement calls. */
  readonly args: unknown[];
  /** The flags it was emitted with. */
  readonly flags: Flags;
}

/** How the next event is to be sent. */
export interface Flags {
  compress?: boolean;
  volatile?: boolean;
  timeout?: number;
}
