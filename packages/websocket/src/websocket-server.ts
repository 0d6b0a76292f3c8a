import { createServer, STATUS_CODES } from "node:http";
import type { IncomingMessage, Server as HttpServer, ServerResponse } from "node:http";
import type { Server as HttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { checkDeflateOptions } from "./core/index.ts";
import type { DeflateOptions } from "./core/index.ts";
import { checkServerRequest, clientInfo, RequestError } from "./server-request.ts";
import type { CheckedRequest } from "./server-request.ts";
import { TypedEmitter } from "./typed-events.ts";
import { answerBytes, answerLines } from "./answer.ts";
import { joinLink } from "./join.ts";
import { isLinked } from "./link.ts";
import type { ServerOptions, VerifyCallback } from "./options.ts";
import { refuseUpgrade } from "./upgrade.ts";
import { UsageError } from "./usage-error.ts";
import { endpointOf, WebSocket } from "./websocket.ts";

/** Events of a `WebSocketServer` and the arguments of their listeners. */
export interface ServerEvents {
  listening: [];
  connection: [socket: WebSocket, request: IncomingMessage];
  /** The lines of the answer 101, before it is sent; they can be changed and added to. */
  headers: [lines: string[], request: IncomingMessage];
  error: [error: Error];
  close: [];
  /** A request that is no valid opening handshake. With a listener, the answer is the listener's business. */
  wsClientError: [error: Error, stream: Duplex, request: IncomingMessage];
}

/** An `upgrade` event of an HTTP server. */
interface UpgradeEvent {
  readonly request: IncomingMessage;
  readonly stream: Duplex;
  readonly head: Buffer;
}

type Connected = (socket: WebSocket, request: IncomingMessage) => void;

/**
 * Takes WebSocket connections: on a port of its own, on an HTTP or HTTPS server, or as they are given to `handleUpgrade`.
 * Its interface is that of the npm package `ws` 8.
 *
 * @example
 * const server = new WebSocketServer({ port: 8080 });
 * server.on("connection", (socket) => {
 *   socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
 * });
 */
export class WebSocketServer extends TypedEmitter<ServerEvents> {
  readonly options: ServerOptions<WebSocket>;
  /** The open connections; undefined without `clientTracking`. */
  readonly clients: Set<WebSocket> | undefined;
  readonly #deflate: DeflateOptions | undefined;
  #state: "running" | "closing" | "closed" = "running";
  #server: HttpServer | HttpsServer | null = null;
  #detach: () => void = () => undefined;

  /**
   * `callback` is called when the server of its own listens on `port`.
   * @throws TypeError unless exactly one of `port`, `server` and `noServer` is given.
   */
  constructor(options: ServerOptions<WebSocket>, callback?: () => void) {
    super();
    const given = options ?? {};
    const hasPort = given.port !== undefined && given.port !== null;
    const sources = [hasPort, Boolean(given.server), given.noServer === true];
    if (sources.filter(Boolean).length !== 1) {
      throw new TypeError('One and only one of the "port", "server", or "noServer" options must be specified');
    }
    this.options = given;
    this.#deflate = checkDeflateOptions(given.perMessageDeflate);
    this.clients = given.clientTracking === false ? undefined : new Set();
    if (hasPort) this.#server = createServer(answerWithoutUpgrade);
    else this.#server = given.server ?? null;
    if (hasPort) this.#listen(this.#server!, callback);
    if (this.#server !== null) this.#attach(this.#server);
  }

  /** The path of `options`. */
  get path(): string | undefined {
    return this.options.path ?? undefined;
  }

  /**
   * Where the server listens; null when it does not.
   * @throws UsageError `WS_ERR_NO_SERVER` with `noServer`.
   */
  address(): AddressInfo | string | null {
    if (this.options.noServer === true) throw new UsageError("WS_ERR_NO_SERVER");
    return this.#server?.address() ?? null;
  }

  /**
   * Takes no more connections. `close` is emitted when those that exist have ended by themselves, and on a server of its
   * own when all of the HTTP server's have. An HTTP server that was given is not closed.
   */
  close(callback?: (error?: Error) => void): void {
    if (this.#state === "closed") {
      if (callback !== undefined) this.once("close", () => callback(new Error("The server is not running")));
      process.nextTick(emitClose, this);
      return;
    }
    if (callback !== undefined) this.once("close", callback);
    if (this.#state === "closing") return;
    this.#state = "closing";
    this.#detach();
    const server = this.#server;
    this.#server = null;
    if (server !== null && server !== this.options.server) server.close(() => this.#closed());
    else if ((this.clients?.size ?? 0) === 0) process.nextTick(() => this.#closed());
  }

  /** Whether a request is for this server: by `path`. To be overridden for other choices; refused requests are answered 400. */
  shouldHandle(request: IncomingMessage): boolean {
    const { path } = this.options;
    if (path === undefined || path === null || path === "") return true;
    const url = request.url ?? "";
    const query = url.indexOf("?");
    return (query === -1 ? url : url.slice(0, query)) === path;
  }

  /**
   * Takes an `upgrade` event of an HTTP server. `callback` gets the socket; a request that is refused is answered.
   * @throws Error when the stream has become a WebSocket before.
   */
  handleUpgrade(request: IncomingMessage, stream: Duplex, head: Buffer, callback: Connected): void {
    stream.on("error", ignore);
    const upgrade: UpgradeEvent = { request, stream, head };
    const checked = checkServerRequest(request, this.#deflate);
    if (checked instanceof RequestError && !checked.comesAfterPath) return this.#refuse(upgrade, checked);
    if (!this.shouldHandle(request)) return refuseUpgrade(stream, 400, STATUS_CODES[400]!);
    if (checked instanceof RequestError) return this.#refuse(upgrade, checked);
    this.#verify(upgrade, checked, () => this.#complete(upgrade, checked, callback));
  }

  #attach(server: HttpServer | HttpsServer): void {
    const onListening = (): boolean => this.emit("listening");
    const onError = (error: Error): boolean => this.emit("error", error);
    const onConnected: Connected = (socket, request) => this.emit("connection", socket, request);
    const onUpgrade = (request: IncomingMessage, stream: Duplex, head: Buffer): void =>
      this.handleUpgrade(request, stream, head, onConnected);
    server.on("listening", onListening).on("error", onError).on("upgrade", onUpgrade);
    this.#detach = () => {
      server.off("listening", onListening).off("error", onError).off("upgrade", onUpgrade);
    };
  }

  #listen(server: HttpServer | HttpsServer, callback: (() => void) | undefined): void {
    const { port, host, backlog } = this.options;
    server.listen(port ?? 0, host ?? undefined, backlog ?? undefined, callback);
  }

  #closed(): void {
    this.#state = "closed";
    this.emit("close");
  }

  #refuse({ request, stream }: UpgradeEvent, error: RequestError): void {
    if (this.emit("wsClientError", error, stream, request)) return;
    refuseUpgrade(stream, error.status, error.message, error.headers);
  }

  /** Asks `verifyClient`, which decides about its form by the number of its parameters. */
  #verify({ request, stream }: UpgradeEvent, checked: CheckedRequest, accept: () => void): void {
    const { verifyClient } = this.options;
    if (verifyClient === undefined || verifyClient === null) return accept();
    const info = clientInfo(request, checked.version);
    const answer: VerifyCallback = (isAccepted, status = 401, message, headers) => {
      if (isAccepted) accept();
      else refuseUpgrade(stream, status, message ?? STATUS_CODES[status] ?? "Error", headers);
    };
    const returned = verifyClient(info, answer);
    if (verifyClient.length < 2) answer(Boolean(returned));
  }

  #complete({ request, stream, head }: UpgradeEvent, checked: CheckedRequest, callback: Connected): void {
    // The client has gone in the meantime.
    if (!stream.readable || !stream.writable) return void stream.destroy();
    if (isLinked(stream)) throw new UsageError("WS_ERR_ALREADY_HANDLED");
    if (this.#state !== "running") return refuseUpgrade(stream, 503, STATUS_CODES[503]!);
    const protocol = this.#chooseProtocol(checked.protocols, request);
    const deflate = checked.deflate && { params: checked.deflate.params, options: this.#deflate! };
    const lines = answerLines(checked.key, { protocol, extensions: checked.deflate?.answer });
    this.emit("headers", lines, request);
    const socket = this.#newSocket();
    const link = joinLink("server", { stream, head, answer: answerBytes(lines), deflate }, this.options);
    stream.removeListener("error", ignore);
    endpointOf(socket).open(link, { protocol: protocol ?? "", deflate });
    // The client is connected, whatever the listeners do to the stream.
    link.flush();
    if (this.clients !== undefined) this.#track(socket, this.clients);
    callback(socket, request);
  }

  #newSocket(): WebSocket {
    const SocketClass = this.options.WebSocket ?? WebSocket;
    return new SocketClass(null, undefined, this.options);
  }

  #chooseProtocol(offered: Set<string>, request: IncomingMessage): string | undefined {
    if (offered.size === 0) return undefined;
    const { handleProtocols } = this.options;
    if (typeof handleProtocols !== "function") return offered.values().next().value;
    return handleProtocols(offered, request) || undefined;
  }

  #track(socket: WebSocket, clients: Set<WebSocket>): void {
    clients.add(socket);
    socket.on("close", () => {
      clients.delete(socket);
      const isLast = this.#state === "closing" && clients.size === 0;
      // On a server of its own, the HTTP server tells when all is over.
      if (isLast && (this.options.port ?? undefined) === undefined) process.nextTick(() => this.#closed());
    });
  }
}

/** What a plain request to a server of its own is answered. */
function answerWithoutUpgrade(_request: IncomingMessage, response: ServerResponse): void {
  const body = STATUS_CODES[426]!;
  response.writeHead(426, { "Content-Length": body.length, "Content-Type": "text/plain", Upgrade: "websocket" });
  response.end(body);
}

function emitClose(server: WebSocketServer): void {
  server.emit("close");
}

function ignore(): void {}
