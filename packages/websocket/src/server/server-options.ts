import type { IncomingMessage, OutgoingHttpHeaders, Server as HttpServer } from "node:http";
import type { Server as HttpsServer } from "node:https";
import { clockOf } from "../clock.ts";
import { checkDeflateOptions, limitsOf, OptionError } from "../core/index.ts";
import { WEBSOCKET_DEFAULTS } from "../options.ts";
import type { WebSocketOptions } from "../options.ts";
import { WebSocket } from "../websocket.ts";

/** A request, for `verifyClient`. */
export interface ClientInfo<Request extends IncomingMessage = IncomingMessage> {
  /** The `Origin` header; undefined if missing. */
  origin: string;
  /** Whether the connection is encrypted. */
  secure: boolean;
  /** The opening handshake. */
  req: Request;
}

/**
 * Accepts or refuses a client. `status` (default 401), `message` (the body) and
 * `headers` are for refusals.
 */
export type VerifyCallback = (
  isAccepted: boolean,
  status?: number,
  message?: string,
  headers?: OutgoingHttpHeaders,
) => void;

/** A `verifyClient` with one parameter: its return value decides. */
export type VerifyClientCallbackSync<Request extends IncomingMessage = IncomingMessage> = (
  info: ClientInfo<Request>,
) => boolean;

/** A `verifyClient` with two parameters: its callback decides. */
export type VerifyClientCallbackAsync<Request extends IncomingMessage = IncomingMessage> = (
  info: ClientInfo<Request>,
  callback: VerifyCallback,
) => void;

/** Options of a `WebSocketServer`. Requires exactly one of `port`, `server` and `noServer`. */
export interface ServerOptions<
  SocketClass extends typeof WebSocket = typeof WebSocket,
  RequestClass extends typeof IncomingMessage = typeof IncomingMessage,
> extends WebSocketOptions {
  /** Opens an HTTP server on this port; 0 for any free one. Default: none. */
  port?: number | null | undefined;
  /** The address that the HTTP server of `port` listens on. Default: all addresses. */
  host?: string | null | undefined;
  /** Length of the operating system's queue of new connections. Default 511. */
  backlog?: number | null | undefined;
  /** The HTTP server whose upgrade requests become WebSockets. Default: none. */
  server?: HttpServer<RequestClass> | HttpsServer<RequestClass> | null | undefined;
  /** Requests come through `handleUpgrade`. Default false. */
  noServer?: boolean | null | undefined;
  /** The only path whose requests are accepted, without a query. Default: all paths. */
  path?: string | null | undefined;
  /** Whether the server maintains `clients`. Default true. */
  clientTracking?: boolean | undefined;
  /** Chooses one of the offered subprotocols, or returns false for none. Default: the first. */
  handleProtocols?:
    ((protocols: Set<string>, request: InstanceType<RequestClass>) => string | false) | null | undefined;
  /**
   * Accepts or refuses a client: through the callback if it has two parameters,
   * otherwise by its return value. Default: none.
   */
  verifyClient?:
    | ((info: ClientInfo<InstanceType<RequestClass>>, callback: VerifyCallback) => boolean | void | Promise<void>)
    | null
    | undefined;
  /** The class of the server's sockets; must extend `WebSocket`. Default: `WebSocket`. */
  WebSocket?: SocketClass | undefined;
}

/**
 * Fills in the defaults of a server's options.
 * @throws TypeError unless exactly one of `port`, `server` and `noServer` is given;
 * OptionError for an invalid option
 */
export function serverOptionsOf(given: ServerOptions | null | undefined): ServerOptions {
  const options: ServerOptions = { ...SERVER_DEFAULTS, WebSocket };
  for (const [name, value] of Object.entries(given ?? {})) {
    if (value !== undefined) Object.assign(options, { [name]: value });
  }
  const { port, server, noServer, perMessageDeflate } = options;
  const sources = [port !== null && port !== undefined, Boolean(server), Boolean(noServer)];
  if (sources.filter(Boolean).length !== 1) {
    throw new TypeError('One and only one of the "port", "server", or "noServer" options must be specified');
  }
  if (perMessageDeflate === true) options.perMessageDeflate = {};
  options.WebSocket = socketClassOf(options.WebSocket);
  checkDeflateOptions(perMessageDeflate);
  limitsOf(options);
  clockOf(options.clock);
  for (const name of ["verifyClient", "handleProtocols"] as const) {
    if (options[name] && typeof options[name] !== "function") throw new OptionError(`\`${name}\` must be a function`);
  }
  return options;
}

const SERVER_DEFAULTS: ServerOptions = {
  allowSynchronousEvents: true,
  autoPong: true,
  maxBufferedChunks: 256 * 1024,
  maxFragments: WEBSOCKET_DEFAULTS.maxFragments,
  maxPayload: WEBSOCKET_DEFAULTS.maxPayload,
  maxPendingAutoPongs: 60,
  skipUTF8Validation: false,
  perMessageDeflate: false,
  handleProtocols: null,
  clientTracking: true,
  closeTimeout: WEBSOCKET_DEFAULTS.closeTimeout,
  verifyClient: null,
  noServer: false,
  backlog: null,
  server: null,
  host: null,
  path: null,
  port: null,
};

function socketClassOf(given: unknown): typeof WebSocket {
  if (!given) return WebSocket;
  const isSocketClass =
    typeof given === "function" && (given === WebSocket || (given.prototype as unknown) instanceof WebSocket);
  if (!isSocketClass) throw new OptionError("`WebSocket` must be a class that extends WebSocket");
  return given as typeof WebSocket;
}
