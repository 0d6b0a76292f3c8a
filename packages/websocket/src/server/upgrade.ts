/*
 * How a server takes an upgrade request: the check, the response, `WebSocketServer`.
 * Knows: upgrade requests of `node:http`, the server's half of the opening handshake.
 * Must not know: Engine.IO.
 */
import { STATUS_CODES } from "node:http";
import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import type { Duplex } from "node:stream";
import { answerBytes, answerLines, headerLine } from "./answer.ts";
import type { Clock } from "../clock.ts";
import { clockOf, delayOf } from "../clock.ts";
import {
  checkDeflateOptions,
  checkExtensions,
  checkHandshake,
  checkProtocols,
  limitsOf,
  negotiateDeflate,
  OptionError,
  parseProtocols,
  UsageError,
} from "../core/index.ts";
import type { DeflateOptions, ReceiveBudget, UpgradeKey, UpgradeRefusal } from "../core/index.ts";
import { prepareStream } from "../link/join.ts";
import { StreamLink } from "../link/link.ts";
import type { WebSocketLink } from "../link/link-types.ts";
import { DEFAULTS } from "../options.ts";

export interface AcceptOptions {
  /** Bytes of one message, after decompression. Default 1 MiB. Exceeded: close code 1009. */
  readonly maxPayload?: number;
  /**
   * Frames of one message. Default 1,024, plus one per 32 bytes of the message.
   * Exceeded: close code 1008.
   */
  readonly maxFragments?: number;
  /** Compression (RFC 7692), for clients that offer it. Default false. */
  readonly perMessageDeflate?: boolean | DeflateOptions;
  /** Control frames received within one second. Default 100. Exceeded: close code 1008. */
  readonly maxControlFramesPerSecond?: number;
  /**
   * Bounds the memory of incomplete messages, across all connections with this budget. Default
   * none. Exceeded: close code 1013.
   */
  readonly budget?: ReceiveBudget;
  /** Header lines to add to the response, such as `"Set-Cookie: a=b"`. */
  readonly headers?: readonly string[];
  /** The subprotocol to choose among the offered ones; false for none. Default: the first. */
  readonly protocol?: string | false;
  /** Milliseconds until an unfinished closing handshake destroys the stream. Default 30,000. */
  readonly closeTimeout?: number;
  readonly clock?: Clock;
}

/**
 * Checks the opening handshake of an `upgrade` event, and with `perMessageDeflate` its extensions.
 * Changes and sends nothing.
 *
 * @example
 * const check = checkUpgrade(req);
 * if (!check.ok) return refuseUpgrade(stream, check.status, check.message, check.headers);
 */
export function checkUpgrade(
  req: IncomingMessage,
  options?: Pick<AcceptOptions, "perMessageDeflate">,
): UpgradeKey | UpgradeRefusal {
  const check = checkHandshake(req);
  if (!check.ok) return check;
  return checkProtocols(req) ?? (options?.perMessageDeflate ? checkExtensions(req) : undefined) ?? check;
}

/**
 * Answers an upgrade request with an HTTP error and ends the stream. Ignores later errors of the
 * stream. Replaces an invalid status by 500.
 *
 * @throws UsageError `WS_ERR_INVALID_HEADER` for a header line with CR, LF or NUL
 */
export function refuseUpgrade(stream: Duplex, status: number, body?: string, headers?: OutgoingHttpHeaders): void {
  stream.on("error", ignore);
  if (stream.destroyed || stream.writableEnded) return;
  // Programs may pass any value as status and body.
  const code = isFinalStatus(status) ? status : 500;
  const text = [body || (STATUS_CODES[code] ?? "Error")].join("");
  let head = `HTTP/1.1 ${code} ${STATUS_CODES[code] ?? "Error"}\r\n`;
  const fields = { "Content-Type": "text/plain; charset=utf-8", ...headers };
  for (const [name, value = []] of Object.entries(fields)) {
    for (const one of Array.isArray(value) ? value : [value]) head += headerLine(`${name}: ${String(one)}`);
  }
  head += `Content-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n`;
  stream.once("finish", () => stream.destroy());
  stream.end(head + text);
}

/**
 * Answers a checked opening handshake with 101 and joins a link to the stream. The response
 * leaves in one write with the frames sent in the same tick. Delivery starts with `open`; the
 * bytes of `head` come first.
 *
 * @throws OptionError for an invalid option
 * @throws UsageError `WS_ERR_NO_KEY` for a request without `Sec-WebSocket-Key` (see `checkUpgrade`);
 * `WS_ERR_INVALID_HEADER` for a header line with CR, LF or NUL
 */
export function acceptUpgrade(
  req: IncomingMessage,
  stream: Duplex,
  head: Buffer,
  given?: AcceptOptions | null,
): WebSocketLink {
  const options = given ?? {};
  const key = req.headers["sec-websocket-key"];
  if (key === undefined) throw new UsageError("WS_ERR_NO_KEY");
  const deflateOptions = checkDeflateOptions(options.perMessageDeflate);
  const agreement = deflateOptions && negotiateDeflate(req.headers["sec-websocket-extensions"], deflateOptions);
  const protocol = options.protocol ?? firstProtocol(req);
  const lines = answerLines(key, { protocol: protocol || undefined, extensions: agreement?.answer });
  const answer = answerBytes([...lines, ...addedLines(options.headers)]);
  prepareStream(stream, head);
  return new StreamLink(stream, answer, {
    role: "server",
    limits: limitsOf(options),
    clock: clockOf(options.clock),
    closeTimeout: delayOf(options.closeTimeout, DEFAULTS.closeTimeout),
    deflate: agreement && { params: agreement.params, options: deflateOptions },
  });
}

function addedLines(headers: readonly string[] | undefined): readonly string[] {
  if (!headers) return [];
  const areLines = Array.isArray(headers) && headers.every((line) => typeof line === "string" && line.includes(":"));
  if (!areLines) throw new OptionError('`headers` must be an array of lines such as "Name: value"');
  return headers;
}

/**
 * Returns the first offered subprotocol: browsers fail a connection whose
 * response names none of theirs.
 */
function firstProtocol(req: IncomingMessage): string | undefined {
  return parseProtocols(req.headers["sec-websocket-protocol"])?.values().next().value;
}

/** Returns whether a status ends a response. A status below 200 announces another response. */
function isFinalStatus(status: unknown): boolean {
  return (typeof status === "number" || typeof status === "string") && /^[2-9]\d\d$/.test(String(status));
}

function ignore(): void {}
