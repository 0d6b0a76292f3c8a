/** Bytes in any of the forms a program may hand over. */
export type BinaryData = ArrayBuffer | ArrayBufferView;

export function isBinaryData(value: unknown): value is BinaryData {
  return value instanceof ArrayBuffer || ArrayBuffer.isView(value);
}

/** @returns a view of the same memory, nothing is copied */
export function viewBytes(data: BinaryData): Uint8Array<ArrayBuffer> {
  if (data instanceof Uint8Array) return data as Uint8Array<ArrayBuffer>;
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}

/** @returns the data itself if it is a Buffer, else a Buffer over the same memory; where no Buffer exists, a Uint8Array */
export function toBuffer(data: BinaryData): Buffer {
  const bytes = viewBytes(data);
  if (typeof Buffer !== "function") return bytes as Buffer;
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
