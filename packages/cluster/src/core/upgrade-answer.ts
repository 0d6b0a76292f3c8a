/*
 * The answer to a WebSocket handshake, as the bytes of HTTP/1.1 that an owner sends. A front reads it for clients of HTTP/2.
 */

/** The answer to a handshake: status and headers. */
export interface UpgradeAnswer {
  readonly status: number;
  /** Names in lower case, without the headers that HTTP/2 refuses. */
  readonly headers: Readonly<Record<string, string | string[]>>;
  /** Length of the head in bytes. */
  readonly size: number;
  /** Whether the body is in chunks. */
  readonly isChunked: boolean;
}

/** Most bytes of a head, as in Node.js. */
const MAX_ANSWER_HEAD = 16_384;

const STATUS_LINE = /^HTTP\/1\.[01] (\d{3})(?: |$)/;

/** Headers about the connection between front and owner, and what proves an upgrade in HTTP/1.1. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "sec-websocket-accept",
  "transfer-encoding",
  "upgrade",
]);

/** Reads the head of an answer. */
export function readAnswer(bytes: Buffer): UpgradeAnswer | "incomplete" | "malformed" {
  const end = bytes.indexOf("\r\n\r\n");
  if (end === -1) return bytes.length > MAX_ANSWER_HEAD ? "malformed" : "incomplete";
  const [statusLine = "", ...lines] = bytes.toString("latin1", 0, end).split("\r\n");
  const status = Number(STATUS_LINE.exec(statusLine)?.[1]);
  if (status !== 101 && !(status >= 200 && status <= 599)) return "malformed";
  const headers: Record<string, string | string[]> = {};
  let isChunked = false;
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon < 1) return "malformed";
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (name === "transfer-encoding") isChunked = true;
    else if (!HOP_BY_HOP.has(name)) addAnswerHeader(headers, name, value);
  }
  return { status, headers, size: end + 4, isChunked };
}

function addAnswerHeader(headers: Record<string, string | string[]>, name: string, value: string): void {
  headers[name] = Object.hasOwn(headers, name) ? [headers[name]!, value].flat() : value;
}

/** Returns the body of a complete answer. Undefined: its chunks are malformed. */
export function readAnswerBody(bytes: Buffer, isChunked: boolean): Buffer | undefined {
  if (!isChunked) return bytes;
  const chunks: Buffer[] = [];
  let at = 0;
  for (;;) {
    const end = bytes.indexOf("\r\n", at);
    const line = end === -1 ? "" : bytes.toString("latin1", at, end);
    if (!/^[0-9A-Fa-f]{1,8}(?:;|$)/.test(line)) return undefined;
    const size = Number.parseInt(line, 16);
    if (size === 0) return Buffer.concat(chunks);
    at = end + 2 + size;
    if (at > bytes.length) return undefined;
    chunks.push(bytes.subarray(end + 2, at));
    at += 2;
  }
}
