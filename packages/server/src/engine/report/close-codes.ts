/*
 * What the engine says: codes and sentences of closes, limits and refusals, counters, diagnostics channels.
 * Knows: its own tables, and the records made of them.
 * Must not know: how a session or a request comes to its end.
 */
import { writeCloseText } from "@portage/parser/engine";

/** The reasons of Engine.IO, as `close` listeners know them. */
export type ClassicReason = "transport error" | "transport close" | "forced close" | "ping timeout" | "parse error";

/** Who brought an end about. */
export type CloseSide = "client" | "server" | "network";

/** Why a session ended: the classic reason first, then what a machine and a human can make of it. */
export interface CloseReason<Reason extends string = ClassicReason, Code extends string = AnyCloseCode> {
  /** The classic reason: the first argument of `close` and `disconnect`. */
  readonly reason: Reason;
  /** A stable code, see docs/errors.md. */
  readonly code: Code;
  /** A sentence for a human. */
  readonly message: string;
  /** The second argument of `close` and `disconnect`: an Error where there is one. */
  readonly description: unknown;
  /** Who brought it about. */
  readonly side: CloseSide;
  /** What the error of a lower layer, or of the system, says: a code such as `ECONNRESET` or `WS_ERR_INVALID_UTF8`. */
  readonly cause?: string | undefined;
  /** The transport that carried the session at its end. */
  readonly transport?: string | undefined;
  /** The limit that was exceeded, and by what. */
  readonly limit?: number | undefined;
  /** The value that exceeded `limit`. */
  readonly actual?: number | undefined;
  /** Milliseconds since the last sign of the heartbeat, or since the session was opened. */
  readonly heartbeatAge?: number | undefined;
  /** By how many milliseconds the event loop of the server was late when it was last looked at. */
  readonly loopLag?: number | undefined;
}

/** What is known of a code. */
export interface CloseKind {
  readonly reason: ClassicReason;
  readonly side: CloseSide;
  /** The close code of a WebSocket (RFC 6455, 7.4.1), which carries the row's name in its text. */
  readonly webSocketCode: number;
  readonly message: string;
}

/** A row of a table of codes. */
export const closeKind = (
  reason: ClassicReason,
  side: CloseSide,
  webSocketCode: number,
  message: string,
): CloseKind => ({
  reason,
  side,
  webSocketCode,
  message,
});

/** What is known of each code, whichever layer has it. */
const kinds = new Map<string, CloseKind>();

/** Adds the codes of a layer: a record with one of them can end a session. */
export function defineCloseCodes<Code extends string>(
  rows: Readonly<Record<Code, CloseKind>>,
): Readonly<Record<Code, CloseKind>> {
  for (const code of Object.keys(rows) as Code[]) kinds.set(code, rows[code]);
  return rows;
}

/** Ways in which a session can end that the engine knows of. */
export const CLOSE_CODES = defineCloseCodes({
  CLIENT_CLOSED: closeKind("transport close", "client", 1000, "the client closed the session"),
  CONNECTION_CLOSED: closeKind(
    "transport close",
    "network",
    1000,
    "the connection was closed by the peer or by the network",
  ),
  TRANSPORT_CLOSED: closeKind("transport close", "server", 1000, "the program closed the transport of the session"),
  TRANSPORT_FAILED: closeKind("transport error", "server", 1011, "the program reported an error of the transport"),
  CONNECTION_FAILED: closeKind("transport close", "network", 1000, "the connection broke"),
  SERVER_CLOSED: closeKind("forced close", "server", 1000, "the server closed the session"),
  SERVER_SHUTDOWN: closeKind("forced close", "server", 1001, "the server is shutting down"),
  SERVER_DRAINING: closeKind(
    "forced close",
    "server",
    1012,
    "the server is about to be replaced: connect again, to another one",
  ),
  PING_TIMEOUT: closeKind("ping timeout", "network", 1008, "the client did not answer the heartbeat in time"),
  INVALID_PACKET: closeKind("parse error", "client", 1002, "the client sent something that is not an Engine.IO packet"),
  INVALID_HEARTBEAT: closeKind(
    "transport error",
    "client",
    1002,
    "the client sent a heartbeat packet that only the server may send",
  ),
  OVERLAPPING_POLL: closeKind(
    "transport error",
    "client",
    1002,
    "the client opened a second poll while one was waiting",
  ),
  OVERLAPPING_POST: closeKind(
    "transport error",
    "client",
    1002,
    "the client sent a second POST while one was under way",
  ),
  POLL_ABORTED: closeKind("transport error", "network", 1000, "the client dropped its poll before it was answered"),
  POLL_LOST: closeKind(
    "transport error",
    "network",
    1000,
    "the connection of a poll broke inside the answer, whose packets are lost",
  ),
  POST_ABORTED: closeKind("transport error", "network", 1000, "the client dropped its POST before it was complete"),
  POST_LATE: closeKind(
    "transport error",
    "client",
    1008,
    "the client began a POST and sent no more of it for postTimeout",
  ),
  RECEIVE_BUDGET: closeKind(
    "transport error",
    "client",
    1013,
    "unfinished messages hold more than maxReceivingBytes, and this client has kept its own waiting for the longest",
  ),
  INVALID_CONTENT: closeKind(
    "transport error",
    "client",
    1003,
    "the client sent a body of a type that its protocol revision does not allow",
  ),
  INVALID_HEADERS: closeKind(
    "transport error",
    "server",
    1011,
    "a headers listener set a header that HTTP does not allow",
  ),
  PAYLOAD_TOO_LARGE: closeKind(
    "transport error",
    "client",
    1009,
    "the client sent more than maxHttpBufferSize bytes in one message",
  ),
  PROTOCOL_VIOLATION: closeKind(
    "transport error",
    "client",
    1002,
    "the client broke a rule of WebSocket or one of its limits",
  ),
  TOO_MANY_PACKETS: closeKind(
    "parse error",
    "client",
    1008,
    "the client sent more than maxPayloadPackets packets in one POST",
  ),
  SLOW_READER: closeKind("transport error", "client", 1013, "the client reads too slowly: too many bytes wait for it"),
});

export type CloseCode = keyof typeof CLOSE_CODES;

/** A code of the engine, or of a layer above. */
export type AnyCloseCode = CloseCode | (string & {});

/** An error of the engine layer. `code` is that of a close. */
export class EngineError extends Error {
  override readonly name = "EngineError";
  readonly code: AnyCloseCode;
  /** What the transport had to say about it, as engine.io calls it. */
  readonly description: unknown;

  constructor(code: AnyCloseCode, message: string, description?: unknown) {
    super(message);
    this.code = code;
    this.description = description;
  }
}

/** Makes the record of a close, from the table of any layer. */
export function closeRecord<Code extends string>(
  table: Readonly<Record<Code, CloseKind>>,
  code: Code,
  description?: unknown,
): CloseReason<ClassicReason, Code> {
  const { reason, message, side } = table[code];
  return { reason, code, message, description, side };
}

/** Makes the record of a close for a limit that was exceeded, from the table of any layer. */
export function limitRecord<Code extends string>(
  table: Readonly<Record<Code, CloseKind>>,
  code: Code,
  { limit, actual, below }: { limit: number; actual: number; below?: { code: string } | undefined },
): CloseReason<ClassicReason, Code> {
  const error = new EngineError(code, table[code].message, below);
  return { ...closeRecord(table, code, error), limit, actual };
}

/** Makes the record of a close that needs no more than its code and, sometimes, a cause. */
export function closeReason(code: CloseCode, description?: unknown): CloseReason {
  return closeRecord(CLOSE_CODES, code, description);
}

/** Makes the record of a close that a program brought about, in words of its own where it has some. */
export function ownReason(reason: string | undefined, description: unknown): CloseReason {
  const record = closeReason("TRANSPORT_CLOSED", description);
  return reason === undefined ? record : { ...record, reason: reason as ClassicReason };
}

/** Makes the record of a close that a peer's mistake brought about: the cause is an {@link EngineError}. */
export function closeError(code: CloseCode, message: string, cause?: unknown): CloseReason {
  return closeReason(code, new EngineError(code, message, cause));
}

/** Makes the record of a close for a limit that was exceeded. The code of `below` becomes its cause. */
export function limitExceeded(code: CloseCode, limit: number, actual: number, below?: { code: string }): CloseReason {
  return limitRecord(CLOSE_CODES, code, { limit, actual, below });
}

/** What is known at the end of a session, whatever ended it. */
interface Circumstances {
  readonly transport: string;
  readonly heartbeatAge: number;
  readonly loopLag: number;
}

/** Completes the record of a close by the circumstances. */
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

/** The code and the text of the close frame that says to a WebSocket peer why, and how long it may wait. */
export function webSocketClose(
  { code, limit, actual, description }: CloseReason,
  retryAfter?: number,
): [code: number, text: string] {
  const cause = causeOf(description) ?? "";
  // Which rule of the parsers was broken; what other causes say is for the server's own eyes.
  const rule = isPacketRule(cause) ? cause : undefined;
  const { webSocketCode } = kinds.get(code) ?? CLOSE_CODES.SERVER_CLOSED;
  return [webSocketCode, writeCloseText({ code, limit, actual, rule, retryAfter })];
}

const isPacketRule = (cause: string): boolean => /^(?:ENGINE|SOCKET)_[A-Z0-9_]+$/.test(cause);

/** The rule of packets or of WebSocket that the peer broke, where that has ended the session. */
export function brokenRule({ cause = "" }: CloseReason): string | undefined {
  return isPacketRule(cause) || cause.startsWith("WS_ERR_") ? cause : undefined;
}

/** The code of the error below, where it has one. */
function causeOf(description: unknown): string | undefined {
  if (typeof description !== "object" || description === null) return undefined;
  const { code, description: below } = description as { code?: unknown; description?: unknown };
  const deeper = description instanceof EngineError ? causeOf(below) : undefined;
  return deeper ?? (typeof code === "string" || typeof code === "number" ? String(code) : undefined);
}
