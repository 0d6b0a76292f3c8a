/** Writes and reads frames of RFC 6455 by hand, including invalid ones. */

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface FrameSpec {
  readonly opcode: number;
  readonly payload?: string | Buffer;
  /** Default true. */
  readonly fin?: boolean;
  /** Default: masked, as a client must. */
  readonly masked?: boolean;
  /** The three reserved bits, 0 to 7. Default 0. */
  readonly reserved?: number;
  /** A length to claim instead of the true one. */
  readonly claim?: number | bigint;
  /** Forces a longer form of the length than needed: 2 or 8 bytes. */
  readonly lengthBytes?: 2 | 8;
}

function lengthField(spec: FrameSpec, actual: number): { code: number; extended: Buffer } {
  const length = spec.claim ?? actual;
  if (spec.lengthBytes === 8 || length > 0xffff) {
    const extended = Buffer.alloc(8);
    extended.writeBigUInt64BE(BigInt(length));
    return { code: 127, extended };
  }
  if (spec.lengthBytes === 2 || length > 125) {
    const extended = Buffer.alloc(2);
    extended.writeUInt16BE(Number(length));
    return { code: 126, extended };
  }
  return { code: Number(length), extended: Buffer.alloc(0) };
}

const MASK = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);

export function frame(spec: FrameSpec): Buffer {
  const payload = Buffer.from(spec.payload ?? "");
  const { code, extended } = lengthField(spec, payload.length);
  const masked = spec.masked ?? true;
  const first = (spec.fin === false ? 0 : 0x80) | ((spec.reserved ?? 0) << 4) | spec.opcode;
  const head = Buffer.concat([Buffer.from([first, (masked ? 0x80 : 0) | code]), extended]);
  if (!masked) return Buffer.concat([head, payload]);
  for (let i = 0; i < payload.length; i++) payload[i] = (payload[i] as number) ^ (MASK[i & 3] as number);
  return Buffer.concat([head, MASK, payload]);
}

/** Returns the body of a close frame. */
export function closeBody(code: number, reason = ""): Buffer {
  const body = Buffer.alloc(2 + Buffer.byteLength(reason));
  body.writeUInt16BE(code);
  body.write(reason, 2);
  return body;
}

export interface ReadFrame {
  readonly fin: boolean;
  readonly reserved: number;
  readonly opcode: number;
  readonly masked: boolean;
  readonly payload: Buffer;
}

/** Cuts a stream of bytes into frames. */
export class FrameReader {
  #pending: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): ReadFrame[] {
    this.#pending = Buffer.concat([this.#pending, chunk]);
    const frames: ReadFrame[] = [];
    for (let next = this.#take(); next; next = this.#take()) frames.push(next);
    return frames;
  }

  #take(): ReadFrame | undefined {
    const bytes = this.#pending;
    if (bytes.length < 2) return undefined;
    const [first, second] = [bytes.readUInt8(0), bytes.readUInt8(1)];
    const code = second & 0x7f;
    const start = 2 + (code === 126 ? 2 : code === 127 ? 8 : 0);
    if (bytes.length < start) return undefined;
    const length = code === 126 ? bytes.readUInt16BE(2) : code === 127 ? Number(bytes.readBigUInt64BE(2)) : code;
    if (bytes.length < start + length) return undefined;
    this.#pending = bytes.subarray(start + length);
    const payload = Buffer.from(bytes.subarray(start, start + length));
    return { fin: first >= 0x80, reserved: (first >> 4) & 7, opcode: first & 15, masked: second >= 0x80, payload };
  }
}
