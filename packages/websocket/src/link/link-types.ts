import type { Duplex } from "node:stream";
import type { Clock } from "../clock.ts";
import type { ConnectionOptions, ViolationCode, WebSocketError } from "../core/index.ts";
import type { WriteCallback } from "./write-callbacks.ts";

/** How a connection ended. */
export interface LinkClose {
  /** The peer's close code (1005: none in its close frame), our code for its violation, or 1006: no close frame came. */
  readonly code: number;
  /** The peer's reason, or the sentence about its violation. */
  readonly reason: string;
  /** Whether close frames were exchanged. */
  readonly wasClean: boolean;
  /** The violation, or the error of the stream. */
  readonly error: WebSocketError | Error | undefined;
}

/**
 * What a link reports. A handler that throws throws to Node, as a listener does; the link stays consistent and goes on with
 * the next frame.
 */
export interface LinkHandler {
  /** A text message; its UTF-8 has been checked. */
  onText(text: string): void;
  /** A text message as its bytes, instead of `onText`: for a link that was made with `text: "bytes"`. */
  onTextBytes?(data: Buffer): void;
  /** A binary message. The buffer is the handler's, and pins no much larger one. */
  onBinary(data: Buffer): void;
  /** The stream is full: what is sent from now on waits in memory, until `onDrain`. */
  onFull?(): void;
  /** The stream has taken everything after it had been full. */
  onDrain(): void;
  /** No more messages come: the peer's close frame or its end of the stream was read, or `error` has ended the connection. */
  onEnding?(error: WebSocketError | undefined): void;
  /** The stream is closed. Called exactly once, whatever happened. */
  onClose(close: LinkClose): void;
  /** A ping; it has been answered. */
  onPing?(data: Buffer): void;
  onPong?(data: Buffer): void;
  /** Asked for the text of the close frame that answers a violation, at most 123 bytes. Default: a sentence. */
  closeTextOf?(code: ViolationCode): string;
}

/**
 * A WebSocket connection joined to its stream. Frames sent in one tick leave in one write. Everything sent after `close`
 * is dropped; messages are delivered until the peer's close frame.
 *
 * @example
 * const link = acceptUpgrade(req, stream, head, {});
 * link.open({ onText: (text) => link.sendText(text), onBinary() {}, onDrain() {}, onClose() {} });
 */
export interface WebSocketLink {
  /** Starts delivery. Called again, it hands the link over to another handler. */
  open(handler: LinkHandler): void;
  /** `compress` (default true): whether the message may be compressed, when that was negotiated and it is long enough. */
  sendText(text: string, compress?: boolean): void;
  /** `data` is the link's from now on: it may be written later, and as it is then. */
  sendBinary(data: Buffer, compress?: boolean): void;
  /** Sends complete frames made by `frameText` or `frameBinary`, shared between links and never compressed. */
  sendFrame(frame: Buffer): void;
  /** `data`: at most 125 bytes. */
  ping(data?: Buffer): void;
  pong(data?: Buffer): void;
  /** Calls back once all that was sent up to now has been handed to the system. */
  whenWritten(callback: WriteCallback): void;
  /** What is sent from now on waits for `flush`, which must follow in the same tick. */
  cork(): void;
  /** Hands what was sent to the stream now, and not at the end of the tick. */
  flush(): void;
  /** Begins the closing handshake; after `closeTimeout` the stream is destroyed. Throws on a code that may not be sent. */
  close(code?: number, reason?: string): void;
  /** Destroys the stream at once. */
  terminate(): void;
  /** Holds messages back, from the very next one. */
  pause(): void;
  resume(): void;
  /** Bytes that the stream has not passed on to the system yet, or that wait for it. */
  readonly bufferedBytes: number;
  /** Whether compression was negotiated. */
  readonly compresses: boolean;
  /** Whether what is sent now can arrive. */
  readonly isOpen: boolean;
  /** Undefined after `onClose`. */
  readonly stream: Duplex | undefined;
}

export interface LinkOptions extends ConnectionOptions {
  readonly clock: Clock;
  /** Milliseconds. */
  readonly closeTimeout: number;
}
