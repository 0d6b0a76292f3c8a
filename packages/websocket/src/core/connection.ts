import { CLOSE_CODE, closePayload, isValidCloseCode } from "./frames/close-code.ts";
import type { ConnectionOptions, Phase, WebSocketHandler } from "./connection-contract.ts";
import { MessageDeflater, MessageInflater } from "./deflate/deflate.ts";
import type { InflateFailure } from "./deflate/deflate.ts";
import { FIN, OPCODE, RSV1 } from "./frames/frame.ts";
import type { ControlOpcode, DataOpcode } from "./frames/frame.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import type { Limits } from "./limits.ts";
import { EMPTY } from "./frames/native-buffer.ts";
import { Outbox } from "./outbox.ts";
import type { Reservation } from "./outbox.ts";
import { Rate } from "./rate.ts";
import { Receiver } from "./receiver.ts";
import type { ReceiverHandler } from "./receiver.ts";
import { decodeText } from "./frames/utf8.ts";
import { WebSocketError } from "./violations.ts";
import type { ViolationCode } from "./violations.ts";

/**
 * One WebSocket connection after its opening handshake, without I/O: bytes go in by `receive` and come out by `takeOutput`.
 *
 * Messages that arrive between our close frame and the peer's are still delivered (RFC 6455, 1.4 and 5.5.1); verbs that
 * send do nothing once a close frame was sent.
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
  readonly #outbox: Outbox;
  readonly #limits: Limits;
  readonly #clock: { now(): number };
  /** Made by the first control frame: most connections of this server get none before the last one. */
  #controlRate: Rate | undefined = undefined;
  readonly #answersPings: boolean;
  readonly #deflater: MessageDeflater | undefined;
  readonly #inflater: MessageInflater | undefined;

  #phase: Phase = "open";
  #closeCode: number = CLOSE_CODE.abnormal;
  #closeReason = "";
  #error: WebSocketError | undefined = undefined;

  /** `wanted`: the handler was told of output · `blocked`: the stream takes no more for now. */
  #output: "idle" | "wanted" | "blocked" = "idle";
  /** The one automatic pong kept while blocked: the newest (RFC 6455, 5.5.3). */
  #pong: Buffer | undefined = undefined;

  /** What the owner wants: between `pause` and `resume` nothing is delivered. */
  #reading: "flowing" | "paused" = "flowing";
  /** A message on zlib's threads, or back from there; the receiver is paused meanwhile. */
  #inflating: DataOpcode | undefined = undefined;
  #inflated: Buffer | InflateFailure | undefined = undefined;
  /** The opcode of the next fragment that is sent, between the fragments of a message. */
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
    this.#outbox = new Outbox(role, options.maskKey);
  }

  /** Whether compression was negotiated. */
  get compresses(): boolean {
    return this.#deflater !== undefined;
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** The code of the peer's close frame (1005: it had none), the code a violation was answered with, or 1006. */
  get closeCode(): number {
    return this.#closeCode;
  }

  get closeReason(): string {
    return this.#closeReason;
  }

  get error(): WebSocketError | undefined {
    return this.#error;
  }

  /** Whether messages are held back: by `pause`, by one that takes time to decompress, or by a handler that threw. */
  get isPaused(): boolean {
    return this.#receiver.isPaused;
  }

  /** Bytes waiting for `takeOutput`. */
  get bufferedBytes(): number {
    return this.#outbox.bytes;
  }

  /** Whether output is on its way that `takeOutput` cannot give yet: a message being compressed, and what follows it. */
  get hasPendingOutput(): boolean {
    return this.#outbox.hasPending;
  }

  /** Frames, and runs of prepared ones, accepted since the beginning; `sendRaw` counts too. */
  get queued(): number {
    return this.#outbox.queued;
  }

  /** How many of those `takeOutput` has given out, in order. */
  get taken(): number {
    return this.#outbox.taken;
  }

  /** Whether output is held back: between `blockOutput` and `unblockOutput`. */
  get isOutputBlocked(): boolean {
    return this.#output === "blocked";
  }

  /** Takes bytes from the peer, and owns them: they are unmasked in place. False: paused, give no more until `resume`. */
  receive(chunk: Buffer): boolean {
    this.#receiver.receive(chunk);
    return !this.#receiver.isPaused;
  }

  /** The peer has ended its side of the stream: without a close frame the connection has failed (RFC 6455, 7.2.1). */
  receiveEnd(): void {
    if (this.#phase === "open" || this.#phase === "closing") this.#end("failed");
  }

  /** Holds messages back, from the very next one, until `resume`. */
  pause(): void {
    this.#reading = "paused";
    this.#receiver.pause();
  }

  /** Goes on, unless a message is still being decompressed. */
  resume(): void {
    this.#reading = "flowing";
    if (this.#inflating !== undefined && !this.#deliverInflated(this.#inflating)) return;
    this.#receiver.resume();
  }

  /**
   * Sends a message while the connection is open (RFC 6455, 6.1). `compress`: whether it may be compressed, when that was
   * negotiated and the message is long enough.
   */
  send(data: string | Buffer, opcode: DataOpcode, compress = true): void {
    if (this.#phase !== "open") return;
    if (compress && this.#deflater !== undefined) this.#sendDeflated(this.#deflater, data, opcode);
    else this.#outbox.push(FIN | opcode, data);
    this.#wantOutput();
  }

  /** Whether the last fragment of a message that was begun with `sendFragment` has yet to be sent. */
  get isSendingFragments(): boolean {
    return this.#fragmentOpcode !== undefined;
  }

  /**
   * Sends one fragment of a message, never compressed. `opcode` counts for the first one; until the last one nothing else
   * but control frames may be sent.
   */
  sendFragment(data: string | Buffer, opcode: DataOpcode, isLast: boolean): void {
    if (this.#phase !== "open") return;
    this.#outbox.push((isLast ? FIN : 0) | (this.#fragmentOpcode ?? opcode), data);
    this.#fragmentOpcode = isLast ? undefined : OPCODE.continuation;
    this.#wantOutput();
  }

  /** Sends complete frames made before, by `frameText` say, as they are. */
  sendFrame(frame: Buffer): void {
    if (this.#phase !== "open") return;
    this.#outbox.pushPrepared(frame);
    this.#wantOutput();
  }

  /** Sends bytes that precede the first frame: the answer to the opening handshake. */
  sendRaw(bytes: Buffer): void {
    this.#outbox.pushPrepared(bytes);
    this.#wantOutput();
  }

  /** `data` is at most 125 bytes; more is cut. */
  ping(data: Buffer = EMPTY): void {
    this.#sendControl(OPCODE.ping, data);
  }

  pong(data: Buffer = EMPTY): void {
    this.#sendControl(OPCODE.pong, data);
  }

  /**
   * Begins the closing handshake. Without `code` the close frame is empty. `reason` is cut to 123 bytes at a character.
   * @throws WebSocketError with `WS_ERR_INVALID_CLOSE_CODE` for a code that must not be sent.
   */
  close(code?: number, reason = ""): void {
    if (code !== undefined && !isValidCloseCode(code)) throw new WebSocketError("WS_ERR_INVALID_CLOSE_CODE");
    if (this.#phase !== "open") return;
    this.#outbox.push(FIN | OPCODE.close, closePayload(code, reason));
    this.#phase = "closing";
    this.#wantOutput();
  }

  /** What is to be written to the stream now, in order. A handler is told of new output again after this call. */
  takeOutput(): Buffer | Buffer[] | undefined {
    if (this.#output === "wanted") this.#output = "idle";
    return this.#outbox.take();
  }

  /** Output is about to be queued and taken: the handler need not be told of it. */
  expectOutput(): void {
    if (this.#output === "idle") this.#output = "wanted";
  }

  /** The stream is full: output waits here, and automatic pongs are merged, until `unblockOutput`. */
  blockOutput(): void {
    this.#output = "blocked";
  }

  unblockOutput(): void {
    if (this.#output !== "blocked") return;
    this.#output = "idle";
    const pong = this.#pong;
    this.#pong = undefined;
    if (pong !== undefined && this.#phase === "open") this.#outbox.push(FIN | OPCODE.pong, pong);
    if (this.#outbox.bytes > 0) this.#wantOutput();
  }

  /** Forgets all that waits; nothing is received or sent any more. */
  abort(): void {
    this.#outbox.clear();
    this.#pong = undefined;
    this.#stopReading();
    this.#deflater?.close();
    if (this.#phase === "open" || this.#phase === "closing") this.#phase = "failed";
  }

  /** @internal The receiver's report. */
  onText(text: string): void {
    this.#handler.onText(text);
  }

  /** @internal The receiver's report. */
  onBinary(data: Buffer): void {
    this.#handler.onBinary(data);
  }

  /** @internal The receiver's report. */
  onTextBytes(data: Buffer): void {
    this.#handler.onTextBytes(data);
  }

  /** @internal The receiver's report. */
  onCompressed(opcode: DataOpcode, data: Buffer): void {
    const result = this.#inflater!.inflate(data, (later) => {
      this.#inflated = later;
      if (this.#reading === "flowing") this.#handler.onReadable();
    });
    if (result !== undefined) return this.#onInflated(opcode, result);
    this.#inflating = opcode;
    this.#receiver.pause();
  }

  /** @internal The receiver's report. */
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

  /** @internal The receiver's report: fails the connection (RFC 6455, 7.1.7), which reads no more from here on. */
  onViolation(code: ViolationCode): void {
    const error = new WebSocketError(code);
    this.#error = error;
    this.#closeCode = error.closeCode;
    this.#closeReason = error.message;
    if (this.#phase === "open") {
      const text = this.#handler.closeTextOf?.(code) ?? error.message;
      this.#outbox.push(FIN | OPCODE.close, closePayload(error.closeCode, text));
    }
    this.#end("failed");
  }

  /** Delivers the message that reading waits for; false when nothing may follow it yet. */
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

  /** Compresses a message as a whole, and marks its only frame by RSV1 (RFC 7692, 6 and 6.1). */
  #sendDeflated(deflater: MessageDeflater, data: string | Buffer, opcode: DataOpcode): void {
    const length = typeof data === "string" ? Buffer.byteLength(data) : data.length;
    if (length < deflater.threshold) return this.#outbox.push(FIN | opcode, data);
    const bytes = typeof data === "string" ? Buffer.from(data) : data;
    const first = FIN | RSV1 | opcode;
    let reservation: Reservation | undefined = undefined;
    const compressed = deflater.deflate(bytes, (later) => {
      this.#outbox.fill(reservation!, first, later);
      this.#wantOutput();
    });
    if (compressed === undefined) reservation = this.#outbox.reserve(length);
    else this.#outbox.push(first, compressed);
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
    if (this.#phase === "open") this.#outbox.push(FIN | OPCODE.close, payload);
    this.#end("closed");
  }

  /** RFC 6455, 5.5.2 and 5.5.3: with the same data, unless the connection is being closed. */
  #answerPing(data: Buffer): void {
    if (this.#phase !== "open" || !this.#answersPings) return;
    if (this.#output === "blocked") this.#pong = data;
    else this.#sendControl(OPCODE.pong, data);
  }

  #sendControl(opcode: ControlOpcode, data: Buffer): void {
    if (this.#phase !== "open") return;
    this.#outbox.push(FIN | opcode, data.length > 125 ? data.subarray(0, 125) : data);
    this.#wantOutput();
  }

  #end(phase: "closed" | "failed"): void {
    this.#phase = phase;
    this.#pong = undefined;
    this.#stopReading();
    this.#deflater?.finish();
    if (this.#outbox.bytes > 0) this.#wantOutput();
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
