import type { CodeText } from "../../engine/index.ts";
import { ALL_LIMIT_CODES } from "./limit-codes.ts";

/** All errors of this layer, by code. */
export const SOCKETIO_ERRORS = {
  RESERVED_EVENT: { message: "the event name is reserved", fix: "choose another event name" },
  NOT_ENCODABLE: {
    message: "a Blob can't be sent, because its bytes can't be read at once",
    fix: "send `await blob.arrayBuffer()` in its place",
  },
  ACK_TIMEOUT: { message: "operation has timed out", fix: "raise the timeout, or answer in the listener" },
  CLIENT_READS_ONLY: {
    message: "the client reads server-sent events, so it can't acknowledge",
    fix: "ask clients of other transports; see `socket.conn.transport.name`",
  },
  NOT_AN_HTTP_SERVER: {
    message: "attach() takes an HTTP server or a port, not a request handler",
    fix: "pass the result of `createServer()` or `app.listen()`",
  },
  NO_UWEBSOCKETS: {
    message: "Portage does not run on uWebSockets.js; attach it to a node:http server",
    fix: "pass a server of node:http to attach()",
  },
  NOT_LOCAL: {
    message: "a parent namespace can not answer this question",
    fix: "call the method on a child namespace",
  },
  UNKNOWN_NAMESPACE: {
    message: "the client asked for an unknown namespace; io.of() creates it",
    fix: "call `io.of()` at start, or correct the URL of the client",
  },
  MIDDLEWARE_REFUSED: { message: "a middleware refused the client", fix: "look at the error of the middleware" },
  INVALID_PACKET: {
    message: "a custom parser returned a packet that clients may not send",
    fix: "correct the decoder of the parser",
  },
  RECOVERY_OFF: {
    message: "the client asks for recovery, but connectionStateRecovery is off",
    fix: "set `connectionStateRecovery`",
  },
  RECOVERY_MALFORMED: { message: "`pid` and `offset` must be strings", fix: "use a Socket.IO client" },
  RECOVERY_NO_OFFSET: {
    message: "the client has received no offset, which this adapter needs",
    fix: "nothing, the client has missed no event",
  },
  RECOVERY_SESSION_UNKNOWN: {
    message: "the session to recover has ended, expired, or been recovered before",
    fix: "raise `maxDisconnectionDuration`",
  },
  RECOVERY_OFFSET_UNKNOWN: {
    message: "some events that the client missed are no longer stored",
    fix: "raise the limits of `connectionStateRecovery`",
  },
  RECOVERY_EPOCH: {
    message: "the log of the cluster has begun anew since the client received it",
    fix: "look why the store lost data: a restart, FLUSHALL, a fail-over",
  },
  RECOVERY_TOO_LARGE: {
    message: "the client missed more than one recovery may send",
    fix: "raise `history.maxReplayBytes` of the cluster, or `slowReader.hard`",
  },
  RECOVERY_FAILED: { message: "the adapter failed to find the session", fix: "look at `cause`" },
  SESSION_RESUMED: {
    message: "the client resumed this session on another connection",
    fix: "nothing, the session continues there",
  },
  CLUSTER_TIMEOUT: {
    message: "some servers of the cluster did not answer in time",
    fix: "check the bus, or wait longer: `io.timeout(ms).fetchSockets()`",
  },
  CLUSTER_ANSWERS_MISSING: {
    message: "some nodes of the cluster were lost or failed before they answered",
    fix: "see `missing` and `answers` of the error, and ask again",
  },
  CLUSTER_MESSAGE_TOO_LARGE: {
    message: "the message is too large for the other nodes of the cluster",
    fix: "send smaller events, or raise `maxMessageBytes` of the cluster",
  },
  CLUSTER_MESSAGE_INVALID: {
    message: "ignored a malformed message on the cluster bus",
    fix: "run the same version on all servers",
  },
  CLUSTER_SIGNATURE_INVALID: {
    message: "ignored a message without a valid signature on the cluster bus",
    fix: "set the same `clusterSecret` on all servers",
  },
  CLUSTER_SECRET_INVALID: {
    message: "clusterSecret takes one or more strings of at least 16 characters",
    fix: "choose a longer secret",
  },
  ADAPTER_CANNOT_SIGN: {
    message: "clusterSecret is set, but the adapter can not sign its messages",
    fix: "use an adapter that extends `ClusterAdapter`",
  },
  TOO_MANY_SERVERS: {
    message: "more than 1,000 servers on the cluster bus; this one is ignored",
    fix: "check the bus for foreign messages",
  },
  TOO_MANY_NAMESPACES: ALL_LIMIT_CODES.TOO_MANY_NAMESPACES,
  AUTH_TOO_LARGE: ALL_LIMIT_CODES.AUTH_TOO_LARGE,
  TOO_MANY_DYNAMIC_NAMESPACES: ALL_LIMIT_CODES.TOO_MANY_DYNAMIC_NAMESPACES,
  TOO_MANY_ROOMS: ALL_LIMIT_CODES.TOO_MANY_ROOMS,
  TOO_MANY_ACKS: ALL_LIMIT_CODES.TOO_MANY_ACKS,
  CLIENT_FILES_MISSING: {
    message: "the client files for serveClient are missing; the answer is 404",
    fix: "reinstall the package, or set `serveClient: false`",
  },
  MIDDLEWARE_FAILED: { message: "a middleware threw, or its promise rejected", fix: "look at `handler_error`" },
} as const satisfies Record<string, CodeText>;

/** A code of a {@link SocketIoError}. docs/errors.md has a sentence for each. */
export type SocketIoErrorCode = keyof typeof SOCKETIO_ERRORS;

/** An error of the Socket.IO layer. `code` is one of {@link SOCKETIO_ERRORS}. */
export class SocketIoError extends Error {
  /** What happened. */
  readonly code: SocketIoErrorCode;

  constructor(code: SocketIoErrorCode, message: string = SOCKETIO_ERRORS[code].message, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
SocketIoError.prototype.name = "SocketIoError";

/** An acknowledgement that did not arrive in time. Callbacks get it first; promises reject with it. */
export class AckTimeoutError extends SocketIoError {
  /** The answers to a broadcast that arrived in time. */
  declare responses?: unknown;
  /** With the option `cluster`: the tags of the nodes with clients that have not answered a broadcast. */
  declare missing?: readonly string[];

  constructor() {
    super("ACK_TIMEOUT");
  }
}

/**
 * Some nodes of a cluster have not answered a request: `fetchSockets()`, `serverSideEmit()`, or a broadcast with
 * acknowledgements.
 *
 * @example
 * const sockets = await io.fetchSockets().catch((error) => error.answers ?? []);
 */
export class MissingAnswersError extends SocketIoError {
  /** The answers of the other nodes. */
  readonly answers: readonly unknown[];
  /** The tags of the nodes that have not answered. */
  readonly missing: readonly string[];
  /** The same as {@link answers}; set by methods that return a promise. */
  declare responses?: unknown;

  constructor(
    code: "CLUSTER_TIMEOUT" | "CLUSTER_ANSWERS_MISSING",
    { answers, missing }: { readonly answers: readonly unknown[]; readonly missing: readonly string[] },
  ) {
    // The sentence of socket.io, which programs may compare.
    super(code, code === "CLUSTER_TIMEOUT" ? `timeout reached: missing ${missing.length} responses` : undefined);
    this.answers = answers;
    this.missing = missing;
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
