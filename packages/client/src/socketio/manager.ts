/*
 * The Socket.IO client: managers, their sockets by namespace, and `io()`, which finds both.
 * Knows: the index of the engine, the codec.
 * Must not know: requests, WebSockets, the inside of transports.
 */
import { splitArguments } from "../arguments.ts";
import { callEach, Emitter, listen } from "../emitter.ts";
import {
  after,
  installTimerFunctions,
  pageListeners,
  type PageListener,
  type PageSignal,
  type Session,
  Socket as Engine,
  type SocketReservedEvents as EngineEvents,
} from "../engine/index.ts";
import type { DefaultEventsMap, EventsMap, NoEvents } from "../typed-events.ts";
import { Decoder } from "./codec/decoder.ts";
import { Encoder } from "./codec/encoder.ts";
import { encodeWith, type OutgoingPacket } from "./codec/packet.ts";
import { Backoff, LASTING, Restraint } from "./connection/backoff.ts";
import type { ManagerDiagnosis, ManagerReservedEvents } from "./connection/events.ts";
import { type Listening, listenTo } from "./connection/listening.ts";
import {
  type ReconnectionPhase,
  planAttempt,
  type Reconnecting,
  waitFor,
  wakeOnPage,
  wakeUp,
} from "./connection/reconnection.ts";
import { ClientError } from "./errors.ts";
import { observe } from "./observe.node.ts";
import type { ManagerOptions, SocketOptions } from "./options.ts";
import { Socket } from "./socket.ts";
import type { DisconnectDescription } from "./socket-types.ts";
import type { CustomParser } from "./typed-events.ts";

export type { ManagerDiagnosis, ManagerOptions, ManagerReservedEvents };

/**
 * Opens and reopens one connection of any kind, shared by the sockets of several namespaces. Members that end with an
 * underscore are private to the client.
 */
export abstract class BaseManager<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
>
  extends Emitter<NoEvents, NoEvents, ManagerReservedEvents>
  implements Reconnecting, Listening, PageListener
{
  /** The options. Changes apply to the next connection. */
  declare opts: Partial<ManagerOptions>;
  /** Address of the server. Changes apply to the next connection. */
  declare uri: string | undefined;
  /** The connection, open or not; undefined before the first attempt. */
  declare engine: Session;
  /** State of the connection. */
  _readyState: "opening" | "open" | "closed" = "closed";
  /** The sockets by namespace. */
  readonly nsps: Record<string, Socket<ListenEvents, EmitEvents>> = Object.create(null);
  /** Encodes packets; comes from the option `parser`. */
  declare readonly encoder: { encode(packet: unknown): unknown[] };
  /** Decodes packets; comes from the option `parser`. */
  declare readonly decoder: CustomParser;
  /** The delays between attempts to reconnect. */
  declare readonly backoff: Backoff;
  /** Cleanup functions of the current connection or the scheduled attempt. */
  subs: (() => unknown)[] = [];
  /** Whether new sockets connect at once. */
  declare _autoConnect: boolean;
  declare _reconnection: boolean;
  declare _reconnectionAttempts: number;
  declare _timeout: number | false;
  /** `setTimeout`, as the option `useNativeTimers` chooses it. */
  declare protected readonly setTimeoutFn: typeof setTimeout;
  declare protected readonly clearTimeoutFn: typeof clearTimeout;

  phase_: ReconnectionPhase = "idle";
  declare nextAttemptAt_: number | undefined;
  readonly restraint_ = new Restraint();
  /** Callbacks of `open`, for the result of the scheduled or current attempt. */
  callbacks_: ((err?: Error) => void)[] = [];
  declare stopWaking_: (() => void) | undefined;

  /**
   * @param uri the server; default: the page's origin, else `localhost`
   * @param opts see {@link ManagerOptions}
   */
  constructor(opts: Partial<ManagerOptions>);
  constructor(uri?: string, opts?: Partial<ManagerOptions>);
  constructor(uri?: string | Partial<ManagerOptions>, opts?: Partial<ManagerOptions>);
  constructor(uri?: string | Partial<ManagerOptions>, opts?: Partial<ManagerOptions>) {
    super();
    const [address, given] = splitArguments(uri, opts);
    const { parser } = given;
    this.uri = address;
    this.opts = { ...given, path: given.path || "/socket.io" };
    installTimerFunctions(this, given);
    this.encoder = new (parser?.Encoder ?? Encoder)();
    this.decoder = new (parser?.Decoder ?? Decoder)();
    this._reconnection = given.reconnection !== false;
    // programs rely on 0 attempts and a delay of 0 meaning the default
    this._reconnectionAttempts = given.reconnectionAttempts || Infinity;
    this._timeout = given.timeout ?? 20_000;
    this.backoff = new Backoff(
      given.reconnectionDelay || 1000,
      given.reconnectionDelayMax || 5000,
      given.randomizationFactor ?? 0.5,
    );
    this._autoConnect = given.autoConnect !== false;
    if (this._autoConnect) this.open();
  }

  /** Creates a connection, which opens itself. */
  abstract createEngine_(uri: string | undefined, opts: Partial<ManagerOptions>): Session;

  /** Whether the manager reopens a lost connection. */
  reconnection(v: boolean): this;
  reconnection(): boolean;
  reconnection(v?: unknown): this | boolean {
    if (v !== undefined && !v) this.skipReconnect = true;
    return access<boolean, this>(this, this, "_reconnection", v === undefined ? v : !!v);
  }

  /** Limit of attempts to reconnect in a row. */
  reconnectionAttempts(v: number): this;
  reconnectionAttempts(): number;
  reconnectionAttempts(v?: number): this | number {
    return access<number, this>(this, this, "_reconnectionAttempts", v);
  }

  /** Delay of the first attempt to reconnect, in milliseconds. */
  reconnectionDelay(v: number): this;
  reconnectionDelay(): number;
  reconnectionDelay(v?: number): this | number {
    return access<number, this>(this, this.backoff, "ms", v);
  }

  /** The longest delay of an attempt to reconnect, in milliseconds. */
  reconnectionDelayMax(v: number): this;
  reconnectionDelayMax(): number;
  reconnectionDelayMax(v?: number): this | number {
    return access<number, this>(this, this.backoff, "max", v);
  }

  /** Random variation of the delays, from 0 to 1. */
  randomizationFactor(v: number): this;
  randomizationFactor(): number;
  randomizationFactor(v?: number): this | number {
    return access<number, this>(this, this.backoff, "jitter", v);
  }

  /** Time limit to open a connection, in milliseconds; false for none. */
  timeout(v: number | false): this;
  timeout(): number | false;
  timeout(v?: number | false): this | number | false {
    return access<number | false, this>(this, this, "_timeout", v);
  }

  /** Whether an attempt to connect is scheduled, or an attempt to reconnect is under way. */
  get _reconnecting(): boolean {
    return this.phase_ !== "idle" && this.phase_ !== "stopped";
  }
  set _reconnecting(value: boolean) {
    if (!value && this._reconnecting) this.phase_ = "idle";
  }

  /** Whether reconnection has stopped: the program closed the manager or switched it off. */
  get skipReconnect(): boolean {
    return this.phase_ === "stopped";
  }
  set skipReconnect(value: boolean) {
    if (value !== this.skipReconnect) this.phase_ = value ? "stopped" : "idle";
  }

  /** Past attempts, their failures, and the next attempt: for logs, or for an error message of the page. */
  get diagnosis(): ManagerDiagnosis {
    const reconnectAttempts = this.backoff.attempts;
    return { ...this.engine?.diagnosis, reconnectAttempts, nextAttemptAt: this.nextAttemptAt_ };
  }

  /**
   * Opens the connection, unless it is open or opening. Replaces a scheduled attempt to reconnect. If a program opens again
   * after each failure, the first attempt starts at once, later ones after growing delays.
   *
   * @param fn called once the connection is open, or with the error
   */
  open(fn?: (err?: Error) => void): this {
    if (this._readyState !== "closed") return this;
    const { backoff, restraint_: restraint } = this;
    if (fn) this.callbacks_.push(fn);
    if (restraint.age_() > LASTING) backoff.earlier_ = 0;
    const delay = restraint.delay(backoff);
    if (!delay) {
      if (this.phase_ === "postponed") this.phase_ = "idle";
      // called in a listener of the failure: the attempt counts, although it was not scheduled yet
      if (this.phase_ === "waiting" && !this.nextAttemptAt_) backoff.attempts++;
      this.connect_();
    } else if (!this._reconnecting) waitFor(this, "postponed", delay);
    return this;
  }

  /** The same as {@link open}. */
  connect(fn?: (err?: Error) => void): this {
    return this.open(fn);
  }

  /** Schedules an attempt to reconnect after the delay of {@link backoff}; has no effect if one exists or after a stop. */
  reconnect(): this {
    if (this._readyState === "closed" && !this._reconnecting && !this.skipReconnect) {
      this.phase_ = "waiting";
      planAttempt(this);
    }
    return this;
  }

  /** Closes the connection and stops reconnection. Sockets emit `disconnect`. */
  _close(): void {
    pageListeners.delete(this);
    this.stopWaking_?.();
    this.stopWaking_ = undefined;
    this.callbacks_ = [];
    this.phase_ = "stopped";
    this.onclose("forced close");
  }

  /** The same as {@link _close}. */
  disconnect(): void {
    this._close();
  }

  /** Handles the opening of the connection. */
  onopen(): void {
    const { backoff } = this;
    const attempts = this.phase_ === "trying" ? backoff.attempts : 0;
    const callbacks = this.callbacks_.splice(0);
    this.cleanup();
    if (this.phase_ === "trying") this.phase_ = "idle";
    this._readyState = "open";
    this.restraint_.opened_();
    listenTo(this, this.engine);
    this.emitReserved("open");
    callEach(callbacks, this, []);
    backoff.succeed_();
    if (attempts && this._readyState === "open") this.emitReserved("reconnect", attempts);
  }

  /** Handles the end of the connection, and plans the next attempt. */
  onclose(reason: string, details?: DisconnectDescription): void {
    const { backoff } = this;
    if (this.phase_ !== "stopped" && this.restraint_.failed_()) backoff.reset();
    this.cleanup();
    this.engine?.close();
    backoff.succeed_();
    this._readyState = "closed";
    if (this.phase_ === "idle" && this._reconnection) this.phase_ = "waiting";
    this.emitReserved("close", reason, details);
    planAttempt(this, details);
  }

  /** Removes the listeners of the connection, and the planned attempt. */
  cleanup(): void {
    for (const undo of this.subs.splice(0)) undo();
    this.nextAttemptAt_ = undefined;
    this.decoder.destroy();
  }

  /** Opens a connection now. */
  connect_(): void {
    const { opts, _timeout: timeout } = this;
    this.cleanup();
    const engine = (this.engine = this.createEngine_(this.uri, opts));
    this._readyState = "opening";
    this.phase_ = this._reconnecting ? "trying" : "idle";
    pageListeners.add(this);
    this.stopWaking_ ??= opts.wakeOn?.(() => wakeUp(this));
    this.subs.push(
      listen<EngineEvents>(engine, {
        // a timeout of 0 always fails, even if a near server answers before the timer fires
        open: () => {
          if (timeout !== 0) this.onopen();
        },
        error: (error) => this.fail_(error as Error),
        close: (_reason, details) =>
          this.fail_(new ClientError("CONNECTION_CLOSED", "closed before it was open", details)),
      }),
    );
    if (timeout === false) return;
    this.subs.push(
      after(this, timeout, () => {
        const error = new ClientError("CONNECT_TIMEOUT", "timeout");
        // listeners are removed, but the engine's diagnosis must include this failure
        this.cleanup();
        engine.end_("forced close", error);
        this.fail_(error);
      }),
    );
  }

  /** Handles a failure to open the connection. */
  fail_(error: Error): void {
    const wasTrying = this.phase_ === "trying";
    const callbacks = this.callbacks_.splice(0);
    this.restraint_.failed_();
    this.cleanup();
    this._readyState = "closed";
    // set before listeners run, so that a socket that connects in a listener also waits for the delay
    const isFirst = this.phase_ === "idle" && this._reconnection && !callbacks.length;
    if (wasTrying || isFirst) this.phase_ = "waiting";
    this.emitReserved("error", error);
    callEach(callbacks, this, [error]);
    planAttempt(this, error);
    if (wasTrying) this.emitReserved("reconnect_error", error);
  }

  onPage_(signal: PageSignal): void {
    wakeOnPage(this, signal);
  }

  /**
   * Returns the socket of a namespace. Creates it, or reconnects an idle one.
   *
   * @example const chat = manager.socket("/chat", { auth: { token: "x" } });
   */
  socket(nsp: string, opts?: Partial<SocketOptions>): Socket<ListenEvents, EmitEvents> {
    const socket = this.nsps[nsp];
    if (!socket) return (this.nsps[nsp] = new Socket<ListenEvents, EmitEvents>(this, nsp, opts));
    if (this._autoConnect && !socket.active) socket.connect();
    return socket;
  }

  /** Closes the connection once all sockets are idle. */
  _destroy(_socket?: unknown): void {
    if (!Object.values(this.nsps).some((socket) => socket.active)) this._close();
  }

  /** Encodes and sends a packet. @throws ClientError `NOT_ENCODABLE` */
  _packet(packet: OutgoingPacket): void {
    for (const part of encodeWith(this.encoder, packet)) this.engine.write(part, packet.options);
  }
}

/** Returns a setting; with a value, changes it and returns the manager. */
function access<Value, Manager>(manager: Manager, holder: object, name: string, value?: Value): Manager | Value {
  const settings = holder as Record<string, Value>;
  if (value === undefined) return settings[name] as Value;
  settings[name] = value;
  return manager;
}

/** Opens and reopens one connection, shared by the sockets of several namespaces. */
export class Manager<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
> extends BaseManager<ListenEvents, EmitEvents> {
  declare engine: Engine;

  override createEngine_(uri: string | undefined, opts: Partial<ManagerOptions>): Engine {
    return new Engine(uri, opts);
  }
}

observe(BaseManager.prototype, Socket.prototype);
