import {
  framePacket,
  type PacketReader,
  type ParserError,
  writeClosePacket,
  writeCloseText,
} from "@portage/parser/engine";
import type { BudgetHolder, LinkClose, LinkHandler, ReceiveBudget } from "@portage/websocket";
import type { Clock, PendingCall } from "../../base/clock.ts";
import { CLOSE_CODES, EngineError } from "../report/close-codes.ts";
import type { EngineLink } from "./engine-link.ts";

/** The part of a stream reader that the engine uses. */
export interface ChunkReader<Item> {
  read(): Promise<{ readonly done: boolean; readonly value?: Item | undefined }>;
}

/** The part of a stream writer that the engine uses. */
export interface ChunkWriter {
  write(chunk: Uint8Array): Promise<unknown>;
}

/** A bidirectional stream of a session. */
export interface WebTransportStream {
  readonly readable: { getReader(): ChunkReader<Uint8Array> };
  readonly writable: { getWriter(): ChunkWriter };
}

/** The members that the engine uses of a WebTransport session, in the shape of the platform's `WebTransport`. */
export interface WebTransportSession {
  /** The address that the client asked for, if the host knows it. */
  readonly url?: unknown;
  /** Settles when the session has ended. */
  readonly closed: Promise<unknown>;
  /** The streams that the client opens. The engine reads the first one. */
  readonly incomingBidirectionalStreams: { getReader(): ChunkReader<WebTransportStream> };
  /** Ends the session, with a code and a sentence for the client. */
  close(info?: { closeCode?: number; reason?: string }): void;
}

/** A stream of a session whose first packet has been read. */
export interface OpenedStream {
  readonly input: ChunkReader<Uint8Array>;
  readonly output: ChunkWriter;
  readonly packets: PacketReader;
}

/** What a link has of its engine. */
interface LinkContext {
  readonly clock: Clock;
  readonly receiving: ReceiveBudget;
}

/** Why the engine ends a link: the transport makes its close code of this. */
type StreamViolation = Error & { code: string; closeCode: number };

/** A link handler that accepts violations of the packet stream too. */
interface StreamHandler extends Omit<LinkHandler, "onEnding"> {
  onEnding?(error: StreamViolation | undefined): void;
}

/** Above this many unsent bytes, the transport stops sending until the peer has read some. */
const FULL_AT = 64 * 1024;

/** Milliseconds for the peer to leave after its close packet. A session that ends earlier loses the last packets. */
const GOODBYE_TIMEOUT = 1000;

/** Bytes of the longest reason that a session may end with (draft-ietf-webtrans-http3, section 6). */
const MAX_REASON = 1024;

const closeFacts = (code: number, error?: Error): LinkClose => ({ code, reason: "", wasClean: code !== 1006, error });

/** Ends a session; one that has ended may throw. */
export function closeSession(session: WebTransportSession, closeCode: number, reason: string): void {
  try {
    session.close({ closeCode, reason: reason.slice(0, MAX_REASON) });
  } catch {
    // it has ended by itself
  }
}

const doNothing = (): void => {};

/**
 * One bidirectional stream of a WebTransport session, with the interface of our links: one packet per message.
 *
 * Between calls, at most one read is under way, and none while the handler has paused or is missing. After `close`, the peer's
 * packets are still delivered until it leaves, for a second at most. `onClose` follows exactly once.
 */
export class WebTransportLink implements EngineLink, BudgetHolder {
  readonly #session: WebTransportSession;
  readonly #input: ChunkReader<Uint8Array>;
  readonly #output: ChunkWriter;
  /** What has been read of the stream; its first packet was the handshake. */
  readonly #packets: PacketReader;
  readonly #context: LinkContext;
  #handler: StreamHandler | undefined;
  #life: "open" | "closing" | "closed" = "open";
  /** `idle`: a read may begin. `broken`: what arrives is dropped, since packets can't be found any more. */
  #reading: "idle" | "under way" | "broken" = "idle";
  #isPaused = false;
  #chunks: Uint8Array[] = [];
  /** Bytes that the peer's side of the stream has not taken. */
  #unsent = 0;
  #pressure: "low" | "high" = "low";
  #timer: PendingCall | undefined;
  /** What the session ends with. Without a goodbye the peer takes the end for an accident, and may return. */
  #goodbye: readonly [code: number, reason: string] = [0, ""];
  /** The report for `onClose` if the session ended before `open`. */
  #end: LinkClose | undefined;

  constructor(session: WebTransportSession, { input, output, packets }: OpenedStream, context: LinkContext) {
    this.#session = session;
    this.#input = input;
    this.#output = output;
    this.#packets = packets;
    this.#context = context;
    session.closed.then(
      () => this.#finish(closeFacts(1000)),
      () => this.#finish(closeFacts(1006)),
    );
  }

  /** The session, for programs. */
  get session(): WebTransportSession {
    return this.#session;
  }

  get bufferedBytes(): number {
    return this.#unsent;
  }

  open(handler: StreamHandler): void {
    const isFirst = this.#handler === undefined;
    this.#handler = handler;
    if (!isFirst) return;
    if (this.#end !== undefined) queueMicrotask(() => handler.onClose(this.#end!));
    else queueMicrotask(() => this.#read());
  }

  // ---- incoming ----------------------------------------------------------------------------------------------------

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    queueMicrotask(() => this.#read());
  }

  /** Delivers the packets at hand, then reads on. */
  #read(): void {
    if (this.#reading === "under way" || this.#handler === undefined) return;
    if (this.#reading === "idle") this.#deliver();
    if (this.#isPaused || this.#life === "closed") return;
    const isBroken = this.#reading === "broken";
    this.#reading = "under way";
    this.#input.read().then(
      ({ done, value }) => {
        this.#reading = isBroken ? "broken" : "idle";
        if (this.#life === "closed") return;
        if (done) return this.#finish(closeFacts(1006));
        if (!isBroken) this.#packets.push(value!);
        this.#read();
      },
      (error: Error) => this.#finish(closeFacts(1006, error)),
    );
  }

  #deliver(): void {
    while (!this.#isPaused && this.#life !== "closed") {
      let data: ReturnType<PacketReader["next"]>;
      try {
        data = this.#packets.next();
      } catch (error) {
        return this.#refuse(error as ParserError);
      }
      if (data === undefined) return this.#charge();
      this.#hand(data);
    }
  }

  /** An exception of a listener reaches Node, and the next packet is delivered. */
  #hand(data: string | Buffer): void {
    try {
      if (typeof data === "string") this.#handler?.onText(data);
      else this.#handler?.onBinary(data);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  /** Counts an incomplete packet. */
  #charge(): void {
    const { heldBytes } = this.#packets;
    if (heldBytes > 0) this.#context.receiving.update(this, heldBytes);
    else this.#context.receiving.remove(this);
  }

  onEvicted(): void {
    this.#violate("RECEIVE_BUDGET");
  }

  #refuse(error: ParserError): void {
    this.#reading = "broken";
    // The packet codec refuses it too, with the reason of any malformed packet.
    if (error.code === "ENGINE_EMPTY_PACKET") this.#hand("");
    else this.#violate("PAYLOAD_TOO_LARGE", error);
  }

  #violate(code: "RECEIVE_BUDGET" | "PAYLOAD_TOO_LARGE", below?: ParserError): void {
    this.#reading = "broken";
    this.#context.receiving.remove(this);
    const { message, webSocketCode: closeCode } = CLOSE_CODES[code];
    this.#handler?.onEnding?.(Object.assign(new EngineError(code, message, below), { closeCode }));
    this.close(closeCode, writeCloseText({ code, rule: below?.code }));
  }

  // ---- outgoing ----------------------------------------------------------------------------------------------------

  sendText(text: string): void {
    this.#queue(framePacket(text));
  }

  sendBinary(data: Buffer): void {
    this.#queue(framePacket(data));
  }

  /** The frame of a server's WebSocket is the packet's length and the packet too, behind a byte with the kind of its data. */
  sendFrame(frame: Buffer): void {
    const isBinary = (frame[0]! & 0x0f) === 2;
    if (isBinary && frame[1] === 0) return this.sendBinary(Buffer.alloc(0));
    const framed = isBinary ? Buffer.from(frame.subarray(1)) : frame.subarray(1);
    if (isBinary) framed[0]! |= 0x80;
    this.#queue(framed);
  }

  #queue(framed: Uint8Array): void {
    if (this.#life !== "open") return;
    this.#chunks.push(framed);
    this.#unsent += framed.length;
  }

  /** Does nothing, because packets wait for {@link flush}. */
  cork(): void {}

  flush(): void {
    const chunks = this.#chunks;
    if (chunks.length === 0) return;
    this.#chunks = [];
    const bytes = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
    this.#output.write(bytes).then(
      () => this.#sent(bytes.length),
      // the read fails too, and ends the link
      doNothing,
    );
    if (this.#pressure === "high" || this.#unsent <= FULL_AT) return;
    this.#pressure = "high";
    this.#handler?.onFull?.();
  }

  #sent(size: number): void {
    this.#unsent -= size;
    if (this.#pressure === "low" || this.#unsent > FULL_AT || this.#life !== "open") return;
    this.#pressure = "low";
    this.#handler?.onDrain();
  }

  // ---- the end -----------------------------------------------------------------------------------------------------

  close(code = 1000, reason = ""): void {
    if (this.#life !== "open") return;
    const isPlain = reason === "" || reason === "SERVER_CLOSED";
    this.#queue(framePacket(isPlain ? "1" : `1${writeClosePacket(code, reason)}`));
    this.flush();
    this.#life = "closing";
    this.#goodbye = [code, reason];
    this.#timer = this.#context.clock.after(GOODBYE_TIMEOUT, () => this.#finish(closeFacts(code)));
    // A peer that leaves is seen by reading alone.
    this.#isPaused = false;
    if (this.#handler !== undefined) queueMicrotask(() => this.#read());
  }

  terminate(): void {
    queueMicrotask(() => this.#finish(closeFacts(1006)));
  }

  #finish(end: LinkClose): void {
    if (this.#life === "closed") return;
    this.#life = "closed";
    this.#timer?.cancel();
    this.#context.receiving.remove(this);
    this.#chunks = [];
    closeSession(this.#session, ...this.#goodbye);
    if (this.#handler === undefined) this.#end = end;
    else this.#handler.onClose(end);
  }
}
