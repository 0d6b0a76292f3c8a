import type { Data } from "./options.ts";

/** RFC 6455, 5.5. */
const MAX_CONTROL_PAYLOAD = 125;
/** A control frame's payload less the two bytes of the close code. */
export const MAX_REASON = 123;

const EMPTY = Buffer.alloc(0);

/** What `send` was given, as a string or the bytes themselves, without a copy. Nothing is an empty message. */
// hot path
export function toPayload(data: Data | null | undefined): string | Buffer {
  if (typeof data === "string" || Buffer.isBuffer(data)) return data;
  if (data === null || data === undefined) return EMPTY;
  if (typeof data === "number") return String(data);
  return toBuffer(data);
}

/**
 * The payload of a ping or pong.
 * @throws RangeError for more than 125 bytes.
 */
export function toControlData(data: Data | undefined): Buffer | undefined {
  if (data === undefined) return undefined;
  const payload = toPayload(data);
  const bytes = typeof payload === "string" ? Buffer.from(payload) : payload;
  if (bytes.length > MAX_CONTROL_PAYLOAD) {
    throw new RangeError(`The data size must not be greater than ${MAX_CONTROL_PAYLOAD} bytes`);
  }
  return bytes;
}

/** Bytes that `data` would be. */
export function dataSize(data: Data | undefined): number {
  return Buffer.byteLength(toPayload(data));
}

function toBuffer(data: Exclude<Data, string | number>): Buffer {
  if (ArrayBuffer.isView(data)) return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  // Buffer.from shares an ArrayBuffer's memory, copies an array's numbers, and throws a TypeError on anything else.
  return Buffer.from(data as ArrayBuffer);
}
