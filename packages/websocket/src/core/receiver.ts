import { constants, isUtf8 } from "node:buffer";
import {
  announcedHeaderSize,
  CONTROL_BIT,
  FIN,
  INVALID_LENGTH,
  MASKED,
  MAX_CONTROL_PAYLOAD,
  MAX_HEADER_SIZE,
  LENGTH_BITS,
  OPCODE,
  OPCODE_BITS,
  readPayloadLength,
  RSV1,
  RSV2_3,
} from "./frames/frame.ts";
import type { ControlOpcode, DataOpcode } from "./frames/frame.ts";
import type { Limits, Role } from "./limits.ts";
import { applyMask, readMaskKey, turnMaskKey } from "./frames/mask.ts";
import { MessageBuffer } from "./frames/message-buffer.ts";
import { EMPTY } from "./frames/native-buffer.ts";
import { type BudgetHolder, kPlace, type HolderPlace } from "./receive-budget.ts";
import { checkTextSoFar, decodeText } from "./frames/utf8.ts";
import type { ViolationCode } from "./violations.ts";

/** The bits of a first byte that apply to the whole message. */
const KIND_BITS = RSV1 | OPCODE_BITS;

/**
 * How text messages are delivered: `string` · `bytes`, checked to be UTF-8 · `unchecked`
 * bytes, possibly malformed.
 */
export type TextForm = "string" | "bytes" | "unchecked";

/** What a receiver reports. The handler owns the buffers, which retain no larger read chunk. */
export interface ReceiverHandler {
  onText(text: string): void;
  /** Replaces `onText` unless the text form is `string`. */
  onTextBytes(data: Buffer): void;
  onBinary(data: Buffer): void;
  /** A message with RSV1 set, all fragments joined. `data` is valid only during the call. */
  onCompressed(opcode: DataOpcode, data: Buffer): void;
  onControl(opcode: ControlOpcode, payload: Buffer): void;
  /** A violation. The receiver has stopped. */
  onViolation(code: ViolationCode): void;
}

export interface ReceiverOptions {
  readonly role: Role;
  readonly limits: Limits;
  readonly text: TextForm;
  /** Whether an extension that uses RSV1 was negotiated. */
  readonly acceptsCompressed: boolean;
}

/**
 * The push parser: `receive` takes bytes, split anywhere, and calls the handler with
 * messages and control frames. It unmasks chunks in place, so it owns them, and retains no
 * view of a chunk after reading it.
 *
 * `pause` buffers the rest of the current chunk until `resume`, also from inside a handler
 * call. If a handler throws, the receiver is paused after the frame in question: `resume`
 * continues, and nothing is lost.
 */
export class Receiver implements BudgetHolder {
  /** @internal */
  [kPlace]: HolderPlace | undefined = undefined;
  readonly #handler: ReceiverHandler;
  readonly #limits: Limits;
  readonly #textForm: TextForm;
  /** `MASKED` if frames must be masked (this end is a server), 0 if they must not. */
  readonly #maskBit: number;
  /** `RSV1` if messages may be compressed (RFC 7692, 6), else 0. */
  readonly #compressedBit: number;

  #flow: "flowing" | "paused" | "stopped" = "flowing";
  /** The current chunk and the offset reached. Retained between calls only while paused. */
  #chunk: Buffer = EMPTY;
  #offset = 0;

  /** The bytes of an incomplete header, or undefined. */
  #headerPart: Buffer | undefined = undefined;
  #headerPartSize = 0;

  /** The current frame. `first` is its first byte, or -1 between frames. */
  #first = -1;
  #length = 0;
  #received = 0;
  #maskKey = 0;

  /** The message being gathered: opcode and RSV1 of its first fragment, or 0 between messages. */
  #messageKind = 0;
  #messageBytes = 0;
  #fragments = 0;
  #message: MessageBuffer | undefined = undefined;
  /** The gathered bytes before this offset are valid UTF-8. */
  #checked = 0;
  #control: MessageBuffer | undefined = undefined;

  constructor(options: ReceiverOptions, handler: ReceiverHandler) {
    this.#handler = handler;
    this.#limits = options.limits;
    this.#textForm = options.text;
    this.#maskBit = options.role === "server" ? MASKED : 0;
    this.#compressedBit = options.acceptsCompressed ? RSV1 : 0;
  }

  get isPaused(): boolean {
    return this.#flow === "paused";
  }

  receive(chunk: Buffer): void {
    if (this.#flow === "stopped") return;
    if (this.#offset < this.#chunk.length) {
      // Paused, or called from inside a handler: buffer the chunk after the
      // rest of the current one.
      this.#chunk = Buffer.concat([this.#chunk.subarray(this.#offset), chunk]);
      this.#offset = 0;
      return;
    }
    this.#chunk = chunk;
    this.#offset = 0;
    this.#run();
  }

  pause(): void {
    if (this.#flow === "flowing") this.#flow = "paused";
  }

  /** Reads on synchronously, from where `pause` stopped. */
  resume(): void {
    if (this.#flow !== "paused") return;
    this.#flow = "flowing";
    this.#run();
  }

  /** Delivers a message after its decompression. */
  deliver(opcode: DataOpcode, data: Buffer): void {
    if (opcode === OPCODE.binary) return this.#handler.onBinary(data);
    if (this.#textForm === "string") return this.#deliverText(decodeText(data, 0, data.length));
    if (this.#textForm === "bytes" && !isUtf8(data)) return this.#fail("WS_ERR_INVALID_UTF8");
    this.#handler.onTextBytes(data);
  }

  /** @internal The budget evicted the incomplete message. */
  onEvicted(): void {
    this.#fail("WS_ERR_RECEIVE_BUDGET");
  }

  /** Stops reading and reporting for good. */
  stop(): void {
    if (this.#message !== undefined) this.#limits.budget?.remove(this);
    this.#flow = "stopped";
    this.#chunk = EMPTY;
    this.#offset = 0;
    this.#headerPart = undefined;
    this.#message = undefined;
    this.#control = undefined;
  }

  #run(): void {
    let finished = false;
    try {
      while (this.#flow === "flowing" && this.#offset < this.#chunk.length) {
        if (this.#first < 0) this.#readHeader();
        if (this.#first >= 0) this.#readPayload();
      }
      finished = true;
    } finally {
      if (!finished) this.pause();
      if (this.#offset >= this.#chunk.length) {
        this.#chunk = EMPTY;
        this.#offset = 0;
      }
    }
  }

  #readHeader(): void {
    const chunk = this.#chunk;
    const offset = this.#offset;
    const available = chunk.length - offset;
    if (this.#headerPart !== undefined || available < 2) return this.#gatherHeader();
    const size = announcedHeaderSize(chunk[offset + 1]!);
    if (available < size) return this.#gatherHeader();
    this.#offset = offset + size;
    this.#beginFrame(chunk, offset, size);
  }

  /** Collects a header that spans chunks. */
  #gatherHeader(): void {
    const part = (this.#headerPart ??= Buffer.allocUnsafe(MAX_HEADER_SIZE));
    while (this.#offset < this.#chunk.length) {
      part[this.#headerPartSize++] = this.#chunk[this.#offset++]!;
      if (this.#headerPartSize < 2) continue;
      // Refuse without the rest of the header.
      const violation = this.#headerPartSize === 2 ? this.#checkFirstBytes(part[0]!, part[1]!) : undefined;
      if (violation !== undefined) return this.#fail(violation);
      const size = announcedHeaderSize(part[1]!);
      if (this.#headerPartSize < size) continue;
      this.#headerPart = undefined;
      this.#headerPartSize = 0;
      return this.#beginFrame(part, 0, size);
    }
  }

  #beginFrame(source: Buffer, offset: number, size: number): void {
    const first = source[offset]!;
    const broken = this.#checkFirstBytes(first, source[offset + 1]!);
    if (broken !== undefined) return this.#fail(broken);
    const length = readPayloadLength(source, offset);
    if (length === INVALID_LENGTH) return this.#fail("WS_ERR_INVALID_PAYLOAD_LENGTH");
    if ((first & CONTROL_BIT) === 0) {
      const violation = this.#countFragment(first, length);
      if (violation !== undefined) return this.#fail(violation);
    }
    this.#first = first;
    this.#length = length;
    this.#received = 0;
    this.#maskKey = this.#maskBit === 0 ? 0 : readMaskKey(source, offset + size - 4);
  }

  /** Counts a data frame against the limits. */
  #countFragment(first: number, length: number): ViolationCode | undefined {
    const { maxPayload, maxFragments, fragmentBytes } = this.#limits;
    this.#messageBytes += length;
    if (this.#messageBytes > maxPayload) {
      const isCompressed = ((this.#messageKind | first) & RSV1) !== 0;
      if (!isCompressed || this.#messageBytes > longestCompressed(maxPayload))
        return "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH";
    }
    if (++this.#fragments <= maxFragments) return undefined;
    return this.#fragments > maxFragments + this.#messageBytes / fragmentBytes
      ? "WS_ERR_TOO_MANY_BUFFERED_PARTS"
      : undefined;
  }

  /** Checks the first two bytes of a frame (RFC 6455, 5.1, 5.2, 5.4 and 5.5; RFC 7692, 6). */
  #checkFirstBytes(first: number, second: number): ViolationCode | undefined {
    const opcode = first & OPCODE_BITS;
    if (
      (first & RSV1) !== 0 &&
      (this.#compressedBit === 0 || opcode === OPCODE.continuation || opcode > OPCODE.binary)
    ) {
      return "WS_ERR_UNEXPECTED_RSV_1";
    }
    if ((first & RSV2_3) !== 0) return "WS_ERR_UNEXPECTED_RSV_2_3";
    if (opcode > OPCODE.pong) return "WS_ERR_INVALID_OPCODE";
    if (opcode >= OPCODE.close) {
      if ((first & FIN) === 0) return "WS_ERR_EXPECTED_FIN";
      if ((second & LENGTH_BITS) > MAX_CONTROL_PAYLOAD) return "WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH";
    } else {
      if (opcode > OPCODE.binary) return "WS_ERR_INVALID_OPCODE";
      // A continuation needs a begun message; any other data frame must not interrupt one.
      if ((opcode === OPCODE.continuation) !== (this.#messageKind !== 0)) return "WS_ERR_INVALID_OPCODE";
    }
    if ((second & MASKED) === this.#maskBit) return undefined;
    return this.#maskBit === 0 ? "WS_ERR_UNEXPECTED_MASK" : "WS_ERR_EXPECTED_MASK";
  }

  /** Unmasks the payload (RFC 6455, 6.2) and delivers the message if this completes it. */
  // hot path: 3.5 % of the server's time in `ingest`
  #readPayload(): void {
    const chunk = this.#chunk;
    const start = this.#offset;
    const end = start + this.#length - this.#received;
    if (this.#received > 0 || end > chunk.length) return this.#gatherPayload(Math.min(end, chunk.length));
    const first = this.#first;
    this.#first = -1;
    this.#offset = end;
    if (this.#maskKey !== 0) applyMask(chunk, start, end, this.#maskKey);
    if ((first & CONTROL_BIT) !== 0) {
      const payload = start === end ? EMPTY : Buffer.from(chunk.subarray(start, end));
      this.#handler.onControl((first & OPCODE_BITS) as ControlOpcode, payload);
    } else if (this.#messageKind === 0 && (first & FIN) !== 0) {
      this.#messageBytes = 0;
      this.#fragments = 0;
      this.#deliverWhole(first & KIND_BITS, chunk, start, end);
    } else {
      if (this.#messageKind === 0) this.#messageKind = first & KIND_BITS;
      const message = (this.#message ??= new MessageBuffer());
      message.append(chunk, start, end, this.#messageBytes);
      this.#endOfPart(message, (first & FIN) !== 0);
    }
  }

  /** Delivers a message that is whole in the chunk. */
  #deliverWhole(kind: number, chunk: Buffer, start: number, end: number): void {
    if (kind === OPCODE.text && this.#textForm === "string") return this.#deliverText(decodeText(chunk, start, end));
    const view = chunk.subarray(start, end);
    if ((kind & RSV1) !== 0) return this.#handler.onCompressed((kind & OPCODE_BITS) as DataOpcode, view);
    if (kind === OPCODE.text && this.#textForm === "bytes" && !isUtf8(view)) return this.#fail("WS_ERR_INVALID_UTF8");
    // A view in the application's hands would retain the memory of the whole chunk.
    const data = view.length * 2 < chunk.buffer.byteLength ? Buffer.from(view) : view;
    if (kind === OPCODE.text) this.#handler.onTextBytes(data);
    else this.#handler.onBinary(data);
  }

  /** Delivers a text, which must be valid UTF-8 (RFC 6455, 5.6 and 8.1). */
  #deliverText(text: string | undefined): void {
    if (text === undefined) this.#fail("WS_ERR_INVALID_UTF8");
    else this.#handler.onText(text);
  }

  /** Collects a payload that spans chunks. */
  #gatherPayload(end: number): void {
    const start = this.#offset;
    const count = end - start;
    if (count === 0) return;
    const key = turnMaskKey(this.#maskKey, this.#received);
    const isControl = (this.#first & CONTROL_BIT) !== 0;
    const gathered = isControl ? (this.#control ??= new MessageBuffer()) : (this.#message ??= new MessageBuffer());
    if (!isControl && this.#messageKind === 0) this.#messageKind = this.#first & KIND_BITS;
    gathered.append(this.#chunk, start, end, isControl ? this.#length : this.#messageBytes);
    if (key !== 0) gathered.unmaskLast(count, key);
    this.#offset = end;
    this.#received += count;
    const frameEnded = this.#received === this.#length;
    const first = this.#first;
    if (frameEnded) this.#first = -1;
    if (!isControl) this.#endOfPart(gathered, frameEnded && (first & FIN) !== 0);
    else if (frameEnded) {
      this.#control = undefined;
      this.#handler.onControl((first & OPCODE_BITS) as ControlOpcode, gathered.take());
    }
  }

  /**
   * Handles a gathered piece: checks text as it arrives (RFC 6455, 8.1), and delivers the
   * message after its last piece.
   */
  #endOfPart(message: MessageBuffer, isLast: boolean): void {
    const { budget } = this.#limits;
    const kind = this.#messageKind;
    if (kind === OPCODE.text && this.#textForm !== "unchecked" && message.size > this.#checked) {
      this.#checked = checkTextSoFar(message.bytes, this.#checked, message.size);
      if (this.#checked < 0) return this.#fail("WS_ERR_INVALID_UTF8");
    }
    if (!isLast) return budget?.update(this, message.capacity);
    budget?.remove(this);
    // The text ends inside a character.
    if (kind === OPCODE.text && this.#textForm === "bytes" && this.#checked < message.size) {
      return this.#fail("WS_ERR_INVALID_UTF8");
    }
    this.#message = undefined;
    this.#messageKind = 0;
    this.#messageBytes = 0;
    this.#fragments = 0;
    this.#checked = 0;
    this.#deliverGathered(kind, message);
  }

  #deliverGathered(kind: number, message: MessageBuffer): void {
    if ((kind & RSV1) !== 0) this.#handler.onCompressed((kind & OPCODE_BITS) as DataOpcode, message.take());
    else if (kind === OPCODE.binary) this.#handler.onBinary(message.take());
    else if (this.#textForm !== "string") this.#handler.onTextBytes(message.take());
    else if (message.size > constants.MAX_STRING_LENGTH) this.#fail("WS_ERR_UNSUPPORTED_MESSAGE_LENGTH");
    else this.#deliverText(message.toText());
  }

  #fail(code: ViolationCode): void {
    this.stop();
    this.#handler.onViolation(code);
  }
}

/**
 * Returns the longest compressed form of a message: deflate's worst coding
 * takes nine bits for eight.
 */
function longestCompressed(maxPayload: number): number {
  return maxPayload + maxPayload / 8 + 64;
}
