import { ALL_LIMIT_CODES } from "./limit-codes.ts";

/** The sentences of all errors of this layer, by code. */
export const SOCKETIO_ERRORS = {
  RESERVED_EVENT: "the event name belongs to the library",
  ACK_TIMEOUT: "operation has timed out",
  NOT_AN_HTTP_SERVER: "attach() was given something else than an HTTP server or a port: a request handler, perhaps",
  NO_UWEBSOCKETS: "Portage does not run on uWebSockets.js: attach it to a server of node:http instead",
  NOT_LOCAL: "the question has no answer on a parent namespace",
  UNKNOWN_NAMESPACE: "the client asked for a namespace that is not there: io.of() makes it",
  MIDDLEWARE_REFUSED: "a middleware refused the client",
  INVALID_PACKET: "a custom parser handed out a packet that no client may send",
  RECOVERY_OFF: "the client asked for an earlier session, and the option connectionStateRecovery is off",
  RECOVERY_MALFORMED: "the client asked for an earlier session with something that is no text",
  RECOVERY_NO_OFFSET: "the client did not say which event it got last, and the adapter needs to know",
  RECOVERY_SESSION_UNKNOWN:
    "the session does not exist: it was ended by one side, it is too old, or it was taken up before",
  RECOVERY_OFFSET_UNKNOWN: "the events that the client has missed are not all kept any more",
  RECOVERY_FAILED: "the adapter failed to find the earlier session",
  SESSION_RESUMED: "the client has come back on another connection, which takes this session up",
  CLUSTER_TIMEOUT: "not all servers of the cluster have answered in time",
  CLUSTER_MESSAGE_INVALID: "something on the bus of the cluster is not as messages must be: it is ignored",
  CLUSTER_SIGNATURE_INVALID: "something on the bus of the cluster has no valid signature: it is ignored",
  CLUSTER_SECRET_INVALID: "the option clusterSecret takes one or more texts of at least 16 characters",
  ADAPTER_CANNOT_SIGN: "the option clusterSecret is set, and the adapter can't sign what it says on its bus",
  TOO_MANY_SERVERS: "more than 1,000 servers speak on the bus of the cluster: this one is not waited for",
  TOO_MANY_NAMESPACES: ALL_LIMIT_CODES.TOO_MANY_NAMESPACES,
  AUTH_TOO_LARGE: ALL_LIMIT_CODES.AUTH_TOO_LARGE,
  TOO_MANY_DYNAMIC_NAMESPACES: ALL_LIMIT_CODES.TOO_MANY_DYNAMIC_NAMESPACES,
  TOO_MANY_ROOMS: ALL_LIMIT_CODES.TOO_MANY_ROOMS,
  TOO_MANY_ACKS: ALL_LIMIT_CODES.TOO_MANY_ACKS,
  CLIENT_FILES_MISSING: "the files of the client that serveClient hands out are not there: the answer is 404",
  MIDDLEWARE_FAILED: "a middleware threw or returned a promise that was rejected",
} as const;

/** A code of a {@link SocketIoError}. docs/errors.md has a sentence for each. */
export type SocketIoErrorCode = keyof typeof SOCKETIO_ERRORS;

/** An error of the Socket.IO layer. `code` is one of {@link SOCKETIO_ERRORS}. */
export class SocketIoError extends Error {
  /** What happened. */
  readonly code: SocketIoErrorCode;

  constructor(code: SocketIoErrorCode, message: string = SOCKETIO_ERRORS[code], options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
SocketIoError.prototype.name = "SocketIoError";

/** An acknowledgement that did not arrive in time. Callbacks get it first; promises reject with it. */
export class AckTimeoutError extends SocketIoError {
  /** The answers to a broadcast that arrived in time. */
  declare responses?: unknown;

  constructor() {
    super("ACK_TIMEOUT");
  }
}

/** An attempt to emit an event that only the library emits. */
export class ReservedEventError extends SocketIoError {
  constructor(event: string | symbol) {
    super("RESERVED_EVENT", `"${String(event)}" is a reserved event name`);
  }
}

/** Event names that `serverSideEmit()` refuses. */
export const SERVER_RESERVED_EVENTS: ReadonlySet<unknown> = new Set<unknown>([
  "connect",
  "connection",
  "new_namespace",
]);
