import { splitArguments } from "../arguments.ts";
import type { Packet } from "@portage/parser/socket";
import { nextTick } from "../engine/globals.node.ts";
import type { SocketReservedEvents as EngineEvents } from "../engine/options.ts";
import type { Socket as Engine } from "../engine/socket.ts";
import { after, installTimerFunctions } from "../engine/timers.ts";
import { Emitter, listen } from "../emitter.ts";
import type { NoEvents } from "../typed-events.ts";
import { backoffDelay } from "./backoff.ts";
import { Decoder, type DecoderEvents } from "./decoder.ts";
import { Encoder } from "./encoder.ts";
import { ClientError } from "./errors.ts";
import { observe } from "./observe.node.ts";
import type { ManagerOptions, SocketOptions } from "./options.ts";
import type { OutgoingPacket } from "./packet.ts";
import { retryHint } from "./retry-hint.ts";
import { type DisconnectDescription, Socket } from "./socket.ts";
import type { DefaultEventsMap, EventsMap } from "../typed-events.ts";
import type { Unchecked } from "./typed-events.ts";
import { pageListeners, type PageSignal } from "../engine/page.ts";

/** Events of a manager. */
export interface ManagerReservedEvents {
  /** The connection is open. */
  open: () => void;
  /** The connection could not be opened, or an open one failed. */
  error: (err: Error) => void;
  /** The server has sent a ping. */
  ping: () => void;
  /** A packet has arrived. */
  packet: (packet: Packet) => void;
  /** The connection is closed. */
  close: (reason: string, description?: DisconnectDescription) => void;
  /** All attempts to reconnect have failed; no further one is made. */
  reconnect_failed: () => void;
  /** An attempt to reconnect begins, the n-th in a row. */
  reconnect_attempt: (attempt: number) => void;
  /** An attempt to reconnect has failed. */
  reconnect_error: (err: Error) => void;
  /** The connection is open again, after n attempts. */
  reconnect: (attempt: number) => void;
}

/** What a manager can say about its connection. */
export interface ManagerDiagnosis extends Partial<Engine["diagnosis"]> {
  /** Attempts to reconnect made since the connection was lost, the one that is due included. */
  reconnectAttempts: number;
  /** When the next one is due, in milliseconds since the epoch; undefined if none is. */
  nextAttemptAt: number | undefined;
}

interface Settings {
  reconnection: boolean;
  reconnectionAttempts: number;
  reconnectionDelay: number;
  reconnectionDelayMax: number;
  randomizationFactor: number;
  timeout: number | false;
}

const DEFAULTS: Settings = {
  timeout: 20_000,
  randomizationFactor: 0.5,
  reconnection: true,
  reconnectionAttempts: Infinity,
  reconnectionDelay: 1000,
  reconnectionDelayMax: 5000,
};
const NAMES = Object.keys(DEFAULTS) as (keyof Settings)[];

/**
 * Where the reconnection is: nothing to do (`idle`), an attempt is due (`waiting`), due when the server said (`held`),
 * or under way (`trying`), or none is wanted until the connection is opened by hand (`stopped`).
 */
type Phase = "idle" | "waiting" | "held" | "trying" | "stopped";

/** Without an argument tells a setting, with one changes it and returns the manager. */
interface Accessor<Value, Manager> {
  (v: Value): Manager;
  (): Value;
}

/** What managers share, however their connection comes about. */
export abstract class BaseManager<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
> extends Emitter<NoEvents, NoEvents, ManagerReservedEvents> {
  /** The connection; undefined until the first one was opened. */
  declare engine: Engine;
  /** Address of the server. What is changed here applies to the next connection. */
  declare uri: string | undefined;
  /** The options given. What is changed here applies to the next connection. */
  declare opts: Partial<ManagerOptions>;
  /** Whether sockets connect as soon as they are made. */
  declare _autoConnect: boolean;
  /** State of the connection. */
  _readyState: "opening" | "open" | "closed" = "closed";
  /** The sockets by namespace. */
  readonly nsps: Record<string, Socket<ListenEvents, EmitEvents>> = Object.create(null);
  /** Whether a lost connection is opened again. */
  declare readonly reconnection: Accessor<boolean, this>;
  /** How many times in a row that is tried. */
  declare readonly reconnectionAttempts: Accessor<number, this>;
  /** Milliseconds before the first attempt. */
  declare readonly reconnectionDelay: Accessor<number, this>;
  /** The longest delay between attempts, in milliseconds. */
  declare readonly reconnectionDelayMax: Accessor<number, this>;
  /** How far delays stray at random, from 0 to 1. */
  declare readonly randomizationFactor: Accessor<number, this>;
  /** Milliseconds that opening a connection may take; false for no limit. */
  declare readonly timeout: Accessor<number | false, this>;
  declare private readonly setTimeoutFn: typeof setTimeout;
  declare private readonly clearTimeoutFn: typeof clearTimeout;
  readonly #settings = {} as Settings;
  readonly #encoder: { encode(packet: unknown): unknown[] };
  readonly #decoder: Decoder;
  /** Undo what belongs to the current connection, or to the attempt that is due. */
  #undo: (() => unknown)[] = [];
  readonly #page = (signal: PageSignal): void => {
    if (signal === "wake" && !globalThis.document?.hidden) this.#wake();
  };
  #stopWaking: (() => void) | undefined;
  #phase: Phase = "idle";
  #attempts = 0;
  #nextAttemptAt: number | undefined;

  static {
    for (const name of NAMES) {
      (this.prototype as Unchecked)[name] = function (this: BaseManager, value?: never): unknown {
        const settings = this.#settings;
        if (value === undefined) return settings[name];
        settings[name] = value;
        if (!settings.reconnection && this._reconnecting) this.#phase = "stopped";
        return this;
      };
    }
  }

  /**
   * @param uri of the server; default: the page's origin, else `localhost`
   * @param opts see {@link ManagerOptions}
   */
  constructor(opts: Partial<ManagerOptions>);
  constructor(uri?: string, opts?: Partial<ManagerOptions>);
  constructor(uri?: string | Partial<ManagerOptions>, opts?: Partial<ManagerOptions>);
  constructor(uri?: string | Partial<ManagerOptions>, opts?: Partial<ManagerOptions>) {
    super();
    const [address, given] = splitArguments(uri, opts);
    this.uri = address;
    this.opts = { ...given, path: given.path || "/socket.io" };
    installTimerFunctions(this, given);
    for (const name of NAMES) {
      const value = given[name];
      // no attempts, and no delay between them, have always meant the default
      this.#settings[name] = (/nA|nD/.test(name) ? value || DEFAULTS[name] : (value ?? DEFAULTS[name])) as never;
    }
    this.#encoder = new (given.parser?.Encoder ?? Encoder)();
    this.#decoder = new (given.parser?.Decoder ?? Decoder)();
    this._autoConnect = given.autoConnect !== false;
    observe(this);
    if (this._autoConnect) this.open();
  }

  /**
   * Makes the connection, which opens by itself.
   *
   * @internal
   */
  abstract createEngine(uri: string | undefined, opts: Partial<ManagerOptions>): Engine;

  /** Whether an attempt to reconnect is due or under way. */
  get _reconnecting(): boolean {
    return !/idle|stopped/.test(this.#phase);
  }

  /** What was tried, what failed, and what happens next: for logs, or for a page that explains itself. */
  get diagnosis(): ManagerDiagnosis {
    return { ...this.engine?.diagnosis, reconnectAttempts: this.#attempts, nextAttemptAt: this.#nextAttemptAt };
  }

  /**
   * Opens the connection, unless it is open or opening. When an attempt to reconnect is due, this is that attempt.
   *
   * @param fn called when it is open, or with the error that prevented it
   */
  open(fn?: (err?: Error) => void): this {
    if (this._readyState !== "closed") return this;
    this.#cleanUp();
    this._readyState = "opening";
    this.#phase = this._reconnecting ? "trying" : "idle";
    pageListeners.add(this.#page);
    this.#stopWaking ??= this.opts.wakeOn?.(() => this.#wake());
    const { timeout } = this.#settings;
    const engine = (this.engine = this.createEngine(this.uri, this.opts));
    const fail = (error: Unchecked): void => {
      const wasTrying = this.#phase === "trying";
      this.#cleanUp();
      this._readyState = "closed";
      this.emitReserved("error", error);
      fn?.(error);
      if (this.#phase === "trying") this.#phase = "idle";
      if (wasTrying || !fn) this.#reconnect(error);
      if (wasTrying) this.emitReserved("reconnect_error", error);
    };
    // no time at all is too little even for a server next door that answers before the timer fires
    const open = (): void => {
      if (timeout !== 0) this.#onOpen(fn);
    };
    this.#undo.push(listen<EngineEvents>(engine, { open, error: fail }));
    if (timeout !== false) {
      this.#undo.push(
        after(this, timeout, () => {
          fail(new ClientError("CONNECT_TIMEOUT", "timeout"));
          engine.close();
        }),
      );
    }
    return this;
  }

  /** The same as {@link open}. */
  connect(fn?: (err?: Error) => void): this {
    return this.open(fn);
  }

  /**
   * The socket of a namespace: a new one, or the one that is there, which connects again if it was idle.
   *
   * @example const chat = manager.socket("/chat", { auth: { token: "x" } });
   */
  socket(nsp: string, opts?: Partial<SocketOptions>): Socket<ListenEvents, EmitEvents> {
    const socket = this.nsps[nsp];
    if (!socket) return (this.nsps[nsp] = new Socket<ListenEvents, EmitEvents>(this, nsp, opts));
    if (this._autoConnect && !socket.active) socket.connect();
    return socket;
  }

  /** Closes the connection and stays closed. Sockets report a `disconnect`. */
  _close(): void {
    pageListeners.delete(this.#page);
    this.#stopWaking?.();
    this.#stopWaking = undefined;
    this.#phase = "stopped";
    this.#onClose("forced close");
  }

  /** Closes the connection when no socket needs it any more. */
  _destroy(_socket?: unknown): void {
    if (!Object.values(this.nsps).some((socket) => socket.active)) this._close();
  }

  /** Encodes and sends a packet. */
  _packet(packet: OutgoingPacket): void {
    for (const part of this.#encoder.encode(packet)) this.engine.write(part, packet.options);
  }

  #cleanUp(): void {
    for (const undo of this.#undo) undo();
    this.#undo = [];
    this.#nextAttemptAt = undefined;
    this.#decoder.destroy();
  }

  #onOpen(fn?: () => void): void {
    this.#cleanUp();
    const attempts = this.#phase === "trying" && this.#attempts;
    this.#phase = "idle";
    this._readyState = "open";
    this.#undo.push(
      listen<DecoderEvents>(this.#decoder, {
        // a later turn: what a listener throws is not the connection's fault
        decoded: (packet) => nextTick(() => this.emitReserved("packet", packet)),
      }),
      listen<EngineEvents>(this.engine, {
        ping: () => this.emitReserved("ping"),
        data: (data) => {
          try {
            this.#decoder.add(data);
          } catch (error) {
            this.#onClose("parse error", error as Error);
          }
        },
        error: (error: Unchecked) => this.emitReserved("error", error),
        close: (reason, details) => this.#onClose(reason, details),
      }),
    );
    this.emitReserved("open");
    fn?.();
    if (attempts) {
      this.#attempts = 0;
      this.emitReserved("reconnect", attempts);
    }
  }

  #onClose(reason: string, details?: DisconnectDescription): void {
    this.#cleanUp();
    this.engine?.close();
    this.#attempts = 0;
    this._readyState = "closed";
    this.emitReserved("close", reason, details);
    this.#reconnect(details);
  }

  #reconnect(failure: unknown): void {
    const settings = this.#settings;
    if (!settings.reconnection || this.#phase !== "idle") return;
    // without a network no attempt can succeed: those don't count
    const { navigator } = globalThis as { navigator?: { onLine?: boolean } };
    if (navigator?.onLine === false) this.#attempts = 0;
    if (this.#attempts >= settings.reconnectionAttempts) {
      this.#attempts = 0;
      this.emitReserved("reconnect_failed");
      return;
    }
    const hint = retryHint((failure as Unchecked)?.context);
    const random = Math.random();
    const delay = Math.max(hint * (1 + random), backoffDelay(this.#attempts++, settings, random));
    // what the server asked for is not cut short by a page that comes into view
    this.#phase = hint ? "held" : "waiting";
    this.#nextAttemptAt = Date.now() + delay;
    this.#undo.push(after(this, delay, () => this.#attempt()));
  }

  #attempt(): void {
    if (!this._reconnecting) return;
    this.#phase = "trying";
    this.emitReserved("reconnect_attempt", this.#attempts);
    if (this.#phase === "trying") this.open();
  }

  #wake(): void {
    if (this._readyState === "open") this.engine.checkAlive();
    if (this.#phase === "waiting") this.#attempt();
  }
}
