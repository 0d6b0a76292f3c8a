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
  /** The server has sent a packet. */
  packet: (packet: Packet) => void;
  /** The connection has survived the death of its transport; names of this transport and of the next one. */
  carried: (from: string, to: string) => void;
  /** The connection is closed. */
  close: (reason: string, description?: DisconnectDescription) => void;
  /** All attempts to reconnect have failed; the manager has stopped. */
  reconnect_failed: () => void;
  /** An attempt to reconnect begins, with its number in the row. */
  reconnect_attempt: (attempt: number) => void;
  /** An attempt to reconnect has failed. */
  reconnect_error: (err: Error) => void;
  /** The connection is open again, after this number of attempts. */
  reconnect: (attempt: number) => void;
}

/** The history and the plan of a manager's connection. */
export interface ManagerDiagnosis extends Partial<Session["diagnosis"]> {
  /** Attempts to reconnect since the connection was lost, including a scheduled one. */
  reconnectAttempts: number;
  /** Time of the next attempt in milliseconds since the epoch; undefined if none is scheduled. */
  nextAttemptAt: number | undefined;
}
