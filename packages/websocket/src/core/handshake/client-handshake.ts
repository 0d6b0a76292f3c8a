import { randomBytes } from "node:crypto";
import { checkDeflateAnswer, offerDeflate } from "../deflate/deflate-params.ts";
import type { DeflateOptions, DeflateParams } from "../deflate/deflate-params.ts";
import { acceptKey, hasToken } from "./handshake.ts";

/** What a client asks for in its opening handshake. */
export interface ClientOffer {
  /** Fresh, from `newKey`. */
  readonly key: string;
  /** Subprotocols, the preferred one first. Default none. */
  readonly protocols?: readonly string[];
  /** Default: no compression is offered. */
  readonly deflate?: DeflateOptions;
}

/** The facts of an HTTP answer that the opening handshake depends on; header names in lower case. */
export interface HandshakeAnswer {
  readonly statusCode?: number | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** An answer that opens the connection. */
export interface AnswerAcceptance {
  readonly ok: true;
  /** The subprotocol that the server chose, or an empty string. */
  readonly protocol: string;
  /** Undefined: messages are not compressed. */
  readonly deflate: DeflateParams | undefined;
}

/** An answer for which the client must fail the connection (RFC 6455, 4.1). */
export interface AnswerRefusal {
  readonly ok: false;
  readonly code: AnswerRefusalCode;
  readonly message: string;
}

/** Every reason for which the answer to an opening handshake is refused. */
const REFUSALS = {
  WS_ERR_ANSWER_STATUS: "the status of the answer is not 101",
  WS_ERR_ANSWER_UPGRADE: 'the Upgrade header of the answer is not "websocket"',
  WS_ERR_ANSWER_CONNECTION: 'the Connection header of the answer does not name "Upgrade"',
  WS_ERR_ANSWER_ACCEPT: "the Sec-WebSocket-Accept header of the answer does not belong to the key that was sent",
  WS_ERR_ANSWER_PROTOCOL: "the server chose a subprotocol that was not offered",
  WS_ERR_ANSWER_EXTENSIONS: "the server chose an extension, or parameters of one, that were not offered",
} as const;
export type AnswerRefusalCode = keyof typeof REFUSALS;

/** A fresh `Sec-WebSocket-Key` (RFC 6455, 4.1 number 7). */
export function newKey(): string {
  return randomBytes(16).toString("base64");
}

/**
 * The headers that make a GET request an opening handshake (RFC 6455, 4.1 number 5, 4.1 number 6 and 4.1 number 9), each of
 * them once (RFC 6455, 11.3).
 */
export function handshakeHeaders(offer: ClientOffer): Record<string, string> {
  const headers: Record<string, string> = {
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": offer.key,
  };
  if (offer.deflate !== undefined) headers["Sec-WebSocket-Extensions"] = offerDeflate(offer.deflate);
  const { protocols = [] } = offer;
  if (protocols.length > 0) headers["Sec-WebSocket-Protocol"] = protocols.join(",");
  return headers;
}

/**
 * Checks the answer to an opening handshake (RFC 6455, 4.1 answer 2, 4.1 answer 3, 4.1 answer 4, 4.1 answer 5 and 4.1 answer 6).
 * A header that came twice is none of these: RFC 6455, 11.3. A server that chooses no subprotocol is accepted: whether one
 * is needed, the application knows.
 *
 * @example
 * const check = checkAnswer(response, offer);
 * if (!check.ok) throw new Error(check.message);
 */
export function checkAnswer(answer: HandshakeAnswer, offer: ClientOffer): AnswerAcceptance | AnswerRefusal {
  const { headers } = answer;
  if (answer.statusCode !== 101) return refuse("WS_ERR_ANSWER_STATUS");
  if (single(headers["upgrade"])?.toLowerCase() !== "websocket") return refuse("WS_ERR_ANSWER_UPGRADE");
  if (!hasToken(headers["connection"], "upgrade")) return refuse("WS_ERR_ANSWER_CONNECTION");
  if (single(headers["sec-websocket-accept"]) !== acceptKey(offer.key)) return refuse("WS_ERR_ANSWER_ACCEPT");
  const protocol = headers["sec-websocket-protocol"];
  if (protocol !== undefined && !(offer.protocols ?? []).includes(String(protocol))) {
    return refuse("WS_ERR_ANSWER_PROTOCOL");
  }
  const extensions = headers["sec-websocket-extensions"];
  const deflate = extensions === undefined ? undefined : checkDeflateAnswer(String(extensions), offer.deflate);
  if (deflate === "refused") return refuse("WS_ERR_ANSWER_EXTENSIONS");
  return { ok: true, protocol: String(protocol ?? ""), deflate };
}

function single(header: string | string[] | undefined): string | undefined {
  return typeof header === "string" ? header.trim() : undefined;
}

function refuse(code: AnswerRefusalCode): AnswerRefusal {
  return { ok: false, code, message: REFUSALS[code] };
}
