import type { IncomingMessage, OutgoingHttpHeaders, Server as HttpServer } from "node:http";
import type { Server as HttpsServer } from "node:https";
import { clockOf } from "../clock.ts";
import { checkDeflateOptions, limitsOf, OptionError } from "../core/index.ts";
import { DEFAULTS } from "../options.ts";
import type { WebSocketOptions } from "../options.ts";
import { WebSocket } from "../websocket.ts";

/** What `verifyClient` is given about a request. */
export interface ClientInfo<Request extends IncomingMessage = IncomingMessage> {
  /** The `Origin` header; undefined when there is none. */
  origin: string;
  /** Whether the connection is encrypted. */
  secure: boolean;
  req: Request;
}

/** The answer of `verifyClient`. `status` is that of a refusal, 401 by default, `message` its body. */
export type VerifyCallback = (
  isAccepted: boolean,
  status?: number,
  message?: string,
  headers?: OutgoingHttpHeaders,
) => void;

/** A `verifyClient` of one parameter: what it returns decides. */
export type VerifyClientCallbackSync<Request extends IncomingMessage = IncomingMessage> = (
  info: ClientInfo<Request>,
) => boolean;

/** A `verifyClient` of two parameters: what it calls back with decides. */
export type VerifyClientCallbackAsync<Request extends IncomingMessage = IncomingMessage> = (
  info: ClientInfo<Request>,
  callback: VerifyCallback,
) => void;

/** Options of a `WebSocketServer`. Exactly one of `port`, `server` and `noServer` is needed. */
export interface ServerOptions<
  SocketClass extends typeof WebSocket = typeof WebSocket,
  RequestClass extends typeof IncomingMessage = typeof IncomingMessage,
> extends WebSocketOptions {
  port?: number | null | undefined;
  host?: string | null | undefined;
  /** Length of the queue of connections that wait to be accepted. Default 511. */
  backlog?: number | null | undefined;
  server?: HttpServer<RequestClass> | HttpsServer<RequestClass> | null | undefined;
  /** Requests are given by `handleUpgrade`. Default false. */
  noServer?: boolean | null | undefined;
  /** Only requests for exactly this path are taken. Default: all. */
  path?: string | null | undefined;
  /** Whether `clients` is kept. Default true. */
  clientTracking?: boolean | undefined;
  /** Chooses among the offered subprotocols; false: none. Default: the first. */
  handleProtocols?:
    ((protocols: Set<string>, request: InstanceType<RequestClass>) => string | false) | null | undefined;
  /** Accepts or refuses a client: declared with two parameters, by the callback; otherwise by what it returns. */
  verifyClient?:
    | ((info: ClientInfo<InstanceType<RequestClass>>, callback: VerifyCallback) => boolean | void | Promise<void>)
    | null
    | undefined;
  /** The class of the server's sockets, which extends `WebSocket`. */
  WebSocket?: SocketClass | undefined;
}

/**
 * The options of a server, with the defaults where nothing is given.
 * @throws TypeError unless exactly one of `port`, `server` and `noServer` is given; OptionError for an option that cannot
 *   have its value.
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
    if (options[name] && typeof options[name] !== "function") throw new OptionError(`${name} is not a function`);
  }
  return options;
}

const SERVER_DEFAULTS: ServerOptions = {
  allowSynchronousEvents: true,
  autoPong: true,
  maxBufferedChunks: 256 * 1024,
  maxFragments: DEFAULTS.maxFragments,
  maxPayload: DEFAULTS.maxPayload,
  maxPendingAutoPongs: 60,
  skipUTF8Validation: false,
  perMessageDeflate: false,
  handleProtocols: null,
  clientTracking: true,
  closeTimeout: DEFAULTS.closeTimeout,
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
  if (!isSocketClass) throw new OptionError("the option WebSocket is not a class that extends WebSocket");
  return given as typeof WebSocket;
}
