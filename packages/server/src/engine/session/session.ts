import { EnginePacket, type EnginePacketType, type RawData } from "@portage/parser/engine";
import { assignable } from "../../base/assignable.ts";
import { createLog } from "../../base/log.ts";
import { type CloseReason, closeReason, ownReason } from "../report/close-codes.ts";
import { Congestion, countQueued, countTaken, type OutgoingQueue } from "../outgoing/congestion.ts";
import { type FlushableSession, flushSoon } from "./flush-queue.ts";
import type { Carry, CarryQuery } from "../carry/carry.ts";
import { takeBack } from "../carry/return.ts";
import { Beat } from "../timing-wheel.ts";
import { answerPendingPoll, offerTo, releaseClient, takeOver } from "./hand-over.ts";
import { messageData, type SendCallback, SendCallbacks, writeParts } from "./sending.ts";
import { COMPRESS, type PreparedMessage, type PacketSendOptions, sendOptions } from "../outgoing/prepared-message.ts";
import { SessionTimes } from "./times.ts";
import { endedByEvent, endTransport, isMoving, recordSessionEnd } from "./end.ts";
import { extendPong, heartbeatOf, type HeartbeatPhase, type Pinging, takeControlPacket } from "./heartbeat.ts";
import { NO_HANDLER, type SendFlags, type SessionHandler, type SessionHost, type SessionState } from "./host.ts";
import type { UpgradeFailure } from "../report/stats.ts";
import { carrierOf } from "../transports/registry.ts";
import type { Transport, TransportOwner } from "../transports/transport.ts";
import type { TransportRequest } from "../http/request.ts";
import { UpgradeAttempt, type UpgradingSession, type UpgradeAttemptSignal } from "./upgrade.ts";
import { kObserved } from "../../base/emitter.ts";
import {
  kHeartbeatPhase,
  kBeat,
  kCarriedBy,
  kCarry,
  kChargedFrom,
  kEngineClock,
  kCommitted,
  kCongestion,
  kEnqueue,
  kFailSession,
  kSetSessionHandler,
  kHeardAt,
  kOfferUpgrade,
  kOnBeat,
  kRemoveSession,
  kReportUpgradeFailure,
  kProbed,
  kQueuedBytes,
  kSelf,
  kSendPrepared,
  kSlowReader,
  kStats,
  kTakeBack,
  kTimingWheel,
  kTakeClosing,
  kTakeDrain,
  kTakeEnd,
  kTakeMessage,
  kTap,
  kUpgradeFailed,
  kWatchQueue,
} from "../keys.ts";

// Private members. Symbols, not `#private`, so that proxies and `Object.create()` work.
const kSessionHandler = Symbol("sessionHandler");
const kSessionUpgrade = Symbol("sessionUpgrade");
const kSendCallbacks = Symbol("sendCallbacks");
const kQueuePacket = Symbol("queuePacket");
const kLeaveTransport = Symbol("leaveTransport");
const kCloseIfFlushed = Symbol("closeIfFlushed");

const log = createLog("engine:socket");
const EMPTY_QUEUE: EnginePacket[] = Object.freeze([] as EnginePacket[]) as EnginePacket[];

/**
 * One Engine.IO connection across its transports; public name `Socket`.
 *
 * Packets are queued and flushed once a tick ({@link flushSoon}). They stay queued while the transport is not writable.
 * Public events (`message`, `packet`, `flush`, ...) are emitted only if they have listeners.
 *
 * @example
 * engine.on("connection", (session) => {
 *   session.on("message", (data) => session.send(data));
 *   session.on("close", (reason) => console.log(session.id, reason));
 * });
 */
export class Session
  extends SessionTimes
  implements TransportOwner, UpgradingSession, Pinging, FlushableSession, OutgoingQueue
{
  /** The session id: 20 characters from 120 random bits. */
  readonly id: string;
  /** The engine server. */
  readonly server: SessionHost;
  /** The client's Engine.IO protocol revision. */
  readonly protocol: 3 | 4;
  /** The address of the client, or of the proxy next to the server. */
  readonly remoteAddress: string;
  /** The current transport. */
  transport: Transport;
  /** `opening`, `open`, `closing` (packets are being flushed) or `closed`. */
  readyState: SessionState = "opening";
  /** Queued packets. Still readable when `close` is emitted, so that a program can save them. */
  writeBuffer: EnginePacket[] = EMPTY_QUEUE;
  /** Bytes and characters in {@link writeBuffer}. */
  [kQueuedBytes] = 0;
  [kChargedFrom] = -1;
  /** Backpressure; created when the queue first exceeds `slowReader.soft`, or by `kWatchQueue`. */
  [kCongestion]: Congestion | undefined = undefined;
  /** Why the session ended or is closing; undefined before. */
  declare closeReason?: CloseReason;
  readonly [kBeat]: Beat;
  private [kSessionHandler]: SessionHandler = NO_HANDLER;
  private [kSessionUpgrade]: UpgradeAttempt | undefined;
  [kHeartbeatPhase]: HeartbeatPhase = "interval";
  [kHeardAt] = 0;
  [kCarry]: Carry | undefined = undefined;
  private [kSendCallbacks]: SendCallbacks | undefined;

  constructor(id: string, server: SessionHost, transport: Transport, request: TransportRequest) {
    super(request, server[kEngineClock].now());
    this.id = id;
    this.server = server;
    this.transport = transport;
    this.protocol = transport.protocol;
    this.remoteAddress = request.socket?.remoteAddress ?? "";
    this[kBeat] = new Beat(this);
    server[kStats].recordOpen(transport.name, transport.protocol);
  }

  /** The session itself, if a method is called on a proxy or on an object that inherits from it. */
  private get [kSelf](): this {
    return this[kBeat].entry as this;
  }

  /** Whether the session has been upgraded. */
  get upgraded(): boolean {
    return this[kSessionUpgrade]?.phase === "upgraded";
  }

  /** Whether an upgrade is in progress. */
  get upgrading(): boolean {
    const phase = this[kSessionUpgrade]?.phase;
    return phase === "probing" || phase === "probed";
  }

  /** Whether a packet sent now would leave at once. Volatile packets are dropped otherwise. */
  get writable(): boolean {
    return this.transport.writable && this.writeBuffer.length === 0;
  }

  /** Bytes, and characters of text, that are queued or not yet handed to the system. */
  get bufferedBytes(): number {
    return this[kQueuedBytes] + this.transport.bufferedBytes;
  }

  /** How often the session has gone on over another transport after the death of one. */
  get carried(): number {
    return this[kCarry]?.times ?? 0;
  }

  get [kCarriedBy](): ReturnType<typeof carrierOf> {
    return carrierOf(this.transport.name);
  }

  /** Returns the session's backpressure state; creates it if needed. */
  [kWatchQueue](): Congestion {
    return (this[kCongestion] ??= new Congestion(this));
  }

  /** Sets the handler for messages and the end of the session. Replaces an earlier handler. */
  [kSetSessionHandler](handler: SessionHandler): void {
    this[kSessionHandler] = handler;
  }

  // ---- incoming ----------------------------------------------------------------------------------------------------

  onPacket(packet: EnginePacket): void {
    if (this.readyState !== "open" && !isMoving(this)) return;
    const { [kStats]: stats } = this.server;
    stats.packetsIn += 1;
    if (packet.data !== undefined) stats.bytesIn += packet.data.length;
    if (log.enabled) log("session %s received packet %s %o", this.id, packet.type, packet.data);
    if (this[kTap] !== undefined) this[kTap].take("in", packet);
    if (this[kObserved] && this.listenerCount("packet") > 0) this.emit("packet", packet);
    if (this[kHeartbeatPhase] === "pong") extendPong(this);
    if (packet.type !== "message") return takeControlPacket(this, packet);
    this[kCarry]?.countReceived(packet);
    const { data = "" } = packet;
    this[kSessionHandler][kTakeMessage](data);
    if (!this[kObserved]) return;
    this.emit("data", data);
    this.emit("message", data);
  }

  onDrain(): void {
    this[kSendCallbacks]?.run(this.writeBuffer, this.transport);
    this.flush();
    if (this[kSessionUpgrade]?.phase === "probed") answerPendingPoll(this);
  }

  /** Called by the transport at its end. A program may call it too, with its own reason string. */
  onClose(reason?: CloseReason | string, description?: unknown): void {
    const self = this[kSelf];
    if (typeof reason !== "object") self[kFailSession](ownReason(reason, description));
    else if (self[kCarry]?.lose(reason)) self[kLeaveTransport]();
    else self[kFailSession](reason);
  }

  /** Emits an event. Emitting `close` or `error` ends the session, as in engine.io. */
  override emit(event: string | symbol, ...args: unknown[]): boolean {
    return endedByEvent(this[kSelf], this[kSessionHandler], event, args) || super.emit(event, ...args);
  }

  // ---- heartbeat ---------------------------------------------------------------------------------------------------

  [kOnBeat](): void {
    heartbeatOf(this).onBeat(this);
  }

  // ---- outgoing ----------------------------------------------------------------------------------------------------

  /**
   * Sends a message.
   *
   * @param options can be omitted
   * @param callback receives the transport that took the message; not called if the session ends first
   */
  send(data: RawData, options?: SendFlags | SendCallback | null, callback?: SendCallback): this {
    this.sendPacket("message", data, options, callback);
    return this;
  }

  /** Alias of {@link send}. */
  write(data: RawData, options?: SendFlags | SendCallback | null, callback?: SendCallback): this {
    this.sendPacket("message", data, options, callback);
    return this;
  }

  /** Sends a packet of any type; use {@link send} for messages. Does nothing after the session has ended. */
  sendPacket(
    type: EnginePacketType,
    data?: RawData,
    options?: SendFlags | SendCallback | null,
    callback?: SendCallback,
  ): void {
    if (typeof options === "function") return this.sendPacket(type, data, undefined, options);
    const self = this[kSelf];
    const content = data === undefined || data === null ? undefined : messageData(data);
    const packet = self[kEnqueue](type, content, sendOptions(options?.compress, options?.mark));
    if (packet && typeof callback === "function") (self[kSendCallbacks] ??= new SendCallbacks()).add(packet, callback);
  }

  /** Returns the names of transports that the session may be upgraded to. */
  getAvailableUpgrades(): string[] {
    return [...this.server.upgrades(this.transport.name)];
  }

  /** Sends a message that many sessions receive; its packets and frames are shared. */
  [kSendPrepared](message: PreparedMessage): this {
    // The program has overridden `write` or `sendPacket`.
    if (this.write !== WRITE || this.sendPacket !== SEND_PACKET) return writeParts(this, message);
    for (const packet of message.packets(this.protocol)) {
      // A `packetCreate` listener may change the packet, so it gets a copy.
      this[kQueuePacket](this[kObserved] ? new EnginePacket("message", packet.data, packet.options) : packet);
    }
    return this;
  }

  [kEnqueue](
    type: EnginePacketType,
    data: RawData | undefined,
    options: PacketSendOptions = COMPRESS,
  ): EnginePacket | undefined {
    const packet = new EnginePacket(type, data, options);
    return this[kQueuePacket](packet) ? packet : undefined;
  }

  private [kQueuePacket](packet: EnginePacket): boolean {
    if (this.readyState !== "open" || this[kCongestion]?.isOver) return false;
    if (this[kObserved] && this.listenerCount("packetCreate") > 0) this.emit("packetCreate", packet);
    if (log.enabled) log("session %s sends packet %s %o", this.id, packet.type, packet.data);
    if (this[kTap] !== undefined) this[kTap].take("out", packet);
    const queue = this.writeBuffer;
    if (queue.length > 0) queue.push(packet);
    else {
      this.writeBuffer = [packet];
      if (this.transport.writable) flushSoon(this);
    }
    const { server } = this;
    const size = packet.data === undefined ? 0 : packet.data.length;
    const { [kStats]: stats } = server;
    stats.packetsOut += 1;
    stats.bytesOut += size;
    stats.queued += size;
    this[kQueuedBytes] += size;
    if (this.transport.writable && this[kChargedFrom] === -1 && this[kQueuedBytes] <= server[kSlowReader].soft)
      return true;
    return countQueued(this, packet);
  }

  /** Hands queued packets to the transport, if it is writable. */
  // hot path: 3.3 % of the server's time in `broadcast`
  flush(): void {
    const queue = this.writeBuffer;
    const { server, transport } = this;
    if (queue.length === 0 || !transport.writable || this.readyState === "closed") return;
    const batch = queue.length <= transport.maxBatch ? queue : queue.slice(0, transport.maxBatch);
    if (log.enabled) log("session %s flushes %d packets to %s", this.id, batch.length, transport.name);
    if (this[kObserved]) this.emit("flush", batch);
    if (server.listenerCount("flush") > 0) server.emit("flush", this, batch);
    this.writeBuffer = batch === queue ? EMPTY_QUEUE : queue.slice(batch.length);
    countTaken(this, queue);
    this[kCarry]?.countSent(batch);
    transport.send(batch);
    if (this[kObserved]) this.emit("drain");
    if (server.listenerCount("drain") > 0) server.emit("drain", this);
    this[kSessionHandler][kTakeDrain]();
    this[kCloseIfFlushed]();
  }

  // ---- upgrade -----------------------------------------------------------------------------------------------------

  /** Offers a better transport with an open connection. The session closes it if it can't upgrade. */
  [kOfferUpgrade](candidate: Transport): void {
    this[kSessionUpgrade] ??= new UpgradeAttempt(this, this.server[kEngineClock], this.server.upgradeTimeout);
    offerTo(this, this[kSessionUpgrade], candidate);
  }

  [kProbed](candidate: Transport): void {
    releaseClient(this, candidate);
  }

  [kUpgradeFailed](signal: UpgradeAttemptSignal): void {
    this.server[kReportUpgradeFailure](this, signal as UpgradeFailure);
    if (this[kObserved]) this.emit("upgrade_failed", signal);
  }

  [kCommitted](candidate: Transport, took: number): void {
    takeOver(this, candidate, took);
    this[kCloseIfFlushed]();
  }

  /** Goes on over `transport`, with which the client has returned. */
  [kTakeBack](transport: Transport, query: CarryQuery): void {
    this[kLeaveTransport]();
    heartbeatOf(this).start(this);
    takeBack(this, transport, query);
    this.flush();
  }

  /** What was under way on a transport that has died, or was left. */
  private [kLeaveTransport](): void {
    this.server[kTimingWheel].cancel(this[kBeat]);
    this[kSessionUpgrade]?.cut();
    this[kSessionUpgrade] = undefined;
  }

  // ---- the end -----------------------------------------------------------------------------------------------------

  /** Closes the session after sending the queued packets, or at once with `discard`. */
  close(discard = false, why: CloseReason = closeReason("SERVER_CLOSED")): this {
    const self = this[kSelf];
    if (discard) self[kFailSession](why);
    else if (self.readyState === "open") self[kSessionHandler][kTakeClosing]();
    if (self.readyState !== "open") return this;
    self.flush();
    self.readyState = "closing";
    self.server[kStats].closing += 1;
    self.closeReason = why;
    self[kCloseIfFlushed]();
    return this;
  }

  private [kCloseIfFlushed](): void {
    if (this.readyState !== "closing" || this.writeBuffer.length > 0 || this.transport.readyState !== "open") return;
    const why = this.closeReason ?? closeReason("SERVER_CLOSED");
    this.transport.close(() => this[kFailSession](why), why);
  }

  /** Ends the session at once and discards the queue. */
  [kFailSession](why: CloseReason): void {
    if (this.readyState === "closed") return;
    const reason = recordSessionEnd(this, why);
    this[kCarry]?.end();
    this[kSessionUpgrade]?.sessionClosed();
    this[kSendCallbacks] = undefined;
    endTransport(this.transport, reason);
    this.server[kRemoveSession](this);
    this[kSessionHandler][kTakeEnd](reason);
    if (this[kObserved]) this.emit("close", reason.reason, reason.description);
    const lost = this.writeBuffer;
    this.writeBuffer = EMPTY_QUEUE;
    countTaken(this, lost);
  }
}

assignable(Session.prototype, "carried", "upgraded", "upgrading", "writable", "bufferedBytes");

// oxlint-disable-next-line typescript/unbound-method -- compared, not called
const { write: WRITE, sendPacket: SEND_PACKET } = Session.prototype;

/** Whether `value` is a session of this package, not of another engine. */
export function isSession(value: unknown): value is Session {
  return value instanceof Session;
}
