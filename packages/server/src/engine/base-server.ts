import type { IncomingMessage, ServerResponse } from "node:http";
import type { RawData } from "@portage/parser/engine";
import { ReceiveBudget } from "@portage/websocket";
import { storedInOptions } from "../base/assignable.ts";
import type { Clock } from "../base/clock.ts";
import { Emitter } from "../base/emitter.ts";
import { createLog } from "../base/log.ts";
import { ERROR_CODES, type ErrorCallback, type Refusal, createRefusal, refusalName } from "./report/refusals.ts";
import { addHeaders } from "./http/answer-headers.ts";
import { askForNewConnection } from "./http/http2.ts";
import { replaceCors } from "./http/cors.ts";
import { reportUnreadable } from "./admission/cors-check.ts";
import { Notices } from "../base/notices.ts";
import { type DrainOptions, moveAway, moveDelay, paceOf, returnTime, shutDown, whenBoth } from "./departure.ts";
import { Derived } from "./derived.ts";
import { CHANNELS, reportLimit, reportRefusal, reportUpgradeFailure } from "./report/reports.ts";
import type { Carry } from "./carry/carry.ts";
import { Gate } from "./admission/gate.ts";
import type { FailureKind } from "../base/guarded.ts";
import { emitGuarded, type HandlerKind, reportFailure } from "../base/handler-errors.ts";
import { TimingWheel } from "./timing-wheel.ts";
import type { AnyLayerLimitCode } from "./report/limit-codes.ts";
import { type Middleware, runMiddlewares } from "./http/middleware.ts";
import {
  checkedOptions,
  type ResolvedEngineOptions,
  resolveEngineOptions,
  type ServerOptions,
  MIRRORED_OPTIONS,
} from "./options.ts";
import type { SessionRelay } from "./relay/relay.ts";
import { LocalSessions, type SessionDirectory } from "./session/directory.ts";
import { timesForClient } from "./session/host.ts";
import type { Session } from "./session/session.ts";
import { randomId } from "./random-id.ts";
import { type HandshakeHost, Handshakes } from "./handshakes.ts";
import { isRequestUnseen, type RequestOpening } from "./admission/opening.ts";
import { followSlowReader, SLOW_READER_DEFAULTS, type SlowReaderOptions } from "./outgoing/slow-reader.ts";
import { EngineStats, type UpgradeFailure } from "./report/stats.ts";
import { setMounts } from "./http/mounts.ts";
import type { TransportRequest } from "./http/request.ts";
import { upgradesOf } from "./transports/registry.ts";
import { checkFunction } from "./usage-errors.ts";
import { CONTEXT_OPTIONS, type EngineServices, type TransportContext, transportContext } from "./transports/context.ts";
import { ClosingBacklog } from "./transports/closing-backlog.ts";
import {
  kAdrift,
  kVerifyRequest,
  kEngineClock,
  kContext,
  kDrained,
  kFollowOptions,
  kGate,
  kHandshakes,
  kTimingWheel,
  kIsRequestUnseen,
  kNotices,
  kReportSessionLimit,
  kReportRefusal,
  kRemoveSession,
  kReportUpgradeFailure,
  kReceiving,
  kClosedRelay,
  kRelay,
  kReopen,
  kScreenRequest,
  kSessionDirectory,
  kReturnTime,
  kShutDown,
  kSlowReader,
  kStats,
  kEmitGuarded,
} from "./keys.ts";

// Private members. Symbols, not `#private`, so that proxies and `Object.create()` work.
const kEngineOptions = Symbol("engineOptions");
const kChecked = Symbol("checked");
const kContextOf = Symbol("contextOf");
const kCors = Symbol("cors");
const kMoveDelay = Symbol("moveDelay");
const kRetryAfter = Symbol("retryAfter");
const kReportFailure = Symbol("reportFailure");

const log = createLog("engine");

/** Most milliseconds for clients to finish the closing handshake while the engine closes. */
const CLOSE_GRACE = 1000;

/**
 * The sessions of an engine and their admission, independent of the HTTP server.
 *
 * Events: `connection` (session), `connection_error` (`ConnectionError`), `initial_headers` and `headers`
 * (headers, req), `flush` (session, packets), `drain` (session), `limit` (`LimitHit`), and `handler_error` (error,
 * failure) after an error in a function of the program: a middleware, `allowRequest`, `generateId`, or a listener.
 */
export abstract class BaseServer extends Emitter implements HandshakeHost {
  private readonly [kEngineOptions]: ResolvedEngineOptions;
  private readonly [kChecked]: ResolvedEngineOptions;
  /** Open sessions by id; an object without a prototype. */
  readonly clients: Record<string, Session> = Object.create(null);
  /** Number of open sessions. */
  clientsCount = 0;
  /** Finds the session with the id in a request. */
  readonly [kSessionDirectory]: SessionDirectory = new LocalSessions(this);
  [kRelay]: SessionRelay | undefined = undefined;
  protected [kClosedRelay]: SessionRelay | undefined = undefined;
  readonly [kTimingWheel]: TimingWheel;
  /** Counters since the engine was created. */
  readonly [kStats]: EngineStats = new EngineStats();
  [kSlowReader]: Required<SlowReaderOptions> = SLOW_READER_DEFAULTS;
  /** Console warnings, each limited in its frequency. */
  readonly [kNotices]: Notices;
  /** Bytes of incomplete messages, of all clients together. */
  readonly [kReceiving]: ReceiveBudget;
  readonly [kAdrift]: Set<Carry> = new Set();
  readonly [kGate]: Gate;
  /** The middlewares added with `use`, in order. */
  protected readonly middlewares: Middleware[] = [];
  protected readonly [kHandshakes]: Handshakes;
  private readonly [kContextOf]: Derived<TransportContext>;
  /** The value of the option `cors` that the current middleware uses. */
  private [kCors]: ServerOptions["cors"] = undefined;
  /** Reconnection delay sent to clients while the engine drains, in milliseconds; undefined otherwise. */
  private [kRetryAfter]: number | undefined = undefined;
  /** Resolves when the clients that `drain()` moves away have left. */
  protected [kDrained]: Promise<void> | undefined = undefined;

  constructor(options: ServerOptions = {}) {
    super();
    const resolved = (this[kEngineOptions] = resolveEngineOptions(options));
    this[kChecked] = checkedOptions(resolved);
    const { pingInterval, pingTimeout, clock } = resolved;
    this[kHandshakes] = new Handshakes(this, resolved);
    this[kGate] = new Gate(resolved, clock, () => Object.values(this.clients), this[kAdrift]);
    this[kNotices] = new Notices(clock);
    this[kReceiving] = new ReceiveBudget(resolved.maxReceivingBytes);
    this[kTimingWheel] = new TimingWheel(clock, Math.min(pingInterval, pingTimeout), pingInterval + pingTimeout);
    const services = {
      heartbeat: this[kTimingWheel],
      receiving: this[kReceiving],
      closing: new Set(),
      closingBacklog: new ClosingBacklog(clock),
      retryAfter: () => this[kRetryAfter],
      reportRefusal: (req, refusal) => this[kReportRefusal](req, refusal),
      addHeaders: (headers, req, sid) => addHeaders(this, headers, req, sid),
    } satisfies EngineServices;
    this[kContextOf] = new Derived(resolved, CONTEXT_OPTIONS, () => transportContext(resolved, services));
    this[kFollowOptions]();
    this.init();
  }

  /**
   * The current options. A changed option affects later requests and sessions, and is checked like at the start.
   *
   * @throws UsageError `OPTION_INVALID` if an option is set to an invalid value
   * @example
   * io.engine.opts.maxHttpBufferSize = 1e8;
   */
  get opts(): ResolvedEngineOptions {
    return this[kChecked];
  }

  /** Sets the given options; all others keep their values. */
  set opts(options: ServerOptions) {
    Object.assign(this[kChecked], options);
  }

  get [kEngineClock](): Clock {
    return this[kEngineOptions].clock;
  }

  get [kContext](): TransportContext {
    return this[kContextOf].value;
  }

  /** Applies options that the program has changed at run time. Called for each request. */
  protected [kFollowOptions](): void {
    const { cors, slowReader, maxReceivingBytes, pingInterval, pingTimeout } = this[kEngineOptions];
    if (cors !== this[kCors]) replaceCors(this.middlewares, (this[kCors] = cors));
    this[kSlowReader] = followSlowReader(slowReader, this[kSlowReader]);
    this[kReceiving].limit = maxReceivingBytes;
    this[kTimingWheel].adjust(Math.min(pingInterval, pingTimeout), pingInterval + pingTimeout);
  }

  /** Interval of the pings in milliseconds. */
  get pingInterval(): number {
    return timesForClient(this[kEngineOptions]).pingInterval;
  }

  /** Time in milliseconds that a client has to answer a ping. */
  get pingTimeout(): number {
    return this[kEngineOptions].pingTimeout;
  }

  /** Time in milliseconds after which an upgrade is given up. */
  get upgradeTimeout(): number {
    return this[kEngineOptions].upgradeTimeout;
  }

  /** Size limit of a message or a POST body, in bytes. */
  get maxHttpBufferSize(): number {
    return this[kEngineOptions].maxHttpBufferSize;
  }

  /** The message that every session starts with; undefined for none. */
  get initialPacket(): RawData | undefined {
    return this[kEngineOptions].initialPacket;
  }

  /** Hook for subclasses with resources: called when the engine is created, and when it listens again. */
  protected init(): void {}

  /** Called when the HTTP server starts to listen, for the first time or again. */
  protected [kReopen](): void {
    this[kGate].open();
    setMounts(this, "open");
    this[kRetryAfter] = undefined;
    this[kDrained] = undefined;
    this.init();
  }

  /** The counterpart of {@link init}, called by {@link close}. */
  protected cleanup(): void {}

  /**
   * Adds an Express-style middleware for all requests of the engine, WebSocket handshakes included.
   *
   * @example
   * io.engine.use((req, res, next) => next(isWelcome(req) ? undefined : new Error("not welcome")));
   */
  use(middleware: Middleware): this {
    checkFunction(middleware, "engine.use()");
    this.middlewares.push(middleware);
    return this;
  }

  /**
   * Generates the id of a new session. Can be overridden, and may return a promise. With the option `cluster`, the id names
   * this process: it begins with `io.cluster.tag`.
   */
  generateId(_req: IncomingMessage): string | number | PromiseLike<string | number> {
    return this[kRelay]?.makeId() ?? randomId();
  }

  /** Returns the names of transports that a session on `transport` may be upgraded to. */
  upgrades(transport: string): readonly string[] {
    const { allowUpgrades, transports } = this[kEngineOptions];
    if (!allowUpgrades) return [];
    return upgradesOf(transport).filter((name) => (transports as readonly string[]).includes(name));
  }

  /**
   * Ends all sessions at once and discards their queues. Connections still in the closing handshake after one second are
   * cut, so that the HTTP server can close.
   */
  close(): this {
    log("closing all open clients");
    setMounts(this, "closed");
    for (const id of Object.keys(this.clients)) this.clients[id]?.close(true);
    const { closing } = this[kContext];
    if (closing.size > 0)
      this[kEngineClock].after(CLOSE_GRACE, () => closing.forEach((transport) => transport.discard()));
    this.cleanup();
    return this;
  }

  /**
   * Refuses new sessions, and ends the open ones after sending their queues.
   *
   * @param deadline after this many milliseconds, ends the remaining sessions at once
   */
  [kShutDown](deadline: number): Promise<void> {
    this[kGate].close();
    const clock = this[kEngineClock];
    const relay = this[kRelay];
    const moved = relay?.draining(paceOf(clock, { deadline, rate: Infinity }));
    const ended = whenBoth(shutDown(Object.values(this.clients), clock, deadline), moved);
    return relay === undefined ? ended : ended.then(() => relay.settle());
  }

  /**
   * Moves all clients to other servers. Refuses new sessions with 503 and `Retry-After`, and ends the open ones in small
   * groups, with close code 1012 and a reconnection delay.
   *
   * @param finish called when all sessions have ended, for what has to end before the engine does. Default: nothing
   * @returns resolves when all sessions have ended, and `finish` has
   * @example
   * process.once("SIGTERM", () => engine.drain({ deadline: 20_000 }).then(() => engine.close()));
   */
  drain(options?: DrainOptions | null, finish?: () => Promise<void>): Promise<void> {
    this[kGate].close();
    const clock = this[kEngineClock];
    const pace = paceOf(clock, options ?? {});
    const moved = this[kRelay]?.draining(pace);
    this[kRetryAfter] = this[kMoveDelay];
    const moving = whenBoth(moveAway(Object.values(this.clients), clock, pace), moved);
    const drained = moving.then(finish);
    this[kDrained] = drained;
    return drained;
  }

  private get [kMoveDelay](): number {
    return moveDelay(this.opts, this[kGate].retryAfter, this[kRelay] !== undefined);
  }

  /** Milliseconds within which a client that was moved away is connected again. */
  get [kReturnTime](): number {
    return returnTime(this[kMoveDelay]);
  }

  /** Runs the middlewares, then verifies the request. `answer` receives the refusal, or undefined. */
  protected [kScreenRequest](
    req: TransportRequest,
    res: ServerResponse,
    isUpgrade: boolean,
    answer: (refusal: Refusal | undefined) => void,
  ): void {
    this[kFollowOptions]();
    if (!isUpgrade && req.headers.origin !== undefined && !req._query["sid"])
      res.once("finish", () => reportUnreadable(this, req, res));
    this._applyMiddlewares(req, res, (error) => {
      if (error) return answer(createRefusal(ERROR_CODES.BAD_REQUEST, { name: "MIDDLEWARE_FAILURE", error }));
      this[kVerifyRequest](req, isUpgrade, answer);
    });
  }

  protected _applyMiddlewares(req: IncomingMessage, res: ServerResponse, done: (error?: unknown) => void): void {
    if (this.middlewares.length === 0) return done();
    const onFailure = (error: unknown, how: FailureKind): void => this[kReportFailure]("engine middleware", error, how);
    runMiddlewares(this.middlewares, { req, res, onFailure }, done);
  }

  /** Calls {@link verify}, which subclasses may override. */
  protected [kVerifyRequest](
    req: TransportRequest,
    isUpgrade: boolean,
    answer: (refusal: Refusal | undefined) => void,
  ): void {
    this.verify(req, isUpgrade, (code, context = {}, retryAfter) =>
      answer(code === undefined ? undefined : { code, context, retryAfter }),
    );
  }

  /**
   * Verifies a request: it must match its session, or be a valid handshake. `fn` receives the code and the context of a
   * refusal, or nothing. Subclasses may override it.
   */
  protected verify(req: TransportRequest, isUpgrade: boolean, fn: ErrorCallback): void {
    this[kHandshakes].verify(req, isUpgrade, (refusal) => fn(refusal?.code, refusal?.context, refusal?.retryAfter));
  }

  /** Reports a failed function of the program. */
  private [kReportFailure](handler: HandlerKind, error: unknown, how: FailureKind): void {
    reportFailure(this, error, { handler, how });
  }

  /** Emits an event. Errors of listeners are reported, so that the request is still answered. */
  [kEmitGuarded](event: string, ...args: unknown[]): void {
    emitGuarded(this, event, args);
  }

  /** Opens a session for an admitted request. */
  protected handshake(opening: RequestOpening): void {
    this[kHandshakes].open(opening);
  }

  [kIsRequestUnseen](): boolean {
    const isOwnId = this.generateId === BaseServer.prototype.generateId;
    return isOwnId && this.middlewares.length === 0 && isRequestUnseen(this, this[kEngineOptions]);
  }

  [kRemoveSession](session: Session): void {
    if (!this[kSessionDirectory].remove(session)) return;
    this[kGate].remove(session);
    if (CHANNELS.closed.hasSubscribers) CHANNELS.closed.publish({ session, reason: session.closeReason });
  }

  [kReportSessionLimit](
    session: { readonly id: string },
    code: AnyLayerLimitCode,
    limit: number,
    actual: number,
  ): void {
    reportLimit(this, session, { code, limit, actual });
  }

  [kReportUpgradeFailure](session: Session, step: UpgradeFailure): void {
    reportUpgradeFailure(this, session, step);
  }

  /** Reports a refusal to `connection_error` listeners. */
  [kReportRefusal](req: IncomingMessage, refusal: Refusal): void {
    reportRefusal(this, req, refusal);
    if (refusalName(refusal) === "SERVER_DRAINING") askForNewConnection(req);
  }
}

storedInOptions(BaseServer.prototype, MIRRORED_OPTIONS);
