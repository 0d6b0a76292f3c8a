import { acceptKey, UsageError } from "../core/index.ts";

/** The parameters that the response to an opening handshake accepts. */
export interface Agreement {
  readonly protocol: string | undefined;
  /** `Sec-WebSocket-Extensions`. */
  readonly extensions: string | undefined;
}

/** Writes the lines of the 101 response (RFC 6455, 4.2.2 and 4.2.2 number 5). */
export function answerLines(key: string, agreement: Agreement): string[] {
  return [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${acceptKey(key)}`,
    ...agreementLines(agreement),
  ];
}

/** Writes the header lines that any answer to an opening handshake has, whichever version of HTTP carries it. */
export function agreementLines(agreement: Agreement): string[] {
  const lines: string[] = [];
  if (agreement.protocol !== undefined) lines.push(`Sec-WebSocket-Protocol: ${agreement.protocol}`);
  if (agreement.extensions !== undefined) lines.push(`Sec-WebSocket-Extensions: ${agreement.extensions}`);
  return lines;
}

/**
 * Encodes a response.
 *
 * @throws UsageError `WS_ERR_INVALID_HEADER` for a line with CR, LF or NUL
 */
export function answerBytes(lines: readonly string[]): Buffer {
  let answer = "";
  for (const line of lines) answer += headerLine(line);
  return Buffer.from(`${answer}\r\n`, "latin1");
}

/** Ends a header line. A line break inside could inject another header. */
export function headerLine(line: string): string {
  if (/[\r\n\0]/.test(line)) throw new UsageError("WS_ERR_INVALID_HEADER");
  return `${line}\r\n`;
}

/** Returns whether a status ends a response. A status below 200 announces another response. */
export function isFinalStatus(status: unknown): boolean {
  return (typeof status === "number" || typeof status === "string") && /^[2-9]\d\d$/.test(String(status));
}
