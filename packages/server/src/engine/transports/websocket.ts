import {
  decodePacketV4,
  encodePacketV4,
  type EnginePacket,
  type RawData,
  writeCloseText,
} from "@portage/parser/engine";
import { decodePacketV3, encodePacketV3 } from "@portage/parser/engine-v3";
import {
  type LinkClose,
  type LinkHandler,
  VIOLATIONS,
  type ViolationCode,
  type WebSocketError,
  type WebSocketLink,
} from "@portage/websocket";
import { type CloseCode, type CloseReason, closeReason, webSocketClose } from "../close-reason.ts";
import type { SendOptions } from "../prepared-message.ts";
import { Transport, type TransportRequest } from "../transport.ts";
import type { WebSocketContext } from "./websocket-context.ts";

// Private members. Symbols, not `#private`, so that proxies and `Object.create()` work.
const kLink = Symbol("link");
const kContext = Symbol("context");
const kOnData = Symbol("onData");
const kOnInvalid = Symbol("onInvalid");
const kFail = Symbol("fail");
const kCloseLink = Symbol("closeLink");
const kSendPacket = Symbol("sendPacket");

/** What the transport asks of its link: ours, or that of another WebSocket library. */
export type EngineLink = Pick<
  WebSocketLink,
  | "bufferedBytes"
  | "open"
  | "sendText"
  | "sendBinary"
  | "sendFrame"
  | "cork"
  | "flush"
  | "close"
  | "terminate"
  | "pause"
  | "resume"
>;

/** One packet per WebSocket message (Engine.IO protocol, "WebSocket"). */
export class WebSocketTransport extends Transport implements LinkHandler {
  readonly name: string = "websocket";
  private readonly [kLink]: EngineLink;
  private readonly [kContext]: WebSocketContext;

  constructor(req: TransportRequest, link: EngineLink, context: WebSocketContext) {
    super(req);
    this[kLink] = link;
    this[kContext] = context;
    this.writable = true;
  }

  override open(): void {
    this[kLink].open(this);
  }

  override get bufferedBytes(): number {
    return this[kLink].bufferedBytes;
  }

  // ---- incoming ----------------------------------------------------------------------------------------------------

  // hot path
  onText(text: string): void {
    this[kOnData](text);
  }

  onBinary(data: Buffer): void {
    this[kOnData](data);
  }

  // hot path
  private [kOnData](data: RawData): void {
    if (this.readyState === "closed") return;
    let packet: EnginePacket;
    try {
      packet = this.protocol === 4 ? decodePacketV4(data) : decodePacketV3(data);
    } catch (error) {
      return this[kOnInvalid](error);
    }
    this.deliver(packet);
  }

  private [kOnInvalid](error: unknown): void {
    const why = closeReason("INVALID_PACKET", error);
    this[kCloseLink](...webSocketClose(why));
    this.ended(why);
  }

  override hold(): void {
    this[kLink].pause();
  }

  override release(): void {
    this[kLink].resume();
  }

  // ---- outgoing ----------------------------------------------------------------------------------------------------

  // hot path
  override send(batch: readonly EnginePacket[]): void {
    const link = this[kLink];
    link.cork();
    try {
      for (const packet of batch) this[kSendPacket](link, packet);
    } finally {
      link.flush();
    }
    this.drained();
  }

  // hot path
  private [kSendPacket](link: EngineLink, packet: EnginePacket): void {
    const { shared, compress } = packet.options as SendOptions;
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
    this.readyState = "closing";
    if (reason === undefined) this[kCloseLink](1000);
    else this[kCloseLink](...webSocketClose(reason, this[kContext].retryAfter()));
    this.endedByOwner(onClosed);
  }

  /** Begins the closing handshake; the engine can cut it short. */
  private [kCloseLink](code: number, reason?: string): void {
    this[kContext].closing.add(this);
    this[kLink].close(code, reason);
  }

  override turnAway(): void {
    if (this.readyState !== "open") return;
    this.close();
    this[kContext].turnedAway.add(this);
  }

  override discard(): void {
    this[kLink].terminate();
    this.endedByOwner(undefined);
  }

  /** What ends the connection is below sessions; their code for it travels with it. */
  closeTextOf(rule: ViolationCode): string {
    return writeCloseText({ code: codeOf(VIOLATIONS[rule].closeCode), rule });
  }

  /** A client that has broken a rule is over at once; its stream has a while to end. */
  onEnding(error: Error | undefined): void {
    if (error === undefined || this.readyState === "closed") return;
    this[kContext].closing.add(this);
    this[kFail](error, (error as Partial<WebSocketError>).closeCode ?? foreignCloseCode(error));
  }

  onClose(close: LinkClose): void {
    this[kContext].closing.delete(this);
    this[kContext].turnedAway.delete(this);
    const { error, code } = close;
    if (!error) return this.ended(closeReason(code === 1006 ? "CONNECTION_CLOSED" : "CLIENT_CLOSED", close));
    this[kFail](error, code);
  }

  private [kFail](error: Error, closeCode: number): void {
    if (closeCode === 1009 || isViolation(error))
      this.ended({ ...closeReason(codeOf(closeCode), error), ...limitOf(closeCode, this[kContext]) });
    else this.ended(closeReason("CONNECTION_FAILED", error));
  }
}

/** The limit that was exceeded, of those that end a connection with this close code. */
function limitOf(closeCode: number, context: WebSocketContext): { limit?: number } {
  if (closeCode === 1009) return { limit: context.maxHttpBufferSize };
  return closeCode === 1013 ? { limit: context.maxReceivingBytes } : {};
}

/** The code for sessions that stands for a violation of WebSocket with this close code. */
function codeOf(closeCode: number): CloseCode {
  if (closeCode === 1009) return "PAYLOAD_TOO_LARGE";
  return closeCode === 1013 ? "RECEIVE_BUDGET" : "PROTOCOL_VIOLATION";
}

/** The close code for an error of `ws`, which does not show its own. */
function foreignCloseCode(error: NodeJS.ErrnoException): number {
  return error.code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH" ? 1009 : 1002;
}

/** Whether the peer broke a rule. The errors of `ws` have codes of the same kind as ours. */
function isViolation(error: NodeJS.ErrnoException | WebSocketError): boolean {
  return error.code?.startsWith("WS_ERR_") === true;
}
