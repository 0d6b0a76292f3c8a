import { constants } from "node:buffer";
import { STATUS_CODES } from "node:http";
import type { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Clock } from "./clock.ts";
import { systemClock } from "./clock.ts";
import { acceptKey, checkHandshake, DEFAULT_LIMITS } from "./core/index.ts";
import type { Limits, UpgradeKey, UpgradeRefusal } from "./core/index.ts";
import { StreamLink } from "./link.ts";
import type { WebSocketLink } from "./link.ts";

export interface AcceptOptions {
  /** Bytes of one message. Default 1 MiB. */
  readonly maxPayload?: number;
  /** Frames of one message. Default 1,024. */
  readonly maxFragments?: number;
  /** Control frames received within one second. Default 100. */
  readonly maxControlFramesPerSecond?: number;
  /** Header lines added to the answer, such as `"Set-Cookie: a=b"`. */
  readonly headers?: readonly string[];
  /** The subprotocol chosen among those that the client offered. */
  readonly protocol?: string;
  /** Milliseconds that a closing handshake and the end of the stream may take. Default 30,000. */
  readonly closeTimeout?: number;
  readonly clock?: Clock;
}

const DEFAULTS = { closeTimeout: 30_000, clock: systemClock } as const;

/**
 * Checks the opening handshake of an `upgrade` event. It changes nothing and sends nothing.
 *
 * @example
 * const check = checkUpgrade(req);
 * if (!check.ok) return refuseUpgrade(stream, check.status, check.message, check.headers);
 */
export function checkUpgrade(req: IncomingMessage): UpgradeKey | UpgradeRefusal {
  return checkHandshake(req);
}

/** Answers an upgrade request with an HTTP error and ends the stream. Later errors of the stream are swallowed. */
export function refuseUpgrade(
  stream: Duplex,
  status: number,
  body: string,
  headers?: Readonly<Record<string, string>>,
): void {
  stream.on("error", ignore);
  if (stream.destroyed || stream.writableEnded) return;
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Error"}\r\n`;
  const lines = { "Content-Type": "text/plain; charset=utf-8", ...headers };
  for (const [name, value] of Object.entries(lines)) head += headerLine(`${name}: ${value}`);
  head += `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n`;
  stream.once("finish", () => stream.destroy());
  stream.end(head + body);
}

/**
 * Answers a checked opening handshake with 101 and joins a link to the stream. The answer leaves together with the frames
 * sent in the same tick. Nothing is delivered before `open`; bytes in `head` come first.
 *
 * @throws TypeError when the request has no `Sec-WebSocket-Key` (`checkUpgrade` was not asked) or a header line holds CR or LF.
 */
export function acceptUpgrade(
  req: IncomingMessage,
  stream: Duplex,
  head: Buffer,
  options: AcceptOptions,
): WebSocketLink {
  const key = req.headers["sec-websocket-key"];
  if (key === undefined) throw new TypeError("acceptUpgrade needs a request that checkUpgrade has found good");
  const answer = Buffer.from(switchingProtocols(key, options), "latin1");
  if (head.length > 0) stream.unshift(head);
  if (stream instanceof Socket) stream.setTimeout(0).setNoDelay(true);
  return new StreamLink(stream, answer, {
    role: "server",
    limits: limitsOf(options),
    clock: options.clock ?? DEFAULTS.clock,
    closeTimeout: options.closeTimeout ?? DEFAULTS.closeTimeout,
  });
}

function switchingProtocols(key: string, options: AcceptOptions): string {
  let answer =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    `Sec-WebSocket-Accept: ${acceptKey(key)}\r\n`;
  if (options.protocol !== undefined) answer += headerLine(`Sec-WebSocket-Protocol: ${options.protocol}`);
  for (const line of options.headers ?? []) answer += headerLine(line);
  return `${answer}\r\n`;
}

function headerLine(line: string): string {
  if (/[\r\n\0]/.test(line)) throw new TypeError("a header line must not contain CR, LF or NUL");
  return `${line}\r\n`;
}

function limitsOf(options: AcceptOptions): Limits {
  return {
    maxPayload: Math.min(options.maxPayload ?? DEFAULT_LIMITS.maxPayload, constants.MAX_LENGTH),
    maxFragments: options.maxFragments ?? DEFAULT_LIMITS.maxFragments,
    maxControlFramesPerSecond: options.maxControlFramesPerSecond ?? DEFAULT_LIMITS.maxControlFramesPerSecond,
  };
}

function ignore(): void {}
