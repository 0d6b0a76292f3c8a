import { checkExtensions, checkProtocols } from "./handshake.ts";
import type { HandshakeRequest, RefusalCode, UpgradeRefusal } from "./handshake.ts";

/** A valid opening handshake over HTTP/2. There is no key: the connection itself proves that the server agreed. */
export interface ConnectOffer {
  readonly ok: true;
  readonly version: 13;
}

const refuse = (
  code: RefusalCode,
  status: number,
  message: string,
  headers: Record<string, string> = {},
): UpgradeRefusal => ({ ok: false, code, status, message, headers });

/**
 * Checks an extended CONNECT (RFC 8441, 4 and 5). Its version, subprotocols and, with `hasDeflate`, extensions are
 * those of RFC 6455; `Connection`, `Upgrade` and the key do not exist.
 */
export function checkConnectHandshake(request: HandshakeRequest, hasDeflate: boolean): ConnectOffer | UpgradeRefusal {
  const { headers, method } = request;
  const protocol = headers[":protocol"];
  if (method !== "CONNECT" || protocol === undefined) {
    return refuse("WS_ERR_HANDSHAKE_METHOD", 405, "the request is not an extended CONNECT", { Allow: "GET" });
  }
  if (typeof protocol !== "string" || protocol.toLowerCase() !== "websocket") {
    return refuse("WS_ERR_HANDSHAKE_UPGRADE", 501, 'the :protocol of the CONNECT is not "websocket"');
  }
  if (Number(headers["sec-websocket-version"]) !== 13) {
    const message = "the Sec-WebSocket-Version header is not 13";
    return refuse("WS_ERR_HANDSHAKE_VERSION", 426, message, { "Sec-WebSocket-Version": "13" });
  }
  return checkProtocols(request) ?? (hasDeflate ? checkExtensions(request) : undefined) ?? { ok: true, version: 13 };
}
