import { CodedError } from "../coded-error.ts";
import type { CloseDetails } from "../engine/index.ts";

/**
 * Code of an error of this layer:
 * - `CONNECT_TIMEOUT`: the connection did not open within `timeout` milliseconds
 * - `CONNECTION_CLOSED`: the connection closed before it was open
 * - `CONNECT_REFUSED`: the server refused the socket; `data` has its details
 * - `SERVER_TOO_OLD`: the server is older than Socket.IO 3
 * - `ACK_TIMEOUT`: the acknowledgement did not arrive within `timeout()` or `ackTimeout` milliseconds
 * - `ACK_DISCONNECTED`: the socket disconnected before the acknowledgement arrived
 * - `RESERVED_EVENT`: the event name is reserved for the library
 * - `INVALID_EVENT`: the event name is neither a string nor a number
 * - `NOT_ENCODABLE`: an event, an acknowledgement or `auth` can't be encoded; `cause` has the encoder's error
 * - `PARSE_ERROR`: the server sent a malformed packet
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
