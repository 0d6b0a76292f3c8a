import { createHmac, timingSafeEqual } from "node:crypto";
import { isTag, TAG_LENGTH } from "../core/tag.ts";

/*
 * The messages of streams over Redis, in the channel of the node that receives them.
 *
 *   u8 2 | u8 type | tag of the sender | 12 bytes id | u32 number | bytes | 16 bytes HMAC
 *
 * The number counts the messages of one direction. The HMAC is over the receiver's tag and all that is before it, so that only
 * nodes of the cluster make messages, and no message is valid for another node.
 */

/** The kind of these messages, their first byte. */
const BUS_KIND = 2;

/** The types of messages. OPEN begins a stream; ACK has a u32, the bytes that were read. */
const BUS_TYPES = { OPEN: 1, DATA: 2, END: 3, RESET: 4, ACK: 5 } as const;
export type BusType = keyof typeof BUS_TYPES;

export const STREAM_ID_LENGTH = 12;
const BUS_HEADER = 2 + TAG_LENGTH + STREAM_ID_LENGTH + 4;
const MAC = 16;

/** A message of a stream. */
export interface BusMessage {
  readonly type: BusType;
  /** The tag of the sender. */
  readonly from: string;
  /** Identifies the stream, together with the other node. */
  readonly id: string;
  readonly number: number;
  readonly bytes: Buffer;
}

const BUS_TYPE_NAMES = Object.fromEntries(Object.entries(BUS_TYPES).map(([name, value]) => [value, name])) as Readonly<
  Record<number, BusType | undefined>
>;

/** Encodes a message for the node `to`. */
export function encodeBusMessage({ type, from, id, number, bytes }: BusMessage, to: string, key: Buffer): Buffer {
  const message = Buffer.allocUnsafe(BUS_HEADER + bytes.length + MAC);
  message[0] = BUS_KIND;
  message[1] = BUS_TYPES[type];
  message.write(from, 2, "latin1");
  message.write(id, 2 + TAG_LENGTH, "latin1");
  message.writeUInt32BE(number, BUS_HEADER - 4);
  bytes.copy(message, BUS_HEADER);
  busMac(message.subarray(0, -MAC), to, key).copy(message, message.length - MAC);
  return message;
}

/** Decodes a message for the node `to`. Undefined: it is malformed, or none of the keys made it. */
export function decodeBusMessage(message: Buffer, to: string, keys: readonly Buffer[]): BusMessage | undefined {
  if (message.length < BUS_HEADER + MAC || message[0] !== BUS_KIND) return undefined;
  const type = BUS_TYPE_NAMES[message[1] ?? 0];
  const from = message.toString("latin1", 2, 2 + TAG_LENGTH);
  if (type === undefined || !isTag(from)) return undefined;
  const signed = message.subarray(0, -MAC);
  const mac = message.subarray(-MAC);
  if (!keys.some((key) => timingSafeEqual(busMac(signed, to, key), mac))) return undefined;
  const id = message.toString("latin1", 2 + TAG_LENGTH, BUS_HEADER - 4);
  return { type, from, id, number: message.readUInt32BE(BUS_HEADER - 4), bytes: signed.subarray(BUS_HEADER) };
}

function busMac(signed: Buffer, to: string, key: Buffer): Buffer {
  return createHmac("sha256", key).update("portage bus\n").update(to).update(signed).digest().subarray(0, MAC);
}
