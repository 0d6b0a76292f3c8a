import { type Bytes, isBinaryData, toBuffer, viewBytes } from "../bytes.ts";
import { ParserError } from "../errors.ts";

/**
 * The type of returned bytes. Default: Buffer, or ArrayBuffer on
 * platforms without Buffer.
 */
export type BinaryType = "nodebuffer" | "arraybuffer" | "blob";

/**
 * Returns the bytes of a packet. Untyped programs may pass anything.
 *
 * @throws ParserError `ENGINE_EMPTY_PACKET` for a value that is not binary data
 */
export function bufferOf(encoded: unknown): Bytes {
  if (isBinaryData(encoded)) return toBuffer(encoded);
  throw new ParserError("ENGINE_EMPTY_PACKET");
}

/** Converts bytes to the requested type; copies only if that type requires it. */
export function shapeBytes(data: Bytes, binaryType: BinaryType | undefined): Bytes | ArrayBuffer | Blob {
  const bytes = viewBytes(data);
  if (binaryType === "blob" && typeof Blob === "function") return new Blob([bytes]);
  if (binaryType !== "arraybuffer" && typeof Buffer === "function") return data;
  const isWhole = bytes.byteLength === bytes.buffer.byteLength;
  return isWhole ? bytes.buffer : bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
}
