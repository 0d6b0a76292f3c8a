import { type Bytes, isBinaryData, toBuffer, viewBytes } from "../bytes.ts";
import { ParserError } from "../errors.ts";

/** In which form bytes are handed out. Default: Buffer, or ArrayBuffer where there is no Buffer. */
export type BinaryType = "nodebuffer" | "arraybuffer" | "blob";

/** Untyped programs hand over anything: what holds no bytes is no packet. */
export function bufferOf(encoded: unknown): Bytes {
  if (isBinaryData(encoded)) return toBuffer(encoded);
  throw new ParserError("ENGINE_EMPTY_PACKET");
}

/** Bytes in the form that was asked for; a copy only where the form demands it. */
export function shapeBytes(data: Bytes, binaryType: BinaryType | undefined): Bytes | ArrayBuffer | Blob {
  const bytes = viewBytes(data);
  if (binaryType === "blob" && typeof Blob === "function") return new Blob([bytes]);
  if (binaryType !== "arraybuffer" && typeof Buffer === "function") return data;
  const isWhole = bytes.byteLength === bytes.buffer.byteLength;
  return isWhole ? bytes.buffer : bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
}
