/*
 * The opening handshake of both roles (RFC 6455, 4): headers in, an acceptance or a
 * refusal with its code out.
 * Knows: HTTP headers as an object, extensions and subprotocols as lists.
 * Must not know: sockets, requests and responses of `node:http`.
 */
import { hash } from "node:crypto";
import { parseExtensions } from "./extensions.ts";
import { parseProtocols } from "./subprotocol.ts";

/**
 * The parts of an HTTP request that the opening handshake checks. Header names are in lower case.
 */
export interface HandshakeRequest {
  readonly method?: string | undefined;
  /** Missing in handmade requests. */
  readonly httpVersion?: string | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
}

/** A valid opening handshake. */
export interface UpgradeKey {
  readonly ok: true;
  /** The `Sec-WebSocket-Key` of the request. */
  readonly key: string;
  /** The `Sec-WebSocket-Version` of the request. */
  readonly version: 8 | 13;
}

/** An invalid opening handshake, and the HTTP response to it. */
export interface UpgradeRefusal {
  readonly ok: false;
  /** The HTTP status of the response. */
  readonly status: number;
  /** Why the handshake is invalid. */
  readonly code: RefusalCode;
  /** The reason as a sentence, which is the body of the response. */
  readonly message: string;
  /** Headers that the response needs, such as `Allow`. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Codes of an invalid opening handshake. docs/errors.md has a sentence for each. */
export type RefusalCode =
  | "WS_ERR_HANDSHAKE_METHOD"
  | "WS_ERR_HANDSHAKE_HOST"
  | "WS_ERR_HANDSHAKE_UPGRADE"
  | "WS_ERR_HANDSHAKE_KEY"
  | "WS_ERR_HANDSHAKE_VERSION"
  | "WS_ERR_HANDSHAKE_PROTOCOL"
  | "WS_ERR_HANDSHAKE_EXTENSIONS";

/** A row of the table of refusals. */
interface RequestRefusal extends Omit<UpgradeRefusal, "ok" | "code"> {
  /** What to do about it. */
  readonly fix: string;
}

/** Why a server refuses an opening handshake (RFC 6455, 4.2). */
export const REQUEST_REFUSALS: Readonly<Record<RefusalCode, RequestRefusal>> = {
  WS_ERR_HANDSHAKE_METHOD: {
    status: 405,
    message: "the request method is not GET",
    fix: "use a WebSocket client; check proxies that change the method",
    headers: { Allow: "GET" },
  },
  WS_ERR_HANDSHAKE_HOST: {
    status: 400,
    message: "the Host header is missing, which HTTP/1.1 requires",
    fix: "send a `Host` header; check proxies that remove it",
    headers: {},
  },
  WS_ERR_HANDSHAKE_UPGRADE: {
    status: 400,
    message: 'the Upgrade header is not "websocket"; a proxy may have removed it',
    fix: "let the proxy forward `Upgrade` and `Connection`",
    headers: {},
  },
  WS_ERR_HANDSHAKE_KEY: {
    status: 400,
    message: "the Sec-WebSocket-Key header is not 16 bytes in base64",
    fix: "use a WebSocket client; check proxies that change headers",
    headers: {},
  },
  WS_ERR_HANDSHAKE_VERSION: {
    status: 426,
    message: "the Sec-WebSocket-Version header is not 13",
    fix: "update the client to version 13 of the protocol (RFC 6455)",
    headers: { "Sec-WebSocket-Version": "13", Upgrade: "websocket" },
  },
  WS_ERR_HANDSHAKE_PROTOCOL: {
    status: 400,
    message: "the Sec-WebSocket-Protocol header is malformed or repeats a name",
    fix: "correct the list of subprotocols in the client",
    headers: {},
  },
  WS_ERR_HANDSHAKE_EXTENSIONS: {
    status: 400,
    message: "the Sec-WebSocket-Extensions header is malformed",
    fix: "update the client; check proxies that change headers",
    headers: {},
  },
};

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/**
 * Base64 of 16 bytes. Does not check that the last character encodes two bits only:
 * some clients get it wrong.
 */
const KEY = /^[+/0-9A-Za-z]{22}==$/;

/**
 * Checks an opening handshake (RFC 6455, 4.2.1 and 4.2.2 number 4), no stricter than `ws`. Accepts
 * HTTP/1.0, for old proxies. Accepts version 8, which looks the same to a server as 13. Leaves
 * `Connection` to the HTTP server.
 */
export function checkHandshake(request: HandshakeRequest): UpgradeKey | UpgradeRefusal {
  const { headers, httpVersion } = request;
  const key = headers["sec-websocket-key"];
  const version = Number(headers["sec-websocket-version"]);
  if (request.method !== "GET") return refuseRequest("WS_ERR_HANDSHAKE_METHOD");
  if (httpVersion === "1.1" && headers["host"] === undefined) return refuseRequest("WS_ERR_HANDSHAKE_HOST");
  if (String(headers["upgrade"]).toLowerCase() !== "websocket") return refuseRequest("WS_ERR_HANDSHAKE_UPGRADE");
  if (typeof key !== "string" || !KEY.test(key)) return refuseRequest("WS_ERR_HANDSHAKE_KEY");
  if (version !== 13 && version !== 8) return refuseRequest("WS_ERR_HANDSHAKE_VERSION");
  return { ok: true, key, version };
}

/** Refuses a request whose subprotocols are malformed (RFC 6455, 4.1 number 10). */
export function checkProtocols(request: HandshakeRequest): UpgradeRefusal | undefined {
  const isGood = parseProtocols(request.headers["sec-websocket-protocol"]) !== undefined;
  return isGood ? undefined : refuseRequest("WS_ERR_HANDSHAKE_PROTOCOL");
}

/**
 * Refuses a request whose extensions are malformed (RFC 6455, 9.1). For servers
 * that support an extension.
 */
export function checkExtensions(request: HandshakeRequest): UpgradeRefusal | undefined {
  const header = request.headers["sec-websocket-extensions"];
  if (header === undefined) return undefined;
  if (typeof header === "string" && parseExtensions(header) !== undefined) return undefined;
  return refuseRequest("WS_ERR_HANDSHAKE_EXTENSIONS");
}

/** Computes the `Sec-WebSocket-Accept` for `key` (RFC 6455, 4.2.2). */
export function acceptKey(key: string): string {
  return hash("sha1", key + GUID, "base64");
}

function refuseRequest(code: RefusalCode): UpgradeRefusal {
  const { status, message, headers } = REQUEST_REFUSALS[code];
  return { ok: false, status, code, message, headers };
}

/** @internal Returns whether a comma-separated header contains `token`, ignoring case. */
export function hasToken(header: string | string[] | undefined, token: string): boolean {
  if (typeof header !== "string") return false;
  return header.split(",").some((item) => item.trim().toLowerCase() === token);
}
