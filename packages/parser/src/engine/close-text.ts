/**
 * The text with which a server of Portage closes a connection: a code for machines, what is known of it, and how long the
 * client is asked to stay away. It is the reason of a WebSocket's close frame, and the data of a close packet.
 *
 *     TOO_MANY_EVENTS: 6 of 5
 *     INVALID_MESSAGE: SOCKET_TOO_DEEP
 *     SERVER_DRAINING retry-after=2000
 */
export interface CloseText {
  /** A code of the table "Why a session ended" in docs/errors.md. */
  readonly code: string;
  /** The limit that was exceeded, and by what. */
  readonly limit?: number | undefined;
  readonly actual?: number | undefined;
  /** The code of the rule of packets or of WebSocket that was broken. */
  readonly rule?: string | undefined;
  /** Milliseconds. */
  readonly retryAfter?: number | undefined;
}

/** Bytes of text in a close frame: a control frame has 125, and two are the code's (RFC 6455, 5.5). */
const MAX_BYTES = 123;

/** Writes the text; what does not fit is left out, the code never. */
export function writeCloseText({ code, limit, actual, rule, retryAfter }: CloseText): string {
  let details = "";
  if (limit !== undefined) details = actual === undefined ? `: limit ${limit}` : `: ${actual} of ${limit}`;
  else if (rule !== undefined) details = `: ${rule}`;
  const retry = retryAfter === undefined ? "" : ` retry-after=${retryAfter}`;
  const text = code + details + retry;
  return text.length <= MAX_BYTES ? text : code + retry;
}

/**
 * Reads the code in the text of a close frame or of a close packet.
 *
 * @example readCloseCode("SERVER_DRAINING retry-after=2000") // "SERVER_DRAINING"
 */
export function readCloseCode(text: string | undefined): string | undefined {
  return /^[A-Z]+(_[A-Z]+)+(?=:| retry|$)/.exec(text!)?.[0];
}

/**
 * Reads how many milliseconds a client is asked to stay away: from the text of a close, or from the JSON with which a
 * request is refused. 0 if nothing is said.
 */
export function readRetryAfter(text: string | undefined): number {
  return +(/retry-?after"?[=:] *(\d+)/i.exec(text!)?.[1] ?? 0);
}

/** Writes the data of a close packet: what a close frame would say. */
export function writeClosePacket(code: number, text: string): string {
  return `${code} ${text}`;
}

/** Reads the data of a close packet: undefined where it says nothing, as that of other servers. */
export function readClosePacket(data: unknown): { code: number; reason: string } | undefined {
  const [, code, reason] = /^(\d{4}) (.*)/.exec(data as string) ?? [];
  return code ? { code: +code, reason: reason! } : undefined;
}
