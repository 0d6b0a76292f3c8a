import { type Packet, type PacketType, protocol } from "@portage/parser/engine";
import { Emitter, listen } from "../emitter.ts";
import type { NoEvents } from "../typed-events.ts";
import type { CookieJar } from "./platform/cookie-jar.node.ts";
import { type Attempt, describeFailure, type Diagnosis, endAttempt, MAX_ATTEMPTS } from "./diagnosis.ts";
import { addCookieJar, defaultBinaryType, nextTick } from "./platform/globals.node.ts";
import { ENGINE_ERRORS, EngineError } from "./errors.ts";
import type {
  BinaryType,
  HandshakeData,
  RawData,
  SocketOptions,
  SocketReservedEvents,
  TransportCtor,
  WriteOptions,
} from "./options.ts";
import { observe } from "./observe.node.ts";
import { pageListeners, type PageSignal } from "./platform/page.ts";
import { type ResolvedOptions, resolveOptions } from "./address/target.ts";
import { after, installTimerFunctions, nativeNow } from "./platform/timers.ts";
import { type CloseDetails, Transport, type TransportReservedEvents } from "./transports/transport.ts";

type SocketState = "opening" | "open" | "closing" | "closed";
export type Callback = (error?: Error) => void;

/**
 * What every connection to an Engine.IO server has: the handshake, the heartbeat, the write buffer, the close. How its
 * transport comes about is the matter of subclasses, which open it with their constructor.
 */
export abstract class BaseSocket extends Emitter<NoEvents, NoEvents, SocketReservedEvents> {
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
  /** Most bytes of one message that the server accepts; Infinity while that is not known. */
  readonly maxPayload: number = Infinity;
  declare readonly hostname: string;
  declare readonly port: string | number;
  declare readonly secure: boolean;
  /** Cookies of the server (Node.js, with `withCredentials`). */
  declare _cookieJar: CookieJar | undefined;
  /** When, in milliseconds since the epoch, the server's next ping is overdue. */
  _pingTimeoutTime = Infinity;
  declare protected readonly opts: ResolvedOptions;
  declare protected readonly setTimeoutFn: typeof setTimeout;
  declare protected readonly clearTimeoutFn: typeof clearTimeout;

  /** Of `send`; made for the first of them. */
  #callbacks: WeakMap<Packet, Callback> | undefined;
  /** Milliseconds from one ping of the server until the next one is overdue. */
  #patience = 0;
  /** Packets of the write buffer that the transport has. */
  #inFlight = 0;
  #stopPingTimer: (() => void) | undefined;

  constructor(uri: string | null | undefined, opts: SocketOptions) {
    super();
    this.opts = resolveOptions(uri, opts);
    const { hostname, port, secure } = this.opts;
    Object.assign(this, { hostname, port, secure });
    installTimerFunctions(this, this.opts);
    addCookieJar(this, this.opts);
  }

  /**
   * Sends a message: a string or bytes.
   *
   * @param fn called when the message has been handed to the transport; with an {@link EngineError} when it was
   *   refused, see `refuseTooLarge`
   */
  send(data: RawData, options?: WriteOptions | Callback | null, fn?: Callback): this {
    // a function has no `compress`
    const isCallback = typeof options === "function";
    this._sendPacket("message", data, options as WriteOptions, isCallback ? options : fn);
    return this;
  }

  /** The same as {@link Socket.send}. */
  write(data: RawData, options?: WriteOptions | Callback | null, fn?: Callback): this {
    return this.send(data, options, fn);
  }

  /** Closes the connection, once what was sent is delivered and an upgrade under way is complete. */
  close(): this {
    if (/open/.test(this.readyState)) {
      this.readyState = "closing";
      this.closeWhenIdle();
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
    const isExpired = this.#now() > this._pingTimeoutTime;
    if (isExpired && this._pingTimeoutTime > 0) {
      this._pingTimeoutTime = 0;
      nextTick(() => this.endSession("ping timeout"), this.setTimeoutFn);
    }
    return isExpired;
  }

  /** Puts a packet into the write buffer; after `close` nothing more is taken. */
  _sendPacket(type: PacketType, data?: RawData, options?: WriteOptions | null, fn?: Callback): void {
    if (/clos/.test(this.readyState)) return;
    const packet = { type, data, options: { compress: options?.compress !== false } };
    this.emitReserved("packetCreate", packet);
    this.writeBuffer.push(packet);
    if (fn) (this.#callbacks ??= new WeakMap()).set(packet, fn);
    this.flush();
  }

  _onError(error: Error): void {
    this.emitReserved("error", error);
    this.endSession("transport error", error);
  }

  /** @param name of the transport, in the query and in options */
  protected buildTransport(Ctor: TransportCtor, name: string, purpose: Attempt["purpose"] = "open"): Transport {
    const { query, transportOptions } = this.opts;
    const transport = new Ctor({
      ...this.opts,
      query: { ...query, EIO: protocol, transport: name, ...(this.id && { sid: this.id }) },
      socket: this,
      ...transportOptions[name],
    });
    const attempt: Attempt = { transport: transport.name, purpose, at: Date.now(), outcome: "pending" };
    transport.attempt = attempt;
    this.diagnosis.attempts = [...this.diagnosis.attempts.slice(1 - MAX_ATTEMPTS), attempt];
    pageListeners.add(this.#onPage);
    return transport;
  }

  /** Listens to a transport from now on, and no longer to the one before. */
  protected setTransport(transport: Transport): void {
    if (transport !== this.transport) this.transport?.off();
    this.transport = transport;
    listen<TransportReservedEvents>(transport, {
      drain: () => {
        this.writeBuffer.splice(0, this.#inFlight);
        this.#inFlight = 0;
        if (this.writeBuffer.length) return this.flush();
        this.emitReserved("drain");
        this.closeWhenIdle();
      },
      packet: (packet) => this.receive(packet),
      error: (error) => this._onError(error),
      close: (details) => this.endSession("transport close", details),
    });
  }

  /** Whether nothing is sent now, because transports change. */
  protected get isHeld(): boolean {
    return false;
  }

  /** The packets of the write buffer that go out together. */
  protected nextBatch(): Packet[] {
    return [...this.writeBuffer];
  }

  /** The session is open, or about to be closed, and may be upgraded to transports of these names. */
  protected onSession(_upgrades: readonly string[]): void {}

  /** The session is over, and `close` is about to say so. */
  protected onSessionEnd(): void {}

  readonly #onPage = (signal: PageSignal): void => {
    if (signal === "wake") this.checkAlive();
    else if (signal === "leave") {
      if (!this.opts.closeOnBeforeunload) return;
      // silently: the page that would hear of it is gone
      this.transport.off();
      this.transport.close();
    } else if (signal === "page frozen" || this.hostname !== "localhost") {
      this.endSession("transport close", { description: signal });
    }
  };

  /** Takes a packet of the transport. */
  protected receive(packet: Packet): void {
    if (this.readyState === "closed") return;
    this.emitReserved("packet", packet);
    this.emitReserved("heartbeat");
    if (packet.type === "error") {
      this._onError(new EngineError("INVALID_PACKET", ENGINE_ERRORS.INVALID_PACKET, { data: packet.data }));
    } else if (!this.id) this.#onHandshake(packet);
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

  #onHandshake({ type, data: text }: Packet): void {
    let data: Partial<HandshakeData> = {};
    try {
      data = Object(JSON.parse(text as string));
    } catch {
      // what has no session id is no handshake
    }
    const { sid, upgrades, pingInterval, pingTimeout, maxPayload } = data as HandshakeData;
    this.#patience = pingInterval + pingTimeout;
    if (type !== "open" || !sid || typeof sid !== "string" || !Array.isArray(upgrades) || !(this.#patience >= 0)) {
      return this._onError(new EngineError("INVALID_HANDSHAKE", ENGINE_ERRORS.INVALID_HANDSHAKE, { data: text }));
    }
    this.emitReserved("handshake", data as HandshakeData);
    Object.assign(this, { id: sid, maxPayload: maxPayload || Infinity });
    this.transport.query["sid"] = sid;
    endAttempt(this.transport, "opened");
    if (this.readyState === "opening") this.readyState = "open";
    this.emitReserved("open");
    this.flush();
    // a listener may have closed
    if ((this.readyState as SocketState) === "closed") return;
    this.#resetPingTimeout();
    this.onSession(upgrades);
  }

  #resetPingTimeout(): void {
    this.#stopPingTimer?.();
    this._pingTimeoutTime = this.#now() + this.#patience;
    this.#stopPingTimer = after(this, this.#patience, () => this.endSession("ping timeout"));
  }

  #now(): number {
    return this.opts.useNativeTimers ? nativeNow() : Date.now();
  }

  /** Sends what waits, if that is possible now. */
  protected flush(): void {
    const { writeBuffer, transport } = this;
    if (!writeBuffer.length || !transport.writable || this.readyState === "closed" || this.isHeld) return;
    const packets = this.nextBatch();
    this.#inFlight = packets.length;
    transport.send(packets);
    this.emitReserved("flush");
    for (const packet of packets) this.#callbacks?.get(packet)?.();
  }

  /** Ends what `close` has begun. */
  protected closeWhenIdle(): void {
    if (this.readyState === "closing" && !this.writeBuffer.length && !this.isHeld) {
      this.endSession("forced close");
    }
  }

  /** Closes the connection at once. */
  protected endSession(reason: string, details?: CloseDetails | Error): void {
    if (!this.readyState || this.readyState === "closed") return;
    this.#stopPingTimer?.();
    pageListeners.delete(this.#onPage);
    this.transport.off();
    this.transport.close();
    if (details) endAttempt(this.transport, "failed", details);
    const { diagnosis } = this;
    for (const attempt of diagnosis.attempts) if (attempt.outcome === "pending") attempt.outcome = "dropped";
    diagnosis.closed = { reason, at: Date.now(), failure: describeFailure(details) };
    this.readyState = "closed";
    this.id = null!;
    this.onSessionEnd();
    this.emitReserved("close", reason, details);
    // afterwards, so that a listener can still see what was not sent
    this.writeBuffer = [];
    this.#inFlight = 0;
  }
}

observe(BaseSocket.prototype, Transport.prototype);
