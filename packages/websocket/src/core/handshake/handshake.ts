/*
 * The opening handshake of both roles (RFC 6455, 4): headers in, an acceptance or a refusal with its code out.
 * Knows: headers of HTTP as an object, extensions and subprotocols as lists.
 * Must not know: sockets, requests and responses of `node:http`.
 */
import { hash } from "node:crypto";
import { parseExtensions } from "./extensions.ts";
import { parseProtocols } from "./subprotocol.ts";

/** The facts of an HTTP request that the opening handshake depends on; header names in lower case. */
export interface HandshakeRequest {
  readonly method?: string | undefined;
  /** A request made by hand may lack it. */
  readonly httpVersion?: string | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
}

/** A request that may be accepted. */
export interface UpgradeKey {
  readonly ok: true;
  /** The `Sec-WebSocket-Key` of the request. */
  readonly key: string;
  readonly version: 8 | 13;
}

/** A request that is no valid opening handshake, and the HTTP answer to it. */
export interface UpgradeRefusal {
  readonly ok: false;
  readonly status: number;
  readonly code: RefusalCode;
  readonly message: string;
  readonly headers: Readonly<Record<string, string>>;
}

interface Refusal {
  readonly status: number;
  readonly message: string;
  readonly headers: Readonly<Record<string, string>>;
}

export type RefusalCode =
  | "WS_ERR_HANDSHAKE_METHOD"
  | "WS_ERR_HANDSHAKE_HOST"
  | "WS_ERR_HANDSHAKE_UPGRADE"
  | "WS_ERR_HANDSHAKE_KEY"
  | "WS_ERR_HANDSHAKE_VERSION"
  | "WS_ERR_HANDSHAKE_PROTOCOL"
  | "WS_ERR_HANDSHAKE_EXTENSIONS";

/** Every reason for which an opening handshake is refused (RFC 6455, 4.2). */
const REFUSALS: Readonly<Record<RefusalCode, Refusal>> = {
  WS_ERR_HANDSHAKE_METHOD: {
    status: 405,
    message: "the method of a WebSocket handshake is GET",
    headers: { Allow: "GET" },
  },
  WS_ERR_HANDSHAKE_HOST: { status: 400, message: "a request of HTTP/1.1 needs a Host header", headers: {} },
  WS_ERR_HANDSHAKE_UPGRADE: { status: 400, message: 'the Upgrade header is not "websocket"', headers: {} },
  WS_ERR_HANDSHAKE_KEY: {
    status: 400,
    message: "the Sec-WebSocket-Key header is not 22 base64 characters and ==",
    headers: {},
  },
  WS_ERR_HANDSHAKE_VERSION: {
    status: 426,
    message: "the Sec-WebSocket-Version header asks for a version other than 13",
    headers: { "Sec-WebSocket-Version": "13", Upgrade: "websocket" },
  },
  WS_ERR_HANDSHAKE_PROTOCOL: {
    status: 400,
    message: "the Sec-WebSocket-Protocol header is not a list of different tokens",
    headers: {},
  },
  WS_ERR_HANDSHAKE_EXTENSIONS: {
    status: 400,
    message: "the Sec-WebSocket-Extensions header does not follow its grammar",
    headers: {},
  },
};

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/** What base64 makes of 16 bytes; that the last character holds two bits only is not asked for, as some clients err there. */
const KEY = /^[+/0-9A-Za-z]{22}==$/;

/**
 * Checks an opening handshake (RFC 6455, 4.2.1 and 4.2.2 number 4), no stricter than `ws`: HTTP/1.0 of old proxies is taken, and `Connection`
 * has been looked at by the HTTP server. Version 8 differs from 13 in nothing that a server sees, and is taken too.
 */
export function checkHandshake(request: HandshakeRequest): UpgradeKey | UpgradeRefusal {
  const { headers, httpVersion } = request;
  const key = headers["sec-websocket-key"];
  const version = Number(headers["sec-websocket-version"]);
  if (request.method !== "GET") return refuse("WS_ERR_HANDSHAKE_METHOD");
  if (httpVersion === "1.1" && headers["host"] === undefined) return refuse("WS_ERR_HANDSHAKE_HOST");
  if (String(headers["upgrade"]).toLowerCase() !== "websocket") return refuse("WS_ERR_HANDSHAKE_UPGRADE");
  if (typeof key !== "string" || !KEY.test(key)) return refuse("WS_ERR_HANDSHAKE_KEY");
  if (version !== 13 && version !== 8) return refuse("WS_ERR_HANDSHAKE_VERSION");
  return { ok: true, key, version };
}

/** The refusal of a request whose subprotocols do not follow their grammar (RFC 6455, 4.1 number 10). */
export function checkProtocols(request: HandshakeRequest): UpgradeRefusal | undefined {
  const isGood = parseProtocols(request.headers["sec-websocket-protocol"]) !== undefined;
  return isGood ? undefined : refuse("WS_ERR_HANDSHAKE_PROTOCOL");
}

/** The refusal of a request whose extensions do not follow their grammar (RFC 6455, 9.1): for those who know one. */
export function checkExtensions(request: HandshakeRequest): UpgradeRefusal | undefined {
  const header = request.headers["sec-websocket-extensions"];
  if (header === undefined) return undefined;
  if (typeof header === "string" && parseExtensions(header) !== undefined) return undefined;
  return refuse("WS_ERR_HANDSHAKE_EXTENSIONS");
}

/** The `Sec-WebSocket-Accept` that answers `key` (RFC 6455, 4.2.2). */
export function acceptKey(key: string): string {
  return hash("sha1", key + GUID, "base64");
}

function refuse(code: RefusalCode): UpgradeRefusal {
  const { status, message, headers } = REFUSALS[code];
  return { ok: false, status, code, message, headers };
}

/** @internal Whether a comma-separated header lists `token`, in any case. */
export function hasToken(header: string | string[] | undefined, token: string): boolean {
  if (typeof header !== "string") return false;
  return header.split(",").some((item) => item.trim().toLowerCase() === token);
}
