import { nextTick } from "../../engine/platform/globals.node.ts";
import type { SocketReservedEvents as EngineEvents } from "../../engine/options.ts";
import { pageListeners, type PageSignal } from "../../engine/platform/page.ts";
import { platform } from "../../engine/platform/platform.ts";
import type { Socket as Engine } from "../../engine/socket.ts";
import { after } from "../../engine/platform/timers.ts";
import { callEach, listen } from "../../emitter.ts";
import { LASTING, Restraint } from "./backoff.ts";
import { Decoder, type DecoderEvents } from "../codec/decoder.ts";
import { ClientError } from "../errors.ts";
import type { ManagerDiagnosis } from "./manager-events.ts";
import type { ManagerOptions } from "../options.ts";
import { retryHint } from "./retry-hint.ts";
import { ManagerSettings } from "./settings.ts";
import type { DisconnectDescription } from "../socket-types.ts";
import type { CustomParser, Unchecked } from "../typed-events.ts";

/**
 * Where the reconnection is:
 *
 * - `idle`: nothing to do
 * - `waiting`: an attempt is due, `held`: due when the server said, `trying`: under way
 * - `postponed`: the program wants to connect, too soon after a failure
 * - `stopped`: no attempt is wanted until the connection is opened by hand
 */
type Phase = "idle" | "waiting" | "held" | "trying" | "postponed" | "stopped";

/** What programs do not know. Kept by symbols, so that proxies of a manager reach it and names of programs do not. */
interface State {
  phase: Phase;
  /** When the next attempt is due, in milliseconds since the epoch. */
  nextAttemptAt: number | undefined;
  /** Called when the attempt that is due or under way has succeeded or failed. */
  callbacks: ((err?: Error) => void)[];
  stopWaking: (() => void) | undefined;
  readonly restraint: Restraint;
  readonly onPage: (signal: PageSignal) => void;
}

const kState: unique symbol = Symbol("state");

/** Opens one connection, keeps it, and opens it again when it is lost. */
export abstract class ConnectingManager extends ManagerSettings {
  /** The connection; undefined until the first one was opened. */
  declare engine: Engine;
  /** Address of the server. What is changed here applies to the next connection. */
  declare uri: string | undefined;
  /** State of the connection. */
  _readyState: "opening" | "open" | "closed" = "closed";
  declare readonly decoder: CustomParser;
  /** Undo what belongs to the current connection, or to the attempt that is due. */
  subs: (() => unknown)[] = [];
  readonly [kState]: State = {
    phase: "idle",
    nextAttemptAt: undefined,
    callbacks: [],
    stopWaking: undefined,
    restraint: new Restraint(),
    onPage: (signal) => {
      if (signal === "wake" && !platform<Document>("document")?.hidden) wakeUp(this);
    },
  };

  constructor(opts: Partial<ManagerOptions>) {
    super(opts);
    this.decoder = new (opts.parser?.Decoder ?? Decoder)();
  }

  /**
   * Makes the connection, which opens by itself.
   *
   * @internal
   */
  abstract createEngine(uri: string | undefined, opts: Partial<ManagerOptions>): Engine;

  /** Whether an attempt to connect is due, or one to reconnect is under way. */
  get _reconnecting(): boolean {
    const { phase } = this[kState];
    return phase !== "idle" && phase !== "stopped";
  }
  set _reconnecting(value: boolean) {
    if (!value && this._reconnecting) this[kState].phase = "idle";
  }

  override get skipReconnect(): boolean {
    return this[kState].phase === "stopped";
  }
  override set skipReconnect(value: boolean) {
    if (value !== this.skipReconnect) this[kState].phase = value ? "stopped" : "idle";
  }

  /** What was tried, what failed, and what happens next: for logs, or for a page that explains itself. */
  get diagnosis(): ManagerDiagnosis {
    const { nextAttemptAt } = this[kState];
    return { ...this.engine?.diagnosis, reconnectAttempts: this.backoff.attempts, nextAttemptAt };
  }

  /**
   * Opens the connection, unless it is open or opening. When an attempt to reconnect is due, this is that attempt. A
   * program that answers each failure by opening again is served at once the first time, later after delays that grow.
   *
   * @param fn called when it is open, or with the error that prevented it
   */
  open(fn?: (err?: Error) => void): this {
    if (this._readyState !== "closed") return this;
    const state = this[kState];
    if (fn) state.callbacks.push(fn);
    if (state.restraint.age() > LASTING) this.backoff.earlier = 0;
    const delay = state.restraint.delay(this.backoff);
    if (!delay) {
      if (state.phase === "postponed") state.phase = "idle";
      // called by a listener that hears of the failure: the attempt counts though it is not due yet
      if (state.phase === "waiting" && !state.nextAttemptAt) this.backoff.attempts++;
      connect(this);
    } else if (!this._reconnecting) wait(this, "postponed", delay);
    return this;
  }

  /** The same as {@link open}. */
  connect(fn?: (err?: Error) => void): this {
    return this.open(fn);
  }

  /** Waits as long as {@link backoff} says and opens the connection then, unless that is due or not wanted any more. */
  reconnect(): this {
    if (this._readyState === "closed" && !this._reconnecting && !this.skipReconnect) {
      this[kState].phase = "waiting";
      onFailure(this);
    }
    return this;
  }

  /** Closes the connection and stays closed. Sockets report a `disconnect`. */
  _close(): void {
    const state = this[kState];
    pageListeners.delete(state.onPage);
    state.stopWaking?.();
    state.stopWaking = undefined;
    state.callbacks = [];
    state.phase = "stopped";
    this.onclose("forced close");
  }

  /** The same as {@link _close}. */
  disconnect(): void {
    this._close();
  }

  onopen(): void {
    const state = this[kState];
    const attempts = state.phase === "trying" ? this.backoff.attempts : 0;
    const callbacks = state.callbacks.splice(0);
    this.cleanup();
    if (state.phase === "trying") state.phase = "idle";
    this._readyState = "open";
    state.restraint.opened();
    listenTo(this, this.engine);
    this.emitReserved("open");
    callEach(callbacks, this, []);
    this.backoff.succeed();
    if (attempts && this._readyState === "open") this.emitReserved("reconnect", attempts);
  }

  onclose(reason: string, details?: DisconnectDescription): void {
    const state = this[kState];
    if (state.phase !== "stopped" && state.restraint.failed()) this.backoff.reset();
    this.cleanup();
    this.engine?.close();
    this.backoff.succeed();
    this._readyState = "closed";
    if (state.phase === "idle" && this.reconnection()) state.phase = "waiting";
    this.emitReserved("close", reason, details);
    onFailure(this, details);
  }

  cleanup(): void {
    for (const undo of this.subs.splice(0)) undo();
    this[kState].nextAttemptAt = undefined;
    this.decoder.destroy();
  }
}

/** Whether the browser says that there is no network, and the server is somewhere else. */
function isOffline({ engine }: ConnectingManager): boolean {
  return platform<Navigator>("navigator")?.onLine === false && engine?.hostname !== "localhost";
}

function connect(manager: ConnectingManager): void {
  const state = manager[kState];
  manager.cleanup();
  const engine = manager.createEngine(manager.uri, manager.opts);
  manager.engine = engine;
  manager._readyState = "opening";
  state.phase = manager._reconnecting ? "trying" : "idle";
  pageListeners.add(state.onPage);
  state.stopWaking ??= manager.opts.wakeOn?.(() => wakeUp(manager));
  const timeout = manager.timeout();
  manager.subs.push(
    listen<EngineEvents>(engine, {
      // no time at all is too little even for a server next door that answers before the timer fires
      open: () => {
        if (timeout !== 0) manager.onopen();
      },
      error: (error) => fail(manager, error as Error),
      close: (_reason, details) => {
        fail(manager, new ClientError("CONNECTION_CLOSED", "closed before it was open", details));
      },
    }),
  );
  if (timeout === false) return;
  manager.subs.push(
    after(manager, timeout, () => {
      fail(manager, new ClientError("CONNECT_TIMEOUT", "timeout"));
      engine.close();
    }),
  );
}

/** The connection could not be opened. */
function fail(manager: ConnectingManager, error: Error): void {
  const state = manager[kState];
  const wasTrying = state.phase === "trying";
  const callbacks = state.callbacks.splice(0);
  state.restraint.failed();
  manager.cleanup();
  manager._readyState = "closed";
  // decided before listeners run, so that a socket that connects in one of them waits as well
  const isFirst = state.phase === "idle" && manager.reconnection() && !callbacks.length;
  if (wasTrying || isFirst) state.phase = "waiting";
  manager["emitReserved"]("error", error);
  callEach(callbacks, manager, [error]);
  onFailure(manager, error);
  if (wasTrying) manager["emitReserved"]("reconnect_error", error);
}

/** Listens to an open connection. Whatever comes of it is reported in the order in which it has arrived. */
function listenTo(manager: ConnectingManager, engine: Engine): void {
  const turns: (() => void)[] = [];
  const take = (): void => {
    while (turns.length && engine === manager.engine && manager._readyState === "open") turns.shift()!();
  };
  const later = (turn: () => void): void => {
    turns.push(turn);
    nextTick(take);
  };
  const inTurn = (turn: () => void): void => {
    if (turns.length) later(turn);
    else turn();
  };
  const unlisten = listen<EngineEvents>(engine, {
    ping: () => manager["emitReserved"]("ping"),
    data: (data) => {
      try {
        manager.decoder.add(data);
      } catch (error) {
        unlisten();
        engine.close();
        inTurn(() => manager.onclose("parse error", error as Error));
      }
    },
    error: (error) => inTurn(() => manager["emitReserved"]("error", error as Error)),
    close: (reason, details) => inTurn(() => manager.onclose(reason, details)),
  });
  manager.subs.push(
    unlisten,
    listen<DecoderEvents>(manager.decoder, {
      // a later turn: what a listener does is not the connection's fault
      decoded: (packet) => later(() => manager["emitReserved"]("packet", packet)),
    }),
  );
}

/** Listeners have heard of a failure. Waits for the next attempt, unless one of them has seen to that. */
function onFailure(manager: ConnectingManager, failure?: unknown): void {
  const state = manager[kState];
  if (state.phase !== "waiting" || state.nextAttemptAt) return;
  if (manager.backoff.attempts >= manager.reconnectionAttempts()) {
    manager.backoff.reset();
    state.phase = "idle";
    manager["emitReserved"]("reconnect_failed");
    return;
  }
  const hint = retryHint((failure as Unchecked)?.context);
  const random = Math.random();
  const delay = Math.max(hint * (1 + random), manager.backoff.duration(random));
  // what the server asked for is not cut short by a page that comes into view
  wait(manager, hint ? "held" : "waiting", delay);
}

function wait(manager: ConnectingManager, phase: Phase, delay: number): void {
  manager.cleanup();
  const state = manager[kState];
  state.phase = phase;
  state.nextAttemptAt = Date.now() + delay;
  manager.subs.push(
    after(manager, delay, () => {
      // without a network no attempt can succeed: it is put off, and does not count
      if (isOffline(manager)) wait(manager, phase, delay);
      else if (manager[kState].phase === phase) attempt(manager);
    }),
  );
}

function attempt(manager: ConnectingManager): void {
  const state = manager[kState];
  const isOwn = state.phase !== "postponed";
  state.phase = isOwn ? "trying" : "idle";
  if (isOwn) manager["emitReserved"]("reconnect_attempt", manager.backoff.attempts);
  if (manager._readyState !== "closed" || (isOwn && state.phase !== "trying")) return;
  try {
    connect(manager);
  } catch (error) {
    fail(manager, error as Error);
  }
}

function wakeUp(manager: ConnectingManager): void {
  if (manager._readyState === "open") manager.engine.checkAlive();
  if (manager[kState].phase === "waiting" && !isOffline(manager)) attempt(manager);
}
