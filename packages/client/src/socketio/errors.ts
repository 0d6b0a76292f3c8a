import { CodedError } from "../coded-error.ts";
import type { CloseDetails } from "../engine/index.ts";

/**
 * Code of an error of this layer:
 * - `CONNECT_TIMEOUT`: the connection did not open within `timeout` milliseconds
 *   Fix: raise `timeout`, or check the network and the load of the server.
 *   Connect again: yes.
 * - `CONNECTION_CLOSED`: the connection closed before it was open
 *   Fix: read `context.reason`: its code has a row under "Why a session ended".
 *   Connect again: see `retry`.
 * - `CONNECT_REFUSED`: the server refused the socket; `data` has its details
 *   Fix: read `data`, and `connect_refused` on the server.
 *   Connect again: no.
 * - `SERVER_TOO_OLD`: the server is older than Socket.IO 3
 *   Fix: update the server, or use socket.io-client 2.
 *   Connect again: no.
 * - `ACK_TIMEOUT`: the acknowledgement did not arrive within `timeout()` or `ackTimeout` milliseconds
 *   Fix: raise the time limit, or make sure that the server calls the acknowledgement.
 * - `ACK_DISCONNECTED`: the socket disconnected before the acknowledgement arrived
 *   Fix: emit the event again after `connect`, or set `retries`.
 * - `RESERVED_EVENT`: the event name is reserved for the library
 *   Fix: choose another event name.
 * - `INVALID_EVENT`: the event name is neither a string nor a number
 *   Fix: pass a string or a number as the first argument of `emit()`.
 * - `NOT_ENCODABLE`: an event, an acknowledgement or `auth` can't be encoded; `cause` has the encoder's error
 *   Fix: remove cycles and BigInts from the data; read `cause`.
 * - `PARSE_ERROR`: the server sent a malformed packet
 *   Fix: use the same `parser` on both sides; check proxies that change messages.
 *   Connect again: no.
 */
export type ClientErrorCode =
  | "CONNECT_TIMEOUT"
  | "CONNECTION_CLOSED"
  | "CONNECT_REFUSED"
  | "SERVER_TOO_OLD"
  | "ACK_TIMEOUT"
  | "ACK_DISCONNECTED"
  | "RESERVED_EVENT"
  | "INVALID_EVENT"
  | "NOT_ENCODABLE"
  | "PARSE_ERROR";

/** An error of this layer, with a code, and a message that programs written for socket.io-client may compare. */
export class ClientError extends CodedError<ClientErrorCode> {
  /** Data of the server's refusal. */
  declare data?: unknown;
  /** Details of a close before the connection was open. */
  declare readonly description?: string;
  /** `code` and `reason` of such a close, as in a CloseEvent. */
  declare readonly context?: unknown;
  /** The error of the encoder. */
  declare readonly cause?: unknown;
  /**
   * Whether it makes sense to connect again. `no` after a refusal, as the socket stays away until `connect()`; after a close
   * before the connection was open: see `retry` of its details.
   */
  declare readonly retry?: CloseDetails["retry"];
}
