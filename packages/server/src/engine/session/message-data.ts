import type { RawData } from "@portage/parser/engine";

/**
 * What goes out for the data of a message: text and bytes as they are, nothing for what is falsy, and the text of
 * anything else. Undefined is a message without data.
 */
// hot path
export function messageData(data: unknown): RawData | undefined {
  if (typeof data === "string" || Buffer.isBuffer(data)) return data;
  if (!data) return undefined;
  if (data instanceof ArrayBuffer) return Buffer.from(data);
  if (ArrayBuffer.isView(data)) return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  // oxlint-disable-next-line typescript/no-base-to-string -- as engine.io does
  return String(data);
}
