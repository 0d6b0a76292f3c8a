import type { IncomingMessage, OutgoingHttpHeaders, Server as HttpServer, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { Duplex } from "node:stream";
import { type EngineReport, reportOf } from "./stats-report.ts";
import { ERROR_CODES, ERROR_MESSAGES, type Refusal } from "./report/refusals.ts";
import { prepareRequest, type TransportRequest } from "./http/request.ts";
import { createLog } from "../base/log.ts";
import { addHeaders } from "./http/answer-headers.ts";
import { type AttachOptions, type AttachedHost, type Taker, takeRequests, takeWebSockets } from "./http/attachment.ts";
import { pathOf } from "./option-checks.ts";
import { BaseServer } from "./base-server.ts";
import { Http2Sessions } from "./http/http2.ts";
import { endIdle, IdleConnections, type IdleList } from "./http/idle-connections.ts";
import { withAnswer } from "./http/parked-request.ts";
import { isMounted, isTaking, mount, mountedAt, setMounts, setTaking, unmount } from "./http/mounts.ts";
import { refuseByCarry } from "./admission/admission.ts";
import { isReturn } from "./carry/carry.ts";
import { HttpOpening } from "./admission/http-opening.ts";
import type { RequestOpening } from "./admission/opening.ts";
import { ConnectHandshake, type StreamHandshake, UpgradeHandshake } from "./admission/stream-handshake.ts";
import { ForeignOpening, WebSocketOpening } from "./admission/websocket-opening.ts";
import { type SessionClient, WebTransportDoor, type WebTransportSession } from "./admission/webtransport-opening.ts";
import { headerLines } from "./admission/refusal-answer.ts";
import { refusalFrom, type RelayDoor, relayHost } from "./relay/host.ts";
import type { RelayRefusal, SessionRelay } from "./relay/relay.ts";
import { NOOP_PACKET, type Transport } from "./transports/transport.ts";
import { carrierOf, httpKind, opensByWebSocket } from "./transports/registry.ts";
import { foreignOptions } from "./transports/foreign-link.ts";
import type { ForeignWebSocket, ForeignWebSocketServer } from "./transports/engine-link.ts";
import { answerPendingPoll } from "./session/hand-over.ts";
import type { FoundSession } from "./session/directory.ts";
import { emitProcessWarning, UsageError } from "./usage-errors.ts";
import {
  kAnswerEmpty,
  kAnswerPollOf,
  kCarry,
  kClosedRelay,
  kVerifyRequest,
  kEngineClock,
  kContext,
  kDrained,
  kFollowOptions,
  kHandshakes,
  kHasPoll,
  kIsAttached,
  kMakeTransport,
  kHostListens,
  kRefuseRelayed,
  kRelay,
  kReopen,
  kScreenRequest,
  kSessionDirectory,
  kTakeBack,
  kTakeHandshake,
} from "./keys.ts";

// Private members. Symbols, not `#private`, so that proxies and `Object.create()` work.
const kHosts = Symbol("hosts");
const kWebTransportDoor = Symbol("webTransportDoor");
const kRequestRelay = Symbol("requestRelay");
const kEndIdle = Symbol("endIdle");
const kEndSessions = Symbol("endSessions");
const kOnHostClosed = Symbol("onHostClosed");
const kOnScreened = Symbol("onScreened");
const kRouteOpening = Symbol("routeOpening");
const kTakeReturn = Symbol("takeReturn");
const kAcceptWebSocket = Symbol("acceptWebSocket");
const kTakeRequests = Symbol("takeRequests");

/** Most milliseconds that a connection may be idle while its engine closes. */
const IDLE_GRACE = 1000;

const log = createLog("engine");

/**
 * The engine over HTTP. Attach it to a server, or pass requests to {@link handleRequest} and {@link handleUpgrade}.
 *
 * @example
 * const engine = new Server({ pingInterval: 10_000 });
 * engine.attach(httpServer, { path: "/engine.io" });
 * engine.on("connection", (session) => session.send("hello"));
 */
export class Server extends BaseServer implements RelayDoor {
  /** Refusal codes by name. */
  static readonly errors: typeof ERROR_CODES = ERROR_CODES;
  /** Messages by refusal code. */
  static readonly errorMessages: typeof ERROR_MESSAGES = ERROR_MESSAGES;

  /** The HTTP server that the engine was last attached to. */
  httpServer: HttpServer | undefined;
  declare private [kWebTransportDoor]?: WebTransportDoor;
  private readonly [kHosts]: Map<HttpServer, AttachedHost> = new Map();
  /** The WebSocket server of the option `wsEngine`. */
  declare ws: ForeignWebSocketServer | undefined;

  protected override init(): void {
    const { wsEngine, transports, cluster } = this.opts;
    this[kRelay] ??= cluster?.connect(relayHost(this));
    this[kClosedRelay] = undefined;
    if (!wsEngine || this.ws || !transports.some(opensByWebSocket)) return;
    this.ws = new wsEngine({ noServer: true, clientTracking: false, ...foreignOptions(this.opts) });
    this.ws.on?.("headers", (lines: string[], req: TransportRequest) => {
      const headers: OutgoingHttpHeaders = {};
      addHeaders(this, headers, req, "");
      lines.push(...headerLines(headers));
    });
  }

  protected override cleanup(): void {
    this[kRelay]?.close();
    this[kClosedRelay] ??= this[kRelay];
    this[kRelay] = undefined;
    this.ws?.close?.();
    this.ws = undefined;
    for (const [server, host] of this[kHosts]) {
      this[kEndIdle](server, host, host.idle.list(host.isMine));
      this[kEndSessions](server, host, 0);
    }
  }

  /** Ends HTTP/2 connections, which Node would leave open. */
  private [kEndSessions](server: HttpServer, host: AttachedHost, delay: number): void {
    const sessions = Http2Sessions.of(server);
    if (sessions.size === 0) return;
    this[kEngineClock].after(delay, () => {
      if (!server.listening) sessions.end(host.isMine);
      if (!server.listening || delay === 0) this[kEndSessions](server, host, IDLE_GRACE);
    });
  }

  /** Ends idle connections of a closing HTTP server, which otherwise would not close before they end. */
  private [kEndIdle](server: HttpServer, { idle, isMine }: AttachedHost, earlier: IdleList): void {
    if (idle.size === 0) return;
    this[kEngineClock].after(IDLE_GRACE, () => {
      if (server.listening) return;
      const list = idle.list(isMine);
      endIdle(list, earlier);
      this[kEndIdle](server, { idle, isMine }, list);
    });
  }

  /** Parses the query of a request into `req._query`, once. */
  prepare(req: IncomingMessage): void {
    prepareRequest(req);
  }

  // ---- requests ----------------------------------------------------------------------------------------------------

  /** The relay to ask about a request. Requests that were accepted before the engine closed may be handled later. */
  private get [kRequestRelay](): SessionRelay | undefined {
    return this[kRelay] ?? this[kClosedRelay];
  }

  /** Handles a poll, a POST or an HTTP handshake. */
  handleRequest(request: IncomingMessage, res: ServerResponse): void {
    const req = prepareRequest(request);
    if (log.enabled) log("handling %s %s", req.method, req.url);
    const verdict = this[kRequestRelay]?.route(req, res) ?? "local";
    if (verdict === "taken") return;
    if (verdict !== "local") return this[kRefuseRelayed](req, res, verdict);
    if (!req._query["sid"]) withAnswer(req, res);
    const opening = new HttpOpening(this, req, res);
    this[kScreenRequest](req, res, false, (refusal) => this[kOnScreened](opening, refusal));
  }

  /** Refuses a request for its relay. Runs the middlewares first, so that pages of other origins can read the answer. */
  [kRefuseRelayed](req: TransportRequest, res: ServerResponse, refusal: RelayRefusal): void {
    const opening = new HttpOpening(this, req, res);
    this[kFollowOptions]();
    this._applyMiddlewares(req, res, () => {
      if (!opening.isGone()) opening.refuse(refusalFrom(refusal, req));
    });
  }

  /** Answers a poll of another process's session with a noop, in the form that its transport has. */
  [kAnswerEmpty](req: TransportRequest, res: ServerResponse): void {
    const opening = new HttpOpening(this, req, res);
    this[kFollowOptions]();
    this._applyMiddlewares(req, res, () => {
      const transport = opening.accept();
      if (!transport) return;
      opening.begin(transport);
      transport.send([NOOP_PACKET]);
    });
  }

  /** Answers the pending poll of a session; another process has received it. */
  [kAnswerPollOf](sid: string): void {
    const session = this.clients[sid];
    if (session) answerPendingPoll(session);
  }

  /** Whether a poll of the session waits for its answer. */
  [kHasPoll](sid: string): boolean {
    const transport = this.clients[sid]?.transport;
    return transport !== undefined && carrierOf(transport.name) === "requests" && transport.writable;
  }

  private [kOnScreened](opening: RequestOpening, refusal: Refusal | undefined): void {
    if (opening.isGone()) return;
    if (refusal) opening.refuse(refusal);
    else this[kRouteOpening](opening);
  }

  /** Passes a request to the session with its id, or opens a new session. */
  private [kRouteOpening](opening: RequestOpening): void {
    const { sid } = opening.req._query;
    if (!sid) return this.handshake(opening);
    // Looked up again, because the session may have ended during middlewares and allowRequest.
    const session = this[kSessionDirectory].find(sid);
    if (!session) return opening.refuse({ code: ERROR_CODES.UNKNOWN_SID, context: { sid } });
    const refusal = refuseByCarry(session, opening.req);
    if (refusal) opening.refuse(refusal);
    else if (session[kCarry] && isReturn(opening.req._query)) this[kTakeReturn](session, opening);
    else opening.join(session);
  }

  private [kTakeReturn](session: FoundSession, opening: RequestOpening): void {
    const transport = opening.accept();
    if (!transport) return;
    session[kTakeBack](transport, opening.req._query);
    opening.begin(transport);
  }

  [kMakeTransport](req: TransportRequest): Transport {
    return this.createTransport(httpKind(req._query["transport"]).name, req);
  }

  /** Creates the transport for an HTTP handshake. Subclasses may override it. */
  protected createTransport(name: string, req: TransportRequest): Transport {
    return httpKind(name).make(req, this[kContext]);
  }

  // ---- WebSocket handshakes ----------------------------------------------------------------------------------------

  /** Handles a WebSocket handshake: a new session, or the upgrade of a polling one. */
  handleUpgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    const req = prepareRequest(request);
    if (log.enabled) log("handling upgrade %s %s", req.method, req.url);
    // A request created by the program may lack its socket.
    if (req.socket === undefined) Object.assign(req, { socket: stream });
    this[kTakeHandshake](req, new UpgradeHandshake(stream, head));
  }

  /**
   * Handles a WebSocket handshake over HTTP/2 (RFC 8441): a `connect` event of an HTTP/2 server, which needs the setting
   * `enableConnectProtocol`.
   */
  handleConnect(request: IncomingMessage | Http2ServerRequest, response: ServerResponse | Http2ServerResponse): void {
    const req = prepareRequest(request as IncomingMessage);
    if (log.enabled) log("handling connect %s", req.url);
    this[kTakeHandshake](req, new ConnectHandshake(response));
  }

  /** Takes a WebSocket handshake, of either version of HTTP. */
  [kTakeHandshake](req: TransportRequest, handshake: StreamHandshake): void {
    // Listens for errors from here on: the relay may let the handshake wait.
    const opening = new WebSocketOpening(this, req, handshake);
    const verdict = this[kRequestRelay]?.routeHandshake(req, handshake) ?? "local";
    if (verdict === "taken") return;
    if (verdict !== "local") return opening.refuse(refusalFrom(verdict, req));
    const admitted = (refusal: Refusal | undefined): void => {
      if (opening.isGone()) return;
      if (refusal) opening.refuse(refusal);
      else if (opening.check()) this[kAcceptWebSocket](opening);
    };
    this[kFollowOptions]();
    if (this.middlewares.length === 0) return this[kVerifyRequest](req, true, admitted);
    const held = handshake.hold(req);
    if (!held) return void handshake.stream.destroy();
    this[kScreenRequest](req, held.res, true, (refusal) => {
      if (held.res.writableEnded) return;
      opening.headers = held.release();
      admitted(refusal);
    });
  }

  private [kAcceptWebSocket](opening: WebSocketOpening): void {
    if (!this.ws) return this[kRouteOpening](opening);
    const { req, handshake } = opening;
    Object.assign(this.ws.options ?? {}, foreignOptions(this.opts));
    const isTaken = handshake.passTo(this.ws, req, (websocket) => this.onWebSocket(req, handshake.stream, websocket));
    if (!isTaken) opening.refuse({ code: ERROR_CODES.BAD_REQUEST, context: { name: "WS_ENGINE_WITHOUT_HTTP2" } });
  }

  /**
   * Handles a WebSocket of another library, for example `ws`. Nothing is checked here, so check the request first if you did
   * not go through {@link handleUpgrade}.
   *
   * @example
   * wss.handleUpgrade(req, stream, head, (websocket) => engine.onWebSocket(req, stream, websocket));
   */
  onWebSocket(request: IncomingMessage, _stream: unknown, websocket: ForeignWebSocket): void {
    this[kRouteOpening](new ForeignOpening(this, prepareRequest(request), websocket));
  }

  /**
   * Takes a session of WebTransport from your HTTP/3 server, if the option `transports` has `"webtransport"`.
   *
   * @example
   * for await (const session of webTransports) io.engine.onWebTransportSession(session);
   */
  onWebTransportSession(session: WebTransportSession, source: SessionClient = {}): Promise<void> {
    this[kFollowOptions]();
    this[kWebTransportDoor] ??= new WebTransportDoor(this, {
      hasMiddlewares: () => this.middlewares.length > (this.opts.cors ? 1 : 0),
      admit: (opening) => {
        const verdict = this[kRequestRelay]?.routePassedIn(opening.req) ?? "local";
        if (verdict !== "local") opening.refuse(refusalFrom(verdict, opening.req));
        else this[kHandshakes].verifyPassedIn(opening.req, (refusal) => this[kOnScreened](opening, refusal));
      },
    });
    return this[kWebTransportDoor].take(session, source);
  }

  // ---- attaching ---------------------------------------------------------------------------------------------------

  /**
   * Handles an HTTP server's requests below a path; all others still reach the server's own listeners. If several engines
   * match a request, the longest path wins.
   *
   * @throws UsageError `PATH_TAKEN` if another open engine has the path; also emitted as a process warning
   * @example
   * engine.attach(createServer(app), { path: "/realtime" });
   */
  attach(server: HttpServer, options: AttachOptions = {}): this {
    const path = this._computePath(options);
    const isHeard = this[kHosts].has(server) && isTaking(server, this);
    if (isHeard && isMounted(server, path, this))
      process.emitWarning(new UsageError("PATH_TAKEN", "the server is already attached to this path; nothing changes"));
    if (mount(server, path, this) !== this) throw emitProcessWarning(new UsageError("PATH_TAKEN"));
    setMounts(this, "open");
    this.httpServer = server;
    if (!isHeard) this[kTakeRequests](server, options);
    return this;
  }

  private [kTakeRequests](server: HttpServer, options: AttachOptions): void {
    const isAttached = (): boolean => this[kHosts].get(server) === host;
    const isMine = (req: Pick<IncomingMessage, "url">): boolean => isAttached() && mountedAt(server, req) === this;
    const host: AttachedHost = { idle: IdleConnections.of(server), isMine };
    Http2Sessions.of(server);
    this[kHosts].set(server, host);
    const taker: Taker = {
      clock: this[kEngineClock],
      isAttached,
      handleRequest: (req, res) => this.handleRequest(req, res),
      handleUpgrade: (req, stream, head) => this.handleUpgrade(req, stream, head),
      handleConnect: (req, res) => this.handleConnect(req, res),
    };
    setTaking(server, this, takeRequests(server, host, taker));
    if (this.opts.transports.some(opensByWebSocket)) takeWebSockets(server, host, taker, options);
    server.on("close", () => isAttached() && this[kOnHostClosed]());
    server.on("listening", () => {
      if (!isAttached()) return;
      this[kReopen]();
      this[kHostListens](server);
    });
    if (server.listening) this[kHostListens](server);
  }

  /** The server whose requests this engine handles listens. Hosts that pass requests on by themselves call it too. */
  [kHostListens](server: HttpServer): void {
    this[kRelay]?.listening(server);
  }

  /**
   * An HTTP server has closed, which ends all sessions. A draining engine lets its clients leave first, because another process
   * may have their connections.
   */
  private [kOnHostClosed](): void {
    const drained = this[kDrained];
    if (drained) void drained.then(() => this[kDrained] === drained && this.close());
    else this.close();
  }

  /** Stops handling an HTTP server's requests: the opposite of {@link attach}. Sessions stay open. */
  detach(server: HttpServer): void {
    this[kHosts].delete(server);
    unmount(server, this);
  }

  /** Whether the engine is attached to an HTTP server at a path. */
  [kIsAttached](server: HttpServer, options: AttachOptions): boolean {
    return isMounted(server, this._computePath(options), this);
  }

  /** Returns the path prefix of the engine's requests. */
  protected _computePath(options: AttachOptions): string {
    const path = pathOf(options.path).replace(/\/$/, "");
    return options.addTrailingSlash === false ? path : `${path}/`;
  }

  /** Returns counters and current state. */
  report(): EngineReport {
    return reportOf(this);
  }
}
