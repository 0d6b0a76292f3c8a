import { decodePacketV4, encodePacketV4, type EnginePacket, type RawData } from "@portage/parser/engine";
import { decodePacketV3, encodePacketV3 } from "@portage/parser/engine-v3";
import type { LinkClose, LinkHandler, WebSocketError, WebSocketLink } from "@portage/websocket";
import { type CloseReason, closeReason, webSocketClose } from "../close-reason.ts";
import type { SendOptions } from "../prepared-message.ts";
import { Transport, type TransportRequest } from "../transport.ts";
import type { TurnedAway } from "../turned-away.ts";

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

/** What the WebSocket transports of one engine share. */
export interface WebSocketContext {
  /** Whether frames made for many receivers may be sent; they are not compressed. */
  readonly sharesFrames: boolean;
  /** Those that wait for the end of their closing handshake. */
  readonly closing: Set<Transport>;
  /** Those among them that never were a session's. */
  readonly turnedAway: TurnedAway;
  /** Bytes of one message. */
  readonly maxHttpBufferSize: number;
  /** Bytes of all messages together that are not complete. */
  readonly maxReceivingBytes: number;
  /** How long peers are asked to wait before they come back, in milliseconds; undefined while they need not. */
  retryAfter: number | undefined;
}

/** One packet per WebSocket message (Engine.IO protocol, "WebSocket"). */
export class WebSocketTransport extends Transport implements LinkHandler {
  readonly name: string = "websocket";
  readonly #link: EngineLink;
  readonly #context: WebSocketContext;

  constructor(req: TransportRequest, link: EngineLink, context: WebSocketContext) {
    super(req);
    this.#link = link;
    this.#context = context;
    this.writable = true;
  }

  override open(): void {
    this.#link.open(this);
  }

  override get bufferedBytes(): number {
    return this.#link.bufferedBytes;
  }

  // ---- incoming ----------------------------------------------------------------------------------------------------

  // hot path
  onText(text: string): void {
    this.#onData(text);
  }

  onBinary(data: Buffer): void {
    this.#onData(data);
  }

  // hot path
  #onData(data: RawData): void {
    if (this.readyState === "closed") return;
    let packet: EnginePacket;
    try {
      packet = this.protocol === 4 ? decodePacketV4(data) : decodePacketV3(data);
    } catch (error) {
      return this.#onInvalid(error);
    }
    this.deliver(packet);
  }

  #onInvalid(error: unknown): void {
    this.#closeLink(1002, "invalid packet");
    this.ended(closeReason("INVALID_PACKET", error));
  }

  override hold(): void {
    this.#link.pause();
  }

  override release(): void {
    this.#link.resume();
  }

  // ---- outgoing ----------------------------------------------------------------------------------------------------

  // hot path
  override send(batch: readonly EnginePacket[]): void {
    const link = this.#link;
    link.cork();
    try {
      for (const packet of batch) this.#sendPacket(link, packet);
    } finally {
      link.flush();
    }
    this.drained();
  }

  // hot path
  #sendPacket(link: EngineLink, packet: EnginePacket): void {
    const { shared, compress } = packet.options as SendOptions;
    if (shared !== undefined && this.#context.sharesFrames) return link.sendFrame(shared.frame);
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
    if (reason === undefined) this.#closeLink(1000);
    else this.#closeLink(...webSocketClose(reason, this.#context.retryAfter));
    this.endedByOwner(onClosed);
  }

  /** Begins the closing handshake; the engine can cut it short. */
  #closeLink(code: number, reason?: string): void {
    this.#context.closing.add(this);
    this.#link.close(code, reason);
  }

  override turnAway(): void {
    if (this.readyState !== "open") return;
    this.close();
    this.#context.turnedAway.add(this);
  }

  override discard(): void {
    this.#link.terminate();
    this.endedByOwner(undefined);
  }

  onClose(close: LinkClose): void {
    this.#context.closing.delete(this);
    this.#context.turnedAway.delete(this);
    const { error, code } = close;
    if (!error) return this.ended(closeReason(code === 1006 ? "CONNECTION_CLOSED" : "CLIENT_CLOSED", close));
    if (code === 1009) {
      return this.ended({ ...closeReason("PAYLOAD_TOO_LARGE", error), limit: this.#context.maxHttpBufferSize });
    }
    if (code === 1013 && isViolation(error)) {
      return this.ended({ ...closeReason("RECEIVE_BUDGET", error), limit: this.#context.maxReceivingBytes });
    }
    this.ended(closeReason(isViolation(error) ? "PROTOCOL_VIOLATION" : "CONNECTION_FAILED", error));
  }
}

/** Whether the peer broke a rule. The errors of `ws` have codes of the same kind as ours. */
function isViolation(error: NodeJS.ErrnoException | WebSocketError): boolean {
  return error.code?.startsWith("WS_ERR_") === true;
}
