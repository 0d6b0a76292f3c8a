/** RFC 6455, 5.5. */
const MAX_CONTROL_PAYLOAD = 125;
/** A control frame's payload less the two bytes of the close code. */
const MAX_REASON = 123;

const EMPTY = Buffer.alloc(0);

/** What `send` was given, as a string or the bytes themselves, without a copy. */
export function toPayload(data: unknown): string | Buffer {
  if (typeof data === "string" || Buffer.isBuffer(data)) return data;
  if (typeof data === "number") return String(data);
  // `ws` sends what is as false as an empty message.
  if (!data) return EMPTY;
  return toBuffer(data);
}

/**
 * The payload of a ping or pong.
 * @throws RangeError for more than 125 bytes.
 */
export function toControlData(data: unknown): Buffer {
  const payload = toPayload(data);
  const bytes = typeof payload === "string" ? Buffer.from(payload) : payload;
  if (bytes.length > MAX_CONTROL_PAYLOAD) {
    throw new RangeError(`The data size must not be greater than ${MAX_CONTROL_PAYLOAD} bytes`);
  }
  return bytes;
}

/**
 * The reason of a close frame; what has no length is none.
 * @throws RangeError for more than 123 bytes; TypeError for what is neither text nor bytes.
 */
export function toReason(reason: string | Uint8Array | null | undefined): string {
  if (reason !== null && !reason?.length) return "";
  if (typeof reason !== "string" && !(reason instanceof Uint8Array)) {
    throw new TypeError("Second argument must be a string or a Uint8Array");
  }
  if (Buffer.byteLength(reason) > MAX_REASON) {
    throw new RangeError(`The message must not be greater than ${MAX_REASON} bytes`);
  }
  return typeof reason === "string" ? reason : Buffer.from(reason).toString();
}

/** Bytes that `data` would be. */
export function dataSize(data: unknown): number {
  return Buffer.byteLength(toPayload(data));
}

function toBuffer(data: unknown): Buffer {
  if (ArrayBuffer.isView(data)) return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  if (Array.isArray(data) && data.every((part) => part instanceof Uint8Array)) return Buffer.concat(data);
  // Buffer.from shares an ArrayBuffer's memory, copies an array's numbers, and throws a TypeError on anything else.
  return Buffer.from(data as ArrayBuffer);
}
