import type { Duplex } from "node:stream";
import type { Clock } from "./clock.ts";
import { OPCODE, WebSocketConnection } from "./core/index.ts";
import type { ConnectionOptions, DataOpcode, WebSocketError, WebSocketHandler, ViolationCode } from "./core/index.ts";
import { WriteCallbacks } from "./write-callbacks.ts";
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

/** Where the shared listeners find the link of their stream: no listener is a closure. */
const LINK = Symbol("WebSocketLink");
type LinkedStream = Duplex & { [LINK]?: StreamLink | undefined };

export class StreamLink implements WebSocketLink, WebSocketHandler {
  readonly #connection: WebSocketConnection;
  readonly #clock: Clock;
  readonly #closeTimeout: number;
  #stream: LinkedStream | undefined;
  #handler: LinkHandler | undefined = undefined;
  #reading: "flowing" | "paused" = "flowing";
  #closeTimer: { cancel(): void } | undefined = undefined;
  #callbacks: WriteCallbacks | undefined = undefined;
  #error: Error | undefined = undefined;
  /** What `onClose` is told, when the stream was closed before `open`. */
  #close: LinkClose | undefined = undefined;

  /** `answer` are the bytes of the opening handshake that go before the first frame. */
  constructor(stream: Duplex, answer: Buffer, options: LinkOptions) {
    this.#stream = stream;
    this.#clock = options.clock;
    this.#closeTimeout = options.closeTimeout;
    this.#connection = new WebSocketConnection(options, this);
    attach(stream, this);
    if (answer.length > 0) this.#connection.sendRaw(answer);
    // A stream that was closed before will not say so again.
    if (stream.closed) this.streamClosed();
  }

  get bufferedBytes(): number {
    return this.#connection.bufferedBytes + (this.#stream?.writableLength ?? 0);
  }

  get isOpen(): boolean {
    return this.#connection.phase === "open" && this.#stream?.destroyed === false;
  }

  get stream(): Duplex | undefined {
    return this.#stream;
  }

  open(handler: LinkHandler): void {
    const isFirst = this.#handler === undefined;
    this.#handler = handler;
    if (!isFirst) return;
    if (this.#close !== undefined) return process.nextTick(reportClose, handler, this.#close);
    this.#stream?.on("data", onStreamData);
    if (this.#connection.isOutputBlocked) handler.onFull?.();
  }

  // hot path
  sendText(text: string, compress?: boolean): void {
    this.#connection.send(text, OPCODE.text, compress);
  }

  // hot path
  sendBinary(data: Buffer, compress?: boolean): void {
    this.#connection.send(data, OPCODE.binary, compress);
  }

  // hot path
  sendFrame(frame: Buffer): void {
    this.#connection.sendFrame(frame);
  }

  /** Sends a message or a part of one. A part that is not the last has `fin` false; those after it continue its message. */
  // hot path
  sendMessage(data: string | Buffer, opcode: DataOpcode, compress: boolean, fin: boolean): void {
    if (fin && !this.#connection.isSendingFragments) this.#connection.send(data, opcode, compress);
    else this.#connection.sendFragment(data, opcode, fin);
  }

  ping(data?: Buffer): void {
    this.#connection.ping(data);
  }

  pong(data?: Buffer): void {
    this.#connection.pong(data);
  }

  /** Calls back once all that was sent up to now has been handed to the system. */
  whenWritten(callback: WriteCallback): void {
    (this.#callbacks ??= new WriteCallbacks()).push(this.#connection.queued, callback);
  }

  close(code?: number, reason?: string): void {
    this.#connection.close(code, reason);
    this.#startCloseTimer();
  }

  terminate(): void {
    this.#connection.abort();
    this.#stream?.destroy();
  }

  pause(): void {
    this.#reading = "paused";
    this.#connection.pause();
    this.#stream?.pause();
  }

  resume(): void {
    this.#reading = "flowing";
    process.nextTick(continueReading, this);
  }

  /** @internal */
  onText(text: string): void {
    this.#handler!.onText(text);
  }

  /** @internal */
  onTextBytes(data: Buffer): void {
    this.#handler!.onTextBytes!(data);
  }

  /** @internal */
  onBinary(data: Buffer): void {
    this.#handler!.onBinary(data);
  }

  /** @internal */
  closeTextOf(code: ViolationCode): string | undefined {
    return this.#handler?.closeTextOf?.(code);
  }

  /** @internal */
  onPing(data: Buffer): void {
    this.#handler?.onPing?.(data);
  }

  /** @internal */
  onPong(data: Buffer): void {
    this.#handler?.onPong?.(data);
  }

  /** @internal */
  onOutput(): void {
    process.nextTick(flush, this);
  }

  /** @internal */
  onReadable(): void {
    this.continueReading();
  }

  /** @internal The connection is over; what it still has to say leaves, then the stream ends. */
  onClosed(): void {
    this.#startCloseTimer();
    this.onOutput();
    // The peer's end of the stream is only seen by reading up to it.
    this.#stream?.resume();
    this.#handler?.onEnding?.(this.#connection.error);
  }

  /** @internal */
  // hot path
  receive(chunk: Buffer): void {
    let finished = false;
    try {
      // A message that takes time to decompress holds back what follows it, in the system rather than here.
      if (!this.#connection.receive(chunk)) this.#stream?.pause();
      finished = true;
    } finally {
      // The handler threw: what is left of the chunk is read after the error has gone where it goes.
      if (!finished) process.nextTick(continueReading, this);
    }
  }

  /** @internal */
  continueReading(): void {
    if (this.#reading === "paused" || this.#handler === undefined) return;
    let finished = false;
    try {
      this.#connection.resume();
      finished = true;
    } finally {
      if (!finished) process.nextTick(continueReading, this);
    }
    if (!this.#connection.isPaused) this.#stream?.resume();
  }

  /** @internal */
  streamEnded(): void {
    this.#connection.receiveEnd();
  }

  /** @internal */
  streamDrained(): void {
    const stream = this.#stream;
    if (stream === undefined) return;
    stream.removeListener("drain", onStreamDrain);
    this.#connection.unblockOutput();
    this.flush();
    if (!stream.writableNeedDrain) this.#handler?.onDrain();
  }

  /** @internal */
  streamFailed(error: Error): void {
    this.#error ??= error;
    this.terminate();
  }

  /** @internal */
  streamClosed(): void {
    const stream = this.#stream;
    if (stream === undefined) return;
    const connection = this.#connection;
    connection.abort();
    this.#closeTimer?.cancel();
    this.#closeTimer = undefined;
    stream[LINK] = undefined;
    this.#stream = undefined;
    this.#callbacks?.fail();
    const wasClean = connection.phase === "closed";
    const close: LinkClose = {
      code: connection.closeCode,
      reason: connection.closeReason,
      wasClean,
      // A reset after the closing handshake is how some peers hang up.
      error: connection.error ?? (wasClean ? undefined : this.#error),
    };
    if (this.#handler === undefined) this.#close = close;
    else this.#handler.onClose(close);
  }

  // hot path
  cork(): void {
    this.#connection.expectOutput();
  }

  // hot path
  flush(): void {
    const stream = this.#stream;
    if (stream === undefined || stream.destroyed) return;
    const connection = this.#connection;
    const { phase, isOutputBlocked } = connection;
    const isOver = phase === "closed" || phase === "failed";
    if (isOutputBlocked && !isOver) return;
    const output = connection.takeOutput();
    const onWritten = this.#callbacks?.takeUpTo(connection.taken);
    if (output !== undefined && !write(stream, output, onWritten) && !isOutputBlocked) {
      connection.blockOutput();
      stream.on("drain", onStreamDrain);
      this.#handler?.onFull?.();
    }
    if (isOver && !connection.hasPendingOutput && !stream.writableEnded) stream.end();
  }

  #startCloseTimer(): void {
    if (this.#stream === undefined) return;
    this.#closeTimer ??= this.#clock.after(this.#closeTimeout, () => this.terminate());
  }
}

/** Writes output at once; false when the stream is full. */
// hot path
function write(stream: Duplex, output: Buffer | Buffer[], onWritten: WriteCallback | undefined): boolean {
  if (!Array.isArray(output)) return stream.write(output, onWritten);
  stream.cork();
  const last = output.length - 1;
  for (let at = 0; at < last; at++) stream.write(output[at]);
  const canTakeMore = stream.write(output[last], onWritten);
  stream.uncork();
  return canTakeMore;
}

function attach(stream: LinkedStream, link: StreamLink): void {
  stream[LINK] = link;
  stream.on("end", onStreamEnd);
  stream.on("error", onStreamError);
  stream.on("close", onStreamClose);
}

function onStreamData(this: LinkedStream, chunk: Buffer): void {
  this[LINK]?.receive(chunk);
}

function onStreamEnd(this: LinkedStream): void {
  this[LINK]?.streamEnded();
}

function onStreamDrain(this: LinkedStream): void {
  this[LINK]?.streamDrained();
}

/** Stays on the stream for good: an error after the end must not become an uncaught one. */
function onStreamError(this: LinkedStream, error: Error): void {
  this[LINK]?.streamFailed(error);
}

function onStreamClose(this: LinkedStream): void {
  this[LINK]?.streamClosed();
}

function flush(link: StreamLink): void {
  link.flush();
}

function continueReading(link: StreamLink): void {
  link.continueReading();
}

function reportClose(handler: LinkHandler, close: LinkClose): void {
  handler.onClose(close);
}

/** Whether a link holds the stream. */
export function isLinked(stream: Duplex): boolean {
  return (stream as LinkedStream)[LINK] !== undefined;
}
