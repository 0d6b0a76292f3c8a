import { type Packet, type PacketType, protocol } from "@portage/parser/engine";
import { Emitter } from "../emitter.ts";
import type { NoEvents } from "../typed-events.ts";
import type { CookieJar } from "./cookie-jar.node.ts";
import { type Attempt, beginAttempt, type Diagnosis, endAttempt, endSession } from "./diagnosis.ts";
import { createCookieJar, defaultBinaryType, nextTick } from "./globals.node.ts";
import { EngineError } from "./errors.ts";
import type {
  BinaryType,
  HandshakeData,
  RawData,
  SocketOptions,
  SocketReservedEvents,
  WriteOptions,
} from "./options.ts";
import { readHandshake } from "./handshake.ts";
import { observe } from "./observe.node.ts";
import { planOpening, startOpening } from "./opening.ts";
import { pageListeners, type PageSignal } from "./page.ts";
import { chooseTransports, type ResolvedOptions, resolveOptions } from "./target.ts";
import { installTimerFunctions, type Timer } from "./timers.ts";
import type { CloseDetails, Transport } from "./transport.ts";
import { Upgrade } from "./upgrade.ts";
import { encodedSize, takeFitting } from "./write-buffer.ts";

type SocketState = "opening" | "open" | "closing" | "closed";
type Callback = (error?: Error) => void;

/** What won the last race for a server, by origin. */
const winners = new Map<string, string>();

/**
 * A connection to an Engine.IO server, in the manner of a WebSocket: it opens when it is made, over HTTP long-polling at
 * first and then over WebSocket, unless the options say otherwise.
 *
 * Close reasons: `transport close` (the server or the network, going offline, a page that is frozen), `transport error`
 * (the second argument is the error), `forced close` (`close()` was called), `ping timeout`. Errors are emitted as
 * `error`, right before `close`. Nothing that a server sends is thrown.
 *
 * @example
 * const socket = new Socket("http://localhost:3000");
 * socket.on("open", () => socket.send("hello"));
 * socket.on("message", (data) => console.log(data));
 * socket.on("close", (reason, details) => console.log(reason, details, socket.diagnosis));
 */
export class Socket extends Emitter<NoEvents, NoEvents, SocketReservedEvents> {
  /** Revision of the protocol: 4. */
  static readonly protocol: number = protocol;
  /** Whether the last connection of this page or process succeeded with WebSocket; see `rememberUpgrade`. */
  static priorWebsocketSuccess = false;

  /** Id of the session; null or undefined while there is none. */
  declare id: string;
  /** What carries the session now. */
  declare transport: Transport;
  /** In which form bytes arrive. Default `nodebuffer` in Node.js, elsewhere `arraybuffer`. */
  binaryType: BinaryType = defaultBinaryType;
  declare readyState: SocketState;
  /** Packets that have not been delivered to the transport, or not confirmed by it. */
  writeBuffer: Packet[] = [];
  /** What was tried to connect, when, with what outcome, and why it failed: plain data, at most 16 attempts. */
  readonly diagnosis: Diagnosis = { attempts: [] };
  declare readonly hostname: string;
  declare readonly port: string | number;
  declare readonly secure: boolean;
  /** Cookies of the server (Node.js, with `withCredentials`). */
  declare readonly _cookieJar: CookieJar | undefined;
  /** When, in milliseconds since the epoch, the server's next ping is overdue. */
  _pingTimeoutTime = Infinity;
  declare protected readonly opts: ResolvedOptions;
  /** Names of the transports that are left to try. */
  declare protected transports: string[];
  declare protected readonly setTimeoutFn: typeof setTimeout;
  declare protected readonly clearTimeoutFn: typeof clearTimeout;

  readonly #implementations: ReturnType<typeof chooseTransports>;
  readonly #callbacks = new WeakMap<Packet, Callback>();
  readonly #upgrade = this.#createUpgrade();
  readonly #page = (signal: PageSignal): void => this.#onPage(signal);
  #handshake: HandshakeData | undefined;
  /** Packets of the write buffer that the transport has. */
  #inFlight = 0;
  #stopPingTimer: (() => void) | undefined;
  /** Ends a race, or the time limit of a transport that opens. */
  #stopOpening: (() => void) | undefined;

  constructor();
  constructor(uri: string | null | undefined, opts?: SocketOptions);
  constructor(opts: SocketOptions);
  constructor(uri?: string | SocketOptions | null, opts: SocketOptions = {}) {
    super();
    this.opts = typeof uri === "object" && uri ? resolveOptions(null, uri) : resolveOptions(uri, opts);
    const { hostname, port, secure } = this.opts;
    Object.assign(this, { hostname, port, secure });
    installTimerFunctions(this, this.opts);
    this.#implementations = chooseTransports(this.opts);
    this.transports = [...this.#implementations.keys()];
    if (this.opts.withCredentials) this._cookieJar = createCookieJar();
    pageListeners.add(this.#page);
    observe(this);
    this.#open();
  }

  /** Most bytes of one message that the server accepts; Infinity while that is not known. */
  get maxPayload(): number {
    return this.#handshake?.maxPayload || Infinity;
  }

  /**
   * Sends a message: a string or bytes.
   *
   * @param fn called when the message has been handed to the transport; with an {@link EngineError} when it was
   *   refused, see `refuseTooLarge`
   */
  send(data: RawData, options?: WriteOptions | Callback | null, fn?: Callback): this {
    if (typeof options === "function") this._sendPacket("message", data, undefined, options);
    else this._sendPacket("message", data, options, fn);
    return this;
  }

  /** The same as {@link Socket.send}. */
  write(data: RawData, options?: WriteOptions | Callback | null, fn?: Callback): this {
    return this.send(data, options, fn);
  }

  /** Closes the connection, once what was sent is delivered and an upgrade under way is complete. */
  close(): this {
    if (this.readyState === "opening" || this.readyState === "open") {
      this.readyState = "closing";
      this.#closeWhenIdle();
    }
    return this;
  }

  /**
   * Looks whether a ping of the server is overdue, and closes the connection if so: timers are late where a machine slept
   * or a page was throttled. Called by itself when the page comes back (`online`, `pageshow`, `visibilitychange`). The
   * protocol leaves pings to the server, so a connection that died a moment ago is found only when its ping is overdue.
   *
   * @returns whether the connection is believed to work
   */
  checkAlive(): boolean {
    return this.readyState === "open" && !this._hasPingExpired();
  }

  /** Whether the server's ping is overdue; the connection is closed in that case, in the next turn. */
  _hasPingExpired(): boolean {
    const isExpired = Date.now() > this._pingTimeoutTime;
    if (isExpired && this._pingTimeoutTime > 0) {
      this._pingTimeoutTime = 0;
      nextTick(() => this.#onClose("ping timeout"), this.setTimeoutFn);
    }
    return isExpired;
  }

  _filterUpgrades(upgrades: readonly string[]): string[] {
    return upgrades.filter((name) => this.transports.includes(name));
  }

  /** Puts a packet into the write buffer; after `close` nothing more is taken. */
  _sendPacket(type: PacketType, data?: RawData, options?: WriteOptions | null, fn?: Callback): void {
    if (this.readyState === "closing" || this.readyState === "closed") return;
    if (this.opts.refuseTooLarge) {
      const size = encodedSize(data, this.transport.name === "polling");
      if (size > this.maxPayload) {
        const error = new EngineError("MESSAGE_TOO_LARGE", { size, limit: this.maxPayload });
        this.emitReserved("error", error);
        fn?.(error);
        return;
      }
    }
    const packet = { type, data, options: { compress: options?.compress !== false } };
    this.emitReserved("packetCreate", packet);
    this.writeBuffer.push(packet);
    if (fn) this.#callbacks.set(packet, fn);
    this.#flush();
  }

  _onError(error: Error): void {
    Socket.priorWebsocketSuccess = false;
    winners.delete(this.#origin);
    this.emitReserved("error", error);
    this.#onClose("transport error", error);
  }

  protected createTransport(name: string, purpose: Attempt["purpose"] = "open"): Transport {
    const { query, transportOptions } = this.opts;
    const transport = new (this.#implementations.get(name)!)({
      ...this.opts,
      query: { ...query, EIO: protocol, transport: name, ...(this.id && { sid: this.id }) },
      socket: this,
      ...transportOptions[name],
    });
    beginAttempt(this.diagnosis, transport, purpose);
    return transport;
  }

  #remember({ name }: Transport): void {
    Socket.priorWebsocketSuccess = name === "websocket";
    if (this.opts.race) winners.set(this.#origin, name);
  }

  get #origin(): string {
    return this.hostname + ":" + this.port;
  }

  /** @returns stops the timer */
  #after(callback: () => void, ms: number): () => void {
    const timer: Timer = this.setTimeoutFn(callback, ms);
    if (this.opts.autoUnref) timer.unref?.();
    return () => this.clearTimeoutFn(timer);
  }

  #open(): void {
    const { race, rememberUpgrade } = this.opts;
    if (this.transports.length === 0) {
      this.setTimeoutFn(() => this.emitReserved("error", "No transports available"), 0);
      return;
    }
    this.readyState = "opening";
    const winner = race ? winners.get(this.#origin) : undefined;
    const prefersWebSocket = race || (rememberUpgrade && Socket.priorWebsocketSuccess);
    const first = winner ?? (prefersWebSocket ? "websocket" : undefined);
    this.#stopOpening = startOpening(
      {
        create: (name) => (this.transport = this.createTransport(name)),
        after: (callback, ms) => this.#after(callback, ms),
        onWin: (winner, packet) => {
          this.#setTransport(winner);
          this.#onPacket(packet);
        },
        onLoss: (loser, cause, isLast) => {
          endAttempt(loser, "failed", cause);
          this.transports = this.transports.filter((name) => name !== loser.name);
          if (!isLast) return;
          if (cause instanceof Error) this._onError(cause);
          else this.#onClose("transport close", cause);
        },
      },
      planOpening(this.transports, this.opts, first, !!race && !winner),
    );
  }

  #setTransport(transport: Transport): void {
    this.transport?.off();
    this.transport = transport;
    transport.on("drain", () => this.#onDrain());
    transport.on("packet", (packet) => this.#onPacket(packet));
    transport.on("error", (error) => this._onError(error));
    transport.on("close", (details) => this.#onClose("transport close", details));
  }

  #createUpgrade(): Upgrade {
    return new Upgrade({
      create: (name) => {
        Socket.priorWebsocketSuccess = false;
        return this.createTransport(name, "upgrade");
      },
      after: (callback) => this.#after(callback, this.opts.upgradeTimeout!),
      onProbed: (candidate, onPaused) => {
        this.emitReserved("upgrading", candidate);
        this.#remember(candidate);
        if (this.readyState !== "closed") this.transport.pause(onPaused);
      },
      onCommit: (candidate) => {
        endAttempt(candidate, "upgraded");
        this.#setTransport(candidate);
        candidate.send([{ type: "upgrade" }]);
        this.emitReserved("upgrade", candidate);
        this.#afterUpgrade();
      },
      onFail: (candidate, error) => {
        endAttempt(candidate, "failed", error);
        if (this.readyState !== "closed") this.transport.resume();
        this.emitReserved("upgradeError", error);
        this.#afterUpgrade();
      },
    });
  }

  /** What was written while polling rested goes out. */
  #afterUpgrade(): void {
    this.#flush();
    this.#closeWhenIdle();
  }

  #onPage(signal: PageSignal): void {
    if (signal === "wake") this.checkAlive();
    else if (signal === "leave") {
      if (!this.opts.closeOnBeforeunload) return;
      // silently: the page goes on if its user stays
      this.transport.off();
      this.transport.close();
    } else if (signal === "freeze" || this.hostname !== "localhost") {
      const description = signal === "freeze" ? "page frozen" : "network connection lost";
      this.#onClose("transport close", { description });
    }
  }

  // hot path
  #onPacket(packet: Packet): void {
    if (this.readyState === "closed") return;
    this.emitReserved("packet", packet);
    this.emitReserved("heartbeat");
    if (packet.type === "error") {
      this._onError(new EngineError("INVALID_PACKET", { data: packet.data }));
    } else if (!this.#handshake) this.#onHandshake(packet);
    else if (packet.type === "ping") {
      this._sendPacket("pong");
      this.emitReserved("ping");
      this.emitReserved("pong");
      this.#resetPingTimeout();
    } else if (packet.type === "message") {
      this.emitReserved("data", packet.data);
      this.emitReserved("message", packet.data);
    }
  }

  #onHandshake(packet: Packet): void {
    const data = readHandshake(packet);
    if (!data) return this._onError(new EngineError("INVALID_HANDSHAKE", { data: packet.data }));
    this.#handshake = data;
    this.emitReserved("handshake", data);
    this.id = data.sid;
    this.transport.query["sid"] = data.sid;
    endAttempt(this.transport, "opened");
    if (this.readyState === "opening") this.readyState = "open";
    this.#remember(this.transport);
    this.emitReserved("open");
    this.#flush();
    const state = this.readyState as SocketState; // a listener may have closed
    if (state === "open" && this.opts.upgrade) {
      this.#upgrade.start(this._filterUpgrades(data.upgrades).filter((name) => name !== this.transport.name));
    }
    if (state !== "closed") this.#resetPingTimeout();
  }

  #resetPingTimeout(): void {
    const { pingInterval, pingTimeout } = this.#handshake!;
    this.#stopPingTimer?.();
    this._pingTimeoutTime = Date.now() + pingInterval + pingTimeout;
    this.#stopPingTimer = this.#after(() => this.#onClose("ping timeout"), pingInterval + pingTimeout);
  }

  #onDrain(): void {
    this.writeBuffer.splice(0, this.#inFlight);
    this.#inFlight = 0;
    if (this.writeBuffer.length > 0) return this.#flush();
    this.emitReserved("drain");
    this.#closeWhenIdle();
  }

  // hot path
  #flush(): void {
    const { writeBuffer, transport } = this;
    if (writeBuffer.length === 0 || !transport.writable || this.readyState === "closed") return;
    if (this.#upgrade.phase === "pausing") return;
    const limited = writeBuffer.length > 1 && transport.name === "polling" && this.maxPayload < Infinity;
    const packets = limited ? takeFitting(writeBuffer, this.maxPayload) : [...writeBuffer];
    this.#inFlight = packets.length;
    transport.send(packets);
    this.emitReserved("flush");
    for (const packet of packets) this.#callbacks.get(packet)?.();
  }

  #closeWhenIdle(): void {
    if (this.readyState === "closing" && this.writeBuffer.length === 0 && this.#upgrade.phase !== "pausing") {
      this.#onClose("forced close");
    }
  }

  #onClose(reason: string, details?: CloseDetails | Error): void {
    if (!this.readyState || this.readyState === "closed") return;
    this.#stopPingTimer?.();
    this.#stopOpening?.();
    pageListeners.delete(this.#page);
    this.transport.off();
    this.transport.close();
    if (details) endAttempt(this.transport, "failed", details);
    endSession(this.diagnosis, reason, details);
    this.readyState = "closed";
    this.id = null!;
    this.emitReserved("close", reason, details);
    this.#upgrade.sessionClosed();
    // afterwards, so that a listener can still see what was not sent
    this.writeBuffer = [];
    this.#inFlight = 0;
  }
}
