import { encodeBase64 } from "../base64.ts";
import { type BinaryData, isBinaryData } from "../bytes.ts";
import { bufferOf, shapeBytes } from "./drop-in-bytes.ts";
import type { BinaryType, Packet } from "./drop-in-v4.ts";
import { EnginePacket, type EnginePacketType, PACKET_DIGITS, type RawData } from "./packet.ts";
import {
  decodePacketV3,
  decodePayloadV3,
  encodeBinaryPayloadV3,
  encodePacketV3,
  encodePayloadV3,
  NO_PACKETS,
  readTextPacket,
} from "./v3.ts";
import { decodeUtf8 } from "./v3-utf8.ts";

/** Revision of the Engine.IO protocol. */
export const protocol = 3 as const;

/** Packet types by name. */
export const packets: Readonly<Record<EnginePacketType, number>> = {
  open: 0,
  close: 1,
  ping: 2,
  pong: 3,
  message: 4,
  upgrade: 5,
  noop: 6,
};

type EncodedCallback = (encoded: RawData) => unknown;
/**
 * Receives each packet. `index` and `total` count characters (text) or packets (binary). Returning
 * false ends the decoding.
 */
type PacketCallback = (packet: Packet, index: number, total: number) => unknown;

/** Splits trailing arguments: callers may omit all but the callback, which comes last. */
function splitCallback(args: readonly unknown[]): { options: readonly unknown[]; callback: unknown } {
  const at = args.findIndex((arg) => typeof arg === "function");
  return { options: args.slice(0, at), callback: args[at] };
}

const toEnginePacket = (packet: Packet): EnginePacket =>
  new EnginePacket(packet.type as EnginePacketType, packet.data as RawData | undefined);

const errorPacket = (): Packet => ({ type: "error", data: "parser error" });

function toDropInPacket({ type, data }: EnginePacket, binaryType: unknown): Packet {
  if (data === undefined) return { type };
  return { type, data: typeof data === "string" ? data : shapeBytes(data, binaryType as BinaryType | undefined) };
}

/**
 * `encodePacket(packet, supportsBinary?, utf8encode?, callback)`: calls the callback
 * synchronously and returns its result.
 */
export function encodePacket(packet: Packet, ...args: unknown[]): unknown {
  const { options, callback } = splitCallback(args);
  const encoded = encodePacketV3(toEnginePacket(packet), Boolean(options[0]));
  const asBytes = typeof encoded === "string" && Boolean(options[1]) && !isBinaryData(packet.data);
  return (callback as EncodedCallback)(asBytes ? Buffer.from(encoded).toString("latin1") : encoded);
}

/** Encodes a binary packet as base64 text. */
export function encodeBase64Packet(packet: Packet, callback: EncodedCallback): unknown {
  return callback("b" + PACKET_DIGITS[packet.type as EnginePacketType] + encodeBase64(packet.data as BinaryData));
}

/**
 * Decodes one packet. Never throws: a malformed packet becomes `{ type: "error",
 * data: "parser error" }`.
 */
export function decodePacket(
  encoded: string | BinaryData | undefined,
  binaryType?: BinaryType | null,
  utf8decode?: boolean | null,
): Packet {
  try {
    if (typeof encoded !== "string") {
      return toDropInPacket(decodePacketV3(bufferOf(encoded)), binaryType);
    }
    const isBytes = Boolean(utf8decode) && !encoded.startsWith("b");
    return toDropInPacket(decodePacketV3(isBytes ? decodeUtf8(Buffer.from(encoded, "latin1")) : encoded), binaryType);
  } catch {
    return errorPacket();
  }
}

/** Decodes a base64 packet without its leading `b`. */
export function decodeBase64Packet(encoded: string, binaryType?: BinaryType | null): Packet {
  return decodePacket("b" + encoded, binaryType);
}

/**
 * `encodePayload(packets, supportsBinary?, callback)`: calls the callback
 * synchronously and returns its result.
 */
export function encodePayload(list: readonly Packet[], ...args: unknown[]): unknown {
  const { options, callback } = splitCallback(args);
  return (callback as EncodedCallback)(encodePayloadV3(list.map(toEnginePacket), Boolean(options[0])));
}

/** Encodes packets in binary form, even if all are text. */
export function encodePayloadAsBinary(list: readonly Packet[], callback: EncodedCallback): unknown {
  return callback(encodeBinaryPayloadV3(list.map(toEnginePacket)));
}

/**
 * `decodePayload(data, binaryType?, callback)`. A malformed packet ends it with one call:
 * the error packet, 0 and 1.
 */
export function decodePayload(data: string | BinaryData, ...args: unknown[]): void {
  if (typeof data !== "string") return decodePayloadAsBinary(data, ...args);
  const { options, callback } = splitCallback(args);
  const onPacket = callback as PacketCallback;
  if (data === NO_PACKETS) return;
  if (data === "") return void onPacket(errorPacket(), 0, 1);
  for (let at = 0; at < data.length;) {
    const found: EnginePacket[] = [];
    try {
      at = readTextPacket(data, at, found);
    } catch {
      return void onPacket(errorPacket(), 0, 1);
    }
    const packet = found[0];
    if (packet && onPacket(toDropInPacket(packet, options[0]), at - 1, data.length) === false) return;
  }
}

/**
 * `decodePayloadAsBinary(data, binaryType?, callback)`. A malformed payload causes a single call:
 * the error packet, 0 and 1.
 */
export function decodePayloadAsBinary(data: BinaryData, ...args: unknown[]): void {
  const { options, callback } = splitCallback(args);
  const onPacket = callback as PacketCallback;
  if (data.byteLength === 0) return;
  let found: EnginePacket[];
  try {
    found = decodePayloadV3(bufferOf(data));
  } catch {
    return void onPacket(errorPacket(), 0, 1);
  }
  found.forEach((packet, i) => onPacket(toDropInPacket(packet, options[0]), i, found.length));
}
