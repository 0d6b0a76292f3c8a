import type { BroadcastOptions } from "@portage/server/adapter";
import { fromWire, isWireOptions, toWire } from "./messages.ts";
import { decodeParts, encodeParts, type Part } from "./parts.ts";

/*
 * An event in the log: its receivers and flags, then the encoded packet, which no node parses or encodes again.
 *
 *   u32 length | JSON of the options | parts
 *
 * A command to the sockets of other nodes has no options, and two parts: the tag of its node, and the encoded message.
 */

const LENGTH_BYTES = 4;

/** An event, or a command. */
export type Payload = { readonly opts: BroadcastOptions; readonly parts: readonly Part[] } | LoggedCommand;

/** A command in the log. */
export interface LoggedCommand {
  /** The tag of its node. */
  readonly from: string;
  readonly message: Buffer;
}

/** Encodes an event for the log. */
export function encodePayload(opts: BroadcastOptions, parts: readonly unknown[]): Buffer {
  return concat(JSON.stringify(toWire(opts)), parts);
}

/** Encodes a command for the log. */
export function encodeCommand({ from, message }: LoggedCommand): Buffer {
  return concat("", [from, message]);
}

function concat(options: string, parts: readonly unknown[]): Buffer {
  const json = Buffer.from(options);
  const length = Buffer.allocUnsafe(LENGTH_BYTES);
  length.writeUInt32BE(json.length, 0);
  return Buffer.concat([length, json, ...encodeParts(parts)]);
}

/** Decodes what the log has. Undefined: it is malformed. */
export function decodePayload(payload: Buffer): Payload | undefined {
  if (payload.length < LENGTH_BYTES) return undefined;
  const end = LENGTH_BYTES + payload.readUInt32BE(0);
  if (end > payload.length) return undefined;
  const parts = decodeParts(payload, end);
  if (parts === undefined) return undefined;
  if (end === LENGTH_BYTES) return commandOf(parts);
  const wire = parseOptions(payload.toString("utf8", LENGTH_BYTES, end));
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
