/*
 * Reports of the engine: codes and sentences of closes, limits and refusals, counters, diagnostics channels.
 * Knows: its own tables, and the records made from them.
 * Must not know: how a session or a request ends.
 */
import { writeCloseText } from "@portage/parser/engine";

/** The reasons of Engine.IO, first argument of `close` listeners. */
export type ClassicReason = "transport error" | "transport close" | "forced close" | "ping timeout" | "parse error";

/** The side that caused the end. */
export type CloseSide = "client" | "server" | "network";

/** Why a session ended: the classic reason, a code for programs, and a sentence for people. */
export interface CloseReason<Reason extends string = ClassicReason, Code extends string = AnyLayerCloseCode> {
  /** The classic reason: the first argument of `close` and `disconnect`. */
  readonly reason: Reason;
  /** A stable code, see docs/errors.md. */
  readonly code: Code;
  /** A sentence for people. */
  readonly message: string;
  /** The second argument of `close` and `disconnect`: an Error, if there is one. */
  readonly description: unknown;
  /** The side that caused it. */
  readonly side: CloseSide;
  /** Code of the error of a lower layer or of the system, such as `WS_ERR_INVALID_UTF8` or `ECONNRESET`. */
  readonly cause?: string | undefined;
  /** Name of the last transport. */
  readonly transport?: string | undefined;
  /** The exceeded limit, and the actual value. */
  readonly limit?: number | undefined;
  /** The value that exceeded `limit`. */
  readonly actual?: number | undefined;
  /** Reconnection delay for the client, in milliseconds, if only this session is moved to another server. */
  readonly retryAfter?: number | undefined;
  /** Milliseconds since the last ping or pong of the client, or since the session opened. */
  readonly heartbeatAge?: number | undefined;
  /** Last measured delay of the server's event loop, in milliseconds. */
  readonly loopLag?: number | undefined;
}

/** Whether a client should connect again: at once, not at all, or after a delay. Equals `readRetry` of the close code. */
export type Retry = "yes" | "no" | "later";

/** The sentences of a code: what happened, and what to do about it. */
export interface CodeText {
  readonly message: string;
  readonly fix: string;
}

/** A row of a table of close codes. */
export interface CloseKind extends CodeText {
  readonly reason: ClassicReason;
  readonly side: CloseSide;
  /** The WebSocket close code (RFC 6455, 7.4.1). The code of the row is the text of the close frame. */
  readonly webSocketCode: number;
  readonly retry: Retry;
}

/** Creates a row of a table of close codes. */
export const closeKind = (
  reason: ClassicReason,
  side: CloseSide,
  webSocketCode: number,
  text: CodeText & { readonly retry: Retry },
): CloseKind => ({ reason, side, webSocketCode, ...text });

/** Rows of all layers, by code. */
const closeKinds = new Map<string, CloseKind>();

/** Adds the close codes of a layer. */
export function defineCloseCodes<Code extends string>(
  rows: Readonly<Record<Code, CloseKind>>,
): Readonly<Record<Code, CloseKind>> {
  for (const code of Object.keys(rows) as Code[]) closeKinds.set(code, rows[code]);
  return rows;
}

/** Close codes of the engine. */
export const CLOSE_CODES = defineCloseCodes({
  CLIENT_CLOSED: closeKind("transport close", "client", 1000, {
    message: "the client closed the session",
    fix: "nothing, this is a normal end",
    retry: "yes",
  }),
  CONNECTION_CLOSED: closeKind("transport close", "network", 1000, {
    message: "the client or the network closed the connection",
    fix: "if it is frequent, raise the idle timeouts of proxies",
    retry: "yes",
  }),
  TRANSPORT_CLOSED: closeKind("transport close", "server", 1000, {
    message: "the program closed the transport of the session",
    fix: "find the call of `transport.close()`",
    retry: "yes",
  }),
  TRANSPORT_FAILED: closeKind("transport error", "server", 1011, {
    message: "the program reported an error of the transport",
    fix: "find the call of `transport.onError()`",
    retry: "yes",
  }),
  CONNECTION_FAILED: closeKind("transport close", "network", 1000, {
    message: "the connection broke; see `cause`",
    fix: "if it is frequent, check the network and proxies",
    retry: "yes",
  }),
  SERVER_CLOSED: closeKind("forced close", "server", 1000, {
    message: "the server closed the session",
    fix: "nothing, the program has closed it",
    retry: "yes",
  }),
  SERVER_SHUTDOWN: closeKind("forced close", "server", 1001, {
    message: "the server is shutting down",
    fix: "nothing, clients connect again later",
    retry: "later",
  }),
  SERVER_DRAINING: closeKind("forced close", "server", 1012, {
    message: "the server drains its sessions before it is replaced",
    fix: "nothing, clients connect to another server",
    retry: "later",
  }),
  PING_TIMEOUT: closeKind("ping timeout", "network", 1008, {
    message: "the client did not answer the heartbeat in time",
    fix: "raise `pingTimeout`; if `loopLag` is high, unblock the event loop",
    retry: "yes",
  }),
  INVALID_PACKET: closeKind("parse error", "client", 1002, {
    message: "the client sent a malformed Engine.IO packet; see `cause`",
    fix: "use a Socket.IO client, and check proxies that change bodies",
    retry: "no",
  }),
  INVALID_HEARTBEAT: closeKind("transport error", "client", 1002, {
    message: "the client sent a heartbeat packet that only the server may send",
    fix: "use a client of the protocol revision in `EIO`",
    retry: "no",
  }),
  OVERLAPPING_POLL: closeKind("transport error", "client", 1008, {
    message: "the client opened a second poll while one was pending",
    fix: "check proxies that repeat requests",
    retry: "yes",
  }),
  OVERLAPPING_POST: closeKind("transport error", "client", 1008, {
    message: "the client sent a second POST while one was pending",
    fix: "check proxies that repeat requests",
    retry: "yes",
  }),
  POLL_ABORTED: closeKind("transport error", "network", 1000, {
    message: "the client dropped its poll before the response",
    fix: "if it is frequent, set proxy timeouts above `pingInterval`",
    retry: "yes",
  }),
  POLL_LOST: closeKind("transport error", "network", 1000, {
    message: "the connection broke inside a poll response; its packets are lost",
    fix: "if it is frequent, check the network and proxies",
    retry: "yes",
  }),
  POST_ABORTED: closeKind("transport error", "network", 1000, {
    message: "the client dropped its POST before it was complete",
    fix: "if it is frequent, check the body limits of proxies",
    retry: "yes",
  }),
  POST_LATE: closeKind("transport error", "client", 1008, {
    message: "the client paused its POST for longer than postTimeout",
    fix: "raise `postTimeout` for slow networks",
    retry: "yes",
  }),
  RECEIVE_BUDGET: closeKind("transport error", "client", 1013, {
    message: "incomplete messages exceed maxReceivingBytes; this one was idle longest",
    fix: "raise `maxReceivingBytes`, or send smaller messages",
    retry: "later",
  }),
  INVALID_CONTENT: closeKind("transport error", "client", 1003, {
    message: "the body type is not allowed in the protocol revision of the client",
    fix: "send text; check proxies that change `Content-Type`",
    retry: "no",
  }),
  INVALID_HEADERS: closeKind("transport error", "server", 1011, {
    message: "a `headers` listener set an invalid header",
    fix: "correct the listener of `headers` or `initial_headers`",
    retry: "yes",
  }),
  PAYLOAD_TOO_LARGE: closeKind("transport error", "client", 1009, {
    message: "the client sent a message larger than maxHttpBufferSize",
    fix: "raise `maxHttpBufferSize`, or send smaller messages",
    retry: "yes",
  }),
  PROTOCOL_VIOLATION: closeKind("transport error", "client", 1002, {
    message: "the client violated the WebSocket protocol or a limit; see `cause`",
    fix: "look up `cause` in the table of violations",
    retry: "no",
  }),
  TOO_MANY_PACKETS: closeKind("parse error", "client", 1008, {
    message: "the client sent more than maxPayloadPackets packets in one POST",
    fix: "raise `maxPayloadPackets`, or send fewer packets at once",
    retry: "yes",
  }),
  SLOW_READER: closeKind("transport error", "client", 1013, {
    message: "the client reads too slowly; its queue exceeds slowReader",
    fix: "send less, use `volatile` or `conflate()`, or raise `slowReader`",
    retry: "later",
  }),
});

export type CloseCode = keyof typeof CLOSE_CODES;

/** A code of the engine or of a layer above. */
export type AnyLayerCloseCode = CloseCode | (string & {});

/** An error of the engine. `code` is a close code. */
export class EngineError extends Error {
  override readonly name = "EngineError";
  readonly code: AnyLayerCloseCode;
  /** The underlying error; engine.io uses the same name. */
  readonly description: unknown;

  constructor(code: AnyLayerCloseCode, message: string, description?: unknown) {
    super(message);
    this.code = code;
    this.description = description;
  }
}

/** Creates a close reason from the table of any layer. */
export function closeRecord<Code extends string>(
  table: Readonly<Record<Code, CloseKind>>,
  code: Code,
  description?: unknown,
): CloseReason<ClassicReason, Code> {
  const { reason, message, side } = table[code];
  return { reason, code, message, description, side };
}

/** Creates a close reason for an exceeded limit, from the table of any layer. */
export function limitRecord<Code extends string>(
  table: Readonly<Record<Code, CloseKind>>,
  code: Code,
  { limit, actual, below }: { limit: number; actual: number; below?: { code: string } | undefined },
): CloseReason<ClassicReason, Code> {
  const error = new EngineError(code, table[code].message, below);
  return { ...closeRecord(table, code, error), limit, actual };
}

/** Creates a close reason from a code and, optionally, a cause. */
export function closeReason(code: CloseCode, description?: unknown): CloseReason {
  return closeRecord(CLOSE_CODES, code, description);
}

/** Whether the session moves to another server: what its client has already sent is still delivered. */
export const isMove = ({ code }: CloseReason): boolean => code === "SERVER_DRAINING";

const ORDINARY_ENDS: ReadonlySet<string> = new Set<CloseCode>([
  "CLIENT_CLOSED",
  "CONNECTION_CLOSED",
  "SERVER_CLOSED",
  "SERVER_DRAINING",
  "SERVER_SHUTDOWN",
]);

/**
 * Whether a session ended as clients and servers end them all day, without an error or a limit. A page that is left closes its
 * connection, and nothing else.
 */
export const isNormalEnd = (code: string): boolean => ORDINARY_ENDS.has(code);

/** Creates a close reason for a close by the program, which may pass its own reason string. */
export function ownReason(reason: string | undefined, description: unknown): CloseReason {
  const record = closeReason("TRANSPORT_CLOSED", description);
  return reason === undefined ? record : { ...record, reason: reason as ClassicReason };
}

/** Creates a close reason for a mistake of the client; `description` is an {@link EngineError}. */
export function closeError(code: CloseCode, message: string, cause?: unknown): CloseReason {
  return closeReason(code, new EngineError(code, message, cause));
}

/** Creates a close reason for an exceeded limit. The code of `below` becomes its cause. */
export function limitExceeded(code: CloseCode, limit: number, actual: number, below?: { code: string }): CloseReason {
  return limitRecord(CLOSE_CODES, code, { limit, actual, below });
}

/** Measurements at the end of a session. */
interface Circumstances {
  readonly transport: string;
  readonly heartbeatAge: number;
  readonly loopLag: number;
}

/** Adds the measurements and the cause to a close reason. */
export function completeReason(why: CloseReason, { transport, heartbeatAge, loopLag }: Circumstances): CloseReason {
  const { reason, code, message, description, side, limit, actual } = why;
  return {
    reason,
    code,
    message,
    description,
    side,
    ...(limit !== undefined && { limit, actual }),
    cause: causeOf(description),
    transport,
    heartbeatAge: Math.round(heartbeatAge),
    loopLag: Math.round(loopLag),
  };
}

/** Returns the code and the text of the close frame, with the reconnection delay in milliseconds. */
export function webSocketClose(
  { code, limit, actual, description, retryAfter: ownDelay }: CloseReason,
  retryAfter = ownDelay,
): [code: number, text: string] {
  const cause = causeOf(description) ?? "";
  // Only rules of the parsers are sent. Other causes may be internal.
  const rule = isPacketRule(cause) ? cause : undefined;
  const { webSocketCode } = closeKinds.get(code) ?? CLOSE_CODES.SERVER_CLOSED;
  return [webSocketCode, writeCloseText({ code, limit, actual, rule, retryAfter })];
}

const isPacketRule = (cause: string): boolean => /^(?:ENGINE|SOCKET)_[A-Z0-9_]+$/.test(cause);

/** Returns the rule of packets or of WebSocket whose violation ended the session, if one did. */
export function brokenRule({ cause = "" }: CloseReason): string | undefined {
  return isPacketRule(cause) || cause.startsWith("WS_ERR_") ? cause : undefined;
}

/** Returns the code of the innermost error that has one. */
function causeOf(description: unknown): string | undefined {
  if (typeof description !== "object" || description === null) return undefined;
  const { code, description: below } = description as { code?: unknown; description?: unknown };
  const deeper = description instanceof EngineError ? causeOf(below) : undefined;
  return deeper ?? (typeof code === "string" || typeof code === "number" ? String(code) : undefined);
}
