import { MAX_FRAME } from "../core/frames.ts";

/** First byte of a frame's body. */
const WHOLE = Buffer.of(0);
const FIRST = 1;
const NEXT = Buffer.of(2);

/** Bytes of a message that one frame carries when the message does not fit in one. */
const PIECE_BYTES = 262_144;

/** First byte, and the length of the message. */
const FIRST_HEADER = 5;

/** Splits a message of `bytes` bytes into bodies of frames. */
export function split(message: readonly Buffer[], bytes: number): Array<readonly Buffer[]> {
  if (bytes < MAX_FRAME) return [[WHOLE, ...message]];
  const whole = Buffer.concat(message, bytes);
  const header = Buffer.allocUnsafe(FIRST_HEADER);
  header[0] = FIRST;
  header.writeUInt32BE(bytes, 1);
  const bodies: Array<readonly Buffer[]> = [[header, whole.subarray(0, PIECE_BYTES)]];
  for (let at = PIECE_BYTES; at < bytes; at += PIECE_BYTES) bodies.push([NEXT, whole.subarray(at, at + PIECE_BYTES)]);
  return bodies;
}

/** Joins the pieces of the messages of one link. */
export class Assembler {
  readonly #maxBytes: number;
  #pieces: Buffer[] = [];
  /** Bytes that the message under way lacks. */
  #missing = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** @returns a complete message; undefined while pieces are missing */
  take(body: Buffer): Buffer | "malformed" | undefined {
    const rest = body.subarray(1);
    if (this.#missing > 0) return body[0] === NEXT[0] ? this.#takeNext(rest) : "malformed";
    if (body[0] === WHOLE[0]) return rest;
    return body[0] === FIRST ? this.#takeFirst(body) : "malformed";
  }

  #takeFirst(body: Buffer): "malformed" | undefined {
    if (body.length <= FIRST_HEADER) return "malformed";
    const bytes = body.readUInt32BE(1);
    this.#missing = bytes - (body.length - FIRST_HEADER);
    if (bytes > this.#maxBytes || this.#missing <= 0) return "malformed";
    this.#pieces = [body.subarray(FIRST_HEADER)];
    return undefined;
  }

  #takeNext(piece: Buffer): Buffer | "malformed" | undefined {
    if (piece.length === 0 || piece.length > this.#missing) return "malformed";
    this.#missing -= piece.length;
    this.#pieces.push(piece);
    if (this.#missing > 0) return undefined;
    const message = Buffer.concat(this.#pieces);
    this.#pieces = [];
    return message;
  }
}
