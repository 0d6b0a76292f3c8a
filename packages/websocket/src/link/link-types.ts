import type { Duplex } from "node:stream";
import type { Clock } from "../clock.ts";
import type { ConnectionOptions, ViolationCode, WebSocketError } from "../core/index.ts";
import type { WriteCallback } from "./write-callbacks.ts";

/** How a connection ended. */
export interface LinkClose {
  /**
   * The peer's close code (1005 if its close frame has none), our code for its violation, or
   * 1006 without a close frame.
   */
  readonly code: number;
  /** The peer's reason, or the sentence of its violation. */
  readonly reason: string;
  /** Whether close frames were exchanged. */
  readonly wasClean: boolean;
  /** The violation, or the stream's error. */
  readonly error: WebSocketError | Error | undefined;
}

/**
 * What a link reports. An exception from a handler reaches Node, as from a listener. The link stays
 * consistent and continues with the next frame.
 */
export interface LinkHandler {
  /** A text message, checked to be UTF-8. */
  onText(text: string): void;
  /** Replaces `onText` for a link made with `text: "bytes"`. */
  onTextBytes?(data: Buffer): void;
  /** A binary message. The handler owns the buffer, which retains no much larger one. */
  onBinary(data: Buffer): void;
  /** The stream is full. Messages sent from now on are queued in memory, until `onDrain`. */
  onFull?(): void;
  /** The stream was full and has taken everything. */
  onDrain(): void;
  /**
   * The last message has been delivered: the peer's close frame or end of stream was read, or
   * `error` ended the connection.
   */
  onEnding?(error: WebSocketError | undefined): void;
  /** The stream is closed. Called exactly once, in every case. */
  onClose(close: LinkClose): void;
  /** A ping, already answered. */
  onPing?(data: Buffer): void;
  /** A pong. */
  onPong?(data: Buffer): void;
  /**
   * Returns the text of the close frame that answers a violation, at most 123 bytes. Default:
   * the violation's sentence.
   */
  closeTextOf?(code: ViolationCode): string;
}

/**
 * A WebSocket connection over its stream. Frames sent in one tick leave in one write. Messages sent
 * after `close` are dropped; messages are delivered until the peer's close frame.
 *
 * @example
 * const link = acceptUpgrade(req, stream, head, {});
 * link.open({ onText: (text) => link.sendText(text), onBinary() {}, onDrain() {}, onClose() {} });
 */
export interface WebSocketLink {
  /** Starts delivery. A further call replaces the handler. */
  open(handler: LinkHandler): void;
  /**
   * Sends text. `compress` (default true) allows compression, if it was negotiated and
   * the message is long enough.
   */
  sendText(text: string, compress?: boolean): void;
  /** Sends bytes and takes ownership of them: the write happens later, without a copy. */
  sendBinary(data: Buffer, compress?: boolean): void;
  /**
   * Sends complete frames made by `frameText` or `frameBinary`. Links may
   * share them. Never compressed.
   */
  sendFrame(frame: Buffer): void;
  /** Sends a ping of at most 125 bytes. */
  ping(data?: Buffer): void;
  /** Sends a pong of at most 125 bytes. */
  pong(data?: Buffer): void;
  /** Calls back once everything sent so far has been handed to the system. */
  whenWritten(callback: WriteCallback): void;
  /** Queues output for `flush`, which must follow. */
  cork(): void;
  /** Writes queued output now, before the end of the tick. */
  flush(): void;
  /**
   * Begins the closing handshake. Destroys the stream after `closeTimeout`.
   * @throws WebSocketError `WS_ERR_INVALID_CLOSE_CODE` for a code that must not be sent
   */
  close(code?: number, reason?: string): void;
  /** Destroys the stream at once. */
  terminate(): void;
  /** Stops delivery, from the next message on. */
  pause(): void;
  /** Continues delivery after `pause`. */
  resume(): void;
  /** Bytes queued here or in the stream, not yet handed to the system. */
  readonly bufferedBytes: number;
  /** Whether compression was negotiated. */
  readonly compresses: boolean;
  /** Whether messages sent now can arrive. */
  readonly isOpen: boolean;
  /** Undefined after `onClose`. */
  readonly stream: Duplex | undefined;
}

export interface LinkOptions extends ConnectionOptions {
  readonly clock: Clock;
  /** Milliseconds. */
  readonly closeTimeout: number;
}
