import { randomBytes } from "node:crypto";
import { checkDeflateAnswer, offerDeflate } from "../deflate/deflate-params.ts";
import type { DeflateOptions, DeflateParams } from "../deflate/deflate-params.ts";
import { acceptKey, hasToken } from "./handshake.ts";

/** What a client requests in its opening handshake. */
export interface ClientOffer {
  /** A fresh key, from `newKey`. */
  readonly key: string;
  /** Subprotocols, the preferred one first. Default none. */
  readonly protocols?: readonly string[];
  /** Options of the offered compression. Default: none is offered. */
  readonly deflate?: DeflateOptions;
}

/**
 * The parts of an HTTP response that the opening handshake checks. Header names are in lower case.
 */
export interface HandshakeAnswer {
  readonly statusCode?: number | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** A response that opens the connection. */
export interface AnswerAcceptance {
  readonly ok: true;
  /** The chosen subprotocol, or "". */
  readonly protocol: string;
  /** Undefined: messages are not compressed. */
  readonly deflate: DeflateParams | undefined;
}

/** A response for which the client must fail the connection (RFC 6455, 4.1). */
export interface AnswerRefusal {
  readonly ok: false;
  readonly code: AnswerRefusalCode;
  readonly message: string;
}

/** Why a client refuses the response to its opening handshake, and what to do about it. */
export const ANSWER_REFUSALS = {
  WS_ERR_ANSWER_STATUS: {
    message: "the response status is not 101",
    fix: "read the response: a wrong path, a refusal, or a proxy without WebSocket",
  },
  WS_ERR_ANSWER_UPGRADE: {
    message: 'the Upgrade header of the response is not "websocket"',
    fix: "let the proxy forward `Upgrade` and `Connection`",
  },
  WS_ERR_ANSWER_CONNECTION: {
    message: 'the Connection header of the response lacks "Upgrade"',
    fix: "let the proxy forward `Upgrade` and `Connection`",
  },
  WS_ERR_ANSWER_ACCEPT: {
    message: "the Sec-WebSocket-Accept header does not match the key sent",
    fix: "check caches and proxies: the response belongs to another request",
  },
  WS_ERR_ANSWER_PROTOCOL: {
    message: "the server chose a subprotocol that was not offered",
    fix: "offer a subprotocol that the server knows, or offer none",
  },
  WS_ERR_ANSWER_EXTENSIONS: {
    message: "the server chose an extension or parameter that was not offered",
    fix: "update the server, or set `perMessageDeflate: false` in the client",
  },
} as const;
export type AnswerRefusalCode = keyof typeof ANSWER_REFUSALS;

/** Makes a fresh `Sec-WebSocket-Key` (RFC 6455, 4.1 number 7). */
export function newKey(): string {
  return randomBytes(16).toString("base64");
}

/**
 * Makes the headers that turn a GET request into an opening handshake
 * (RFC 6455, 4.1 number 5, 4.1 number 6 and 4.1 number 9), each once (RFC 6455, 11.3).
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
 * Checks the response to an opening handshake
 * (RFC 6455, 4.1 answer 2, 4.1 answer 3, 4.1 answer 4, 4.1 answer 5 and 4.1 answer 6). Refuses
 * repeated headers (RFC 6455, 11.3). Accepts a response without a subprotocol: only the application
 * knows whether it needs one.
 *
 * @example
 * const check = checkAnswer(response, offer);
 * if (!check.ok) throw new Error(check.message);
 */
export function checkAnswer(answer: HandshakeAnswer, offer: ClientOffer): AnswerAcceptance | AnswerRefusal {
  const { headers } = answer;
  if (answer.statusCode !== 101) return refuseAnswer("WS_ERR_ANSWER_STATUS");
  if (single(headers["upgrade"])?.toLowerCase() !== "websocket") return refuseAnswer("WS_ERR_ANSWER_UPGRADE");
  if (!hasToken(headers["connection"], "upgrade")) return refuseAnswer("WS_ERR_ANSWER_CONNECTION");
  if (single(headers["sec-websocket-accept"]) !== acceptKey(offer.key)) return refuseAnswer("WS_ERR_ANSWER_ACCEPT");
  const protocol = headers["sec-websocket-protocol"];
  if (protocol !== undefined && !(offer.protocols ?? []).includes(String(protocol))) {
    return refuseAnswer("WS_ERR_ANSWER_PROTOCOL");
  }
  const extensions = headers["sec-websocket-extensions"];
  const deflate = extensions === undefined ? undefined : checkDeflateAnswer(String(extensions), offer.deflate);
  if (deflate === "refused") return refuseAnswer("WS_ERR_ANSWER_EXTENSIONS");
  return { ok: true, protocol: String(protocol ?? ""), deflate };
}

function single(header: string | string[] | undefined): string | undefined {
  return typeof header === "string" ? header.trim() : undefined;
}

function refuseAnswer(code: AnswerRefusalCode): AnswerRefusal {
  return { ok: false, code, message: ANSWER_REFUSALS[code].message };
}
