import { STATUS_CODES } from "node:http";
import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import type { ServerHttp2Stream } from "node:http2";
import { type AcceptOptions, chooseOffers } from "./accept.ts";
import { agreementLines, headerLine, isFinalStatus } from "./answer.ts";
import { systemClock } from "../clock.ts";
import { checkConnectHandshake, EMPTY } from "../core/index.ts";
import type { ConnectOffer, UpgradeRefusal } from "../core/index.ts";
import { isLinked, StreamLink } from "../link/link.ts";
import type { WebSocketLink } from "../link/link-types.ts";

/** What the opening handshake needs of a request: that of HTTP/2, or of HTTP/1. */
export type ConnectRequest = Pick<IncomingMessage, "headers" | "method">;

/** Headers about one connection, which HTTP/2 refuses (RFC 9113, 8.2.2). */
const CONNECTION_FIELDS = new Set([
  "connection",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

/**
 * Checks a WebSocket handshake over HTTP/2: the request of a `connect` event (RFC 8441), and with `perMessageDeflate` its
 * extensions. Changes and sends nothing. Clients send such requests to servers with the setting `enableConnectProtocol`.
 *
 * @example
 * const check = checkConnect(req);
 * if (!check.ok) refuseConnect(http2Stream, check.status, check.message, check.headers);
 */
export function checkConnect(
  req: ConnectRequest,
  options?: Pick<AcceptOptions, "perMessageDeflate">,
): ConnectOffer | UpgradeRefusal {
  return checkConnectHandshake(req, Boolean(options?.perMessageDeflate));
}

/**
 * Answers a checked handshake with status 200 and joins a link to the stream. Delivery starts with `open`.
 *
 * @throws OptionError for an invalid option
 * @throws UsageError `WS_ERR_INVALID_HEADER` for a header line with CR, LF or NUL
 */
export function acceptConnect(
  req: ConnectRequest,
  stream: ServerHttp2Stream,
  given?: AcceptOptions | null,
): WebSocketLink {
  const { agreement, added, settings } = chooseOffers(req, given ?? {});
  answerConnect(stream, [...agreementLines(agreement), ...added]);
  return new StreamLink(stream, EMPTY, settings);
}

/** @internal Opens a stream for frames. */
export function answerConnect(stream: ServerHttp2Stream, lines: readonly string[]): void {
  // A client that has left meanwhile gets nothing; its link reports the end.
  if (!isOver(stream)) stream.respond({ ":status": 200, ...fieldsOf(lines) });
  stream.once("end", destroyIfReset);
}

/**
 * Answers a handshake over HTTP/2 with an error and closes the stream; the connection goes on. Ignores later errors of the
 * stream, and headers that HTTP/2 does not have. Replaces an invalid status by 500.
 *
 * @throws UsageError `WS_ERR_INVALID_HEADER` for a header line with CR, LF or NUL
 */
export function refuseConnect(
  stream: ServerHttp2Stream,
  status: number,
  body?: string,
  headers?: OutgoingHttpHeaders,
): void {
  stream.on("error", ignore);
  if (isOver(stream) || stream.headersSent || isLinked(stream)) return;
  const code = isFinalStatus(status) ? status : 500;
  const text = [body || (STATUS_CODES[code] ?? "Error")].join("");
  const fields: Record<string, string | string[]> = { "content-type": "text/plain; charset=utf-8" };
  for (const [name, value = []] of Object.entries(headers ?? {})) {
    // Names differ by case only: the last one counts.
    const lines = (Array.isArray(value) ? value : [value]).map((one) => `${name}: ${String(one)}`);
    Object.assign(fields, fieldsOf(lines));
  }
  stream.respond({ ":status": code, ...fields });
  stream.once("finish", closeLater);
  stream.end(text);
}

function isOver(stream: ServerHttp2Stream): boolean {
  return stream.destroyed || stream.closed;
}

/** Turns header lines into the fields of an HTTP/2 response. */
function fieldsOf(lines: readonly string[]): Record<string, string | string[]> {
  const fields: Record<string, string | string[]> = {};
  for (const line of lines) {
    // Throws for a line that could end early.
    headerLine(line);
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).trim().toLowerCase();
    if (name === "" || CONNECTION_FIELDS.has(name)) continue;
    const value = line.slice(colon + 1).trim();
    fields[name] = Object.hasOwn(fields, name) ? [fields[name]!, value].flat() : value;
  }
  return fields;
}

/** Node leaves a stream open that its client reset without an error code, and that still has something to send. */
function destroyIfReset(this: ServerHttp2Stream): void {
  if (this.closed && !this.writableFinished) this.destroy();
}

/**
 * The client need not end its side. In a turn of its own: within the read that brought the client's end, Node would try to
 * send the answer without end.
 */
function closeLater(this: ServerHttp2Stream): void {
  systemClock.after(0, () => this.close());
}

function ignore(): void {}
