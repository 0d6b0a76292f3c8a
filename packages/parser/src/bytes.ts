/*
 * Names ES2015 for programs that target ES5: the declarations use `Map`, `Symbol` and `Generator`.
 */
/// <reference lib="es2015" preserve="true" />

/** Node's Buffer, or Uint8Array in a program without Node's types. */
export type Bytes = typeof globalThis extends {
  Buffer: { isBuffer(value: unknown): value is infer Known extends Uint8Array };
}
  ? Known
  : Uint8Array;

/** A view of unshared memory: `Uint8Array<ArrayBuffer>`, which compilers before 5.7 do not know. */
export type View = Uint8Array & { readonly buffer: ArrayBuffer };

/** Bytes in any form that a program may pass. */
export type BinaryData = ArrayBuffer | ArrayBufferView;

/** Whether a value holds bytes: an ArrayBuffer or a view of one. */
export function isBinaryData(value: unknown): value is BinaryData {
  return value instanceof ArrayBuffer || ArrayBuffer.isView(value);
}

/** Returns a view of the same memory; copies nothing. */
export function viewBytes(data: BinaryData): View {
  if (data instanceof Uint8Array) return data as View;
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}

/**
 * Returns the data itself if it is a Buffer, else a Buffer over the same memory. Returns a
 * Uint8Array on platforms without Buffer.
 */
export function toBuffer(data: BinaryData): Bytes {
  const bytes = viewBytes(data);
  if (typeof Buffer !== "function") return bytes as Bytes;
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
