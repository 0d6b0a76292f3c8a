import { encodeBase64 } from "../base64.ts";
import { type BinaryData, isBinaryData } from "../bytes.ts";
import { type BinaryType, bufferOf, shapeBytes } from "./drop-in-bytes.ts";
import type { EnginePacketType, PacketOptions } from "./packet.ts";
import { PACKET_DIGITS } from "./packet.ts";
import { decodePacketV4 } from "./v4.ts";
import { SEPARATOR } from "../characters.ts";

export type { BinaryType };

/** Type of a {@link Packet}: one of the seven, or "error" for a malformed packet. */
export type PacketType = EnginePacketType | "error";

/** The packet shape of `engine.io-parser`. */
export interface Packet {
  /** What the packet is for. */
  type: PacketType;
  /** How the transport treats it. Default: compressed, if the transport compresses. */
  options?: PacketOptions;
  /** Text or bytes; of a packet of type "error", what is wrong. */
  data?: unknown;
}

/** An encoded packet: text or bytes. */
export type Encoded = string | BinaryData | Blob;

/** Revision of the Engine.IO protocol. */
export const protocol = 4 as const;

/**
 * Encodes a packet. Calls the callback synchronously, unless it must read a Blob first.
 *
 * @param supportsBinary true passes the packet's own binary object on; false
 * encodes it as `b` + base64
 */
export function encodePacket(packet: Packet, supportsBinary: boolean, callback: (encoded: Encoded) => void): void {
  const { type, data } = packet;
  if (isBinaryData(data)) {
    callback(supportsBinary ? data : "b" + encodeBase64(data));
  } else if (typeof Blob === "function" && data instanceof Blob) {
    if (supportsBinary) callback(data);
    else void data.arrayBuffer().then((bytes) => callback("b" + encodeBase64(bytes)));
  } else {
    callback(PACKET_DIGITS[type as EnginePacketType] + ((data as string | undefined) || ""));
  }
}

/**
 * Decodes a packet. Never throws: a malformed packet becomes `{ type: "error",
 * data: "parser error" }`.
 */
export function decodePacket(encoded: string | BinaryData, binaryType?: BinaryType): Packet {
  try {
    const { type, data } = decodePacketV4(typeof encoded === "string" ? encoded : bufferOf(encoded));
    if (data === undefined) return { type };
    return { type, data: typeof data === "string" ? data : shapeBytes(data, binaryType) };
  } catch {
    return { type: "error", data: "parser error" };
  }
}

/**
 * Encodes packets in order. Calls back once all are encoded, since Blobs are read asynchronously.
 */
export function encodePackets(
  packets: readonly Packet[],
  supportsBinary: boolean,
  callback: (encoded: Encoded[]) => void,
): void {
  const encoded = Array.from<Encoded>({ length: packets.length });
  let missing = packets.length;
  packets.forEach((packet, i) => {
    encodePacket(packet, supportsBinary, (data) => {
      encoded[i] = data;
      if (--missing === 0) callback(encoded);
    });
  });
}

/** Encodes packets for one HTTP body. */
export function encodePayload(packets: readonly Packet[], callback: (payload: string) => void): void {
  encodePackets(packets, false, (encoded) => callback((encoded as string[]).join(SEPARATOR)));
}

/**
 * Decodes one HTTP body. Stops after the first malformed packet, which is the last one returned.
 */
export function decodePayload(payload: string, binaryType?: BinaryType): Packet[] {
  const packets: Packet[] = [];
  for (const record of payload.split(SEPARATOR)) {
    const packet = decodePacket(record, binaryType);
    packets.push(packet);
    if (packet.type === "error") break;
  }
  return packets;
}
