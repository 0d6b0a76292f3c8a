import { CLOSE_CODE, closePayload, isValidCloseCode } from "./frames/close-code.ts";
import type { ConnectionOptions, ConnectionPhase, WebSocketHandler } from "./connection-contract.ts";
import { MessageDeflater, MessageInflater } from "./deflate/deflate.ts";
import type { InflateFailure } from "./deflate/deflate.ts";
import { FIN, OPCODE, RSV1 } from "./frames/frame.ts";
import type { ControlOpcode, DataOpcode } from "./frames/frame.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import type { Limits } from "./limits.ts";
import { EMPTY } from "./frames/native-buffer.ts";
import { FrameQueue } from "./frame-queue.ts";
import type { Reservation } from "./frame-queue.ts";
import { Rate } from "./rate.ts";
import { Receiver } from "./receiver.ts";
import type { ReceiverHandler } from "./receiver.ts";
import { decodeText } from "./frames/utf8.ts";
import { WebSocketError } from "./violations.ts";
import type { ViolationCode } from "./violations.ts";

/**
 * One WebSocket connection after its opening handshake, without I/O: `receive` takes bytes,
 * `takeOutput` returns bytes.
 *
 * Between our close frame and the peer's, messages are still delivered (RFC 6455, 1.4 and 5.5.1).
 * After our close frame, send methods do nothing.
 *
 * @example
 * const connection = new WebSocketConnection({ role: "server", clock: performance }, handler);
 * connection.receive(chunk);
 * connection.send("hello", OPCODE.text);
 * const output = connection.takeOutput();
 */
export class WebSocketConnection implements ReceiverHandler {
  readonly #handler: WebSocketHandler;
  readonly #receiver: Receiver;
  readonly #queue: FrameQueue;
  readonly #limits: Limits;
  readonly #clock: { now(): number };
  /**
   * Made by the first control frame: most connections of a Portage server receive
   * none before the close frame.
   */
  #controlRate: Rate | undefined = undefined;
  readonly #answersPings: boolean;
  readonly #deflater: MessageDeflater | undefined;
  readonly #inflater: MessageInflater | undefined;

  #phase: ConnectionPhase = "open";
  #closeCode: number = CLOSE_CODE.abnormal;
  #closeReason = "";
  #error: WebSocketError | undefined = undefined;

  /** `wanted`: `onOutput` was called · `blocked`: the stream is full. */
  #output: "idle" | "wanted" | "blocked" = "idle";
  /** The queued automatic pong while blocked: only the newest (RFC 6455, 5.5.3). */
  #pong: Buffer | undefined = undefined;

  /** Set by the owner: between `pause` and `resume` nothing is delivered. */
  #reading: "flowing" | "paused" = "flowing";
  /**
   * Opcode of the message being decompressed by zlib's threads. The receiver is paused meanwhile.
   */
  #inflating: DataOpcode | undefined = undefined;
  #inflated: Buffer | InflateFailure | undefined = undefined;
  /** Opcode of the next fragment while a fragmented message is being sent. */
  #fragmentOpcode: number | undefined = undefined;

  constructor(options: ConnectionOptions, handler: WebSocketHandler) {
    const { role, limits = DEFAULT_LIMITS, text = "string", deflate } = options;
    this.#handler = handler;
    this.#limits = limits;
    this.#clock = options.clock;
    this.#answersPings = options.autoPong ?? true;
    this.#deflater = deflate === undefined ? undefined : new MessageDeflater(deflate, role);
    this.#inflater = deflate === undefined ? undefined : new MessageInflater(deflate, role, limits.maxPayload);
    this.#receiver = new Receiver({ role, limits, text, acceptsCompressed: deflate !== undefined }, this);
    this.#queue = new FrameQueue(role, options.maskKey);
  }

  /** Whether compression was negotiated. */
  get compresses(): boolean {
    return this.#deflater !== undefined;
  }

  get phase(): ConnectionPhase {
    return this.#phase;
  }

  /**
   * The code of the peer's close frame (1005 if it has none), the code that
   * answered a violation, or 1006.
   */
  get closeCode(): number {
    return this.#closeCode;
  }

  get closeReason(): string {
    return this.#closeReason;
  }

  get error(): WebSocketError | undefined {
    return this.#error;
  }

  /**
   * Whether reading is paused: by `pause`, by an asynchronous decompression, or
   * by a handler that threw.
   */
  get isPaused(): boolean {
    return this.#receiver.isPaused;
  }

  /** Bytes queued for `takeOutput`. */
  get bufferedBytes(): number {
    return this.#queue.bytes;
  }

  /**
   * Whether the queue contains output that `takeOutput` cannot return yet: a message being
   * compressed, and everything after it.
   */
  get hasPendingOutput(): boolean {
    return this.#queue.hasPending;
  }

  /** Frames and prepared buffers queued since the beginning, `sendRaw` included. */
  get queued(): number {
    return this.#queue.queued;
  }

  /** How many of the `queued` ones `takeOutput` has returned, in order. */
  get taken(): number {
    return this.#queue.taken;
  }

  /** Whether output is blocked: between `blockOutput` and `unblockOutput`. */
  get isOutputBlocked(): boolean {
    return this.#output === "blocked";
  }

  /**
   * Takes bytes from the peer and owns them: unmasks them in place. Returns false when paused; the
   * caller then passes no more until `resume`.
   */
  receive(chunk: Buffer): boolean {
    this.#receiver.receive(chunk);
    return !this.#receiver.isPaused;
  }

  /**
   * Handles the end of the peer's side of the stream. Without a close frame, the connection
   * fails (RFC 6455, 7.2.1).
   */
  receiveEnd(): void {
    if (this.#phase === "open" || this.#phase === "closing") this.#end("failed");
  }

  /** Stops delivery, from the next message on, until `resume`. */
  pause(): void {
    this.#reading = "paused";
    this.#receiver.pause();
  }

  /** Resumes delivery, unless a message is still being decompressed. */
  resume(): void {
    this.#reading = "flowing";
    if (this.#inflating !== undefined && !this.#deliverInflated(this.#inflating)) return;
    this.#receiver.resume();
  }

  /**
   * Sends a message while the connection is open (RFC 6455, 6.1). `compress` allows compression, if
   * it was negotiated and the message is long enough.
   */
  send(data: string | Buffer, opcode: DataOpcode, compress = true): void {
    if (this.#phase !== "open") return;
    if (compress && this.#deflater !== undefined) this.#sendDeflated(this.#deflater, data, opcode);
    else this.#queue.push(FIN | opcode, data);
    this.#wantOutput();
  }

  /** Whether a message begun with `sendFragment` lacks its last fragment. */
  get isSendingFragments(): boolean {
    return this.#fragmentOpcode !== undefined;
  }

  /**
   * Sends one fragment of a message, never compressed. `opcode` counts for the first fragment only.
   * Until the last fragment, only control frames may be sent between.
   */
  sendFragment(data: string | Buffer, opcode: DataOpcode, isLast: boolean): void {
    if (this.#phase !== "open") return;
    this.#queue.push((isLast ? FIN : 0) | (this.#fragmentOpcode ?? opcode), data);
    this.#fragmentOpcode = isLast ? undefined : OPCODE.continuation;
    this.#wantOutput();
  }

  /** Sends complete frames, such as `frameText` makes, unchanged. */
  sendFrame(frame: Buffer): void {
    if (this.#phase !== "open") return;
    this.#queue.pushPrepared(frame);
    this.#wantOutput();
  }

  /** Sends bytes before the first frame: the response to the opening handshake. */
  sendRaw(bytes: Buffer): void {
    this.#queue.pushPrepared(bytes);
    this.#wantOutput();
  }

  /** Sends a ping. `data` is cut to 125 bytes. */
  ping(data: Buffer = EMPTY): void {
    this.#sendControl(OPCODE.ping, data);
  }

  pong(data: Buffer = EMPTY): void {
    this.#sendControl(OPCODE.pong, data);
  }

  /**
   * Begins the closing handshake. Without `code` the close frame is empty. `reason` is cut to
   * 123 bytes, at a character.
   * @throws WebSocketError `WS_ERR_INVALID_CLOSE_CODE` for a code that must not be sent
   */
  close(code?: number, reason = ""): void {
    if (code !== undefined && !isValidCloseCode(code)) throw new WebSocketError("WS_ERR_INVALID_CLOSE_CODE");
    if (this.#phase !== "open") return;
    this.#queue.push(FIN | OPCODE.close, closePayload(code, reason));
    this.#phase = "closing";
    this.#wantOutput();
  }

  /** Returns the bytes to write to the stream now, in order. Re-arms `onOutput`. */
  takeOutput(): Buffer | Buffer[] | undefined {
    if (this.#output === "wanted") this.#output = "idle";
    return this.#queue.take();
  }

  /** Suppresses the next `onOutput`: the caller is about to queue output and take it. */
  expectOutput(): void {
    if (this.#output === "idle") this.#output = "wanted";
  }

  /** Queues output and merges automatic pongs until `unblockOutput`: the stream is full. */
  blockOutput(): void {
    this.#output = "blocked";
  }

  unblockOutput(): void {
    if (this.#output !== "blocked") return;
    this.#output = "idle";
    const pong = this.#pong;
    this.#pong = undefined;
    if (pong !== undefined && this.#phase === "open") this.#queue.push(FIN | OPCODE.pong, pong);
    if (this.#queue.bytes > 0) this.#wantOutput();
  }

  /** Drops all queued output and stops sending and receiving. */
  abort(): void {
    this.#queue.clear();
    this.#pong = undefined;
    this.#stopReading();
    this.#deflater?.close();
    if (this.#phase === "open" || this.#phase === "closing") this.#phase = "failed";
  }

  /** @internal Called by the receiver. */
  onText(text: string): void {
    this.#handler.onText(text);
  }

  /** @internal Called by the receiver. */
  onBinary(data: Buffer): void {
    this.#handler.onBinary(data);
  }

  /** @internal Called by the receiver. */
  onTextBytes(data: Buffer): void {
    this.#handler.onTextBytes(data);
  }

  /** @internal Called by the receiver. */
  onCompressed(opcode: DataOpcode, data: Buffer): void {
    const result = this.#inflater!.inflate(data, (later) => {
      this.#inflated = later;
      if (this.#reading === "flowing") this.#handler.onReadable();
    });
    if (result !== undefined) return this.#onInflated(opcode, result);
    this.#inflating = opcode;
    this.#receiver.pause();
  }

  /** @internal Called by the receiver. */
  onControl(opcode: ControlOpcode, payload: Buffer): void {
    this.#controlRate ??= new Rate(this.#limits.maxControlFramesPerSecond, this.#clock);
    if (!this.#controlRate.count()) return this.onViolation("WS_ERR_TOO_MANY_CONTROL_FRAMES");
    if (opcode === OPCODE.close) this.#onCloseFrame(payload);
    else if (opcode === OPCODE.pong) this.#handler.onPong(payload);
    else {
      this.#answerPing(payload);
      this.#handler.onPing(payload);
    }
  }

  /** @internal Called by the receiver. Fails the connection (RFC 6455, 7.1.7) and stops reading. */
  onViolation(code: ViolationCode): void {
    const error = new WebSocketError(code);
    this.#error = error;
    this.#closeCode = error.closeCode;
    this.#closeReason = error.message;
    if (this.#phase === "open") {
      const text = this.#handler.closeTextOf?.(code) ?? error.message;
      this.#queue.push(FIN | OPCODE.close, closePayload(error.closeCode, text));
    }
    this.#end("failed");
  }

  /** Delivers the decompressed message. Returns false while reading must not go on. */
  #deliverInflated(opcode: DataOpcode): boolean {
    const inflated = this.#inflated;
    if (inflated === undefined) return false;
    this.#inflating = undefined;
    this.#inflated = undefined;
    this.#onInflated(opcode, inflated);
    return this.#reading === "flowing";
  }

  #onInflated(opcode: DataOpcode, result: Buffer | InflateFailure): void {
    if (typeof result === "string") this.onViolation(result);
    else this.#receiver.deliver(opcode, result);
  }

  /** Compresses a whole message and sets RSV1 on its only frame (RFC 7692, 6 and 6.1). */
  #sendDeflated(deflater: MessageDeflater, data: string | Buffer, opcode: DataOpcode): void {
    const length = typeof data === "string" ? Buffer.byteLength(data) : data.length;
    if (length < deflater.threshold) return this.#queue.push(FIN | opcode, data);
    const bytes = typeof data === "string" ? Buffer.from(data) : data;
    const first = FIN | RSV1 | opcode;
    let reservation: Reservation | undefined = undefined;
    const compressed = deflater.deflate(bytes, (later) => {
      this.#queue.fill(reservation!, first, later);
      this.#wantOutput();
    });
    if (compressed === undefined) reservation = this.#queue.reserve(length);
    else this.#queue.push(first, compressed);
  }

  #onCloseFrame(payload: Buffer): void {
    if (payload.length === 1) return this.onViolation("WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH");
    if (payload.length > 0) {
      const code = payload.readUInt16BE(0);
      if (!isValidCloseCode(code)) return this.onViolation("WS_ERR_INVALID_CLOSE_CODE");
      const reason = decodeText(payload, 2, payload.length);
      if (reason === undefined) return this.onViolation("WS_ERR_INVALID_UTF8");
      this.#closeCode = code;
      this.#closeReason = reason;
    } else this.#closeCode = CLOSE_CODE.noStatus;
    // The answer repeats the code (RFC 6455, 5.5.1).
    if (this.#phase === "open") this.#queue.push(FIN | OPCODE.close, payload);
    this.#end("closed");
  }

  /**
   * Answers a ping with the same data, unless the connection is closing
   * (RFC 6455, 5.5.2 and 5.5.3).
   */
  #answerPing(data: Buffer): void {
    if (this.#phase !== "open" || !this.#answersPings) return;
    if (this.#output === "blocked") this.#pong = data;
    else this.#sendControl(OPCODE.pong, data);
  }

  #sendControl(opcode: ControlOpcode, data: Buffer): void {
    if (this.#phase !== "open") return;
    this.#queue.push(FIN | opcode, data.length > 125 ? data.subarray(0, 125) : data);
    this.#wantOutput();
  }

  #end(phase: "closed" | "failed"): void {
    this.#phase = phase;
    this.#pong = undefined;
    this.#stopReading();
    this.#deflater?.finish();
    if (this.#queue.bytes > 0) this.#wantOutput();
    this.#handler.onClosed();
  }

  #stopReading(): void {
    this.#receiver.stop();
    this.#inflater?.close();
    this.#inflating = undefined;
    this.#inflated = undefined;
  }

  #wantOutput(): void {
    if (this.#output !== "idle") return;
    this.#output = "wanted";
    this.#handler.onOutput();
  }
}
