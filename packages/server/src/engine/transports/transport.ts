/*
 * The ways to carry packets: long-polling, JSONP, WebSocket, WebSockets of another library.
 * Knows: packets of Engine.IO, requests, links of @portage/websocket.
 * Must not know: sessions: an owner hears of packets and of the end.
 *
 * The contract of a transport. It has one row in registry.ts, whose `make` gets the request of the handshake and the context
 * of the engine (context.ts), and it has one owner at a time: an upgrade attempt, then a session. The owner calls the methods
 * of `Transport`, the transport calls those of `TransportOwner`, each directly and within the same tick.
 * test/contract/server-transport.ts runs it for every transport.
 *
 *   life      readyState  begins with                   what may happen
 *   opening   "open"      the constructor               the owner sets `sid` and its handler, and may send
 *   open      "open"      open(), or the first request  packets both ways
 *   closing   "closing"   close() by the owner          the last packets leave; the owner ignores what still comes in
 *   closed    "closed"    ended()                       nothing: the handler is NO_OWNER from now on
 *
 * What the owner calls:
 *   open()             once, when it is ready for packets. Before, none is delivered.
 *   onRequest()        for each request of the session, the handshake first: only where requests carry the transport.
 *   send(batch)        while `writable`, as often as it likes. An onDrain() follows once the batch is on its way: within the
 *                      call, or later. `writable` may be false when send() returns; it is true again when an onDrain() says
 *                      that more can be sent.
 *   hold(), release()  in pairs, on a candidate that has taken over: what it receives meanwhile is delivered by release().
 *   retire(done)       once, on what it has taken over from: packets under way are delivered, then the transport ends, and
 *                      `done` is called once, whatever happens. Only discard() may follow.
 *   close(done, why)   any number of times, of which the first counts: what was sent before still leaves, then the peer gets
 *                      `why`, where the transport has words for it. `done` is called once, in place of onClose().
 *   discard()          at any time, any number of times: ends it at once, without a word. After close() it calls `done`.
 *   turnAway()         in place of close(), on one that did not become a session's: its end is not reported.
 *
 * What a transport calls:
 *   onPacket(packet)   for each packet, in order, from open() to its end. The owner may end the transport, or be replaced,
 *                      within the call: ask `readyState` before the next packet of the same read.
 *   onDrain()          after each batch, and when it can send again.
 *   onClose(reason)    once, unless close() or discard() after close() has called `done`: through `ended`, which every end
 *                      goes through, or through `fail`, which also lets the peer know.
 *
 * No input of a peer may throw: what can't be read ends the transport with a reason. Nothing is called after the end, and
 * nothing is left behind: timers are cancelled, requests answered or destroyed.
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

/** Who gets what a transport receives: the upgrade attempt first, then the session. One owner at a time. */
export interface TransportOwner {
  /** A packet came in. */
  onPacket(packet: EnginePacket): void;
  /** The last batch is on its way, or the transport can take one again. */
  onDrain(): void;
  /** The transport is over, once. */
  onClose(reason: CloseReason): void;
}

/** The owner of a transport that has ended, or that was replaced. */
export const NO_OWNER: TransportOwner = {
  onPacket() {},
  onDrain() {},
  onClose() {},
};

/** The packet that ends a session where there is no close frame, as the protocol knows it. */
export const CLOSE_PACKET: EnginePacket = new EnginePacket("close", undefined, COMPRESS);

/** The same for a client that reads why: its data is what a close frame would say, as code, space, text. */
export function closePacket(reason: CloseReason | undefined, retryAfter: number | undefined): EnginePacket {
  // that the server has closed is what the packet alone says
  if (reason === undefined || reason.code === "SERVER_CLOSED") return CLOSE_PACKET;
  return new EnginePacket("close", writeClosePacket(...webSocketClose(reason, retryAfter)), COMPRESS);
}

/** The packet that answers a poll which has to end without a message. */
export const NOOP_PACKET: EnginePacket = new EnginePacket("noop", undefined, COMPRESS);

/**
 * One way to carry packets between a session and its peer (Engine.IO protocol, "Transports").
 *
 * A transport talks to its owner through {@link handler}, by direct calls; its events (`packet`, `drain`, `error`,
 * `close`, `headers`) are for the public and are emitted only where there is a listener.
 */
export abstract class Transport extends Emitter {
  /** Names of the transports that a session on this one may be upgraded to. */
  static readonly upgradesTo: readonly string[] = [];

  /** What requests call it. */
  abstract readonly name: string;
  /** The Engine.IO revision of the peer. */
  readonly protocol: 3 | 4;
  /** Whether binary data can travel as it is; otherwise it goes as base64. */
  readonly supportsBinary: boolean;
  /** Who gets what comes in. */
  [kTransportOwner]: TransportOwner = NO_OWNER;
  /** The id of the session; set by the engine once it is known. */
  sid = "";
  /** Whether a batch can be sent right now: volatile packets are dropped when not. */
  writable = false;
  readyState: TransportLife = "open";

  constructor(req: TransportRequest) {
    super();
    this.protocol = req._query["EIO"] === "4" ? 4 : 3;
    this.supportsBinary = !req._query["b64"];
  }

  /** Bytes that were handed over and have not left the process yet. */
  abstract get bufferedBytes(): number;

  /** How many packets it takes at once, at most. */
  get maxBatch(): number {
    return Infinity;
  }

  /** Sends packets, in order. Only while {@link writable}. */
  abstract send(batch: readonly EnginePacket[]): void;

  /**
   * Ends the transport in an orderly way. Its owner names a reason, which the peer gets where the transport has words for
   * it, and `onClosed` replaces the owner's `onClose`. A program names none: then the session ends at once.
   *
   * @example
   * socket.conn.transport.close(); // "disconnect" with "transport close"
   */
  abstract close(onClosed?: () => void, reason?: CloseReason): void;

  /** Ends it at once, without a word to the peer; with it the session, where a program calls it. */
  abstract discard(): void;

  /** Ends it for a reason that its owner does not know yet. */
  protected fail(reason: CloseReason): void {
    this.ended(reason);
  }

  /** The name that transports of engine.io have for {@link close}. */
  doClose(onClosed?: () => void): void {
    this.close(onClosed);
  }

  /** The transport is over, says the program. */
  onClose(): void {
    this.close();
  }

  /** Reports an error: the session ends with `transport error`. */
  onError(message: string, description?: unknown): void {
    this.fail(closeError("TRANSPORT_FAILED", message, description));
  }

  /** Emits an event. As with engine.io, a program that emits `close` or `error` ends the transport and its session. */
  override emit(event: string | symbol, ...args: unknown[]): boolean {
    if (this.readyState === "closed" || (event !== "close" && event !== "error")) return super.emit(event, ...args);
    this.fail(event === "close" ? closeReason("TRANSPORT_CLOSED", args[0]) : closeReason("TRANSPORT_FAILED", args[0]));
    return true;
  }

  /** Ends a transport that is not to become a session's: in an orderly way, but without much waiting for the peer. */
  turnAway(): void {
    this.close();
  }

  /** Starts to deliver what the peer sends; transports that get requests have nothing to start. */
  open(): void {}

  /** Takes a poll or a POST; only HTTP transports get any. */
  onRequest(_exchange: HttpExchange): void {}

  /** Finishes what the peer has under way, then calls `done`: the session lives on elsewhere. */
  retire(done: () => void): void {
    this.discard();
    done();
  }

  /** Holds incoming packets back until {@link release}: those of another transport come first. */
  hold(): void {}

  release(): void {}

  /** A packet has come in. */
  onPacket(packet: EnginePacket): void {
    if (this[kObserved]) this.emit("packet", packet);
    this[kTransportOwner].onPacket(packet);
  }

  protected drained(): void {
    if (this[kObserved]) {
      this.emit("drain");
      if (this.writable) this.emit("ready");
    }
    this[kTransportOwner].onDrain();
  }

  /** The transport is over: tells the owner once. */
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

  /** Ends by an order of a program. */
  protected endedByProgram(onClosed: (() => void) | undefined): void {
    this.fail(closeReason("TRANSPORT_CLOSED"));
    onClosed?.();
  }

  /** Ends by an order of the owner, who wants a call back instead of its `onClose`. */
  protected endedByOwner(onClosed: (() => void) | undefined): void {
    if (this.readyState === "closed") return;
    this[kTransportOwner] = NO_OWNER;
    this.ended(closeReason("SERVER_CLOSED"));
    onClosed?.();
  }
}
