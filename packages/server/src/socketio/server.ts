import type { IncomingMessage, Server as HttpServer, ServerResponse } from "node:http";
import * as defaultParser from "@portage/parser/socket";
import type { Adapter, AdapterConstructor } from "./adapter/adapter.ts";
import { ClusterKeys } from "./adapter/cluster/keys.ts";
import { BroadcastOperator } from "./broadcast/operator.ts";
import { BroadcastTarget } from "./broadcast/target.ts";
import { createClient } from "./event-source/client.ts";
import type { Cluster } from "./cluster.ts";
import { ClientFiles } from "./host/client-files.ts";
import { type Clock, serverClock } from "../base/clock.ts";
import { createEncoder, type PacketEncoder, type ParserModule } from "./packets/codec.ts";
import type { FailureKind } from "../base/guarded.ts";
import { HANDLER_ERROR, type HandlerFailure } from "../base/handler-errors.ts";
import {
  type DrainOptions,
  isAbsent,
  kEngineClock,
  kIsAttached,
  kOnEngineLimit,
  kTraceWire,
  reportOf,
  Server as Engine,
  type Session,
  type TraceWire,
} from "../engine/index.ts";
import { assignable } from "../base/assignable.ts";
import { type AnyHttpServer, HttpServers, toHttpServer } from "./host/http-server.ts";
import { type ResolvedLimits, resolveLimits } from "./limits.ts";
import type { FailureContext } from "./events/listener-errors.ts";
import { closeEngines, closeNamespace, closeUnused, moveClients, opensSessions, reopenNamespaces } from "./closing.ts";
import type { SessionPort } from "./client/session-port.ts";
import type { ConnectRefused } from "./client/connect-refused.ts";
import { createLog } from "../base/log.ts";
import {
  type AnyNamespace,
  type HandlerErrorContext,
  type ExtendedError,
  Namespace,
  type NamespaceReservedEventsMap,
} from "./namespace.ts";
import { reportServerFailure } from "./host/failures.ts";
import { createEventTally } from "./host/event-tally.ts";
import { forwardToMain } from "./host/forwarded.ts";
import { type MetricsOptions, openMetrics } from "./host/open-metrics.ts";
import { SOCKETIO_DEFAULTS, defaultAdapter, resolveServerOptions, type ServerOptions } from "./options.ts";
import { askPattern, type ParentNspNameMatchFn, type Pattern, accepts } from "./namespace-patterns.ts";
import { ParentNamespace } from "./parent-namespace.ts";
import type { PacketProbe } from "./probe.ts";
import { type ServerReport, ServerTally } from "./host/server-tally.ts";
import type { Handshake } from "./socket/handshake.ts";
import type { Socket } from "./socket/socket.ts";
import {
  callUntyped,
  type DecorateAcknowledgementsWithMultipleResponses,
  type DecorateAcknowledgementsWithTimeoutAndMultipleResponses,
  type DefaultEventsMap,
  type EventNames,
  type EventParams,
  type EventsMap,
  type RemoveAcknowledgements,
  type Untyped,
} from "./events/typed-events.ts";
import { kAttached, kClusterKeys, kCreateAdapter, kCustomParser, kEverybody, kLimits, kProbe } from "./keys.ts";
import { kReportHandlerError, kReportLimit, kReleaseEmpty, kTally } from "./keys.ts";
import { SocketIoError } from "./report/errors.ts";
import type { SessionLimitCode } from "./report/limit-codes.ts";

// Private members. Symbols, not `#private`, so that proxies and `Object.create()` work.
const kPatterns = Symbol("patterns");
const kEnginesOf = Symbol("enginesOf");
const kClientFiles = Symbol("clientFiles");
const kHostWith = Symbol("hostWith");
const kWasAttached = Symbol("wasAttached");
const kLeaveTo = Symbol("leaveTo");
const kAddPattern = Symbol("addPattern");
const kFindOrMake = Symbol("findOrMake");
const kAsk = Symbol("ask");
const kIsFull = Symbol("isFull");

export type { ParentNspNameMatchFn };

const log = createLog("socket.io:server");

/** A server with any events. */
export type AnyServer = AnyNamespace["server"];

/** The events that a server emits by itself. */
export interface ServerReservedEventsMap<
  ListenEvents extends EventsMap,
  EmitEvents extends EventsMap,
  ServerSideEvents extends EventsMap,
  SocketData,
> extends NamespaceReservedEventsMap<ListenEvents, EmitEvents, ServerSideEvents, SocketData> {
  new_namespace: (namespace: Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>) => void;
  handler_error: (error: unknown, context: HandlerErrorContext) => void;
  connect_refused: (refused: ConnectRefused) => void;
}

/**
 * A Socket.IO server. Its methods for events, middlewares and broadcasts act on its main namespace "/".
 *
 * The four type parameters describe events from clients, events to clients, events between servers, and `socket.data`.
 *
 * @typeParam SocketData the type of `socket.data`. Default: `any`, as in socket.io
 * @example
 * const io = new Server(3000, { cors: { origin: "https://example.com" } });
 *
 * io.on("connection", (socket) => {
 *   socket.on("chat", (text) => io.emit("chat", text));
 * });
 */
export class Server<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
  ServerSideEvents extends EventsMap = DefaultEventsMap,
  SocketData = Untyped,
> extends BroadcastTarget<
  EmitEvents,
  ServerSideEvents,
  ServerReservedEventsMap<ListenEvents, EmitEvents, ServerSideEvents, SocketData>,
  SocketData
> {
  /** The main namespace, "/". */
  readonly sockets: Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>;
  /** The engine, which handles HTTP requests and sessions. Undefined until {@link attach} or {@link bind}. */
  engine!: Engine;
  /** The HTTP server of the last {@link attach}. Undefined before. */
  httpServer!: AnyHttpServer;
  /** The packet codec: the option `parser`, or the built-in one. */
  readonly _parser: typeof defaultParser;
  /** Encodes the packets of all connections. */
  readonly encoder: PacketEncoder;
  /** The option `parser`, if it is set. */
  readonly [kCustomParser]: ParserModule | undefined;
  /** The options, completed. */
  readonly opts: Partial<ServerOptions>;
  /** The limits of this layer, with defaults. */
  readonly [kLimits]: ResolvedLimits;
  /** The source of time. */
  readonly [kEngineClock]: Clock;
  /** The keys of the option `clusterSecret`, if it is set. */
  readonly [kClusterKeys]: ClusterKeys | undefined;
  /** Takes the trace contexts of clients, once `instrument()` has set it. */
  declare [kTraceWire]?: TraceWire;
  /** The counters of this layer, for {@link stats}. */
  readonly [kTally]: ServerTally = new ServerTally();
  /** @internal What looks at a sample of the packets; see `probe.ts`. */
  [kProbe]: PacketProbe | undefined = undefined;
  /** All namespaces except parents, by name. */
  readonly _nsps: Map<string, Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>> = new Map();
  /** Time that a connection has to join its first namespace, in milliseconds. */
  _connectTimeout: number = SOCKETIO_DEFAULTS.connectTimeout;
  private readonly [kPatterns]: Pattern<ParentNamespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>>[] = [];
  readonly [kAttached]: { readonly engines: Set<Engine>; readonly httpServers: HttpServers } = {
    engines: new Set(),
    httpServers: new HttpServers(),
  };
  /** The engines attached to each HTTP server. Closed ones stay here until the HTTP server gets a new one. */
  private readonly [kEnginesOf]: WeakMap<HttpServer, Engine[]> = new WeakMap();
  _adapter: AdapterConstructor = SOCKETIO_DEFAULTS.adapter;
  _path: string = SOCKETIO_DEFAULTS.path;
  _serveClient: boolean = SOCKETIO_DEFAULTS.serveClient;
  private readonly [kClientFiles]: ClientFiles;

  /**
   * @param srv an HTTP server, or a port to listen on; without it, call {@link attach} or {@link bind}
   * @throws UsageError `OPTION_INVALID`; SocketIoError `CLUSTER_SECRET_INVALID`; whatever {@link attach} throws
   * @example
   * const io = new Server({ serveClient: false });
   * io.attach(httpServer);
   */
  constructor(opts?: Partial<ServerOptions>);
  constructor(srv?: AnyHttpServer | number, opts?: Partial<ServerOptions>);
  constructor(srv: undefined | Partial<ServerOptions> | AnyHttpServer | number, opts?: Partial<ServerOptions>);
  constructor(srv?: Partial<ServerOptions> | AnyHttpServer | number, opts: Partial<ServerOptions> = {}) {
    super();
    const isOptions = typeof srv === "object" && srv !== null && !("listen" in srv);
    const given = isOptions ? srv : opts;
    this.opts = resolveServerOptions(given);
    this[kClusterKeys] = isAbsent(given.clusterSecret) ? undefined : new ClusterKeys(given.clusterSecret);
    if (this[kClusterKeys] !== undefined) this.opts.cluster?.useSecrets(given.clusterSecret!);
    const { path, connectTimeout, serveClient, adapter, parser, clock } = this.opts;
    this[kLimits] = resolveLimits(this.opts);
    this[kTally].events = createEventTally(this.opts.eventMetrics);
    this[kEngineClock] = clock ?? serverClock;
    this[kCustomParser] = (parser || undefined) as ParserModule | undefined;
    this._parser = (parser as typeof defaultParser | undefined) || defaultParser;
    this.encoder = createEncoder(this[kCustomParser]);
    this.path(path || SOCKETIO_DEFAULTS.path);
    this.connectTimeout(connectTimeout || SOCKETIO_DEFAULTS.connectTimeout);
    this.serveClient(serveClient !== false);
    this._adapter = adapter || defaultAdapter(this.opts);
    const rules = {
      isOn: () => this._serveClient,
      path: () => this._path,
      onFailure: (error: unknown, how: FailureKind) =>
        this[kReportHandlerError](error, { handler: "engine middleware", how }),
    };
    this[kClientFiles] = new ClientFiles(rules, this.opts.cors);
    this.sockets = this.of("/");
    if (!isOptions && (srv || typeof srv === "number")) this.attach(srv);
  }

  /** Another name of {@link engine}, from socket.io. */
  get eio(): Engine {
    return this.engine;
  }

  /** The option `cluster`: the processes that serve the same clients. Undefined without the option. */
  get cluster(): Cluster | undefined {
    return this.opts.cluster;
  }

  /** The options, completed. */
  get _opts(): Partial<ServerOptions> {
    return this.opts;
  }

  /** The parent namespaces, by their RegExp or function. */
  get parentNsps(): Map<
    RegExp | ParentNspNameMatchFn,
    ParentNamespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>
  > {
    return new Map(this[kPatterns].map(({ matches, parent }) => [matches, parent]));
  }

  // ---- settings ----------------------------------------------------------------------------------------------------

  /** Returns whether the files of the JavaScript client are served (default: true), or sets it. */
  serveClient(v: boolean): this;
  serveClient(): boolean;
  serveClient(v?: boolean): this | boolean;
  serveClient(...given: [v?: boolean]): this | boolean {
    if (given.length === 0) return this._serveClient;
    this._serveClient = given[0] as boolean;
    return this;
  }

  /** Returns the path of client requests (default: "/socket.io"), or sets it for later {@link attach} calls. */
  path(v: string): this;
  path(): string;
  path(v?: string): this | string;
  path(v?: string): this | string {
    if (v === undefined) return this._path;
    this._path = v.replace(/\/$/, "");
    return this;
  }

  /** Returns the time to join a first namespace in milliseconds (default: 45000), or sets it for later clients. */
  connectTimeout(v: number): this;
  connectTimeout(): number;
  connectTimeout(v?: number): this | number;
  connectTimeout(v?: number): this | number {
    if (v === undefined) return this._connectTimeout;
    this._connectTimeout = v;
    return this;
  }

  /** Returns the adapter class or function, or sets it for all namespaces, existing ones included. */
  adapter(): AdapterConstructor | undefined;
  adapter(v: AdapterConstructor): this;
  adapter(v?: AdapterConstructor): AdapterConstructor | undefined | this {
    if (v === undefined) return this._adapter;
    this._adapter = v;
    for (const nsp of this._nsps.values()) nsp._initAdapter();
    return this;
  }

  /** Creates the adapter of a namespace. */
  [kCreateAdapter](nsp: Namespace): Adapter {
    const make = this._adapter;
    // Arrow functions can't be called with `new`.
    if (make.prototype === undefined) return (make as (nsp: Namespace) => Adapter)(nsp);
    return new (make as new (nsp: Namespace) => Adapter)(nsp);
  }

  // ---- hosts -------------------------------------------------------------------------------------------------------

  /**
   * Attaches the server to an HTTP server, or creates one that listens on a port.
   *
   * @param opts options of the engine; options of the constructor take precedence
   * @throws SocketIoError `NOT_AN_HTTP_SERVER` for any other argument, such as a request handler
   * @throws UsageError `PATH_TAKEN` when another server uses the path; attaching this server twice only warns
   * @example
   * const httpServer = http.createServer();
   * io.attach(httpServer);
   * httpServer.listen(3000);
   */
  attach(srv: AnyHttpServer | number, opts: Partial<ServerOptions> = {}): this {
    const options = { ...opts, ...this.opts };
    options.path = options.path || this._path;
    // First, so that invalid options throw before the port is in use.
    const engine = new Engine(options);
    const isUsed = closeUnused(engine, () => this[kHostWith](engine, toHttpServer(srv), options));
    return isUsed ? this.bind(engine) : this;
  }

  /** Attaches an engine to an HTTP server. Returns false, after a warning, if this server is attached to it. */
  private [kHostWith](engine: Engine, httpServer: AnyHttpServer, options: Partial<ServerOptions>): boolean {
    if (this[kWasAttached](httpServer as HttpServer, options)) return false;
    this[kLeaveTo](engine, httpServer as HttpServer);
    engine.attach(httpServer as HttpServer, options);
    if (this._serveClient) this[kClientFiles].takeRequests(httpServer);
    this[kAttached].httpServers.add(httpServer);
    this.httpServer = httpServer;
    return true;
  }

  /** Is not supported: Portage does not run on uWebSockets.js. @throws SocketIoError `NO_UWEBSOCKETS` */
  attachApp(..._app: unknown[]): never {
    throw new SocketIoError("NO_UWEBSOCKETS");
  }

  private [kWasAttached](httpServer: HttpServer, options: Partial<ServerOptions>): boolean {
    const engines = [...this[kAttached].engines].filter((engine) => kIsAttached in engine);
    const own = engines.find((engine) => engine[kIsAttached](httpServer, options));
    // Attaching twice warns.
    return own?.attach(httpServer, options) !== undefined;
  }

  /** Detaches closed engines, which would answer requests of the new engine's sessions. */
  private [kLeaveTo](engine: Engine, httpServer: HttpServer): void {
    const open = [engine];
    for (const earlier of this[kEnginesOf].get(httpServer) ?? []) {
      if (this[kAttached].engines.has(earlier)) open.push(earlier);
      else earlier.detach(httpServer);
    }
    this[kEnginesOf].set(httpServer, open);
  }

  /** Does the same as {@link attach}. */
  listen(srv: AnyHttpServer | number, opts: Partial<ServerOptions> = {}): this {
    return this.attach(srv, opts);
  }

  /**
   * Answers a request for a file of the JavaScript client, for servers that use {@link bind} instead of {@link attach}.
   *
   * @returns false for any other request, without writing to the response
   * @example
   * if (!io.serve(req, res)) engine.handleRequest(req, res);
   */
  serve(req: IncomingMessage, res: ServerResponse): boolean {
    return this[kClientFiles].answer(req, res);
  }

  /**
   * Uses the connections of an engine: ours, or any emitter of `connection` with sockets like engine.io's.
   *
   * @example
   * const engine = new Engine();
   * io.bind(engine);
   * httpServer.on("request", (req, res) => engine.handleRequest(req, res));
   */
  bind(engine: object): this {
    this.engine = engine as Engine;
    this[kAttached].engines.add(this.engine);
    if (this[kTraceWire] !== undefined) Object.assign(this.engine, { [kTraceWire]: this[kTraceWire] });
    this.engine.on("connection", (conn: Session) => void this.onconnection(conn));
    this.engine.on(HANDLER_ERROR, (error: unknown, how: HandlerFailure) => this[kReportHandlerError](error, how));
    if (this.cluster !== undefined) reopenNamespaces(this._nsps.values());
    return this;
  }

  /**
   * Reports the failure of a function of the program to `handler_error` listeners. Without any, the process's own handlers
   * get the error, or it is printed.
   */
  [kReportHandlerError](error: unknown, context: FailureContext): void {
    reportServerFailure(this, error, context);
  }

  /** Uses one connection of an engine, as {@link bind} does for each. */
  onconnection(conn: Session): this {
    if (log.enabled) log("incoming connection with id %s", conn.id);
    createClient(this, conn);
    return this;
  }

  /** Whether new clients are accepted: attached, joined to its cluster, and not draining. For health checks. */
  get isReady(): boolean {
    return this.cluster?.tag !== "" && opensSessions(this[kAttached].engines);
  }

  /**
   * Moves all clients to other servers. New clients are refused with 503 and `Retry-After`; connected ones are disconnected
   * in small groups, with WebSocket close code 1012 and a time after which to reconnect. Queued data arrives first.
   *
   * @returns a promise that resolves when all clients have left; call {@link close} then
   * @example
   * process.once("SIGTERM", async () => {
   *   await io.drain({ deadline: 20_000 });
   *   await io.close();
   * });
   */
  async drain(options?: DrainOptions | null): Promise<void> {
    await moveClients(this[kAttached].engines, this._nsps.values(), options);
  }

  /**
   * Returns the current state and the counters of the server. Counters start when it is attached; `cluster` and `recovery`,
   * when it is created.
   *
   * @example
   * setInterval(() => console.log(io.stats().sessions.open, io.stats().refusals), 60_000);
   */
  stats(): ServerReport {
    return this[kTally].report(reportOf(this.engine), this._nsps, this.cluster);
  }

  /**
   * Returns {@link stats} as text for Prometheus, in the OpenMetrics format. Scrapers also read it as the older text format;
   * use that type to append the metrics of prom-client.
   *
   * @param options `eof: false` leaves out the last line, so that OpenMetrics text can follow; `exemplars: true` adds the ids
   * of spans to durations
   * @example
   * app.get("/metrics", (req, reply) => reply.type("application/openmetrics-text; version=1.0.0").send(io.metrics()));
   * app.get("/metrics", async (req, reply) => {
   *   reply.type("text/plain; version=0.0.4"); // register.contentType
   *   return (await register.metrics()) + io.metrics();
   * });
   */
  metrics(options?: MetricsOptions): string {
    return openMetrics(this.stats(), options);
  }

  /**
   * Disconnects all sockets, gives queued data up to `closeTimeout` milliseconds to arrive, then closes adapters, engines and
   * HTTP servers. You may attach the server to another HTTP server later.
   *
   * @param fn called at the end, with an error if the HTTP server was not running
   * @example
   * await io.close();
   */
  async close(fn?: (err?: Error) => void): Promise<void> {
    await Promise.all([...this._nsps.values()].map((nsp) => closeNamespace(nsp)));
    const { engines, httpServers } = this[kAttached];
    await closeEngines(engines, this.opts.closeTimeout);
    // On a second close, the HTTP server reports that it is not running.
    if (httpServers.size === 0 && this.httpServer) httpServers.add(this.httpServer);
    const errors = await httpServers.closeAll();
    engines.clear();
    httpServers.clear();
    if (typeof fn === "function") fn(errors.find((error) => error !== undefined));
  }

  // ---- namespaces --------------------------------------------------------------------------------------------------

  /**
   * Returns the namespace of a name, and creates it if needed. With a RegExp or a function, returns the parent of all
   * namespaces that clients ask for and the pattern accepts.
   *
   * @param fn a listener for `connection`
   * @example
   * io.of("/orders").on("connection", (socket) => {});
   * io.of(/^\/shop-\d+$/).on("connection", (socket) => console.log(socket.nsp.name));
   * io.of((name, auth, next) => next(null, auth.token === "secret"));
   */
  of(
    name: string | RegExp | ParentNspNameMatchFn,
    fn?: (socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>) => void,
  ): Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData> {
    const nsp =
      typeof name === "function" || name instanceof RegExp ? this[kAddPattern](name) : this[kFindOrMake](name);
    if (fn) nsp.on("connect", fn);
    return nsp;
  }

  private [kAddPattern](
    matches: RegExp | ParentNspNameMatchFn,
  ): Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData> {
    const parent = new ParentNamespace(this);
    this[kPatterns].push({ parent, matches });
    return parent;
  }

  private [kFindOrMake](given: unknown): Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData> {
    const text = String(given);
    const name = text[0] === "/" ? text : `/${text}`;
    const known = this._nsps.get(name);
    if (known !== undefined) return known;
    for (const { parent, matches } of this[kPatterns]) {
      if (matches instanceof RegExp && accepts(matches, name)) return parent.createChild(name);
    }
    const nsp = new Namespace(this, name);
    this._nsps.set(name, nsp);
    this[kTally].addNamespace(name);
    if (name !== "/") this.sockets.emitReserved("new_namespace", nsp);
    return nsp;
  }

  /** Creates the namespace of a name that a pattern accepts. `fn` gets it, or false, and "full" at the limit. */
  _checkNamespace(
    name: string,
    auth: Handshake["auth"],
    fn: (nsp: Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData> | false, why?: "full") => void,
  ): void {
    this[kAsk](0, { name, auth, fn });
  }

  private [kAsk](
    index: number,
    question: {
      readonly name: string;
      readonly auth: Handshake["auth"];
      readonly fn: (
        nsp: Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData> | false,
        why?: "full",
      ) => void;
    },
  ): void {
    const { name, auth, fn } = question;
    const pattern = this[kPatterns][index];
    if (pattern === undefined) return fn(false);
    const onFailure = (error: unknown, how: FailureKind): void =>
      this[kReportHandlerError](error, { handler: "namespace function", how });
    askPattern(pattern.matches, { name, auth, onFailure }, (accepted) => {
      if (!accepted) return this[kAsk](index + 1, question);
      // Another client may have created it meanwhile.
      const known = this._nsps.get(name);
      if (known === undefined && this[kIsFull]()) fn(false, "full");
      else fn(known ?? pattern.parent.createChild(name));
    });
  }

  /** Whether the limit of dynamic namespaces is reached, even after removing empty ones. */
  private [kIsFull](): boolean {
    const { maxDynamicNamespaces } = this[kLimits];
    let children = 0;
    for (const { parent } of this[kPatterns]) children += parent.children.size;
    if (children < maxDynamicNamespaces) return false;
    for (const { parent } of this[kPatterns]) children -= parent[kReleaseEmpty]();
    return children >= maxDynamicNamespaces;
  }

  /** Counts and reports a limit that a client has met without losing its connection. */
  [kReportLimit](port: SessionPort, code: SessionLimitCode, limit: number, actual: number): void {
    port.server?.[kOnEngineLimit](port, code, limit, actual);
  }

  // ---- the main namespace ------------------------------------------------------------------------------------------

  protected [kEverybody](): BroadcastOperator<DecorateAcknowledgementsWithMultipleResponses<EmitEvents>, SocketData> {
    return new BroadcastOperator(this.sockets.adapter);
  }

  /**
   * Adds a middleware to the main namespace. See {@link Namespace.use}.
   *
   * @example
   * io.use((socket, next) => next(socket.handshake.auth.token ? undefined : new Error("unauthorized")));
   */
  use(
    fn: (
      socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>,
      next: (err?: ExtendedError) => void,
    ) => void,
  ): this {
    this.sockets.use(fn);
    return this;
  }

  /**
   * Sends an event to all sockets of the main namespace.
   *
   * @returns true
   * @throws ReservedEventError for a name that the library emits itself
   */
  override emit<Ev extends EventNames<RemoveAcknowledgements<EmitEvents>>>(
    ev: Ev,
    ...args: EventParams<RemoveAcknowledgements<EmitEvents>, Ev>
  ): boolean;
  override emit(...data: unknown[]): boolean {
    return callUntyped(this.sockets, "emit", data);
  }

  /** See {@link BroadcastTarget.serverSideEmit}. */
  serverSideEmit<Ev extends EventNames<ServerSideEvents>>(
    ev: Ev,
    ...args: EventParams<DecorateAcknowledgementsWithTimeoutAndMultipleResponses<ServerSideEvents>, Ev>
  ): boolean;
  serverSideEmit(...data: unknown[]): boolean {
    return callUntyped(this.sockets, "serverSideEmit", data);
  }
}

assignable(Server.prototype, "cluster", "eio", "isReady", "_opts", "parentNsps");

forwardToMain(Server.prototype);
