import type { IncomingMessage } from "node:http";

/** One way to turn a request away. */
export interface RefusalKind {
  /** What clients get as `code` in the JSON body. 0 to 5 are those of Engine.IO. */
  readonly code: number;
  readonly status: number;
  /** What clients get as `message`. */
  readonly message: string;
  /** A sentence for those who run the server. */
  readonly hint: string;
}

const kind = (code: number, status: number, message: string, hint: string): RefusalKind => ({
  code,
  status,
  message,
  hint,
});

/** Every way to turn a request away, by name: `name` of a `connection_error`. */
export const REFUSALS = {
  UNKNOWN_TRANSPORT: kind(0, 400, "Transport unknown", "the option `transports` does not name it"),
  UNKNOWN_SID: kind(
    1,
    400,
    "Session ID unknown",
    "this process has no such session: it has ended, or it belongs to another process; behind a balancer, long-polling needs sticky sessions",
  ),
  BAD_HANDSHAKE_METHOD: kind(2, 400, "Bad handshake method", "a session is opened by GET"),
  INVALID_ORIGIN: kind(3, 400, "Bad request", "the Origin header holds characters that no header may have"),
  TRANSPORT_MISMATCH: kind(3, 400, "Bad request", "the request names another transport than its session has"),
  TRANSPORT_HANDSHAKE_ERROR: kind(
    3,
    400,
    "Bad request",
    "the request is no WebSocket handshake: a proxy may have taken the Upgrade header away",
  ),
  WS_ENGINE_WITHOUT_HTTP2: kind(
    3,
    501,
    "WebSocket over HTTP/2 not supported",
    "the class in `wsEngine` has no handleConnect(); leave out `wsEngine` or `enableConnectProtocol`",
  ),
  PROTOCOL_MISMATCH: kind(3, 400, "Bad request", "the session was opened with another protocol revision"),
  CARRY_KEY: kind(3, 400, "Bad request", "the request returns to a session with a wrong key"),
  CARRY_COUNT: kind(
    3,
    400,
    "Bad request",
    "the client lacks messages that `carry` no longer keeps, or its count is invalid",
  ),
  CARRY_TURN: kind(3, 400, "Bad request", "the request belongs to a transport that its client has left"),
  CARRY_ADRIFT: kind(
    3,
    400,
    "Bad request",
    "the transport of the session has died, and its client has not returned yet",
  ),
  MIDDLEWARE_FAILURE: kind(3, 400, "Bad request", "a middleware of the engine has refused the request"),
  ID_GENERATION_ERROR: kind(3, 400, "Bad request", "generateId has failed, or gave an id that is taken"),
  BAD_REQUEST: kind(3, 400, "Bad request", "the request is malformed"),
  FORBIDDEN: kind(4, 403, "Forbidden", "allowRequest has refused the request, or userOf has failed"),
  ORIGIN_NOT_ALLOWED: kind(
    4,
    403,
    "Origin not allowed",
    "the page that opens the WebSocket is of an origin that the option cors does not allow; see checkOrigin",
  ),
  UNSUPPORTED_PROTOCOL_VERSION: kind(
    5,
    400,
    "Unsupported protocol version",
    "the client speaks revision 3 of Engine.IO (Socket.IO 1.x or 2.x): the option `allowEIO3` lets it in",
  ),
  TOO_MANY_CONNECTIONS: kind(6, 503, "Too many connections", "the option maxConnections is reached"),
  TOO_MANY_CONNECTIONS_FROM_ADDRESS: kind(
    6,
    503,
    "Too many connections",
    "the option maxConnectionsPerAddress is reached for the address of the client",
  ),
  TOO_MANY_CONNECTIONS_OF_USER: kind(
    6,
    503,
    "Too many connections",
    "the option maxConnectionsPerUser is reached for the user that userOf names",
  ),
  TOO_MANY_HANDSHAKES: kind(6, 503, "Too many handshakes", "the option maxHandshakesPerSecond is reached"),
  SERVER_DRAINING: kind(
    7,
    503,
    "Server is going away",
    "the server is being drained or closed and takes no new sessions",
  ),
  PAYLOAD_TOO_LARGE: kind(8, 413, "Payload too large", "the body of a POST has more than maxHttpBufferSize bytes"),
} as const satisfies Record<string, RefusalKind>;

export type RefusalName = keyof typeof REFUSALS;

/** What `connection_error` listeners get. */
export interface ConnectionError {
  /** The refused request. */
  readonly req: IncomingMessage;
  /** The number of the refusal, as in engine.io; see docs/errors.md. */
  readonly code: number;
  /** The sentence that the client gets. */
  readonly message: string;
  /** Details for the server only, by name. */
  readonly context: Readonly<Record<string, unknown>>;
  /** A name of the table of refusals, see docs/errors.md. */
  readonly name: RefusalName;
  /** What may have gone wrong, for those who run the server. */
  readonly hint: string;
}

/** Codes of refusal of engine.io, as clients get them in `{ code, message }`. */
export const ERROR_CODES = {
  UNKNOWN_TRANSPORT: 0,
  UNKNOWN_SID: 1,
  BAD_HANDSHAKE_METHOD: 2,
  BAD_REQUEST: 3,
  FORBIDDEN: 4,
  UNSUPPORTED_PROTOCOL_VERSION: 5,
} as const;

export type ErrorCode = (typeof ERROR_CODES)[keyof typeof ERROR_CODES];

/** Their names in {@link REFUSALS}, by code. */
const REFUSAL_NAMES = Object.keys(ERROR_CODES) as (keyof typeof ERROR_CODES)[];

/** The sentence of each code. */
export const ERROR_MESSAGES = Object.fromEntries(
  REFUSAL_NAMES.map((name) => [ERROR_CODES[name], REFUSALS[name].message]),
) as Readonly<Record<ErrorCode, string>>;

/** The name of a refusal: its context says it, or its code. */
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

/** Why a request was turned away; `context` is for the server's own eyes (`connection_error`). */
export interface Refusal {
  /** One of `ERROR_CODES`, or a greater number: see `REFUSALS`. */
  readonly code: number;
  readonly context: Readonly<Record<string, unknown>>;
  /** When the client may try again, in milliseconds. */
  readonly retryAfter?: number | undefined;
}

/**
 * A code of refusal and what is known about it, or nothing: the shape in which engine.io reports a checked request. The
 * milliseconds after which the client may try again are an addition.
 */
export type ErrorCallback = (code?: number, context?: Readonly<Record<string, unknown>>, retryAfter?: number) => void;

/** Makes a refusal. */
export const refuse = (code: number, context: Record<string, unknown>): Refusal => ({ code, context });
