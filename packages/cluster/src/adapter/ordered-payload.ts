import type { BroadcastOptions } from "@portage/server/adapter";
import { fromWire, isWireOptions, toWire } from "./messages.ts";
import { decodeParts, encodeParts, type Part } from "./parts.ts";

/*
 * An event in the log: its receivers and flags, then the encoded packet, which no node parses or encodes again.
 *
 *   u32 length | JSON of the options | parts
 */

const LENGTH_BYTES = 4;

/** Encodes an event for the log. */
export function encodePayload(opts: BroadcastOptions, parts: readonly unknown[]): Buffer {
  const json = Buffer.from(JSON.stringify(toWire(opts)));
  const length = Buffer.allocUnsafe(LENGTH_BYTES);
  length.writeUInt32BE(json.length, 0);
  return Buffer.concat([length, json, ...encodeParts(parts)]);
}

/** Decodes an event of the log. Undefined: it is malformed. */
export function decodePayload(payload: Buffer): { opts: BroadcastOptions; parts: readonly Part[] } | undefined {
  if (payload.length < LENGTH_BYTES) return undefined;
  const end = LENGTH_BYTES + payload.readUInt32BE(0);
  if (end > payload.length) return undefined;
  const wire = parseOptions(payload.toString("utf8", LENGTH_BYTES, end));
  const parts = decodeParts(payload, end);
  if (parts === undefined || !isWireOptions(wire)) return undefined;
  return { opts: fromWire(wire), parts };
}

function parseOptions(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
