import { EMPTY, MAX_CONTROL_PAYLOAD, MAX_REASON_BYTES } from "./core/index.ts";

/** Converts an argument of `send` to a string or to its bytes, without copying. */
export function toPayload(data: unknown): string | Buffer {
  if (typeof data === "string" || Buffer.isBuffer(data)) return data;
  if (typeof data === "number") return String(data);
  // `ws` sends falsy values as an empty message.
  if (!data) return EMPTY;
  return asBuffer(data);
}

/**
 * Converts an argument of `ping` or `pong`.
 * @throws RangeError for more than 125 bytes
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
 * Converts a close reason. A value without length means none.
 * @throws RangeError for more than 123 bytes; TypeError for a value that is neither text nor bytes
 */
export function toReason(reason: string | Uint8Array | null | undefined): string {
  if (reason !== null && !reason?.length) return "";
  if (typeof reason !== "string" && !(reason instanceof Uint8Array)) {
    throw new TypeError("Second argument must be a string or a Uint8Array");
  }
  if (Buffer.byteLength(reason) > MAX_REASON_BYTES) {
    throw new RangeError(`The message must not be greater than ${MAX_REASON_BYTES} bytes`);
  }
  return typeof reason === "string" ? reason : Buffer.from(reason).toString();
}

/** Returns the size of `data`, in bytes. */
export function dataSize(data: unknown): number {
  return Buffer.byteLength(toPayload(data));
}

function asBuffer(data: unknown): Buffer {
  if (ArrayBuffer.isView(data)) return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  if (Array.isArray(data) && data.every((part) => part instanceof Uint8Array)) return Buffer.concat(data);
  // Buffer.from shares an ArrayBuffer's memory, copies an array's numbers, and throws a
  // TypeError for other values.
  return Buffer.from(data as ArrayBuffer);
}
