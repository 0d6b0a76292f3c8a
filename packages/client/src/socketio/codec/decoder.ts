import type { Packet } from "@portage/parser/socket";
import { Emitter } from "../../emitter.ts";
import type { NoEvents } from "../../typed-events.ts";
import { ClientError } from "../errors.ts";
import { BINARY, EVENT, isBinary, RESERVED } from "./packet.ts";

/** Limit of arguments in an event or acknowledgement; more would overflow the stack in calls of listeners. */
const MAX_ARGUMENTS = 1e4;

/** Matches type, number of attachments (at most ten), namespace, id, data. */
const PACKET = /^(?:([0-4])|([56])([1-9]|10)-)(?:(\/[^,]*),?)?(\d+)?([^]+)?/;

/** Matches a type and the start of its data, such as `2["` for an event, whose data is a list with a name. */
const SHAPE = /^(?:0\s*(?:{|$)|1|2\s*\[\s*["\d-]|3\s*\[|4\s*["{])/;

/** Events of a {@link Decoder}. */
export interface DecoderEvents {
  decoded: (packet: Packet) => void;
}

/** Decodes packets of Socket.IO. After an error (`PARSE_ERROR`), call `destroy` before the next connection. */
export class Decoder extends Emitter<NoEvents, NoEvents, DecoderEvents> {
  /** A packet with attachments still missing. */
  #packet: Packet | undefined;
  #attachments: unknown[] = [];

  /** Adds a message of the engine; emits `decoded` once a packet is complete. */
  add(chunk: unknown): void {
    const attachments = this.#attachments;
    if (this.#packet ? !isBinary(chunk) : typeof chunk !== "string") fail(chunk);
    if (this.#packet) attachments.push(chunk);
    const packet = (this.#packet ??= parsePacket(chunk as string));
    // false for packets without attachments, where the number is undefined
    if (attachments.length < packet.attachments!) return;
    this.destroy();
    if (attachments.length) insert(packet.data as object, attachments);
    this.emitReserved("decoded", packet);
  }

  /** Drops an incomplete packet. */
  destroy(): void {
    this.#packet = undefined;
    this.#attachments = [];
  }
}

function fail(found: unknown): never {
  throw new ClientError("PARSE_ERROR", "invalid packet: " + String(found).slice(0, 60));
}

function parsePacket(text: string): Packet {
  try {
    const [, plainType, binaryType, count, nsp = "/", id, json] = PACKET.exec(text)!;
    const type = plainType ?? +binaryType! - BINARY;
    const data = json?.trim() && JSON.parse(json);
    const isTooLong = Array.isArray(data) && data.length > MAX_ARGUMENTS;
    if (SHAPE.test(type + (json ?? "")) && !isTooLong && !(type == EVENT && RESERVED.test(data[0]))) {
      return { type: +type, nsp, id: id && +id, data, attachments: count && +count } as Packet;
    }
  } catch {
    // malformed packet or JSON
  }
  return fail(text);
}

/** An object in a packet, possibly a placeholder with the number of its attachment. */
interface Container {
  [key: string]: unknown;
  readonly _placeholder?: unknown;
  readonly num?: unknown;
}

/** Replaces placeholders by their attachments. Uses a list, as deep nesting would overflow the stack of a recursion. */
function insert(data: object, attachments: readonly unknown[]): void {
  const containers = [data as Container];
  for (const container of containers) {
    for (const key of Object.keys(container)) {
      const item = container[key] as Container | string | undefined;
      if (typeof item !== "object" || !item) continue;
      if (item._placeholder !== true) containers.push(item);
      else container[key] = (typeof item.num === "number" && attachments[item.num]) || fail(JSON.stringify(item));
    }
  }
}
