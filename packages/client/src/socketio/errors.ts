import { CodedError } from "../coded-error.ts";

/**
 * Why an error of this layer arose:
 * - `CONNECT_TIMEOUT`: the connection was not open after `timeout` milliseconds
 * - `CONNECTION_CLOSED`: the connection was closed before it was open
 * - `CONNECT_REFUSED`: the server did not let the socket into its namespace; `data` says more
 * - `SERVER_TOO_OLD`: the server joined the socket to its namespace as those before Socket.IO 3 do
 * - `ACK_TIMEOUT`: no acknowledgement came within `timeout()` or `ackTimeout` milliseconds
 * - `ACK_DISCONNECTED`: the socket was disconnected while an acknowledgement was due
 * - `RESERVED_EVENT`: the name of an event that the library emits itself
 * - `INVALID_EVENT`: the name of an event is neither a string nor a number
 * - `NOT_ENCODABLE`: an event, an acknowledgement or `auth` has a value that can't be encoded; `cause` says which
 * - `PARSE_ERROR`: the server sent something that is not a packet
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

/** An error of this layer: a message that programs written for socket.io-client may match on, and a code. */
export class ClientError extends CodedError<ClientErrorCode> {
  /** What the server attached to its refusal. */
  declare data?: unknown;
  /** What a close before the connection was open said. */
  declare readonly description?: string;
  declare readonly context?: unknown;
  declare readonly cause?: unknown;
}
