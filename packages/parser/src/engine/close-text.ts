/**
 * The text with which a Portage server closes a connection: a machine-readable code, its details,
 * and how long the client should stay away. Sent as the reason of a WebSocket close frame and as
 * the data of a close packet.
 *
 *     TOO_MANY_EVENTS: 6 of 5
 *     INVALID_MESSAGE: SOCKET_TOO_DEEP
 *     SERVER_DRAINING retry-after=2000
 */
export interface CloseText {
  /** A code from the table "Why a session ended" in docs/errors.md. */
  readonly code: string;
  /** The limit that was exceeded, and the actual value. */
  readonly limit?: number | undefined;
  /** The value that exceeded `limit`. */
  readonly actual?: number | undefined;
  /** The code of the violated packet or WebSocket rule. */
  readonly rule?: string | undefined;
  /** Milliseconds. */
  readonly retryAfter?: number | undefined;
}

/**
 * Longest text of a close frame, in bytes: 125 for a control frame minus 2 for
 * the code (RFC 6455, 5.5).
 */
const MAX_BYTES = 123;

/** Writes the text. Drops the details if they do not fit, never the code. */
export function writeCloseText({ code, limit, actual, rule, retryAfter }: CloseText): string {
  let details = "";
  if (limit !== undefined) details = actual === undefined ? `: limit ${limit}` : `: ${actual} of ${limit}`;
  else if (rule !== undefined) details = `: ${rule}`;
  const retry = retryAfter === undefined ? "" : ` retry-after=${retryAfter}`;
  const text = code + details + retry;
  return text.length <= MAX_BYTES ? text : code + retry;
}

/**
 * Reads the code from the text of a close frame or close packet.
 *
 * @example readCloseCode("SERVER_DRAINING retry-after=2000") // "SERVER_DRAINING"
 */
export function readCloseCode(text: string | undefined): string | undefined {
  const [code] = /^[A-Z]+(_[A-Z]+)+(?=:| retry|$)/.exec(text!) ?? [];
  return code;
}

/**
 * Reads how many milliseconds the client should stay away, from a close text or from the JSON of a
 * refused request. Returns 0 if the text does not say.
 */
export function readRetryAfter(text: string | undefined): number {
  return +(/retry-?after"?[=:] *(\d+)/i.exec(text!)?.[1] ?? 0);
}

/**
 * Reads from a close code, or from the HTTP status of a refused handshake, whether the client
 * should connect again: `no` after malformed input (1002, 1003, 1007) and for a handshake that the
 * server will not accept (400, 401, 403, 501), `later` if the server is leaving or overloaded
 * (1001, 1012, 1013, 503), otherwise `yes`.
 */
export function readRetry(code: number | undefined): "yes" | "no" | "later" {
  if ([400, 401, 403, 501, 1002, 1003, 1007].includes(code!)) return "no";
  return [503, 1001, 1012, 1013].includes(code!) ? "later" : "yes";
}

/** Writes the data of a close packet, equal to the content of a close frame. */
export function writeClosePacket(code: number, text: string): string {
  return `${code} ${text}`;
}

/**
 * Reads the data of a close packet. Returns undefined if it carries none, as with other servers.
 */
export function readClosePacket(data: unknown): { code: number; reason: string } | undefined {
  const [, code, reason] = /^(\d{4}) (.*)/.exec(data as string) ?? [];
  return code ? { code: +code, reason: reason! } : undefined;
}
