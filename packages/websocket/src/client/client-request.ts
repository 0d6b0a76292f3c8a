import { request as httpRequest } from "node:http";
import type { ClientRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import type { RequestOptions } from "node:https";
import { connect as connectTcp, isIP } from "node:net";
import type { NetConnectOpts } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import type { ConnectionOptions as TlsOptions } from "node:tls";
import type { ClientUrl } from "./client-url.ts";
import { handshakeHeaders } from "../core/index.ts";
import type { ClientOffer } from "../core/index.ts";
import { WEBSOCKET_DEFAULTS } from "../options.ts";
import type { ConnectOptions } from "../options.ts";

/**
 * Makes, but does not send, the request of an opening handshake
 * (RFC 6455, 4.1, 4.1 number 2, 4.1 number 3 and 4.1 number 4). Leaves `Host` to node:http, which
 * knows the default ports.
 */
export function clientRequest(url: ClientUrl, options: ConnectOptions, offer: ClientOffer): ClientRequest {
  const createConnection = options.createConnection || (url.isSecure ? tlsStream : tcpStream);
  const settings = {
    ...options,
    protocol: undefined,
    hostname: undefined,
    host: url.host,
    port: url.port,
    defaultPort: options.defaultPort || (url.isSecure ? 443 : 80),
    // `timeout` would limit idle sockets, not the handshake.
    timeout: undefined,
    protocols: undefined,
    method: "GET",
    path: url.path,
    auth: url.auth ?? options.auth,
    socketPath: url.socketPath ?? options.socketPath,
    headers: headersOf(options, offer),
    createConnection,
  };
  return (url.isSecure ? httpsRequest : httpRequest)(settings as RequestOptions);
}

function headersOf(options: ConnectOptions, offer: ClientOffer): Record<string, unknown> {
  const version = options.protocolVersion ?? WEBSOCKET_DEFAULTS.protocolVersion;
  const own = options.headers as Record<string, unknown> | undefined;
  const headers: Record<string, unknown> = { ...own, ...handshakeHeaders(offer), "Sec-WebSocket-Version": version };
  // Drafts before 13 use another name.
  if (options.origin) headers[version < 13 ? "Sec-WebSocket-Origin" : "Origin"] = options.origin;
  return headers;
}

/**
 * Replaces `path`: `http.request` passes the path of the request, `net.connect` expects
 * the path of a Unix socket.
 */
function tcpStream(options: RequestOptions): Duplex {
  return connectTcp({ ...options, path: options.socketPath } as NetConnectOpts);
}

function tlsStream(options: RequestOptions): Duplex {
  const { host, servername } = options;
  // RFC 6066, 3: an address is not a server name.
  const name = servername ?? (typeof host === "string" && isIP(host) === 0 ? host : "");
  return connectTls({ ...options, path: options.socketPath, servername: name } as TlsOptions);
}
