/*
 * How a server takes an upgrade request: the check, the answer, `WebSocketServer`.
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
} from "../core/index.ts";
import type { DeflateOptions, ReceiveBudget, UpgradeKey, UpgradeRefusal } from "../core/index.ts";
import { prepareStream } from "../link/join.ts";
import { StreamLink } from "../link/link.ts";
import type { WebSocketLink } from "../link/link-types.ts";
import { DEFAULTS } from "../options.ts";

export interface AcceptOptions {
  /** Bytes of one message. Default 1 MiB. */
  readonly maxPayload?: number;
  /** Frames of one message. Default 1,024, and one more for each 32 bytes of the message. */
  readonly maxFragments?: number;
  /** Compression (RFC 7692), for clients that offer it. Default false. */
  readonly perMessageDeflate?: boolean | DeflateOptions;
  /** Control frames received within one second. Default 100. */
  readonly maxControlFramesPerSecond?: number;
  /** Bounds what messages that are not complete hold, of all connections that it is given to. Default none. */
  readonly budget?: ReceiveBudget;
  /** Header lines added to the answer, such as `"Set-Cookie: a=b"`. */
  readonly headers?: readonly string[];
  /** The subprotocol chosen among those that the client offered; false: none. Default: the first. */
  readonly protocol?: string | false;
  /** Milliseconds that a closing handshake and the end of the stream may take. Default 30,000. */
  readonly closeTimeout?: number;
  readonly clock?: Clock;
}

/**
 * Checks the opening handshake of an `upgrade` event. It changes nothing and sends nothing. With `perMessageDeflate`, the
 * extensions are looked at too.
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
 * Answers an upgrade request with an HTTP error and ends the stream. Later errors of the stream are swallowed. What is not
 * the status of an answer is 500.
 *
 * @throws TypeError when a header line holds CR, LF or NUL.
 */
export function refuseUpgrade(stream: Duplex, status: number, body?: string, headers?: OutgoingHttpHeaders): void {
  stream.on("error", ignore);
  if (stream.destroyed || stream.writableEnded) return;
  // A program may give what is neither a status nor text.
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
 * Answers a checked opening handshake with 101 and joins a link to the stream. The answer leaves together with the frames
 * sent in the same tick. Nothing is delivered before `open`; bytes in `head` come first.
 *
 * @throws OptionError for a value that cannot work: a window of `perMessageDeflate` that is not 8 to 15 bits, say.
 * @throws TypeError when the request has no `Sec-WebSocket-Key` (`checkUpgrade` was not asked) or a header line holds CR or LF.
 */
export function acceptUpgrade(
  req: IncomingMessage,
  stream: Duplex,
  head: Buffer,
  given?: AcceptOptions | null,
): WebSocketLink {
  const options = given ?? {};
  const key = req.headers["sec-websocket-key"];
  if (key === undefined) throw new TypeError("acceptUpgrade needs a request that checkUpgrade has found good");
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
  if (!areLines) throw new OptionError("headers is not a list of header lines");
  return headers;
}

/** Browsers fail a connection whose answer names none of the subprotocols that they offered. */
function firstProtocol(req: IncomingMessage): string | undefined {
  return parseProtocols(req.headers["sec-websocket-protocol"])?.values().next().value;
}

/** Whether a status ends an answer: those below 200 announce another one. */
function isFinalStatus(status: unknown): boolean {
  return (typeof status === "number" || typeof status === "string") && /^[2-9]\d\d$/.test(String(status));
}

function ignore(): void {}
