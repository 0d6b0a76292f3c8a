import { SocketIoError } from "@portage/server/relay";

/** An encoded packet or values: texts and bytes. */
export type Part = string | Buffer;

/** Form and length of a part. */
const PART = 5;
const TEXT = 0;
const BYTES_FORM = 1;

/** Encodes parts, each as `u8 form (0 text, 1 bytes) | u32 length | bytes`, in chunks. Bytes are not copied. */
export function encodeParts(parts: readonly unknown[]): Buffer[] {
  const chunks: Buffer[] = [];
  for (const part of parts) {
    const bytes = typeof part === "string" ? Buffer.from(part) : bytesOfPart(part);
    const header = Buffer.allocUnsafe(PART);
    header[0] = typeof part === "string" ? TEXT : BYTES_FORM;
    header.writeUInt32BE(bytes.length, 1);
    chunks.push(header, bytes);
  }
  return chunks;
}

/** Encoders pass bytes on as the program gave them. */
function bytesOfPart(part: unknown): Buffer {
  if (Buffer.isBuffer(part)) return part;
  if (ArrayBuffer.isView(part)) return Buffer.from(part.buffer, part.byteOffset, part.byteLength);
  if (part instanceof ArrayBuffer) return Buffer.from(part);
  throw new SocketIoError("CLUSTER_MESSAGE_INVALID", "the encoder returned neither text nor bytes");
}

/** Decodes the parts from `start` on. Undefined: they are incomplete. */
export function decodeParts(bytes: Buffer, start: number): Part[] | undefined {
  const parts: Part[] = [];
  let at = start;
  while (at < bytes.length) {
    const form = bytes[at];
    if (bytes.length - at < PART || (form !== TEXT && form !== BYTES_FORM)) return undefined;
    const length = bytes.readUInt32BE(at + 1);
    at += PART;
    if (length > bytes.length - at) return undefined;
    parts.push(form === TEXT ? bytes.toString("utf8", at, at + length) : bytes.subarray(at, at + length));
    at += length;
  }
  return parts;
}
