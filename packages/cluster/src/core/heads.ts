/*
 * Heads of forwarded requests and of their answers.
 *
 *   u32 length | head, latin1 | first bytes of the body
 *
 * A head is a list of lines, since a line break can't occur in any of its fields:
 *
 *   REQUEST, UPGRADE   flags | method | URL | HTTP version | address | port | header name | value | ...
 *   ANSWER             flags | status | message             | header name | value | ...
 *
 * Each flag is a letter: `m`, more bytes follow; `t`, the client's connection is encrypted. What a peer sends is checked
 * before it is believed.
 */
import { MAX_DATA, MAX_FRAME } from "./frames.ts";

/** A request, as it travels to the owner of its session. */
export interface RequestHead {
  readonly method: string;
  readonly url: string;
  readonly httpVersion: string;
  /** Names and values in turn, as they were received. */
  readonly rawHeaders: readonly string[];
  readonly peer: RequestPeer;
  /** Whether bytes of the body follow the first ones. */
  readonly hasMore: boolean;
}

/** The connection of the client, at its front. */
export interface RequestPeer {
  readonly address: string;
  readonly port: number;
  readonly isEncrypted: boolean;
}

/** An answer, as it travels to the front. */
export interface AnswerHead {
  readonly status: number;
  readonly message: string;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  readonly hasMore: boolean;
}

/** A decoded frame: its head, and the first bytes of the body. */
export interface Decoded<Head> {
  readonly head: Head;
  readonly first: Buffer;
}

const LENGTH = 4;
/** Most bytes of a head: its frame has the first bytes of the body too. */
export const MAX_HEAD = MAX_FRAME - MAX_DATA - LENGTH;
const REQUEST_FIELDS = 6;
const ANSWER_FIELDS = 3;

/** A token of HTTP; over HTTP/2, clients choose any. */
const METHOD = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}$/;
const HTTP_VERSION = /^\d\.\d$/;
const PORT = /^\d{1,5}$/;
const STATUS = /^[2-9]\d\d$/;
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Control characters but the tab, and what is not latin1: its lower bytes may be a line break. */
// oxlint-disable-next-line no-control-regex -- they are what it looks for
const CONTROL = /[\u0000-\u0008\u000a-\u001f\u007f\u0100-\uffff]/;

/** Headers of an answer about the connection to the client, which the front has. */
const OF_CONNECTION = new Set(["connection", "keep-alive", "transfer-encoding", "date"]);
/** The lengths of their names: most other names need no comparison. */
const LENGTHS_OF_CONNECTION = new Set(Array.from(OF_CONNECTION, (name) => name.length));

const isOfConnection = (name: string): boolean =>
  LENGTHS_OF_CONNECTION.has(name.length) && OF_CONNECTION.has(name.toLowerCase());

/** Fields that most requests have: the decoded text would be a new string for each of them. */
const COMMON_FIELDS = new Map(["GET", "POST", "1.1"].map((field) => [field, field]));

const shared = (field: string): string => COMMON_FIELDS.get(field) ?? field;

function encodeHead(lines: readonly (string | number)[]): Buffer | undefined {
  const text = lines.join("\n");
  if (text.length > MAX_HEAD) return undefined;
  const bytes = Buffer.allocUnsafe(LENGTH + text.length);
  bytes.writeUInt32BE(text.length);
  bytes.write(text, LENGTH, "latin1");
  return bytes;
}

function decodeHead(body: Buffer): { readonly lines: string[]; readonly first: Buffer } | undefined {
  if (body.length < LENGTH) return undefined;
  const end = LENGTH + body.readUInt32BE();
  if (end > body.length) return undefined;
  return { lines: body.toString("latin1", LENGTH, end).split("\n"), first: body.subarray(end) };
}

/**
 * Encodes the head of a request. Undefined: the owner would not believe it. A program has changed the request, or Node's parser
 * is set to accept what HTTP forbids, or more than a frame has.
 */
export function encodeRequest(request: RequestHead): Buffer | undefined {
  if (!isSoundRequest(request)) return undefined;
  const { hasMore, peer, ...head } = request;
  const flags = (hasMore ? "m" : "") + (peer.isEncrypted ? "t" : "");
  return encodeHead([flags, head.method, head.url, head.httpVersion, peer.address, peer.port, ...head.rawHeaders]);
}

/** Checked at both ends: a client must not be able to break a link by a request that only one of them accepts. */
function isSoundRequest({ method, url, httpVersion, peer, rawHeaders }: RequestHead): boolean {
  const areValid = METHOD.test(method) && HTTP_VERSION.test(httpVersion) && areHeaders(rawHeaders);
  return areValid && url !== "" && !CONTROL.test(url) && !CONTROL.test(peer.address);
}

/** Decodes the body of REQUEST or UPGRADE; undefined if it is malformed. */
export function decodeRequest(body: Buffer): Decoded<RequestHead> | undefined {
  const decoded = decodeHead(body);
  if (!decoded || decoded.lines.length < REQUEST_FIELDS) return undefined;
  const [flags = "", method = "", url = "", httpVersion = "", address = "", port = ""] = decoded.lines;
  // Exactly as long as it is: a request may wait for minutes.
  const rawHeaders = decoded.lines.slice(REQUEST_FIELDS);
  if (!/^m?t?$/.test(flags) || !PORT.test(port)) return undefined;
  const peer = { address, port: Number(port), isEncrypted: flags.endsWith("t") };
  const hasMore = flags.startsWith("m");
  const head = { method: shared(method), url, httpVersion: shared(httpVersion), rawHeaders, peer, hasMore };
  return isSoundRequest(head) ? { head, first: decoded.first } : undefined;
}

function areHeaders(headers: readonly string[]): boolean {
  if (headers.length % 2 !== 0) return false;
  for (let i = 0; i < headers.length; i += 2) {
    if (!HEADER_NAME.test(headers[i]!) || CONTROL.test(headers[i + 1]!)) return false;
  }
  return true;
}

/**
 * Encodes the head of an answer from the text that Node has made of it: status line and header lines. Undefined: the front would
 * not believe it, or it is too long.
 *
 * @param text ends with an empty line
 */
export function encodeAnswer(text: string, hasMore: boolean): Buffer | undefined {
  const [statusLine = "", ...headerLines] = text.split("\r\n");
  const status = statusLine.slice(9, 12);
  if (!STATUS.test(status)) return undefined;
  const lines = [hasMore ? "m" : "", status, statusLine.slice(13)];
  for (const line of headerLines) {
    const colon = line.indexOf(": ");
    const name = line.slice(0, colon);
    if (colon !== -1 && !isOfConnection(name)) lines.push(name, line.slice(colon + 2));
  }
  // Node refuses headers with line breaks.
  return encodeHead(lines);
}

/** Decodes the body of ANSWER; undefined if it is malformed. */
export function decodeAnswer(body: Buffer): Decoded<AnswerHead> | undefined {
  const decoded = decodeHead(body);
  if (!decoded || decoded.lines.length < ANSWER_FIELDS) return undefined;
  const [flags = "", status = "", message = ""] = decoded.lines;
  const headers = decoded.lines.slice(ANSWER_FIELDS);
  if (!/^m?$/.test(flags) || !STATUS.test(status) || CONTROL.test(message) || !areHeaders(headers)) return undefined;
  if (headers.some((name, i) => i % 2 === 0 && isOfConnection(name))) return undefined;
  return { head: { status: Number(status), message, headers, hasMore: flags === "m" }, first: decoded.first };
}
