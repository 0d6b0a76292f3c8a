import type { EventEmitter } from "node:events";
import { createServer, STATUS_CODES } from "node:http";
import type { IncomingMessage, OutgoingHttpHeaders, Server as HttpServer, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { Server as HttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { agreementLines, answerBytes, answerLines } from "./answer.ts";
import { defineUnderscored } from "../compatible-names.ts";
import type { Underscored } from "../compatible-names.ts";
import { answerConnect, refuseConnect } from "./connect.ts";
import { checkDeflateOptions, EMPTY, soon, UsageError } from "../core/index.ts";
import type { DeflateAgreement } from "../core/index.ts";
import { isLinked } from "../link/link.ts";
import { serverOptionsOf } from "./server-options.ts";
import type { ServerOptions, VerifyCallback, VerifyClientCallbackSync } from "./server-options.ts";
import { checkServerRequest, clientInfo, RequestError } from "./server-request.ts";
import type { CheckedRequest } from "./server-request.ts";
import { TypedEmitter } from "../typed-events.ts";
import { refuseUpgrade } from "./upgrade.ts";
import { endpointOf, WebSocket } from "../websocket.ts";

/** Events of a `WebSocketServer`, with the arguments of their listeners. */
export interface ServerEvents<Socket = WebSocket, Request = IncomingMessage> {
  /** The HTTP server of `port` or `server` listens. */
  listening: [];
  /** A client has connected. */
  connection: [socket: Socket, request: Request];
  /** The lines of the 101 response, before it is sent. Listeners may change them. */
  headers: [lines: string[], request: Request];
  /** The HTTP server reported an error, such as a port in use. */
  error: [error: Error];
  /** The server is closed, and all its clients have disconnected. */
  close: [];
  /** An invalid opening handshake. With a listener, the listener must answer the request. */
  wsClientError: [error: Error, stream: Duplex, request: Request];
}

/** An opening handshake that has arrived. */
interface Arrival {
  readonly kind: "upgrade" | "connect";
  readonly request: IncomingMessage;
  readonly stream: Duplex;
  readonly refuse: (status: number, body?: string, headers?: OutgoingHttpHeaders) => void;
}

type ConnectionCallback = (socket: WebSocket, request: IncomingMessage) => void;

/** Extensions by name, as `completeUpgrade` takes them. */
type Extensions = Readonly<Record<string, unknown>>;

/** The private state of a server. */
interface ServerState {
  phase: "running" | "closing" | "closed";
  server: HttpServer | HttpsServer | null | undefined;
  readonly ownsServer: boolean;
  detach: (() => void) | null;
}

/**
 * A symbol: a server can be wrapped by a Proxy or inherited from, and no
 * name of a program is taken.
 */
const kState = Symbol("state");
const kScreen = Symbol("screen");
const kIsReady = Symbol("isReady");
const kOpen = Symbol("open");
/** Gives the functions of this file access to the state. */
let stateOf: (server: WebSocketServer) => ServerState;
const PHASES = ["running", "closing", "closed"] as const;
const DEFLATE = "permessage-deflate";

/** The underscored members of the server of `ws`. */
const SERVER_NAMES: Readonly<Record<string, Underscored<ServerState>>> = {
  _server: { get: ({ server }) => server },
  _state: { get: ({ phase }) => PHASES.indexOf(phase) },
  _removeListeners: { get: ({ detach }) => detach },
  _shouldEmitClose: { get: ({ phase, ownsServer }) => phase === "closing" && !ownsServer },
};

/**
 * Accepts WebSocket connections: on its own port, on an HTTP or HTTPS server, or through
 * `handleUpgrade`. Has the interface of the npm package `ws` 8.
 *
 * @example
 * const server = new WebSocketServer({ port: 8080 });
 * server.on("connection", (socket) => {
 *   socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
 * });
 */
export class WebSocketServer<
  SocketClass extends typeof WebSocket = typeof WebSocket,
  RequestClass extends typeof IncomingMessage = typeof IncomingMessage,
> extends TypedEmitter<ServerEvents<InstanceType<SocketClass>, InstanceType<RequestClass>>> {
  /** The options with their defaults. Changes apply to later connections. */
  options: ServerOptions<SocketClass, RequestClass>;
  /** The open sockets; undefined without `clientTracking`. */
  declare clients: Set<InstanceType<SocketClass>>;
  /** For programs: this class neither sets nor reads it. */
  declare path: string;
  private readonly [kState]: ServerState;

  static {
    stateOf = (server) => server[kState];
    defineUnderscored(WebSocketServer.prototype, SERVER_NAMES, stateOf);
  }

  /**
   * @param callback called once the server listens on its own `port`
   * @throws TypeError unless exactly one of `port`, `server` and `noServer` is given;
   * OptionError for an invalid option
   */
  constructor(options?: ServerOptions<SocketClass, RequestClass>, callback?: () => void) {
    super();
    const filled = serverOptionsOf(options);
    // Cast: without a class of the program, the types of the classes are their defaults.
    this.options = filled as unknown as ServerOptions<SocketClass, RequestClass>;
    const ownsServer = (filled.port ?? undefined) !== undefined;
    const server = ownsServer ? createServer(answerWithoutUpgrade) : filled.server || undefined;
    this[kState] = { phase: "running", server, ownsServer, detach: null };
    if (filled.clientTracking) this.clients = new Set();
    if (server === undefined) return;
    if (ownsServer) server.listen(filled.port!, filled.host!, filled.backlog!, callback);
    this[kState].detach = listenToServer(this, server);
  }

  /**
   * Returns the address of the HTTP server; null if it does not listen.
   * @throws UsageError `WS_ERR_NO_SERVER` with `noServer`
   */
  address(): AddressInfo | string | null {
    if (this.options.noServer) throw new UsageError("WS_ERR_NO_SERVER");
    return this[kState].server?.address() ?? null;
  }

  /**
   * Stops accepting connections. Emits `close` once the open sockets have ended by themselves or,
   * on its own port, once the HTTP server has closed. Does not close a given HTTP server.
   */
  close(callback?: (error?: Error) => void): void {
    const state = this[kState];
    if (state.phase === "closed") {
      if (callback) this.once("close", () => callback(new Error("The server is not running")));
      soon(emitClose, this);
      return;
    }
    if (callback) this.once("close", callback);
    if (state.phase === "closing") return;
    state.phase = "closing";
    state.detach?.();
    const { server } = state;
    if (server !== undefined) state.server = state.detach = null;
    if (state.ownsServer) server!.close(() => closed(this));
    else if ((this.clients?.size ?? 0) === 0) soon(closed, this);
  }

  /**
   * Returns whether a request is for this server, by `path`. Override for other criteria. Other
   * requests get status 400.
   */
  shouldHandle(request: InstanceType<RequestClass>): boolean | Promise<boolean> {
    const { path } = this.options;
    if (!path) return true;
    const url = request.url ?? "";
    const query = url.indexOf("?");
    return (query === -1 ? url : url.slice(0, query)) === path;
  }

  /**
   * Handles an `upgrade` event of an HTTP server. Passes the socket to `callback`, or
   * answers a refused request.
   * @throws UsageError `WS_ERR_ALREADY_HANDLED` if the stream already is a WebSocket,
   * `WS_ERR_INVALID_CALLBACK` if `callback` is not a function
   */
  handleUpgrade(
    request: InstanceType<RequestClass>,
    stream: Duplex,
    head: Buffer,
    callback: (socket: InstanceType<SocketClass>, request: InstanceType<RequestClass>) => void,
  ): void {
    stream.on("error", destroyStream);
    const refuse: Arrival["refuse"] = (status, body, headers) => refuseUpgrade(stream, status, body, headers);
    this[kScreen]({ kind: "upgrade", request, stream, refuse }, ({ key, protocols, deflate }) => {
      const extensions = deflate === undefined ? {} : { [DEFLATE]: deflate };
      this.completeUpgrade(extensions, key, protocols, request, stream, head, callback);
    });
  }

  /**
   * Handles a `connect` event of an HTTP/2 server: a WebSocket over one of its streams (RFC 8441). The server needs
   * the setting `enableConnectProtocol`. Passes the socket to `callback`, or answers a refused request.
   * @throws UsageError `WS_ERR_ALREADY_HANDLED` if the stream already is a WebSocket,
   * `WS_ERR_INVALID_CALLBACK` if `callback` is not a function
   *
   * @example
   * const wss = new WebSocketServer({ noServer: true });
   * http2Server.on("connect", (req, res) =>
   *   wss.handleConnect(req, res, (socket) => wss.emit("connection", socket, req)),
   * );
   */
  handleConnect(
    given: Http2ServerRequest | InstanceType<RequestClass>,
    { stream }: Pick<Http2ServerResponse, "stream">,
    callback: (socket: InstanceType<SocketClass>, request: InstanceType<RequestClass>) => void,
  ): void {
    const request = given as InstanceType<RequestClass>;
    const options = plainOptions(this);
    stream.on("error", destroyStream);
    const refuse: Arrival["refuse"] = (status, body, headers) => refuseConnect(stream, status, body, headers);
    const arrival: Arrival = { kind: "connect", request, stream, refuse };
    this[kScreen](arrival, ({ protocols, deflate }) => {
      if (!this[kIsReady](arrival, callback)) return;
      const protocol = chooseProtocol(options, protocols, request);
      const lines = agreementLines({ protocol, extensions: deflate?.answer });
      const socket = newSocket(options, protocol, deflate);
      this.emit("headers", lines, request);
      answerConnect(stream, lines);
      this[kOpen](socket, { stream, head: EMPTY });
      callback(socket as InstanceType<SocketClass>, request);
    });
  }

  /** Checks a handshake, and has the program verify the client. */
  private [kScreen](arrival: Arrival, accept: (checked: CheckedRequest) => void): void {
    const { kind, request, refuse } = arrival;
    const checked = checkServerRequest(request, kind, checkDeflateOptions(this.options.perMessageDeflate));
    const isRefused = checked instanceof RequestError;
    if (isRefused && !checked.comesAfterPath) return refuseMalformed(this, arrival, checked);
    if (!this.shouldHandle(request as InstanceType<RequestClass>)) return refuse(400);
    if (isRefused) return refuseMalformed(this, arrival, checked);
    const { verifyClient } = plainOptions(this);
    verify(verifyClient, arrival, checked, () => accept(checked));
  }

  /** Returns whether a stream may become a WebSocket. Otherwise it has been refused or destroyed. */
  private [kIsReady]({ stream, refuse }: Pick<Arrival, "stream" | "refuse">, callback: unknown): boolean {
    if (!stream.readable || !stream.writable) {
      // The client has disconnected.
      stream.destroy();
      return false;
    }
    if (isLinked(stream)) throw new UsageError("WS_ERR_ALREADY_HANDLED");
    if (this[kState].phase !== "running") {
      refuse(503);
      return false;
    }
    if (typeof callback !== "function") throw new UsageError("WS_ERR_INVALID_CALLBACK");
    return true;
  }

  private [kOpen](socket: WebSocket, { stream, head }: { readonly stream: Duplex; readonly head: Buffer }): void {
    stream.removeListener("error", destroyStream);
    socket.setSocket(stream, head, this.options);
    if (this.clients !== undefined) track(this, socket);
  }

  /** @internal Completes a valid request. Named as in `ws`, for programs that override it. */
  // oxlint-disable-next-line eslint/max-params -- programs that override it take these, as with `ws`
  completeUpgrade(
    extensions: Extensions,
    key: string,
    protocols: Set<string>,
    request: InstanceType<RequestClass>,
    stream: Duplex,
    head: Buffer,
    callback: (socket: InstanceType<SocketClass>, request: InstanceType<RequestClass>) => void,
  ): void {
    const refuse: Arrival["refuse"] = (status) => refuseUpgrade(stream, status);
    if (!this[kIsReady]({ stream, refuse }, callback)) return;
    const options = plainOptions(this);
    const protocol = chooseProtocol(options, protocols, request);
    const agreement = extensions[DEFLATE] as DeflateAgreement | undefined;
    const lines = answerLines(key, { protocol, extensions: agreement?.answer });
    const socket = newSocket(options, protocol, agreement);
    this.emit("headers", lines, request);
    stream.write(answerBytes(lines));
    this[kOpen](socket, { stream, head });
    callback(socket as InstanceType<SocketClass>, request);
  }
}

/** Forgets the classes of sockets and requests, which no code here depends on. */
function plainOptions(server: { readonly options: unknown }): ServerOptions {
  return server.options as ServerOptions;
}

/** Listens to an HTTP server. Returns a function that removes the listeners. */
function listenToServer(wss: WebSocketServer, server: HttpServer | HttpsServer): () => void {
  const onListening = (): boolean => wss.emit("listening");
  const onError = (error: Error): boolean => wss.emit("error", error);
  const onConnected: ConnectionCallback = (socket, request) => wss.emit("connection", socket, request);
  const onUpgrade = (request: IncomingMessage, stream: Duplex, head: Buffer): void =>
    wss.handleUpgrade(request, stream, head, onConnected);
  server.on("listening", onListening).on("error", onError).on("upgrade", onUpgrade);
  return () => {
    server.off("listening", onListening).off("error", onError).off("upgrade", onUpgrade);
  };
}

function refuseMalformed(wss: EventEmitter, { request, stream, refuse }: Arrival, error: RequestError): void {
  if (wss.emit("wsClientError", error, stream, request)) return;
  refuse(error.status, error.message, error.headers);
}

/** Calls `verifyClient`. The number of its parameters decides its form. */
function verify(
  verifyClient: ServerOptions["verifyClient"],
  { request, refuse }: Arrival,
  checked: CheckedRequest,
  accept: () => void,
): void {
  if (!verifyClient) return accept();
  const info = clientInfo(request, checked.version);
  const answer: VerifyCallback = (isAccepted, status, message, headers) => {
    if (isAccepted) accept();
    else refuse(status || 401, message, headers);
  };
  if (verifyClient.length === 2) void verifyClient(info, answer);
  else answer((verifyClient as VerifyClientCallbackSync)(info));
}

function chooseProtocol(
  { handleProtocols }: ServerOptions,
  offered: Set<string>,
  request: IncomingMessage,
): string | undefined {
  if (offered.size === 0) return undefined;
  if (!handleProtocols) return offered.values().next().value;
  return handleProtocols(offered, request) || undefined;
}

function newSocket(options: ServerOptions, protocol: string | undefined, agreement?: DeflateAgreement): WebSocket {
  const SocketClass = options.WebSocket || WebSocket;
  const socket = new SocketClass(null, undefined, options);
  const endpoint = endpointOf(socket);
  if (protocol !== undefined) endpoint.protocol = protocol;
  const deflateOptions = checkDeflateOptions(options.perMessageDeflate);
  if (agreement && deflateOptions) endpoint.deflate = { params: agreement.params, options: deflateOptions };
  return socket;
}

function track(wss: WebSocketServer, socket: WebSocket): void {
  wss.clients.add(socket);
  socket.on("close", () => {
    wss.clients.delete(socket);
    const state = stateOf(wss);
    const isLast = state.phase === "closing" && wss.clients.size === 0;
    // On its own port, the server emits `close` with the HTTP server.
    if (isLast && !state.ownsServer) soon(closed, wss);
  });
}

function closed(wss: WebSocketServer): void {
  stateOf(wss).phase = "closed";
  wss.emit("close");
}

/** Answers a plain HTTP request on the server's own port. */
function answerWithoutUpgrade(_request: IncomingMessage, response: ServerResponse): void {
  const body = STATUS_CODES[426]!;
  response.writeHead(426, { "Content-Length": body.length, "Content-Type": "text/plain", Upgrade: "websocket" });
  response.end(body);
}

function emitClose(server: EventEmitter): void {
  server.emit("close");
}

function destroyStream(this: Duplex): void {
  this.destroy();
}
