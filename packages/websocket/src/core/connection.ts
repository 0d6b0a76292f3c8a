import { CLOSE_CODE, isValidCloseCode, MAX_REASON_BYTES } from "./close-code.ts";
import { FIN, OPCODE } from "./frame.ts";
import type { ControlOpcode, DataOpcode } from "./frame.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import type { Limits, Role } from "./limits.ts";
import { EMPTY } from "./native-buffer.ts";
import { Outbox } from "./outbox.ts";
import { Receiver } from "./receiver.ts";
import type { ReceiverHandler } from "./receiver.ts";
import { decodeText } from "./utf8.ts";
import { WebSocketError } from "./violations.ts";
import type { ViolationCode } from "./violations.ts";

/** What a connection reports. Calls come from inside `receive`, `receiveEnd` and `resume`; `onOutput` also from the verbs. */
export interface WebSocketHandler {
  /** A text message; its UTF-8 has been checked. */
  onText(text: string): void;
  /** A binary message. The buffer is the handler's, and pins no much larger one. */
  onBinary(data: Buffer): void;
  /** A ping; it has been answered. */
  onPing(data: Buffer): void;
  onPong(data: Buffer): void;
  /** The closing handshake or a failure has ended the connection: `closeCode`, `closeReason` and `error` are final. */
  onClosed(): void;
  /** Output waits: call `takeOutput` soon. Not repeated until it was taken. */
  onOutput(): void;
}

export interface ConnectionOptions {
  readonly role: Role;
  /** Tells milliseconds since any moment, without jumps. */
  readonly clock: { now(): number };
  /** Default `DEFAULT_LIMITS`. */
  readonly limits?: Limits;
}

/**
 * `open`: messages go both ways · `closing`: our close frame was sent, the peer's awaited · `closed`: both were exchanged ·
 * `failed`: the stream ended without them, or a violation ended it. The last two are final.
 */
export type Phase = "open" | "closing" | "closed" | "failed";

const ONE_SECOND = 1000;

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

  #phase: Phase = "open";
  #closeCode: number = CLOSE_CODE.abnormal;
  #closeReason = "";
  #error: WebSocketError | undefined = undefined;

  /** `wanted`: the handler was told of output · `blocked`: the stream takes no more for now. */
  #output: "idle" | "wanted" | "blocked" = "idle";
  /** The one automatic pong kept while blocked: the newest (RFC 6455, 5.5.3). */
  #pong: Buffer | undefined = undefined;

  #controlWindow = 0;
  #controlFrames = 0;

  constructor(options: ConnectionOptions, handler: WebSocketHandler) {
    this.#handler = handler;
    this.#limits = options.limits ?? DEFAULT_LIMITS;
    this.#clock = options.clock;
    this.#receiver = new Receiver(options.role, this.#limits, this);
    this.#outbox = new Outbox(options.role);
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

  /** Whether messages are held back: by `pause`, or by a handler that threw. */
  get isPaused(): boolean {
    return this.#receiver.isPaused;
  }

  /** Bytes waiting for `takeOutput`. */
  get bufferedBytes(): number {
    return this.#outbox.bytes;
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

  /** The peer has ended its side of the stream. */
  receiveEnd(): void {
    if (this.#phase === "open" || this.#phase === "closing") this.#end("failed");
  }

  /** Holds messages back, from the very next one, until `resume`. */
  pause(): void {
    this.#receiver.pause();
  }

  resume(): void {
    this.#receiver.resume();
  }

  // hot path
  send(data: string | Buffer, opcode: DataOpcode): void {
    if (this.#phase !== "open") return;
    this.#outbox.push(FIN | opcode, data);
    this.#wantOutput();
  }

  /** Sends complete frames made before, by `frameText` say, as they are. */
  // hot path
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
  // hot path
  takeOutput(): Buffer | Buffer[] | undefined {
    if (this.#output === "wanted") this.#output = "idle";
    return this.#outbox.take();
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
    this.#receiver.stop();
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
  onControl(opcode: ControlOpcode, payload: Buffer): void {
    if (!this.#countControlFrame()) return this.onViolation("WS_ERR_TOO_MANY_CONTROL_FRAMES");
    if (opcode === OPCODE.close) this.#onCloseFrame(payload);
    else if (opcode === OPCODE.pong) this.#handler.onPong(payload);
    else {
      this.#answerPing(payload);
      this.#handler.onPing(payload);
    }
  }

  /** @internal The receiver's report: fails the connection (RFC 6455, 7.1.7). */
  onViolation(code: ViolationCode): void {
    const error = new WebSocketError(code);
    this.#error = error;
    this.#closeCode = error.closeCode;
    this.#closeReason = error.message;
    if (this.#phase === "open") this.#outbox.push(FIN | OPCODE.close, closePayload(error.closeCode, error.message));
    this.#end("failed");
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

  #answerPing(data: Buffer): void {
    if (this.#phase !== "open") return;
    if (this.#output === "blocked") this.#pong = data;
    else this.#sendControl(OPCODE.pong, data);
  }

  #sendControl(opcode: ControlOpcode, data: Buffer): void {
    if (this.#phase !== "open") return;
    this.#outbox.push(FIN | opcode, data.length > 125 ? data.subarray(0, 125) : data);
    this.#wantOutput();
  }

  #countControlFrame(): boolean {
    const now = this.#clock.now();
    if (now - this.#controlWindow >= ONE_SECOND) {
      this.#controlWindow = now;
      this.#controlFrames = 0;
    }
    return ++this.#controlFrames <= this.#limits.maxControlFramesPerSecond;
  }

  #end(phase: "closed" | "failed"): void {
    this.#phase = phase;
    this.#pong = undefined;
    this.#receiver.stop();
    if (this.#outbox.bytes > 0) this.#wantOutput();
    this.#handler.onClosed();
  }

  // hot path
  #wantOutput(): void {
    if (this.#output !== "idle") return;
    this.#output = "wanted";
    this.#handler.onOutput();
  }
}

function closePayload(code: number | undefined, reason: string): Buffer {
  if (code === undefined) return EMPTY;
  const text = Buffer.from(reason);
  const length = text.length <= MAX_REASON_BYTES ? text.length : cutAtCharacter(text, MAX_REASON_BYTES);
  const payload = Buffer.allocUnsafe(2 + length);
  payload.writeUInt16BE(code, 0);
  text.copy(payload, 2, 0, length);
  return payload;
}

/** The greatest end not beyond `end` that cuts no UTF-8 character. */
function cutAtCharacter(text: Buffer, end: number): number {
  let at = end;
  while (at > 0 && (text[at]! & 0xc0) === 0x80) at--;
  return at;
}
