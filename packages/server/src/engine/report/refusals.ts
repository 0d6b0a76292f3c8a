import type { IncomingMessage } from "node:http";
import type { Retry } from "./close-codes.ts";

/** The part of a row for the operator. */
interface RefusalText {
  /** What happened. */
  readonly hint: string;
  /** What to do about it. */
  readonly fix: string;
  /** Whether the client should connect again; `later` has status 503. */
  readonly retry: Retry;
}

/** A row of the table of refusals. */
export interface RefusalKind extends RefusalText {
  /** `code` in the JSON body. Engine.IO defines 0 to 5. */
  readonly code: number;
  /** HTTP status. */
  readonly status: number;
  /** `message` in the JSON body. */
  readonly message: string;
}

const refusalKind = (code: number, status: number, message: string, text: RefusalText): RefusalKind => ({
  code,
  status,
  message,
  ...text,
});

/** All refusals of requests, by `name` in `connection_error`. */
export const REFUSALS = {
  UNKNOWN_TRANSPORT: refusalKind(0, 400, "Transport unknown", {
    hint: "the option `transports` does not include it",
    fix: "add it to `transports`, or remove it from the options of the client",
    retry: "no",
  }),
  UNKNOWN_SID: refusalKind(1, 400, "Session ID unknown", {
    hint: "the session has ended, or another process has it (no option `cluster`?)",
    fix: "with several processes, set `cluster`, or make the balancer sticky",
    retry: "yes",
  }),
  BAD_HANDSHAKE_METHOD: refusalKind(2, 400, "Bad handshake method", {
    hint: "a handshake must be a GET request",
    fix: "use a Socket.IO client, and check proxies that change the method",
    retry: "no",
  }),
  METHOD_NOT_ALLOWED: refusalKind(2, 405, "Method not allowed", {
    hint: "server-sent events are asked for by GET requests alone",
    fix: "use `EventSource`, or `curl -N` without data",
    retry: "no",
  }),
  INVALID_ORIGIN: refusalKind(3, 400, "Bad request", {
    hint: "the Origin header contains invalid characters",
    fix: "correct the client or the proxy that sets the header",
    retry: "no",
  }),
  TRANSPORT_MISMATCH: refusalKind(3, 400, "Bad request", {
    hint: "the request names a different transport from its session",
    fix: "use a Socket.IO client, and check proxies that change URLs",
    retry: "no",
  }),
  TRANSPORT_HANDSHAKE_ERROR: refusalKind(3, 400, "Bad request", {
    hint: "not a WebSocket handshake; a proxy may have removed the Upgrade header",
    fix: "let the proxy forward `Upgrade` and `Connection`",
    retry: "no",
  }),
  WS_ENGINE_WITHOUT_HTTP2: refusalKind(3, 501, "WebSocket over HTTP/2 not supported", {
    hint: "the class in `wsEngine` has no handleConnect() for HTTP/2",
    fix: "leave out `wsEngine` or `enableConnectProtocol`",
    retry: "no",
  }),
  PROTOCOL_MISMATCH: refusalKind(3, 400, "Bad request", {
    hint: "the session uses another protocol revision",
    fix: "send the same `EIO` with all requests of a session",
    retry: "no",
  }),
  CARRY_KEY: refusalKind(3, 400, "Bad request", {
    hint: "the request returns to a session with a wrong key",
    fix: "nothing, the client opens a new session; if it is frequent, look for an attack",
    retry: "yes",
  }),
  CARRY_COUNT: refusalKind(3, 400, "Bad request", {
    hint: "the client lacks messages that `carry` has dropped, or its count is invalid",
    fix: "raise `carry.maxBytes` and `carry.maxPackets`",
    retry: "yes",
  }),
  CARRY_TURN: refusalKind(3, 400, "Bad request", {
    hint: "the request belongs to a transport that its client has left",
    fix: "nothing, the session continues on another transport",
    retry: "no",
  }),
  CARRY_ADRIFT: refusalKind(3, 400, "Bad request", {
    hint: "the session has lost its transport, and its client has not returned yet",
    fix: "nothing, the client returns with another request",
    retry: "yes",
  }),
  MIDDLEWARE_FAILURE: refusalKind(3, 400, "Bad request", {
    hint: "a middleware of the engine refused the request",
    fix: "look at `context.error`",
    retry: "no",
  }),
  ID_GENERATION_ERROR: refusalKind(3, 400, "Bad request", {
    hint: "generateId() failed, or returned the id of an open session",
    fix: "look at `context.error`",
    retry: "no",
  }),
  BAD_REQUEST: refusalKind(3, 400, "Bad request", {
    hint: "the request is malformed",
    fix: "use a Socket.IO client",
    retry: "no",
  }),
  FORBIDDEN: refusalKind(4, 403, "Forbidden", {
    hint: "allowRequest refused the request, or userOf failed",
    fix: "look at `context.message` and `context.error`",
    retry: "no",
  }),
  ORIGIN_NOT_ALLOWED: refusalKind(4, 403, "Origin not allowed", {
    hint: "the page's origin is not allowed by the option cors; see checkOrigin",
    fix: "add the origin to `cors`, or set `checkOrigin: false`",
    retry: "no",
  }),
  UNSUPPORTED_PROTOCOL_VERSION: refusalKind(5, 400, "Unsupported protocol version", {
    hint: "the client uses Socket.IO 1 or 2 (Engine.IO revision 3); see allowEIO3",
    fix: "set `allowEIO3: true`, or update the client",
    retry: "no",
  }),
  TOO_MANY_CONNECTIONS: refusalKind(6, 503, "Too many connections", {
    hint: "maxConnections is reached",
    fix: "raise `maxConnections`, or add servers",
    retry: "later",
  }),
  TOO_MANY_CONNECTIONS_FROM_ADDRESS: refusalKind(6, 503, "Too many connections", {
    hint: "maxConnectionsPerAddress is reached for the address of the client",
    fix: "raise the limit; clients behind one proxy share its address",
    retry: "later",
  }),
  TOO_MANY_CONNECTIONS_OF_USER: refusalKind(6, 503, "Too many connections", {
    hint: "maxConnectionsPerUser is reached for the user of userOf",
    fix: "raise the limit, or close the user's other sessions",
    retry: "later",
  }),
  TOO_MANY_HANDSHAKES: refusalKind(6, 503, "Too many handshakes", {
    hint: "maxHandshakesPerSecond is reached",
    fix: "raise `maxHandshakesPerSecond`, or add servers",
    retry: "later",
  }),
  SERVER_DRAINING: refusalKind(7, 503, "Server is going away", {
    hint: "the server is draining or closing",
    fix: "nothing, clients connect to another server",
    retry: "later",
  }),
  SERVER_STARTING: refusalKind(7, 503, "Server is starting", {
    hint: "the node has not joined its cluster yet",
    fix: "nothing, clients try again; if it lasts, listen to `error` of `io.cluster`",
    retry: "later",
  }),
  OWNER_LOST: refusalKind(1, 400, "Session ID unknown", {
    hint: "the node of the cluster that had the session is gone",
    fix: "nothing, the client opens a new session; look at why the node ended",
    retry: "yes",
  }),
  OWNER_UNREACHABLE: refusalKind(1, 503, "Server of the session can't be reached", {
    hint: "the node that has the session does not answer; its link is cut or it is frozen",
    fix: "look at `io.cluster.nodes()`, and at what blocks the event loop of the node",
    retry: "later",
  }),
  FORWARD_OVERLOADED: refusalKind(6, 503, "Too many forwarded requests", {
    hint: "a limit of the option `cluster` is reached; see `context.limit`",
    fix: "raise the limit, add nodes, or make the balancer sticky",
    retry: "later",
  }),
  UPGRADES_REFUSED: refusalKind(3, 400, "Bad request", {
    hint: 'another node has the session; `upgrades` is "refuse", or it is WebTransport',
    fix: 'nothing, the session stays on polling; or set `upgrades: "auto"`',
    retry: "no",
  }),
  WEBTRANSPORT_SILENT: refusalKind(3, 408, "Handshake timeout", {
    hint: "a WebTransport session sent no packet in time, or too many did not",
    fix: "nothing; if it is frequent, look for an attack, or raise `upgradeTimeout`",
    retry: "yes",
  }),
  WEBTRANSPORT_HANDSHAKE: refusalKind(3, 400, "Bad request", {
    hint: "the first packet of a WebTransport session is not a handshake",
    fix: "use a Socket.IO client",
    retry: "no",
  }),
  WEBTRANSPORT_WITHOUT_REQUEST: refusalKind(4, 403, "Forbidden", {
    hint: "WebTransport has no request for cors, allowRequest or middlewares to check",
    fix: "let clients begin with long-polling, and upgrade to WebTransport",
    retry: "no",
  }),
  PAYLOAD_TOO_LARGE: refusalKind(8, 413, "Payload too large", {
    hint: "the body of a POST exceeds maxHttpBufferSize",
    fix: "raise `maxHttpBufferSize`, or send smaller messages",
    retry: "yes",
  }),
} as const satisfies Record<string, RefusalKind>;

export type RefusalName = keyof typeof REFUSALS;

/** The argument of `connection_error` listeners. */
export interface ConnectionError {
  /** The refused request. */
  readonly req: IncomingMessage;
  /** The number of the refusal, as in engine.io; see docs/errors.md. */
  readonly code: number;
  /** The sentence that the client gets. */
  readonly message: string;
  /** Details for the server only, by name. */
  readonly context: Readonly<Record<string, unknown>>;
  /** A key of the table of refusals, see docs/errors.md. */
  readonly name: RefusalName;
  /** What happened, for the operator of the server. */
  readonly hint: string;
  /** What to do about it. */
  readonly fix: string;
}

/** engine.io's refusal codes, `code` in the JSON body. */
export const ERROR_CODES = {
  UNKNOWN_TRANSPORT: 0,
  UNKNOWN_SID: 1,
  BAD_HANDSHAKE_METHOD: 2,
  BAD_REQUEST: 3,
  FORBIDDEN: 4,
  UNSUPPORTED_PROTOCOL_VERSION: 5,
} as const;

export type ErrorCode = (typeof ERROR_CODES)[keyof typeof ERROR_CODES];

/** Names in {@link REFUSALS}, by code. */
const REFUSAL_NAMES = Object.keys(ERROR_CODES) as (keyof typeof ERROR_CODES)[];

/** Messages by code. */
export const ERROR_MESSAGES = Object.fromEntries(
  REFUSAL_NAMES.map((name) => [ERROR_CODES[name], REFUSALS[name].message]),
) as Readonly<Record<ErrorCode, string>>;

/** Returns the name of a refusal, from its context or its code. */
export function refusalName({
  code,
  context,
}: {
  code: number;
  context: Readonly<Record<string, unknown>>;
}): RefusalName {
  const { name } = context;
  if (typeof name === "string" && Object.hasOwn(REFUSALS, name)) return name as RefusalName;
  return REFUSAL_NAMES[code] ?? "BAD_REQUEST";
}

/** Why a request is refused. `context` is for `connection_error` only, not for the client. */
export interface Refusal {
  /** One of `ERROR_CODES`, or a higher one of `REFUSALS`. */
  readonly code: number;
  readonly context: Readonly<Record<string, unknown>>;
  /** Delay before the client should connect again, in milliseconds. */
  readonly retryAfter?: number | undefined;
}

/**
 * Receives the result of a verified request, in the form of engine.io: code and context of a refusal, or nothing. The delay
 * before the client should connect again, in milliseconds, is an addition.
 */
export type ErrorCallback = (code?: number, context?: Readonly<Record<string, unknown>>, retryAfter?: number) => void;

/** Creates a refusal. */
export const createRefusal = (code: number, context: Record<string, unknown>): Refusal => ({ code, context });
