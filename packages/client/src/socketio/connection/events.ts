import type { Packet } from "@portage/parser/socket";
import type { Session } from "../../engine/index.ts";
import type { DisconnectDescription } from "../socket-types.ts";

/** Events of a manager. */
export interface ManagerReservedEvents {
  /** The connection is open. */
  open: () => void;
  /** The connection could not be opened, or an open one failed. */
  error: (err: Error) => void;
  /** The server has sent a ping. */
  ping: () => void;
  /** A packet has arrived. */
  packet: (packet: Packet) => void;
  /** The connection is closed. */
  close: (reason: string, description?: DisconnectDescription) => void;
  /** All attempts to reconnect have failed; no further one is made. */
  reconnect_failed: () => void;
  /** An attempt to reconnect begins, the n-th in a row. */
  reconnect_attempt: (attempt: number) => void;
  /** An attempt to reconnect has failed. */
  reconnect_error: (err: Error) => void;
  /** The connection is open again, after n attempts. */
  reconnect: (attempt: number) => void;
}

/** What a manager can say about its connection. */
export interface ManagerDiagnosis extends Partial<Session["diagnosis"]> {
  /** Attempts to reconnect made since the connection was lost, the one that is due included. */
  reconnectAttempts: number;
  /** When the next one is due, in milliseconds since the epoch; undefined if none is. */
  nextAttemptAt: number | undefined;
}
