import type { IncomingMessage, OutgoingHttpHeaders, Server as HttpServer, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { type EngineReport, reportOf } from "./stats-report.ts";
import { acceptUpgrade, checkUpgrade, parseProtocols, refuseUpgrade } from "@portage/websocket";
import { ERROR_CODES, ERROR_MESSAGES, type Refusal } from "./report/refusals.ts";
import { prepareRequest, type TransportRequest } from "./http/request.ts";
import { createLog } from "../base/log.ts";
import { addHeaders } from "./http/answer-headers.ts";
import { type AttachOptions, type Host, type Taker, takeRequests, takeUpgrades } from "./http/attachment.ts";
import { BaseServer } from "./base-server.ts";
import { Http2Sessions, isGone } from "./http/http2.ts";
import { endIdle, IdleConnections, type IdleList } from "./http/idle-connections.ts";
import { withAnswer } from "./http/parked-request.ts";
import { UpgradeResponse } from "./http/middleware.ts";
import { isMounted, isTaking, mount, mountedAt, setMounts, setTaking, unmount } from "./http/mounts.ts";
import { refuseOption } from "./option-checks.ts";
import type { PendingUpgrade } from "./admission/opening.ts";
import type { ServerOptions } from "./options.ts";
import { bodyOf, headerLines, isHeaderLine, retryHeaders, sentenceOf, statusOf } from "./admission/refusal-answer.ts";
import type { Transport } from "./transports/transport.ts";
import { noteProtocol } from "./transports/link-socket.ts";
import { carrierOf, requestKind, streamKind } from "./transports/registry.ts";
import { ForeignLink, foreignOptions } from "./transports/foreign-link.ts";
import type { EngineLink, ForeignWebSocket, ForeignWebSocketServer } from "./transports/engine-link.ts";
import { UsageError } from "./usage-errors.ts";
import {
  kCheck,
  kClock,
  kContext,
  kFollow,
  kIsAttached,
  kOfferUpgrade,
  kOnRefused,
  kReceiving,
  kReopen,
  kScreen,
  kSessions,
} from "./keys.ts";

// Private members. Symbols, not `#private`, so that proxies and `Object.create()` work.
const kHosts = Symbol("hosts");
const kEndIdle = Symbol("endIdle");
const kEndSessions = Symbol("endSessions");
const kRefuse = Symbol("refuse");
const kOnRequest = Symbol("onRequest");
const kOnScreened = Symbol("onScreened");
const kRefuseUpgrade = Symbol("refuseUpgrade");
const kEnter = Symbol("enter");
const kPendingWebSocket = Symbol("pendingWebSocket");
const kAccept = Symbol("accept");
const kUpgradeSession = Symbol("upgradeSession");
const kTake = Symbol("take");
const kCreateWebSocket = Symbol("createWebSocket");

/** A WebSocket that stands, or whose handshake waits for its answer. */
interface PendingWebSocket {
  readonly req: TransportRequest;
  /** Whether the peer went away meanwhile. */
  isGone(): boolean;
  /** Answers the handshake. Throws when a header for the answer is none. */
  accept(): EngineLink;
  refuse(refusal: Refusal): void;
}

const ignore = (): void => {};

/** Whether a transport of this name comes by a WebSocket handshake. */
const isStream = (name: string | undefined): boolean => carrierOf(name) === "stream";

const ATTACHED_BEFORE = "the server has this path of the HTTP server already: nothing changes";

/** A mistake that breaks what a program does: the program may not look at errors, so the process is warned, too. */
function warned(error: UsageError): UsageError {
  process.emitWarning(error);
  return error;
}

/** The subprotocol that a program chooses for a WebSocket; without its say it is the first on offer. */
function chooseProtocol(req: IncomingMessage, choose: ServerOptions["handleProtocols"]): string | false {
  const offered = parseProtocols(req.headers["sec-websocket-protocol"]);
  if (!offered?.size) return false;
  return (choose ? choose(offered, req) : offered.values().next().value) || false;
}

/** How long connections may be without a request when the engine closes, and the HTTP server with it, in milliseconds. */
const IDLE_GRACE = 1000;

const log = createLog("engine");

/** Empty text and null stand for the default path, not for every request. */
function pathOf(given: unknown): string {
  const path = given || "/engine.io";
  return typeof path === "string" ? path : refuseOption("path", "text", given);
}

/**
 * The engine over HTTP: attach it to a server, or hand it requests with {@link handleRequest} and {@link handleUpgrade}.
 *
 * @example
 * const engine = new Server({ pingInterval: 10_000 });
 * engine.attach(httpServer, { path: "/engine.io" });
 * engine.on("connection", (session) => session.send("hello"));
 */
export class Server extends BaseServer {
  /** Codes of refusal by name. */
  static readonly errors: typeof ERROR_CODES = ERROR_CODES;
  /** The sentence of each code. */
  static readonly errorMessages: typeof ERROR_MESSAGES = ERROR_MESSAGES;

  /** The server that the engine is attached to. */
  httpServer: HttpServer | undefined;
  private readonly [kHosts]: Map<HttpServer, Host> = new Map();
  /** The server of WebSockets that the option `wsEngine` asked for. */
  declare ws: ForeignWebSocketServer | undefined;

  protected override init(): void {
    const { wsEngine, transports } = this.opts;
    if (!wsEngine || this.ws || !transports.some(isStream)) return;
    this.ws = new wsEngine({ noServer: true, clientTracking: false, ...foreignOptions(this.opts) });
    this.ws.on?.("headers", (lines: string[], req: TransportRequest) => {
      const headers: OutgoingHttpHeaders = {};
      addHeaders(this, headers, req, "");
      lines.push(...headerLines(headers));
    });
  }

  protected override cleanup(): void {
    this.ws?.close?.();
    this.ws = undefined;
    for (const [server, host] of this[kHosts]) {
      this[kEndIdle](server, host, host.idle.list(host.isMine));
      this[kEndSessions](server, host, 0);
    }
  }

  /** The same for connections of HTTP/2, which Node would leave open. */
  private [kEndSessions](server: HttpServer, host: Host, delay: number): void {
    const sessions = Http2Sessions.of(server);
    if (sessions.size === 0) return;
    this[kClock].after(delay, () => {
      if (!server.listening) sessions.end(host.isMine);
      if (!server.listening || delay === 0) this[kEndSessions](server, host, IDLE_GRACE);
    });
  }

  /** Lets a closing HTTP server end, which waits for its connections: each may be idle for a while, now or later. */
  private [kEndIdle](server: HttpServer, { idle, isMine }: Host, earlier: IdleList): void {
    if (idle.size === 0) return;
    this[kClock].after(IDLE_GRACE, () => {
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

  /** Takes a poll, a POST or a handshake over HTTP. */
  handleRequest(request: IncomingMessage, res: ServerResponse): void {
    const req = prepareRequest(request);
    if (log.enabled) log("handling %s %s", req.method, req.url);
    if (!req._query["sid"]) withAnswer(req, res);
    this[kScreen](req, res, false, (refusal) => {
      if (isGone(res) || res.writableEnded) return;
      if (refusal) this[kRefuse](req, res, refusal);
      else this[kOnRequest](req, res);
    });
  }

  private [kOnRequest](req: TransportRequest, res: ServerResponse): void {
    const { sid } = req._query;
    // Asked again: while middlewares and allowRequest took their time the session may have ended.
    const session = sid ? this[kSessions].find(sid) : undefined;
    if (session) return session.transport.onRequest({ req, res });
    if (sid) return this[kRefuse](req, res, { code: ERROR_CODES.UNKNOWN_SID, context: { sid } });
    this.handshake(req, {
      createTransport: () =>
        isGone(res) ? undefined : this.createTransport(requestKind(req._query["transport"]).name, req),
      // The handshake's own request is the first poll: the open packet answers it.
      begin: (transport) => transport.onRequest({ req, res }),
      onRefused: (refusal) => this[kRefuse](req, res, refusal),
    });
  }

  /** Makes the transport for a handshake over HTTP. Subclasses may override it. */
  protected createTransport(name: string, req: TransportRequest): Transport {
    return requestKind(name).make(req, this[kContext]);
  }

  private [kRefuse](req: TransportRequest, res: ServerResponse, refusal: Refusal): void {
    this[kOnRefused](req, refusal);
    if (res.headersSent) return;
    res.writeHead(statusOf(refusal), { "Content-Type": "application/json", ...retryHeaders(refusal) });
    res.end(bodyOf(refusal));
  }

  // ---- WebSocket handshakes ----------------------------------------------------------------------------------------

  /** Takes a WebSocket handshake: a new session, or the upgrade of one that polls. */
  handleUpgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    // Until the WebSocket layer takes the stream over, a reset would have nobody to hear it.
    stream.on("error", ignore);
    const req = prepareRequest(request);
    if (log.enabled) log("handling upgrade %s %s", req.method, req.url);
    // One that a program has made by hand may have none.
    if (req.socket === undefined) Object.assign(req, { socket: stream });
    const pending: PendingUpgrade = { req, stream, head, headers: {} };
    this[kFollow]();
    if (this.middlewares.length === 0) {
      return this[kCheck](req, true, (refusal) => this[kOnScreened](pending, refusal));
    }
    const res = UpgradeResponse.over(stream, req);
    if (!res) return void stream.destroy();
    this[kScreen](req, res, true, (refusal) => {
      if (res.writableEnded) return;
      pending.headers = res.release(stream);
      this[kOnScreened](pending, refusal);
    });
  }

  private [kOnScreened](pending: PendingUpgrade, refusal: Refusal | undefined): void {
    const { req, stream } = pending;
    if (stream.destroyed) return;
    if (refusal) return this[kRefuseUpgrade](pending, refusal);
    const check = checkUpgrade(req, this.opts);
    if (!check.ok) {
      this[kOnRefused](req, {
        code: ERROR_CODES.BAD_REQUEST,
        context: { name: "TRANSPORT_HANDSHAKE_ERROR", ...check },
      });
      return refuseUpgrade(stream, check.status, check.message, check.headers);
    }
    if (!isStream(req._query["transport"])) {
      const context = { name: "TRANSPORT_MISMATCH", transport: req._query["transport"] };
      return this[kRefuseUpgrade](pending, { code: ERROR_CODES.BAD_REQUEST, context });
    }
    if (!this.ws) return this[kEnter](this[kPendingWebSocket](pending));
    Object.assign(this.ws.options ?? {}, foreignOptions(this.opts));
    this.ws.handleUpgrade(req, stream, pending.head, (websocket) => this.onWebSocket(req, stream, websocket));
  }

  private [kPendingWebSocket](pending: PendingUpgrade): PendingWebSocket {
    return {
      req: pending.req,
      isGone: () => pending.stream.destroyed,
      accept: () => this[kAccept](pending),
      refuse: (refusal) => this[kRefuseUpgrade](pending, refusal),
    };
  }

  /**
   * Takes a WebSocket that another library has made, for example one of `ws`. The request must have passed the checks of
   * {@link handleUpgrade}, or need none.
   *
   * @example
   * wss.handleUpgrade(req, stream, head, (websocket) => engine.onWebSocket(req, stream, websocket));
   */
  onWebSocket(request: IncomingMessage, _stream: unknown, websocket: ForeignWebSocket): void {
    const link = new ForeignLink(websocket);
    const req = prepareRequest(request);
    this[kEnter]({
      req,
      isGone: () => websocket.readyState > 1,
      accept: () => link,
      refuse: (refusal) => {
        this[kOnRefused](req, refusal);
        link.close();
        this[kContext].turnedAway.add({ discard: () => link.terminate() });
      },
    });
  }

  /** Opens a session on a WebSocket, or offers it to the session that it is for. */
  private [kEnter](pending: PendingWebSocket): void {
    const { req } = pending;
    const { sid } = req._query;
    if (sid) return this[kUpgradeSession](pending, sid);
    this.handshake(req, {
      createTransport: () => (pending.isGone() ? undefined : this[kCreateWebSocket](pending)),
      begin: (transport) => transport.open(),
      onRefused: (refusal) => pending.refuse(refusal),
    });
  }

  private [kUpgradeSession](pending: PendingWebSocket, sid: string): void {
    const session = this[kSessions].find(sid);
    if (!session) return pending.refuse({ code: ERROR_CODES.UNKNOWN_SID, context: { sid } });
    const transport = this[kCreateWebSocket](pending);
    if (!transport) return;
    session[kOfferUpgrade](transport);
    transport.open();
  }

  private [kCreateWebSocket](pending: PendingWebSocket): Transport | undefined {
    try {
      const { req } = pending;
      return streamKind(req._query["transport"]).make(req, this[kContext], pending.accept());
    } catch (error) {
      pending.refuse({ code: ERROR_CODES.BAD_REQUEST, context: { name: "TRANSPORT_HANDSHAKE_ERROR", error } });
      return undefined;
    }
  }

  private [kAccept]({ req, stream, head, headers }: PendingUpgrade): EngineLink {
    addHeaders(this, headers, req, "");
    // For those who look for a proxy that does it: it works here, and hardly anywhere else.
    if (req.httpVersion === "1.0") headers["X-Handshake-Version"] = "HTTP/1.0";
    const { maxHttpBufferSize: maxPayload, maxFragments, maxControlFramesPerSecond } = this.opts;
    const protocol = chooseProtocol(req, this.opts.handleProtocols);
    const link = acceptUpgrade(req, stream, head, {
      maxPayload,
      protocol,
      ...(maxFragments !== undefined && { maxFragments }),
      ...(maxControlFramesPerSecond !== undefined && { maxControlFramesPerSecond }),
      budget: this[kReceiving],
      headers: headerLines(headers),
      perMessageDeflate: this.opts.perMessageDeflate,
      clock: this.opts.clock,
    });
    stream.off("error", ignore);
    if (protocol) noteProtocol(link, protocol);
    return link;
  }

  private [kRefuseUpgrade]({ req, stream, headers }: PendingUpgrade, refusal: Refusal): void {
    this[kOnRefused](req, refusal);
    const isNew = refusal.retryAfter !== undefined;
    const answer: Record<string, string> = { "Content-Type": isNew ? "application/json" : "text/html" };
    Object.assign(answer, retryHeaders(refusal));
    for (const [name, value] of Object.entries(headers)) if (isHeaderLine(String(value))) answer[name] = String(value);
    refuseUpgrade(stream, statusOf(refusal), isNew ? bodyOf(refusal) : sentenceOf(refusal), answer);
  }

  // ---- attaching ---------------------------------------------------------------------------------------------------

  /**
   * Takes the requests below a path of an HTTP server; all others still reach the server's own listeners. Of engines whose
   * paths begin alike each gets the requests of which its path is the longest.
   *
   * @throws UsageError `PATH_TAKEN` when another engine has the path and is open; the process is warned as well
   * @example
   * engine.attach(createServer(app), { path: "/realtime" });
   */
  attach(server: HttpServer, options: AttachOptions = {}): this {
    const path = this._computePath(options);
    const isHeard = this[kHosts].has(server) && isTaking(server, this);
    if (isHeard && isMounted(server, path, this)) process.emitWarning(new UsageError("PATH_TAKEN", ATTACHED_BEFORE));
    if (mount(server, path, this) !== this) throw warned(new UsageError("PATH_TAKEN"));
    setMounts(this, "open");
    this.httpServer = server;
    if (!isHeard) this[kTake](server, options);
    return this;
  }

  private [kTake](server: HttpServer, options: AttachOptions): void {
    const isAttached = (): boolean => this[kHosts].get(server) === host;
    const isMine = (req: Pick<IncomingMessage, "url">): boolean => isAttached() && mountedAt(server, req) === this;
    const host: Host = { idle: IdleConnections.of(server), isMine };
    Http2Sessions.of(server);
    this[kHosts].set(server, host);
    const taker: Taker = {
      clock: this[kClock],
      isAttached,
      handleRequest: (req, res) => this.handleRequest(req, res),
      handleUpgrade: (req, stream, head) => this.handleUpgrade(req, stream, head),
    };
    setTaking(server, this, takeRequests(server, host, taker));
    if (this.opts.transports.some(isStream)) takeUpgrades(server, host, taker, options);
    server.on("close", () => isAttached() && this.close());
    server.on("listening", () => isAttached() && this[kReopen]());
  }

  /** Leaves all requests of an HTTP server to others: the opposite of {@link attach}. Sessions go on until they are closed. */
  detach(server: HttpServer): void {
    this[kHosts].delete(server);
    unmount(server, this);
  }

  /** Whether it is attached to an HTTP server at a path. */
  [kIsAttached](server: HttpServer, options: AttachOptions): boolean {
    return isMounted(server, this._computePath(options), this);
  }

  /** The prefix of the engine's requests. */
  protected _computePath(options: AttachOptions): string {
    const path = pathOf(options.path).replace(/\/$/, "");
    return options.addTrailingSlash === false ? path : `${path}/`;
  }

  /** What has been counted, and how things stand. */
  report(): EngineReport {
    return reportOf(this);
  }
}
