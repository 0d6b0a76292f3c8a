import type { Duplex } from "node:stream";
import type { Clock } from "./clock.ts";
import { OPCODE, WebSocketConnection } from "./core/index.ts";
import type { Limits, Role, WebSocketError, WebSocketHandler } from "./core/index.ts";

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
  /** A binary message. The buffer is the handler's, and pins no much larger one. */
  onBinary(data: Buffer): void;
  /** The stream is full: what is sent from now on waits in memory, until `onDrain`. */
  onFull?(): void;
  /** The stream has taken everything after it had been full. */
  onDrain(): void;
  /** The stream is closed. Called exactly once, whatever happened. */
  onClose(close: LinkClose): void;
  /** A ping; it has been answered. */
  onPing?(data: Buffer): void;
  onPong?(data: Buffer): void;
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
  sendText(text: string): void;
  /** `data` is the link's from now on: it may be written later, and as it is then. */
  sendBinary(data: Buffer): void;
  /** Sends complete frames made by `frameText` or `frameBinary`, shared between links. */
  sendFrame(frame: Buffer): void;
  /** `data`: at most 125 bytes. */
  ping(data?: Buffer): void;
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

export interface LinkOptions {
  readonly role: Role;
  readonly limits: Limits;
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
  #error: Error | undefined = undefined;
  /** What `onClose` is told, when the stream was closed before `open`. */
  #close: LinkClose | undefined = undefined;

  /** `answer` are the bytes of the opening handshake that go before the first frame. */
  constructor(stream: Duplex, answer: Buffer, options: LinkOptions) {
    this.#stream = stream;
    this.#clock = options.clock;
    this.#closeTimeout = options.closeTimeout;
    this.#connection = new WebSocketConnection(
      { role: options.role, limits: options.limits, clock: options.clock },
      this,
    );
    attach(stream, this);
    this.#connection.sendRaw(answer);
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
    if (this.#close !== undefined) process.nextTick(reportClose, handler, this.#close);
    else this.#stream?.on("data", onStreamData);
  }

  // hot path
  sendText(text: string): void {
    this.#connection.send(text, OPCODE.text);
  }

  // hot path
  sendBinary(data: Buffer): void {
    this.#connection.send(data, OPCODE.binary);
  }

  // hot path
  sendFrame(frame: Buffer): void {
    this.#connection.sendFrame(frame);
  }

  ping(data?: Buffer): void {
    this.#connection.ping(data);
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
  onBinary(data: Buffer): void {
    this.#handler!.onBinary(data);
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

  /** @internal The connection is over; what it still has to say leaves, then the stream ends. */
  onClosed(): void {
    this.#startCloseTimer();
    this.onOutput();
    // The peer's end of the stream is only seen by reading up to it.
    this.#stream?.resume();
  }

  /** @internal */
  // hot path
  receive(chunk: Buffer): void {
    let finished = false;
    try {
      this.#connection.receive(chunk);
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

  /** @internal */
  // hot path
  flush(): void {
    const stream = this.#stream;
    if (stream === undefined || stream.destroyed) return;
    const connection = this.#connection;
    const { phase, isOutputBlocked } = connection;
    const isOver = phase === "closed" || phase === "failed";
    if (isOutputBlocked && !isOver) return;
    const output = connection.takeOutput();
    if (output !== undefined && !write(stream, output) && !isOutputBlocked) {
      connection.blockOutput();
      stream.on("drain", onStreamDrain);
      this.#handler?.onFull?.();
    }
    if (isOver && !stream.writableEnded) stream.end();
  }

  #startCloseTimer(): void {
    if (this.#stream === undefined) return;
    this.#closeTimer ??= this.#clock.after(this.#closeTimeout, () => this.terminate());
  }
}

/** Writes output at once; false when the stream is full. */
// hot path
function write(stream: Duplex, output: Buffer | Buffer[]): boolean {
  if (!Array.isArray(output)) return stream.write(output);
  stream.cork();
  let canTakeMore = true;
  for (const buffer of output) canTakeMore = stream.write(buffer);
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
