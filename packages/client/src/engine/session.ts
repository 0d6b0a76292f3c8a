import { type Packet, type PacketType, protocol } from "@portage/parser/engine";
import { Emitter } from "../emitter.ts";
import type { NoEvents } from "../typed-events.ts";
import type { CookieJar } from "./platform/cookie-jar.node.ts";
import { beginAttempt, closeDiagnosis, type Diagnosis, endAttempt, type Purpose } from "./diagnosis.ts";
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
import { type PageListener, pageListeners, type PageSignal } from "./platform/page.ts";
import { type ResolvedOptions, resolveOptions } from "./address/target.ts";
import { after, installTimerFunctions, nativeNow } from "./platform/timers.ts";
import {
  type CloseDetails,
  discard,
  Transport,
  type TransportEvent,
  type TransportHandler,
  type TransportOwner,
} from "./transports/transport.ts";

type SocketState = "opening" | "open" | "closing" | "closed";
export type Callback = (error?: Error) => void;

/** A packet of the write buffer. */
interface SentPacket extends Packet {
  /** Called when the transport has it. */
  onSent_?: Callback;
}

/** What opens a session. */
export interface SessionOpening {
  /** The session is over, and `close` is about to say so. */
  end_(): void;
}

/** What moves a session to a better transport. */
export interface SessionUpgrade {
  /** Whether nothing is sent now, because transports change. */
  readonly isHolding_: boolean;
  /** The session is open, or about to be closed; the server offers transports of these names. */
  begin_(offered: readonly string[]): void;
  /** The session is over, and `close` is about to say so. */
  end_(): void;
}

/**
 * A session with an Engine.IO server: the handshake, the heartbeat, the write buffer, the close. It works over the
 * transport that it is given by {@link Session.use_}; how that comes about is not its matter.
 *
 * Members that end with an underscore belong to the engine.
 */
export class Session
  extends Emitter<NoEvents, NoEvents, SocketReservedEvents>
  implements PageListener, TransportHandler, TransportOwner
{
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
  /** Undefined where one transport is all there is. */
  declare opening_: SessionOpening | undefined;
  /** Undefined where there is nothing to upgrade to. */
  declare upgrade_: SessionUpgrade | undefined;
  declare readonly opts: ResolvedOptions;
  declare protected readonly setTimeoutFn: typeof setTimeout;
  declare protected readonly clearTimeoutFn: typeof clearTimeout;

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

  /** Whether the connection opens or is open, and was not closed. */
  get isAlive_(): boolean {
    return this.readyState === "opening" || this.readyState === "open";
  }

  /** Closes the connection, once what was sent is delivered and an upgrade under way is complete. */
  close(): this {
    if (this.isAlive_) {
      this.readyState = "closing";
      this.flush();
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
      nextTick(() => this.end_("ping timeout"), this.setTimeoutFn);
    }
    return isExpired;
  }

  /** Puts a packet into the write buffer; after `close` nothing more is taken. */
  _sendPacket(type: PacketType, data?: RawData, options?: WriteOptions | null, fn?: Callback): void {
    if (this.readyState === "closing" || this.readyState === "closed") return;
    const packet: SentPacket = { type, data, options: { compress: options?.compress !== false } };
    if (fn) packet.onSent_ = fn;
    this.emitReserved("packetCreate", packet);
    this.writeBuffer.push(packet);
    this.flush();
  }

  _onError(error: Error): void {
    endAttempt(this.transport, "failed", error);
    this.emitReserved("error", error);
    this.end_("transport error", error);
  }

  /** @param name of the transport, in the query and in options */
  create_(Ctor: TransportCtor, name: string): Transport {
    const { query, transportOptions } = this.opts;
    return new Ctor({
      ...this.opts,
      query: { ...query, EIO: protocol, transport: name, ...(this.id && { sid: this.id }) },
      socket: this,
      ...transportOptions[name],
    });
  }

  /** Opens a transport, of which the handler hears from now on. */
  launch_(transport: Transport, purpose: Purpose, handler: TransportHandler): void {
    transport.handler_ = handler;
    beginAttempt(this.diagnosis, transport, purpose);
    pageListeners.add(this);
    transport.open();
  }

  /** Works over this transport from now on, and no longer over the one before. */
  use_(transport: Transport): void {
    if (this.transport) this.transport.handler_ = undefined;
    this.transport = transport;
    transport.handler_ = this;
  }

  /** Takes what the transport reports. */
  onTransport_(event: TransportEvent, value: unknown): void {
    if (event === "packet") this.#onPacket(value as Packet);
    else if (event === "drain") this.#onDrain();
    else if (event === "error") this._onError(value as Error);
    else if (event === "close") this.end_("transport close", value as CloseDetails);
  }

  #onDrain(): void {
    this.writeBuffer.splice(0, this.#inFlight);
    this.#inFlight = 0;
    if (!this.writeBuffer.length) this.emitReserved("drain");
    this.flush();
  }

  onPage_(signal: PageSignal): void {
    if (signal === "wake") this.checkAlive();
    else if (signal === "leave") {
      // silently: the page that would hear of it is gone
      if (this.opts.closeOnBeforeunload) discard(this.transport);
    } else if (signal === "page frozen" || this.hostname !== "localhost") {
      this.end_("transport close", { description: signal });
    }
  }

  #onPacket(packet: Packet): void {
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
    if (this.readyState === "open") this.upgrade_?.begin_(upgrades);
  }

  #resetPingTimeout(): void {
    this.#stopPingTimer?.();
    this._pingTimeoutTime = this.#now() + this.#patience;
    this.#stopPingTimer = after(this, this.#patience, () => this.end_("ping timeout"));
  }

  #now(): number {
    return this.opts.useNativeTimers ? nativeNow() : Date.now();
  }

  /** Sends what waits, or ends what `close` has begun, if that is possible now. */
  flush(): void {
    const { readyState, transport, writeBuffer } = this;
    if (readyState === "closed" || this.upgrade_?.isHolding_) return;
    if (!writeBuffer.length) {
      if (readyState === "closing") this.end_("forced close");
    } else if (transport?.writable) {
      const packets = transport.fitting_(writeBuffer, this.maxPayload);
      this.#inFlight = packets.length;
      transport.send(packets);
      this.emitReserved("flush");
      for (const packet of packets as SentPacket[]) packet.onSent_?.();
    }
  }

  /** Closes the connection at once. */
  end_(reason: string, details?: CloseDetails | Error): void {
    if (!this.readyState || this.readyState === "closed") return;
    this.#stopPingTimer?.();
    pageListeners.delete(this);
    discard(this.transport);
    if (details) endAttempt(this.transport, "failed", details);
    closeDiagnosis(this.diagnosis, reason, details);
    this.readyState = "closed";
    this.id = null!;
    this.opening_?.end_();
    this.upgrade_?.end_();
    this.emitReserved("close", reason, details);
    // afterwards, so that a listener can still see what was not sent
    this.writeBuffer = [];
    this.#inFlight = 0;
  }
}

observe(Session.prototype, Transport.prototype);
