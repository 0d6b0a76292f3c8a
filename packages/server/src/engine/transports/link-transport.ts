import {
  decodePacketV4,
  encodePacketV4,
  type EnginePacket,
  type RawData,
  writeCloseText,
} from "@portage/parser/engine";
import { decodePacketV3, encodePacketV3 } from "@portage/parser/engine-v3";
import { type LinkClose, type LinkHandler, VIOLATIONS, type ViolationCode } from "@portage/websocket";
import { type CloseCode, type CloseReason, closeReason, isMove, webSocketClose } from "../report/close-codes.ts";
import type { PacketSendOptions } from "../outgoing/prepared-message.ts";
import { Transport } from "./transport.ts";
import type { TransportRequest } from "../http/request.ts";
import { type EngineLink, isViolation, TOO_LARGE } from "./engine-link.ts";
import type { TransportContext } from "./context.ts";
import { kContext, kEngineLink } from "../keys.ts";

// Private members. Symbols, not `#private`, so that proxies and `Object.create()` work.
const kOnInvalid = Symbol("onInvalid");
const kCloseLink = Symbol("closeLink");
const kSendPacket = Symbol("sendPacket");
const kOnViolation = Symbol("onViolation");
const kHearOut = Symbol("hearOut");
const kLastWords = Symbol("lastWords");

/** Milliseconds after the close frame of a session that moves: messages that were on their way are delivered. */
const LAST_WORDS_TIMEOUT = 1000;

/**
 * A transport on a link: a connection of its own that carries one packet per message. Subclasses name it, and have the
 * members that programs use of its connection.
 */
export abstract class LinkTransport extends Transport implements LinkHandler {
  protected readonly [kEngineLink]: EngineLink;
  private readonly [kContext]: TransportContext;
  /** Ends a transport that has sent its close frame and still delivers. Absent otherwise, to keep idle sessions small. */
  declare private [kLastWords]?: { done(): void } | undefined;

  constructor(req: TransportRequest, link: EngineLink, context: TransportContext) {
    super(req);
    this[kEngineLink] = link;
    this[kContext] = context;
    this.writable = true;
  }

  override open(): void {
    this[kEngineLink].open(this);
  }

  override get bufferedBytes(): number {
    return this[kEngineLink].bufferedBytes;
  }

  // ---- incoming ----------------------------------------------------------------------------------------------------

  onText(text: string): void {
    this.onData(text);
  }

  onBinary(data: Buffer): void {
    this.onData(data);
  }

  /** Decodes one message, which is one packet. */
  // hot path: 3.2 % of the server's time in `ingest`
  onData(data: RawData): void {
    if (this.readyState === "closed") return;
    let packet: EnginePacket;
    try {
      packet = this.protocol === 4 ? decodePacketV4(data) : decodePacketV3(data);
    } catch (error) {
      return this[kOnInvalid](error);
    }
    this.onPacket(packet);
  }

  private [kOnInvalid](error: unknown): void {
    this.fail(closeReason("INVALID_PACKET", error));
  }

  override pause(): void {
    this[kEngineLink].pause();
  }

  override resume(): void {
    this[kEngineLink].resume();
  }

  // ---- outgoing ----------------------------------------------------------------------------------------------------

  override send(batch: readonly EnginePacket[]): void {
    const link = this[kEngineLink];
    link.cork();
    try {
      for (const packet of batch) this[kSendPacket](link, packet);
    } finally {
      link.flush();
    }
    this.drained();
  }

  private [kSendPacket](link: EngineLink, packet: EnginePacket): void {
    const { shared, compress } = packet.options as PacketSendOptions;
    if (shared !== undefined && this[kContext].sharesFrames) return link.sendFrame(shared.frame);
    const data =
      this.protocol === 4 ? encodePacketV4(packet, this.supportsBinary) : encodePacketV3(packet, this.supportsBinary);
    if (typeof data === "string") link.sendText(data, compress);
    else link.sendBinary(data, compress);
  }

  onFull(): void {
    this.writable = false;
  }

  onDrain(): void {
    if (this.readyState !== "open") return;
    this.writable = true;
    this.drained();
  }

  // ---- the end -----------------------------------------------------------------------------------------------------

  override close(onClosed?: () => void, reason?: CloseReason): void {
    if (this.readyState !== "open") return;
    if (reason === undefined) return this.endedByProgram(onClosed);
    this.readyState = "closing";
    this.writable = false;
    this[kCloseLink](...webSocketClose(reason, this[kContext].retryAfter()));
    if (onClosed && isMove(reason)) this[kHearOut](onClosed);
    else this.endedByOwner(onClosed);
  }

  /** Delivers what the peer has sent before it reads the close frame. */
  private [kHearOut](done: () => void): void {
    const timer = this[kContext].clock.after(LAST_WORDS_TIMEOUT, () => this[kLastWords]?.done());
    this[kLastWords] = {
      done: () => {
        timer.cancel();
        this[kLastWords] = undefined;
        this.endedByOwner(done);
      },
    };
  }

  closeWith(code: number, reason: string | undefined): void {
    if (this.readyState === "closed") return;
    this[kCloseLink](code, reason);
    this.ended(closeReason("TRANSPORT_CLOSED"));
  }

  protected override fail(reason: CloseReason): void {
    if (this.readyState === "closed") return;
    this[kCloseLink](...webSocketClose(reason, this[kContext].retryAfter()));
    this.ended(reason);
  }

  /** Starts the closing handshake; the engine can cut it short. */
  private [kCloseLink](code: number, reason?: string): void {
    this[kContext].closing.add(this);
    this[kEngineLink].close(code, reason);
  }

  override turnAway(): void {
    if (this.readyState !== "open") return;
    this.close();
    this[kContext].closingBacklog.add(this);
  }

  override discard(): void {
    this[kEngineLink].terminate();
    this[kLastWords]?.done();
    this.ended(closeReason("TRANSPORT_CLOSED"));
  }

  /** Returns the close text for a violation of the WebSocket protocol: the session's close code, and the rule. */
  closeTextOf(rule: ViolationCode): string {
    return writeCloseText({ code: closeCodeFor(VIOLATIONS[rule].closeCode), rule });
  }

  /** Ends the session after a violation, without waiting for the peer to close the connection. */
  onEnding(error: (Error & { code?: string; closeCode?: number }) | undefined): void {
    if (error === undefined) return this[kLastWords]?.done();
    if (this.readyState === "closed") return;
    this[kContext].closing.add(this);
    this[kOnViolation](error.closeCode ?? (error.code === TOO_LARGE ? 1009 : 1002), error);
  }

  /** Called when the connection has ended. A program may call it too, without `close`, as in engine.io. */
  override onClose(close?: LinkClose): void {
    if (close === undefined) return this.close();
    this[kContext].closing.delete(this);
    this[kContext].closingBacklog.delete(this);
    const { error, code } = close;
    this[kLastWords]?.done();
    if (!error) this.ended(closeReason(code === 1006 ? "CONNECTION_CLOSED" : "CLIENT_CLOSED", close));
    else if (code === 1009 || isViolation(error)) this[kOnViolation](code, error);
    else this.ended(closeReason("CONNECTION_FAILED", error));
  }

  private [kOnViolation](closeCode: number, error: Error): void {
    this.ended({ ...closeReason(closeCodeFor(closeCode), error), ...limitFor(closeCode, this[kContext]) });
  }
}

/** Returns the limit that a close code reports as exceeded. */
function limitFor(closeCode: number, context: TransportContext): { limit?: number } {
  if (closeCode === 1009) return { limit: context.maxHttpBufferSize };
  return closeCode === 1013 ? { limit: context.receiving.limit } : {};
}

/** Returns the session's close code for a violation with this WebSocket close code. */
function closeCodeFor(closeCode: number): CloseCode {
  if (closeCode === 1009) return "PAYLOAD_TOO_LARGE";
  return closeCode === 1013 ? "RECEIVE_BUDGET" : "PROTOCOL_VIOLATION";
}
