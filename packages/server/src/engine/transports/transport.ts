/*
 * The ways to carry packets: long-polling, JSONP, WebSocket, WebSockets of another library.
 * Knows: packets of Engine.IO, requests, links of @portage/websocket.
 * Must not know: sessions. A transport reports packets and its end to an owner.
 *
 * The contract of a transport. It has one row in registry.ts; its `make` receives the request of the handshake and the
 * engine's context (context.ts). It has one owner at a time: an upgrade attempt, then a session. The owner calls the methods
 * of `Transport`, and the transport calls the methods of `TransportOwner`, directly and within the same tick.
 * test/contract/server-transport.ts runs it for every transport.
 *
 *   life      readyState  begins with                   events
 *   opening   "open"      the constructor               the owner sets `sid` and itself as owner, and may send
 *   open      "open"      open(), or the first request  packets both ways
 *   closing   "closing"   close() by the owner          the last packets leave; the owner ignores incoming packets
 *   closed    "closed"    ended()                       none; the owner is NO_OWNER from now on
 *
 * The owner calls:
 *   open()             once, when it is ready for packets. No packet is delivered earlier.
 *   onRequest()        for each request of the session, starting with the handshake, if requests carry the transport.
 *   send(batch)        any number of times while `writable`. An onDrain() follows, within the call or later, once the batch
 *                      has left. `writable` may be false when send() returns, until an onDrain() at which it is true again.
 *   pause(), resume()  in pairs, on a candidate that has just become the session's transport. resume() delivers the packets
 *                      received in between.
 *   retire(done)       once, on the previous transport. It delivers the packets already on their way, ends, and calls `done`
 *                      once in any case. Only discard() may follow.
 *   close(done, why)   any number of times; only the first counts. Sent packets still leave, then the peer receives `why`, if
 *                      the transport can express it. `done` is called once, instead of onClose().
 *   discard()          at any time, any number of times. Ends at once, silently. After close() it calls `done`.
 *   drop()             at any time, also after onClose(): as discard(), but requests that wait are cut, not answered, and nothing is
 *                      reported.
 *   turnAway()         instead of close(), on a transport that did not become a session's. Its end is not reported.
 *
 * The transport calls:
 *   onPacket(packet)   for each packet, in order, from open() to its end. The call may end the transport or replace its
 *                      owner, so check `readyState` before the next packet of the same read.
 *   onDrain()          after each batch, and when it can send again.
 *   onClose(reason)    once, unless close(), or discard() after close(), has called `done`. Every end passes through `ended`;
 *                      `fail` also informs the peer.
 *
 * No input of a peer may throw. Malformed input ends the transport with a reason. After the end, nothing is called, timers
 * are cancelled, and requests are answered or destroyed.
 */
import { EnginePacket, writeClosePacket } from "@portage/parser/engine";
import { createLog } from "../../base/log.ts";
import { Emitter, kObserved } from "../../base/emitter.ts";
import { closeError, type CloseReason, closeReason, webSocketClose } from "../report/close-codes.ts";
import { COMPRESS } from "../outgoing/prepared-message.ts";
import type { HttpExchange, TransportRequest } from "../http/request.ts";
import { kTransportOwner } from "../keys.ts";

const log = createLog("engine:transport");

export type TransportLife = "open" | "closing" | "closed";

/** Receives a transport's packets and its end: first the upgrade attempt, then the session. */
export interface TransportOwner {
  /** Called for each packet. */
  onPacket(packet: EnginePacket): void;
  /** Called when the last batch has left, or when the transport can take another. */
  onDrain(): void;
  /** Called once, when the transport has ended. */
  onClose(reason: CloseReason): void;
}

/** The owner of a transport that has ended or was replaced. */
export const NO_OWNER: TransportOwner = {
  onPacket() {},
  onDrain() {},
  onClose() {},
};

/** Ends a session on transports without close frames, as the protocol defines it. */
export const CLOSE_PACKET: EnginePacket = new EnginePacket("close", undefined, COMPRESS);

/** Returns a close packet with the contents of a close frame, for clients that read it: `<code> <reason>`. */
export function closePacket(reason: CloseReason | undefined, retryAfter: number | undefined): EnginePacket {
  // the packet alone means `SERVER_CLOSED`
  if (reason === undefined || reason.code === "SERVER_CLOSED") return CLOSE_PACKET;
  return new EnginePacket("close", writeClosePacket(...webSocketClose(reason, retryAfter)), COMPRESS);
}

/** Answers a poll that must end without a message. */
export const NOOP_PACKET: EnginePacket = new EnginePacket("noop", undefined, COMPRESS);

/**
 * One way to carry packets between a session and its peer (Engine.IO protocol, "Transports").
 *
 * A transport calls its owner directly. Its public events (`packet`, `drain`, `error`, `close`, `headers`) are emitted only
 * if they have listeners.
 */
export abstract class Transport extends Emitter {
  /** Names of the transports that a session on this one may be upgraded to. */
  static readonly upgradesTo: readonly string[] = [];

  /** The name in requests (`?transport=`). */
  abstract readonly name: string;
  /** The peer's Engine.IO protocol revision. */
  readonly protocol: 3 | 4;
  /** Whether binary data is sent as it is; otherwise as base64. */
  readonly supportsBinary: boolean;
  /** Receives packets and the end. */
  [kTransportOwner]: TransportOwner = NO_OWNER;
  /** The id of the session; empty until the engine has set it. */
  sid = "";
  /** Whether a batch can be sent now. Volatile packets are dropped otherwise. */
  writable = false;
  /** State of the transport. */
  readyState: TransportLife = "open";

  constructor(req: TransportRequest) {
    super();
    this.protocol = req._query["EIO"] === "4" ? 4 : 3;
    this.supportsBinary = !req._query["b64"];
  }

  /** Bytes that were sent and have not left the process yet. */
  abstract get bufferedBytes(): number;

  /** Most packets in one batch. */
  get maxBatch(): number {
    return Infinity;
  }

  /** Sends packets in order. Call it only while {@link writable}. */
  abstract send(batch: readonly EnginePacket[]): void;

  /**
   * Closes the transport gracefully. The owner passes a reason, which the peer receives if the transport can express it, and
   * `onClosed` replaces the owner's `onClose`. Called by a program, without a reason, it also ends the session at once.
   *
   * @example
   * socket.conn.transport.close(); // "disconnect" with "transport close"
   */
  abstract close(onClosed?: () => void, reason?: CloseReason): void;

  /** Ends the transport at once, without notice to the peer. Called by a program, it also ends the session. */
  abstract discard(): void;

  /** Ends the transport at once, cuts what is under way, and reports nothing: its session goes on without it. */
  drop(): void {
    this[kTransportOwner] = NO_OWNER;
    // A transport that has ended may still send its close frame.
    if (this.readyState !== "closed") this.discard();
  }

  /** Ends the transport for a reason of its own, and reports it to the owner. */
  protected fail(reason: CloseReason): void {
    this.ended(reason);
  }

  /** Alias of {@link close}, as in engine.io. */
  doClose(onClosed?: () => void): void {
    this.close(onClosed);
  }

  /** Ends the transport and its session, if a program calls it as it may in engine.io. */
  onClose(): void {
    this.close();
  }

  /** Ends the session with `transport error`. */
  onError(message: string, description?: unknown): void {
    this.fail(closeError("TRANSPORT_FAILED", message, description));
  }

  /** Emits an event. Emitting `close` or `error` ends the transport and its session, as in engine.io. */
  override emit(event: string | symbol, ...args: unknown[]): boolean {
    if (this.readyState === "closed" || (event !== "close" && event !== "error")) return super.emit(event, ...args);
    this.fail(event === "close" ? closeReason("TRANSPORT_CLOSED", args[0]) : closeReason("TRANSPORT_FAILED", args[0]));
    return true;
  }

  /** Closes a transport that does not become a session's: gracefully, with a short timeout for the peer. */
  turnAway(): void {
    this.close();
  }

  /** Starts the delivery of packets. Transports carried by requests start with the first one. */
  open(): void {}

  /** Handles a poll or a POST. Only transports carried by requests receive any. */
  onRequest(_exchange: HttpExchange): void {}

  /** Delivers the packets already on their way, ends, then calls `done`. The session continues on another transport. */
  retire(done: () => void): void {
    this.discard();
    done();
  }

  /** Pauses the delivery of packets until {@link resume}, so that the previous transport can deliver its last ones first. */
  pause(): void {}

  /** Ends a {@link pause}. */
  resume(): void {}

  /** Reports a packet. */
  onPacket(packet: EnginePacket): void {
    if (this[kObserved]) this.emit("packet", packet);
    this[kTransportOwner].onPacket(packet);
  }

  /** Reports that a batch has been sent. */
  protected drained(): void {
    if (this[kObserved]) {
      this.emit("drain");
      if (this.writable) this.emit("ready");
    }
    this[kTransportOwner].onDrain();
  }

  /** Marks the transport as closed and reports it to the owner, once. */
  protected ended(reason: CloseReason): void {
    if (this.readyState === "closed") return;
    if (log.enabled) log("%s of session %s is closed: %s", this.name, this.sid, reason.code);
    this.readyState = "closed";
    this.writable = false;
    if (this[kObserved]) {
      if (reason.description instanceof Error && this.listenerCount("error") > 0)
        this.emit("error", reason.description);
      this.emit("close");
    }
    const { [kTransportOwner]: handler } = this;
    this[kTransportOwner] = NO_OWNER;
    handler.onClose(reason);
  }

  /** Ends a transport that a program has closed. */
  protected endedByProgram(onClosed: (() => void) | undefined): void {
    this.fail(closeReason("TRANSPORT_CLOSED"));
    onClosed?.();
  }

  /** Ends a transport that its owner has closed; calls `onClosed` instead of `onClose`. */
  protected endedByOwner(onClosed: (() => void) | undefined): void {
    if (this.readyState === "closed") return;
    this[kTransportOwner] = NO_OWNER;
    this.ended(closeReason("SERVER_CLOSED"));
    onClosed?.();
  }
}
