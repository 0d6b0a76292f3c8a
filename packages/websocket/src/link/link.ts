/*
 * One WebSocket over a Duplex stream: chunks into the core, its output in one write per tick.
 * Knows: the core, streams, the clock, callbacks of writes.
 * Must not know: events, options of programs, HTTP.
 *
 * Quantities: output is queued first in the connection (`bufferedBytes` there), then in the stream
 * (`writableLength`). Reading stops for three reasons: the owner paused, a message is being
 * decompressed, or the handler is not set yet.
 *
 * Between calls, the stream is paused while the connection is, except in the tick after a handler
 * has thrown. Output stays in the connection while the stream is full; otherwise one flush is
 * scheduled, or promised by `cork`. The stream carries its link from the constructor to `close`,
 * and `onClose` follows exactly once. Once the connection has ended, a timer bounds the wait for
 * the end of the stream.
 *
 * A second link on one stream would take its input. A write past the link would land between
 * frames.
 */
import type { Duplex } from "node:stream";
import type { Clock } from "../clock.ts";
import { OPCODE, soon, WebSocketConnection } from "../core/index.ts";
import type { ConnectionPhase, DataOpcode, ViolationCode, WebSocketError, WebSocketHandler } from "../core/index.ts";
import { flushAtEndOfTick, resumeFlushing } from "./flush-queue.ts";
import type { LinkClose, LinkHandler, LinkOptions, WebSocketLink } from "./link-types.ts";
import { WriteCallbacks } from "./write-callbacks.ts";
import type { WriteCallback } from "./write-callbacks.ts";

// Symbols as private keys: a link can be wrapped by a Proxy or inherited from.
const kCallbacks = Symbol("callbacks");
const kClock = Symbol("clock");
const kClose = Symbol("close");
const kCloseTimeout = Symbol("closeTimeout");
const kCloseTimer = Symbol("closeTimer");
const kConnection = Symbol("connection");
const kError = Symbol("error");
const kHandler = Symbol("handler");
const kReading = Symbol("reading");
const kStartCloseTimer = Symbol("startCloseTimer");
const kStream = Symbol("stream");

/** Milliseconds that a peer has to end its side of the stream after a violation. */
const FAILED_TIMEOUT = 5_000;

/** Leads the shared listeners from a stream to its link, without a closure per link. */
const LINK = Symbol("WebSocketLink");
type LinkedStream = Duplex & { [LINK]?: StreamLink | undefined };

export class StreamLink implements WebSocketLink, WebSocketHandler {
  private readonly [kConnection]: WebSocketConnection;
  private readonly [kClock]: Clock;
  private readonly [kCloseTimeout]: number;
  /** Retained after its end, for `formerStream`. */
  private readonly [kStream]: LinkedStream;
  private [kHandler]: LinkHandler | undefined = undefined;
  private [kReading]: "flowing" | "paused" = "flowing";
  private [kCloseTimer]: { cancel(): void } | undefined = undefined;
  private [kCallbacks]: WriteCallbacks | undefined = undefined;
  private [kError]: Error | undefined = undefined;
  /** The report for `onClose` if the stream closed before `open`. */
  private [kClose]: LinkClose | undefined = undefined;

  /** @param answer the bytes of the opening handshake, sent before the first frame */
  constructor(stream: Duplex, answer: Buffer, options: LinkOptions) {
    this[kStream] = stream;
    this[kClock] = options.clock;
    this[kCloseTimeout] = options.closeTimeout;
    this[kConnection] = new WebSocketConnection(options, this);
    listenToStream(stream, this);
    if (answer.length > 0) this[kConnection].sendRaw(answer);
    // A stream that is closed already emits no further `close`.
    if (stream.closed) this.streamClosed();
  }

  get bufferedBytes(): number {
    return this[kConnection].bufferedBytes + (this.stream?.writableLength ?? 0);
  }

  get compresses(): boolean {
    return this[kConnection].compresses;
  }

  get isOpen(): boolean {
    return this[kConnection].phase === "open" && !this[kStream].destroyed;
  }

  get stream(): Duplex | undefined {
    const stream = this[kStream];
    return stream[LINK] === this ? stream : undefined;
  }

  /** The stream, also after its end. */
  get formerStream(): Duplex {
    return this[kStream];
  }

  get closeCode(): number {
    return this[kConnection].closeCode;
  }

  get closeReason(): string {
    return this[kConnection].closeReason;
  }

  /** The violation that ended the connection. */
  get error(): WebSocketError | undefined {
    return this[kConnection].error;
  }

  /** The phase of the closing handshake. */
  get phase(): ConnectionPhase {
    return this[kConnection].phase;
  }

  open(handler: LinkHandler): void {
    const isFirst = this[kHandler] === undefined;
    this[kHandler] = handler;
    if (!isFirst) return;
    if (this[kClose] !== undefined) return soon(reportClose, this);
    this[kStream].on("data", onStreamData);
    if (this[kConnection].isOutputBlocked) handler.onFull?.();
  }

  sendText(text: string, compress?: boolean): void {
    this[kConnection].send(text, OPCODE.text, compress);
    resumeFlushing();
  }

  sendBinary(data: Buffer, compress?: boolean): void {
    this[kConnection].send(data, OPCODE.binary, compress);
    resumeFlushing();
  }

  sendFrame(frame: Buffer): void {
    this[kConnection].sendFrame(frame);
    resumeFlushing();
  }

  /** Sends a message or a part of it. `fin` is false for all parts but the last. */
  sendMessage(data: string | Buffer, opcode: DataOpcode, compress: boolean, fin: boolean): void {
    if (fin && !this[kConnection].isSendingFragments) this[kConnection].send(data, opcode, compress);
    else this[kConnection].sendFragment(data, opcode, fin);
    resumeFlushing();
  }

  ping(data?: Buffer): void {
    this[kConnection].ping(data);
    resumeFlushing();
  }

  pong(data?: Buffer): void {
    this[kConnection].pong(data);
    resumeFlushing();
  }

  whenWritten(callback: WriteCallback): void {
    (this[kCallbacks] ??= new WriteCallbacks()).push(this[kConnection].queued, callback);
  }

  close(code?: number, reason?: string): void {
    this[kConnection].close(code, reason);
    resumeFlushing();
    this[kStartCloseTimer](false);
  }

  terminate(): void {
    this[kConnection].abort();
    this[kStream].destroy();
  }

  pause(): void {
    this[kReading] = "paused";
    this[kConnection].pause();
    this[kStream].pause();
  }

  resume(): void {
    this[kReading] = "flowing";
    soon(continueReading, this);
  }

  /** @internal */
  onText(text: string): void {
    this[kHandler]!.onText(text);
  }

  /** @internal */
  onTextBytes(data: Buffer): void {
    this[kHandler]!.onTextBytes!(data);
  }

  /** @internal */
  onBinary(data: Buffer): void {
    this[kHandler]!.onBinary(data);
  }

  /** @internal */
  closeTextOf(code: ViolationCode): string | undefined {
    return this[kHandler]?.closeTextOf?.(code);
  }

  /** @internal */
  onPing(data: Buffer): void {
    this[kHandler]?.onPing?.(data);
  }

  /** @internal */
  onPong(data: Buffer): void {
    this[kHandler]?.onPong?.(data);
  }

  /** @internal */
  onOutput(): void {
    flushAtEndOfTick(this);
  }

  /** @internal */
  onReadable(): void {
    this.continueReading();
  }

  /** @internal The connection has ended. Sends the remaining output, then ends the stream. */
  onClosed(): void {
    const { error } = this[kConnection];
    this[kStartCloseTimer](error !== undefined);
    this.onOutput();
    // Reading is the only way to see the peer's end of the stream.
    this[kStream].resume();
    this[kHandler]?.onEnding?.(error);
  }

  /** @internal */
  receive(chunk: Buffer): void {
    let finished = false;
    try {
      // An asynchronous decompression pauses the stream: the rest is buffered
      // by the system, not here.
      if (!this[kConnection].receive(chunk)) this[kStream].pause();
      finished = true;
    } finally {
      // The handler threw. Read the rest of the chunk after Node has reported the error.
      if (!finished) soon(continueReading, this);
    }
  }

  /** @internal */
  continueReading(): void {
    if (this[kReading] === "paused" || this[kHandler] === undefined) return;
    let finished = false;
    try {
      this[kConnection].resume();
      finished = true;
    } finally {
      if (!finished) soon(continueReading, this);
    }
    if (!this[kConnection].isPaused) this[kStream].resume();
  }

  /** @internal */
  streamEnded(): void {
    this[kConnection].receiveEnd();
  }

  /** @internal */
  streamDrained(): void {
    const stream = this[kStream];
    stream.removeListener("drain", onStreamDrain);
    this[kConnection].unblockOutput();
    this.flush();
    if (!stream.writableNeedDrain) this[kHandler]?.onDrain();
  }

  /** @internal */
  streamFailed(error: Error): void {
    this[kError] ??= error;
    this.terminate();
  }

  /** @internal */
  streamClosed(): void {
    const stream = this[kStream];
    const connection = this[kConnection];
    connection.abort();
    this[kCloseTimer]?.cancel();
    this[kCloseTimer] = undefined;
    stream[LINK] = undefined;
    this[kCallbacks]?.fail();
    const wasClean = connection.phase === "closed";
    const close: LinkClose = {
      code: connection.closeCode,
      reason: connection.closeReason,
      wasClean,
      // Some peers reset the stream after the closing handshake.
      error: connection.error ?? (wasClean ? undefined : this[kError]),
    };
    if (this[kHandler] === undefined) this[kClose] = close;
    else this[kHandler].onClose(close);
  }

  cork(): void {
    this[kConnection].expectOutput();
  }

  // hot path: 2.3 % of the server's time in `broadcast`
  flush(): void {
    const stream = this[kStream];
    if (stream.destroyed || stream[LINK] !== this) return;
    const connection = this[kConnection];
    const { phase, isOutputBlocked } = connection;
    const isOver = phase === "closed" || phase === "failed";
    if (isOutputBlocked && !isOver) return;
    const output = connection.takeOutput();
    const onWritten = this[kCallbacks]?.takeUpTo(connection.taken);
    if (output !== undefined && !write(stream, output, onWritten) && !isOutputBlocked) {
      connection.blockOutput();
      stream.on("drain", onStreamDrain);
      this[kHandler]?.onFull?.();
    }
    if (isOver && !connection.hasPendingOutput && !stream.writableEnded) stream.end();
  }

  /**
   * Starts the close timer. A peer that violated the protocol may never end its
   * side, so it gets less time.
   */
  private [kStartCloseTimer](isFailed: boolean): void {
    if (this.stream === undefined) return;
    if (isFailed) this[kCloseTimer]?.cancel();
    else if (this[kCloseTimer] !== undefined) return;
    const timeout = isFailed ? Math.min(this[kCloseTimeout], FAILED_TIMEOUT) : this[kCloseTimeout];
    this[kCloseTimer] = this[kClock].after(timeout, () => this.terminate());
  }
}

/** Writes output. Returns false if the stream is full. */
function write(stream: Duplex, output: Buffer | Buffer[], onWritten: WriteCallback | undefined): boolean {
  if (!Array.isArray(output)) return stream.write(output, onWritten);
  stream.cork();
  const last = output.length - 1;
  for (let at = 0; at < last; at++) stream.write(output[at]);
  const canTakeMore = stream.write(output[last], onWritten);
  stream.uncork();
  return canTakeMore;
}

function listenToStream(stream: LinkedStream, link: StreamLink): void {
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

/** Stays attached for good: an error after the end must not become uncaught. */
function onStreamError(this: LinkedStream, error: Error): void {
  this[LINK]?.streamFailed(error);
}

function onStreamClose(this: LinkedStream): void {
  this[LINK]?.streamClosed();
}

function continueReading(link: StreamLink): void {
  link.continueReading();
}

function reportClose(link: StreamLink): void {
  link[kHandler]!.onClose(link[kClose]!);
}

/** Whether a link owns the stream. */
export function isLinked(stream: Duplex): boolean {
  return (stream as LinkedStream)[LINK] !== undefined;
}
