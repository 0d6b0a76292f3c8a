// Takes the place of `drop-in-v4.ts` where there is no Buffer: the same functions in a third of the bytes. A test runs
// both on the same packets.
import type { BinaryData } from "../bytes.ts";
import type { BinaryType, Packet } from "./drop-in-v4.ts";

export type { BinaryType, Packet, PacketType } from "./drop-in-v4.ts";

export const protocol = 4 as const;

/** Index = number on the wire. */
const TYPES = ["open", "close", "ping", "pong", "message", "upgrade", "noop"] as const;
const SEPARATOR = "\x1e";

function encodeBase64(data: BinaryData): string {
  // an ArrayBuffer has neither `buffer` nor `byteOffset`
  const { buffer = data as ArrayBuffer, byteOffset, byteLength } = data as Partial<Uint8Array>;
  let binary = "";
  for (const byte of new Uint8Array(buffer, byteOffset, byteLength)) binary += String.fromCharCode(byte);
  return "b" + btoa(binary);
}

export function encodePacket(
  { type, data }: Packet,
  supportsBinary: boolean,
  callback: (encoded: string | BinaryData | Blob) => void,
): void {
  // a Blob by its method: not every platform has the class
  const { arrayBuffer } = (data ?? "") as Partial<Blob>;
  if (!arrayBuffer && !(data instanceof ArrayBuffer) && !ArrayBuffer.isView(data)) {
    callback(TYPES.indexOf(type as "open") + ((data as string) || ""));
  } else if (supportsBinary) callback(data as BinaryData);
  else if (arrayBuffer) void (data as Blob).arrayBuffer().then((bytes) => callback(encodeBase64(bytes)));
  else callback(encodeBase64(data as BinaryData));
}

/** @param bytes an ArrayBuffer, or a view of one */
function shapeBytes(bytes: BinaryData, binaryType: BinaryType | undefined): BinaryData | Blob {
  if (binaryType === "blob") return new Blob([bytes as ArrayBuffer]);
  return ArrayBuffer.isView(bytes)
    ? (bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer)
    : bytes;
}

export function decodePacket(encoded: string | BinaryData, binaryType?: BinaryType): Packet {
  try {
    if (typeof encoded !== "string") return { type: "message", data: shapeBytes(encoded, binaryType) };
    const data = encoded.slice(1);
    if (encoded[0] === "b") {
      return {
        type: "message",
        data: shapeBytes(
          Uint8Array.from(atob(data), (char) => char.charCodeAt(0)),
          binaryType,
        ),
      };
    }
    const type = TYPES[encoded.charCodeAt(0) - 48];
    if (type) return data ? { type, data } : { type };
  } catch {
    // base64 that is none
  }
  return { type: "error", data: "parser error" };
}

export function encodePayload(packets: readonly Packet[], callback: (payload: string) => void): void {
  const encoded: string[] = [];
  let missing = packets.length;
  packets.forEach((packet, i) =>
    encodePacket(packet, false, (text) => {
      encoded[i] = text as string;
      if (--missing === 0) callback(encoded.join(SEPARATOR));
    }),
  );
}

export function decodePayload(payload: string, binaryType?: BinaryType): Packet[] {
  const packets: Packet[] = [];
  for (const record of payload.split(SEPARATOR)) {
    const packet = decodePacket(record, binaryType);
    packets.push(packet);
    if (packet.type === "error") break;
  }
  return packets;
}
