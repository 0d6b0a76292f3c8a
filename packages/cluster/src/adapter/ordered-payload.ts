import type { BroadcastOptions } from "@portage/server/adapter";
import type { EntryData } from "../order/entry.ts";
import { fromWire, isWireOptions, toWire } from "./messages.ts";
import { decodeParts, encodeParts, type Part } from "./parts.ts";

/*
 * An event in the log: its receivers and flags, then the encoded packet, which no node parses or encodes again. One text:
 *
 *   JSON of the options | zero | text
 *
 * Other packets have bytes or several parts. No options are so long that their length begins as JSON does.
 *
 *   u32 length | JSON of the options | parts
 *
 * A command to the sockets of other nodes has no options, and two parts: the tag of its node, and the encoded message.
 */

const LENGTH_BYTES = 4;
const BRACE = 0x7b;
/** JSON does not contain it. */
const JSON_END = "\0";

/** An event, or a command. */
export type Payload = { readonly opts: BroadcastOptions; readonly parts: readonly Part[] } | LoggedCommand;

/** A command in the log. */
export interface LoggedCommand {
  /** The tag of its node. */
  readonly from: string;
  readonly message: Buffer;
}

/** Encodes an event for the log. */
export function encodePayload(opts: BroadcastOptions, parts: readonly unknown[]): EntryData {
  const json = JSON.stringify(toWire(opts));
  const [text] = parts;
  return parts.length === 1 && typeof text === "string" ? json + JSON_END + text : concat(json, parts);
}

/** Encodes a command for the log. */
export function encodeCommand({ from, message }: LoggedCommand): Buffer {
  return concat("", [from, message]);
}

function concat(json: string, parts: readonly unknown[]): Buffer {
  const options = Buffer.from(json);
  const length = Buffer.allocUnsafe(LENGTH_BYTES);
  length.writeUInt32BE(options.length, 0);
  return Buffer.concat([length, options, ...encodeParts(parts)]);
}

/** Decodes what the log has. Undefined: it is malformed. */
export function decodePayload(payload: Buffer): Payload | undefined {
  if (payload.length < LENGTH_BYTES) return undefined;
  const isText = payload[0] === BRACE;
  const start = isText ? 0 : LENGTH_BYTES;
  const end = isText ? payload.indexOf(0) : LENGTH_BYTES + payload.readUInt32BE(0);
  if (end < 0 || end > payload.length) return undefined;
  const parts = isText ? [payload.toString("utf8", end + 1)] : decodeParts(payload, end);
  if (parts === undefined) return undefined;
  if (end === start) return commandOf(parts);
  const wire = parseOptions(payload.toString("utf8", start, end));
  return isWireOptions(wire) ? { opts: fromWire(wire), parts } : undefined;
}

function commandOf([from, message]: readonly Part[]): LoggedCommand | undefined {
  return typeof from === "string" && Buffer.isBuffer(message) ? { from, message } : undefined;
}

function parseOptions(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
