/*
 * How a server takes an upgrade request, or the CONNECT of HTTP/2: the check, the response, `WebSocketServer`.
 * Knows: upgrade requests of `node:http`, the server's half of the opening handshake.
 * Must not know: Engine.IO.
 */
import { STATUS_CODES } from "node:http";
import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import type { Duplex } from "node:stream";
import { type AcceptOptions, chooseOffers } from "./accept.ts";
import { answerBytes, answerLines, headerLine, isFinalStatus } from "./answer.ts";
import { checkExtensions, checkHandshake, checkProtocols, UsageError } from "../core/index.ts";
import type { UpgradeKey, UpgradeRefusal } from "../core/index.ts";
import { prepareStream } from "../link/join.ts";
import { StreamLink } from "../link/link.ts";
import type { WebSocketLink } from "../link/link-types.ts";

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
  const key = req.headers["sec-websocket-key"];
  if (key === undefined) throw new UsageError("WS_ERR_NO_KEY");
  const { agreement, added, settings } = chooseOffers(req, given ?? {});
  const answer = answerBytes([...answerLines(key, agreement), ...added]);
  prepareStream(stream, head);
  return new StreamLink(stream, answer, settings);
}

function ignore(): void {}
