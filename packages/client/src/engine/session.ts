/*
 * States of a session: undefined (without an available transport), `opening` (until the handshake), `open`, `closing`
 * (after `close`, while packets are left to send or an upgrade is pausing), `closed`. States only move forward.
 *
 * Invariants between calls:
 * - The session handles the events of one transport, `transport`. Until the first packet the opening handles them.
 * - The first `#inFlight` packets of `writeBuffer` belong to the transport, which has not emitted `drain` yet; the rest
 *   is queued. Only `flush` passes queued packets on, and it passes none while the transport is not writable.
 * - `id` is set, and one ping timer runs, from the handshake to the end.
 * - `end_` takes effect once: it sets `closed` before any listener runs.
 *
 * A transport with packets in flight must not be replaced: the next `drain` would remove packets that it never
 * delivered. The upgrade therefore pauses polling first, and `isHolding_` blocks `flush` meanwhile.
 */
import { type Packet, type PacketType, protocol } from "@portage/parser/engine";
import { Emitter } from "../emitter.ts";
import type { NoEvents } from "../typed-events.ts";
import type { CookieJar } from "./platform/cookie-jar.node.ts";
import { Carry, type CarryHost } from "./carry.ts";
import { beginAttempt, closeDiagnosis, type Diagnosis, endAttempt, noteDeath, type Purpose } from "./diagnosis.ts";
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
import type { SessionOpening, SessionUpgrade } from "./session-parts.ts";
import { after, installTimerFunctions, nativeNow } from "./platform/timers.ts";
import {
  type CloseDetails,
  discard,
  Transport,
  type TransportEvent,
  type TransportHandler,
  type TransportSocket,
} from "./transports/transport.ts";

type SocketState = "opening" | "open" | "closing" | "closed";
export type SentCallback = (error?: Error) => void;

/** The reason with which a session ends after an error. */
const BROKEN = "transport error";

/** A program that uses one of these in its own query has it in every request, and goes without. */
const CARRY_PARAMETERS = ["carry", "key", "turn"];

/** A packet in the write buffer. */
interface SentPacket extends Packet {
  /** Called after the transport has accepted the packet. */
  onSent_?: SentCallback | undefined;
}

/**
 * A session with an Engine.IO server: handshake, heartbeat, write buffer, close. {@link Session.use_} sets its transport;
 * subclasses and their parts decide which. Members that end with an underscore are private to the engine.
 */
export abstract class Session
  extends Emitter<NoEvents, NoEvents, SocketReservedEvents>
  implements CarryHost, PageListener, TransportHandler, TransportSocket
{
  /** Id of the session; undefined before the handshake, null after the end. */
  declare id: string;
  /** The current transport; while the session opens, the last one tried. */
  declare transport: Transport;
  /** Names of the transports not ruled out by a failure. */
  declare transports: string[];
  /** Type of received bytes. Default `nodebuffer` in Node.js, elsewhere `arraybuffer`. */
  binaryType: BinaryType = defaultBinaryType;
  /** State of the session. */
  declare readyState: SocketState;
  /** The outgoing queue, including packets that the transport is still sending. */
  writeBuffer: Packet[] = [];
  /** The last 16 attempts to connect, with times, outcomes and failures, as plain data. */
  readonly diagnosis: Diagnosis = { attempts: [] };
  /** The server's size limit for one message in bytes; Infinity before the handshake or if the server sets none. */
  readonly maxPayload: number = Infinity;
  /** Host of the server, without brackets. */
  declare readonly hostname: string;
  /** Port of the server. */
  declare readonly port: string | number;
  /** Whether the connection is encrypted. */
  declare readonly secure: boolean;
  /** Cookies of the server (Node.js, with `withCredentials`). */
  declare _cookieJar: CookieJar | undefined;
  /** Time at which the server's next ping is overdue, in milliseconds since the epoch; 0 once the session must end. */
  _pingTimeoutTime = Infinity;
  /** Whether a message has arrived. */
  hasReceived_ = false;
  /** Undefined once the first packet has arrived, and for sessions with a fixed transport. */
  declare opening_: SessionOpening | undefined;
  /** Undefined if the session must not upgrade. */
  declare upgrade_: SessionUpgrade | undefined;
  /** Undefined if the session ends with its transport. */
  declare carry_: Carry | undefined;
  /** Names of the transports that the session can be upgraded to. */
  declare offered_: readonly string[];
  /** The options, with defaults filled in. */
  declare readonly opts: ResolvedOptions;
  /** `setTimeout`, as the option `useNativeTimers` chooses it. */
  declare protected readonly setTimeoutFn: typeof setTimeout;
  declare protected readonly clearTimeoutFn: typeof clearTimeout;

  /** Milliseconds from one ping of the server until the next one is overdue. */
  #patience = 0;
  /** Number of packets at the start of the write buffer that the transport is sending. */
  #inFlight = 0;
  #stopPingTimer: (() => void) | undefined;

  constructor(uri: string | null | undefined, opts: SocketOptions) {
    super();
    this.opts = resolveOptions(uri, opts);
    const { carry, hostname, port, query, secure } = this.opts;
    this.opts.carry = carry !== false && !CARRY_PARAMETERS.some((name) => name in Object(query));
    Object.assign(this, { hostname, port, secure });
    installTimerFunctions(this, this.opts);
    addCookieJar(this, this.opts);
  }

  /**
   * Sends a message: a string or bytes.
   *
   * @param fn called once the transport has accepted the message; with an {@link EngineError} if the socket refuses it, see
   *   `refuseTooLarge`
   */
  send(data: RawData, options?: WriteOptions | SentCallback | null, fn?: SentCallback): this {
    // a function has no `compress`
    const isCallback = typeof options === "function";
    this._sendPacket("message", data, options as WriteOptions, isCallback ? options : fn);
    return this;
  }

  /** The same as {@link Socket.send}. */
  write(data: RawData, options?: WriteOptions | SentCallback | null, fn?: SentCallback): this {
    return this.send(data, options, fn);
  }

  /** Whether the connection is opening or open. */
  get isAlive_(): boolean {
    return this.readyState === "opening" || this.readyState === "open";
  }

  /** Closes the connection after the write buffer is empty and a pausing upgrade has ended. */
  close(): this {
    if (this.isAlive_) {
      this.readyState = "closing";
      this.flush();
    }
    return this;
  }

  /**
   * Closes the connection if a ping of the server is overdue: after a machine slept or a browser throttled the page, timers
   * are late. The socket calls this when the page comes back (`online`, `pageshow`, `visibilitychange`). Only the server
   * sends pings, so a dead connection is detected no earlier than its next ping is overdue.
   *
   * @returns whether the connection is open and its ping not overdue
   */
  checkAlive(): boolean {
    return this.readyState === "open" && !this._hasPingExpired();
  }

  /** Whether the server's ping is overdue; if so, the connection closes in the next tick. */
  _hasPingExpired(): boolean {
    const isExpired = this.#now() > this._pingTimeoutTime;
    if (isExpired && this._pingTimeoutTime > 0) {
      this._pingTimeoutTime = 0;
      nextTick(() => this.fail_("ping timeout"), this.setTimeoutFn);
    }
    return isExpired;
  }

  /** Adds a packet to the write buffer; drops it after `close`. */
  _sendPacket(type: PacketType, data?: RawData, options?: WriteOptions | null, fn?: SentCallback): void {
    if (!this.isAlive_) return;
    const packet: SentPacket = { type, data, options: { compress: options?.compress !== false }, onSent_: fn };
    this.emitReserved("packetCreate", packet);
    this.writeBuffer.push(packet);
    this.flush();
  }

  _onError(error: Error): void {
    endAttempt(this.transport, "failed", error);
    this.emitReserved("error", error);
    this.end_(BROKEN, error);
  }

  /** @param name the transport's name in the query and in `transportOptions` */
  create_(Ctor: TransportCtor, name: string): Transport {
    const { carry_ } = this;
    const { carry, query, transportOptions } = this.opts;
    return new Ctor({
      ...this.opts,
      query: {
        ...query,
        EIO: protocol,
        transport: name,
        ...(this.id ? { sid: this.id, ...(carry_ && { turn: carry_.turn_ }) } : carry && { carry: 1 }),
      },
      socket: this,
      ...transportOptions[name],
    });
  }

  /** Makes a transport of the client by its name. */
  abstract createTransport(name: string): Transport;

  /** Opens a transport and sets the handler of its events. */
  launch_(transport: Transport, purpose: Purpose, handler: TransportHandler): void {
    transport.handler_ = handler;
    beginAttempt(this.diagnosis, transport, purpose);
    pageListeners.add(this);
    transport.open();
  }

  /** Replaces the current transport; events of the old one are ignored. */
  use_(transport: Transport): void {
    if (this.transport) this.transport.handler_ = undefined;
    this.transport = transport;
    transport.handler_ = this;
  }

  /** Handles an event of the transport. */
  onTransport_(event: TransportEvent, value: unknown): void {
    if (event === "packet") this.#onPacket(value as Packet);
    else if (event === "drain") this.#onDrain();
    else if (event === "error") this.fail_(BROKEN, value as Error);
    else if (event === "close") this.fail_("transport close", value as CloseDetails);
  }

  /** The transport is of no use any more: ends the session, unless it survives. */
  fail_(reason: string, details?: CloseDetails | Error): void {
    if (this.carry_?.lose_(reason, details)) return;
    if (reason === BROKEN) this._onError(details as Error);
    else this.end_(reason, details);
  }

  leave_(reason: string, details?: CloseDetails | Error): void {
    const { transport } = this;
    this.recordDeath_(reason, details);
    noteDeath(transport, details ?? { description: reason });
    this.#stopPingTimer?.();
    this._pingTimeoutTime = Infinity;
    // the ledger has these messages
    this.writeBuffer.splice(0, this.#inFlight);
    this.#inFlight = 0;
    this.upgrade_?.end_();
    if (transport.buffered_ != null) this.offered_ = [...new Set(this.offered_).add(transport.name)];
  }

  resume_(transport: Transport, lost: readonly Packet[]): void {
    const { name } = this.transport;
    this.use_(transport);
    this.writeBuffer.unshift(...lost);
    this.#resetPingTimeout();
    this.flush();
    this.emitReserved("carried", name, transport.name);
  }

  /** Milliseconds for which no WebSocket is tried. */
  calm_(): number {
    return 0;
  }

  recordDeath_(_reason: string, _details?: CloseDetails | Error): void {}

  #onDrain(): void {
    this.writeBuffer.splice(0, this.#inFlight);
    this.#inFlight = 0;
    if (!this.writeBuffer.length) this.emitReserved("drain");
    this.flush();
  }

  onPage_(signal: PageSignal): void {
    if (signal === "wake") this.checkAlive();
    else if (signal === "leave") {
      // without events, as the page that would handle them is gone
      if (this.opts.closeOnBeforeunload) discard(this.transport);
    } else if (signal === "page frozen" || this.hostname !== "localhost") {
      const details = { description: signal };
      // a frozen page can't return in time
      if (signal === "page frozen") this.end_("transport close", details);
      else this.fail_("transport close", details);
    }
  }

  #onPacket(packet: Packet): void {
    if (this.readyState === "closed") return;
    this.emitReserved("packet", packet);
    this.emitReserved("heartbeat");
    this.carry_?.hear_(packet);
    if (packet.type === "error") {
      this.fail_(BROKEN, new EngineError("INVALID_PACKET", ENGINE_ERRORS.INVALID_PACKET, { data: packet.data }));
    } else if (!this.id) this.#onHandshake(packet);
    else if (packet.type === "ping") {
      this._sendPacket("pong", this.carry_?.report_());
      this.emitReserved("ping");
      this.emitReserved("pong");
      this.#resetPingTimeout();
    } else if (packet.type === "message") {
      this.hasReceived_ = true;
      this.emitReserved("data", packet.data);
      this.emitReserved("message", packet.data);
    }
  }

  #onHandshake({ type, data: text }: Packet): void {
    let data: Partial<HandshakeData> = {};
    try {
      data = Object(JSON.parse(text as string));
    } catch {
      // a handshake without a session id is refused below
    }
    const { sid, upgrades, pingInterval, pingTimeout, maxPayload, carry } = data as HandshakeData;
    this.#patience = pingInterval + pingTimeout;
    if (type !== "open" || !sid || typeof sid !== "string" || !Array.isArray(upgrades) || !(this.#patience >= 0)) {
      return this._onError(new EngineError("INVALID_HANDSHAKE", ENGINE_ERRORS.INVALID_HANDSHAKE, { data: text }));
    }
    this.emitReserved("handshake", data as HandshakeData);
    Object.assign(this, { id: sid, maxPayload: maxPayload || Infinity, offered_: upgrades });
    this.transport.query["sid"] = sid;
    endAttempt(this.transport, "opened");
    if (this.opts.carry) {
      delete this.transport.query["carry"];
      if (carry) this.carry_ = new Carry(this, carry);
    }
    if (this.readyState === "opening") this.readyState = "open";
    this.emitReserved("open");
    this.flush();
    // a listener may have ended the session
    if ((this.readyState as SocketState) === "closed") return;
    this.#resetPingTimeout();
    if (this.readyState === "open") this.upgrade_?.begin_(upgrades);
  }

  #resetPingTimeout(): void {
    this.#stopPingTimer?.();
    this._pingTimeoutTime = this.#now() + this.#patience;
    this.#stopPingTimer = after(this, this.#patience, () => this.fail_("ping timeout"));
  }

  #now(): number {
    return this.opts.useNativeTimers ? nativeNow() : Date.now();
  }

  /** Sends queued packets if the transport is writable; ends a closing session once the queue is empty. */
  flush(): void {
    const { readyState, transport, writeBuffer } = this;
    if (readyState === "closed" || this.upgrade_?.isHolding_ || this.carry_?.isHolding_) return;
    if (!writeBuffer.length) {
      if (readyState === "closing") this.end_("forced close");
    } else if (transport?.writable && this.id) {
      const packets = transport.fitting_(writeBuffer, this.maxPayload);
      this.#inFlight = packets.length;
      this.carry_?.sent_(packets);
      transport.send(packets);
      this.emitReserved("flush");
      for (const packet of packets as SentPacket[]) {
        packet.onSent_?.();
        // a packet that is sent again has been reported
        delete packet.onSent_;
      }
    }
  }

  /** Ends the session at once; repeated calls have no effect. */
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
    this.carry_?.end_();
    this.emitReserved("close", reason, details);
    // cleared last, so that listeners can read the unsent packets
    this.writeBuffer = [];
    this.#inFlight = 0;
  }
}

observe(Session.prototype, Transport.prototype);
