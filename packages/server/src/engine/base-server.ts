import type { IncomingMessage, ServerResponse } from "node:http";
import type { RawData } from "@portage/parser/engine";
import { ReceiveBudget } from "@portage/websocket";
import { storedInOptions } from "../base/assignable.ts";
import type { Clock } from "../base/clock.ts";
import { Emitter } from "../base/emitter.ts";
import { createLog } from "../base/log.ts";
import { ERROR_CODES, type ErrorCallback, type Refusal, refuse } from "./report/refusals.ts";
import { addHeaders } from "./http/answer-headers.ts";
import { replaceCors } from "./http/cors.ts";
import { reportUnreadable } from "./admission/cors-check.ts";
import { Notices } from "../base/notices.ts";
import { type DrainOptions, moveAway, shutDown } from "./departure.ts";
import { Derived } from "./derived.ts";
import { CHANNELS, reportLimit, reportRefusal, reportUpgradeFailure } from "./report/reports.ts";
import { Gate } from "./admission/gate.ts";
import type { FailureKind } from "../base/guarded.ts";
import { emitGuarded, type HandlerKind, reportFailure } from "../base/handler-errors.ts";
import { TimingWheel } from "./timing-wheel.ts";
import type { AnyLimitCode } from "./report/limit-codes.ts";
import { type Middleware, runMiddlewares } from "./http/middleware.ts";
import {
  checkedOptions,
  type ResolvedEngineOptions,
  resolveEngineOptions,
  type ServerOptions,
  MIRRORED_OPTIONS,
} from "./options.ts";
import { LocalSessions, type SessionDirectory } from "./session/directory.ts";
import { timesForClient } from "./session/host.ts";
import type { Session } from "./session/session.ts";
import { randomId } from "./random-id.ts";
import { type HandshakeHost, Handshakes } from "./handshakes.ts";
import { isRequestUnseen, type SessionOpening } from "./admission/opening.ts";
import { followSlowReader, SLOW_READER_DEFAULTS, type SlowReaderOptions } from "./outgoing/slow-reader.ts";
import { EngineStats, type UpgradeFailure } from "./report/stats.ts";
import { setMounts } from "./http/mounts.ts";
import type { TransportRequest } from "./http/request.ts";
import { upgradesOf } from "./transports/registry.ts";
import { checkFunction } from "./usage-errors.ts";
import { CONTEXT_OPTIONS, type EngineServices, type TransportContext, transportContext } from "./transports/context.ts";
import { ClosingBacklog } from "./transports/closing-backlog.ts";
import {
  kVerifyRequest,
  kEngineClock,
  kContext,
  kFollowOptions,
  kGate,
  kTimingWheel,
  kIsRequestUnseen,
  kNotices,
  kReportSessionLimit,
  kReportRefusal,
  kRemoveSession,
  kReportUpgradeFailure,
  kReceiving,
  kReopen,
  kScreenRequest,
  kSessionDirectory,
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
const kRetryAfter = Symbol("retryAfter");
const kReportFailure = Symbol("reportFailure");
const kHandshakes = Symbol("handshakes");

const log = createLog("engine");

/** How long peers may take to answer the end of their connections when the engine closes, in milliseconds. */
const CLOSE_GRACE = 1000;

/**
 * The sessions of an engine and the rules of admission, whatever carries the requests.
 *
 * Events: `connection` (session), `connection_error` (`ConnectionError`), `initial_headers` and `headers`
 * (headers, req), `flush` (session, packets), `drain` (session), `limit` (`LimitHit`), and `handler_error` (error,
 * failure) when a function of the program has failed: a middleware, `allowRequest`, `generateId`, or a listener.
 */
export abstract class BaseServer extends Emitter implements HandshakeHost {
  private readonly [kEngineOptions]: ResolvedEngineOptions;
  private readonly [kChecked]: ResolvedEngineOptions;
  /** The open sessions by id; an object without a prototype. */
  readonly clients: Record<string, Session> = Object.create(null);
  /** How many there are. */
  clientsCount = 0;
  /** Finds the session that a request names. */
  readonly [kSessionDirectory]: SessionDirectory = new LocalSessions(this);
  readonly [kTimingWheel]: TimingWheel;
  /** What it has counted since it was made. */
  readonly [kStats]: EngineStats = new EngineStats();
  [kSlowReader]: Required<SlowReaderOptions> = SLOW_READER_DEFAULTS;
  /** What has been written to the console, so that it is not said again and again. */
  readonly [kNotices]: Notices;
  /** What messages that are not complete hold, of all clients together. */
  readonly [kReceiving]: ReceiveBudget;
  readonly [kGate]: Gate;
  protected readonly middlewares: Middleware[] = [];
  private readonly [kHandshakes]: Handshakes;
  private readonly [kContextOf]: Derived<TransportContext>;
  /** The option that the middleware was made of. */
  private [kCors]: ServerOptions["cors"] = undefined;
  /** How long peers are asked to wait before they come back, in milliseconds; undefined while they need not. */
  private [kRetryAfter]: number | undefined = undefined;

  constructor(options: ServerOptions = {}) {
    super();
    const resolved = (this[kEngineOptions] = resolveEngineOptions(options));
    this[kChecked] = checkedOptions(resolved);
    const { pingInterval, pingTimeout, clock } = resolved;
    this[kHandshakes] = new Handshakes(this, resolved);
    this[kGate] = new Gate(resolved, clock, () => Object.values(this.clients));
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
   * The options as they are now. What is set later holds for what comes later, and is checked like what was given first.
   *
   * @throws UsageError `OPTION_INVALID` where an option can't have the value
   * @example
   * io.engine.opts.maxHttpBufferSize = 1e8;
   */
  get opts(): ResolvedEngineOptions {
    return this[kChecked];
  }

  /** Others in their place: one that is not among them keeps its value. */
  set opts(options: ServerOptions) {
    Object.assign(this[kChecked], options);
  }

  get [kEngineClock](): Clock {
    return this[kEngineOptions].clock;
  }

  get [kContext](): TransportContext {
    return this[kContextOf].value;
  }

  /** Programs change options while the server runs. What is made of these is looked at by each request. */
  protected [kFollowOptions](): void {
    const { cors, slowReader, maxReceivingBytes, pingInterval, pingTimeout } = this[kEngineOptions];
    if (cors !== this[kCors]) replaceCors(this.middlewares, (this[kCors] = cors));
    this[kSlowReader] = followSlowReader(slowReader, this[kSlowReader]);
    this[kReceiving].limit = maxReceivingBytes;
    this[kTimingWheel].adjust(Math.min(pingInterval, pingTimeout), pingInterval + pingTimeout);
  }

  get pingInterval(): number {
    return timesForClient(this[kEngineOptions]).pingInterval;
  }

  get pingTimeout(): number {
    return this[kEngineOptions].pingTimeout;
  }

  get upgradeTimeout(): number {
    return this[kEngineOptions].upgradeTimeout;
  }

  get maxHttpBufferSize(): number {
    return this[kEngineOptions].maxHttpBufferSize;
  }

  get initialPacket(): RawData | undefined {
    return this[kEngineOptions].initialPacket;
  }

  /** For engines with resources of their own: called when the engine is made, and when it listens again. */
  protected init(): void {}

  /** The HTTP server listens, for the first time or again. */
  protected [kReopen](): void {
    this[kGate].open();
    setMounts(this, "open");
    this[kRetryAfter] = undefined;
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

  /** Makes the id of a new session; may be replaced, and may return a promise. */
  generateId(_req: IncomingMessage): string | number | PromiseLike<string | number> {
    return randomId();
  }

  /** Names of the transports that a session on `transport` may be upgraded to. */
  upgrades(transport: string): readonly string[] {
    const { allowUpgrades, transports } = this[kEngineOptions];
    if (!allowUpgrades) return [];
    return upgradesOf(transport).filter((name) => (transports as readonly string[]).includes(name));
  }

  /**
   * Ends all sessions at once; what they have queued is discarded. A peer that does not answer the end of its connection
   * within a second is cut off, so that the HTTP server can close.
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
   * Ends all sessions once what is queued for them has been sent, and lets nobody in any more.
   *
   * @param deadline after so many milliseconds the rest is discarded
   */
  [kShutDown](deadline: number): Promise<void> {
    this[kGate].close();
    return shutDown(Object.values(this.clients), this[kEngineClock], deadline);
  }

  /**
   * Moves all clients away: new sessions are refused with 503 and `Retry-After`, the open ones end in small groups, with
   * close code 1012 and a time after which to come back.
   *
   * @returns resolved once there are no sessions any more
   * @example
   * process.once("SIGTERM", () => engine.drain({ deadline: 20_000 }).then(() => engine.close()));
   */
  drain(options?: DrainOptions | null): Promise<void> {
    this[kGate].close();
    this[kRetryAfter] = this[kGate].retryAfter;
    return moveAway(Object.values(this.clients), this[kEngineClock], options ?? {});
  }

  /** Runs the middlewares, then checks the request: `answer` gets why it is turned away, or undefined. */
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
      if (error) return answer(refuse(ERROR_CODES.BAD_REQUEST, { name: "MIDDLEWARE_FAILURE", error }));
      this[kVerifyRequest](req, isUpgrade, answer);
    });
  }

  protected _applyMiddlewares(req: IncomingMessage, res: ServerResponse, done: (error?: unknown) => void): void {
    if (this.middlewares.length === 0) return done();
    const onFailure = (error: unknown, how: FailureKind): void => this[kReportFailure]("engine middleware", error, how);
    runMiddlewares(this.middlewares, { req, res, onFailure }, done);
  }

  /** Asks {@link verify}. */
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
   * Decides on a request: a session's must fit the session, any other one must be a proper handshake. `fn` gets the code
   * and the context of a refusal, or nothing. Subclasses may override it.
   */
  protected verify(req: TransportRequest, isUpgrade: boolean, fn: ErrorCallback): void {
    this[kHandshakes].verify(req, isUpgrade, (refusal) => fn(refusal?.code, refusal?.context, refusal?.retryAfter));
  }

  /** A function of the program has failed. */
  private [kReportFailure](handler: HandlerKind, error: unknown, how: FailureKind): void {
    reportFailure(this, error, { handler, how });
  }

  /** Calls listeners of the program: what they throw must not keep a request from its answer. */
  [kEmitGuarded](event: string, ...args: unknown[]): void {
    emitGuarded(this, event, args);
  }

  /** Opens a session for a request that was let in. */
  protected handshake(opening: SessionOpening): void {
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

  [kReportSessionLimit](session: { readonly id: string }, code: AnyLimitCode, limit: number, actual: number): void {
    reportLimit(this, session, { code, limit, actual });
  }

  [kReportUpgradeFailure](session: Session, step: UpgradeFailure): void {
    reportUpgradeFailure(this, session, step);
  }

  /** Reports a refusal to `connection_error` listeners. */
  [kReportRefusal](req: IncomingMessage, refusal: Refusal): void {
    reportRefusal(this, req, refusal);
  }
}

storedInOptions(BaseServer.prototype, MIRRORED_OPTIONS);
