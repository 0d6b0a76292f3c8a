import type { Packet } from "@portage/parser/socket";
import { Emitter } from "../../emitter.ts";
import type { NoEvents } from "../../typed-events.ts";
import { ClientError } from "../errors.ts";
import { BINARY, EVENT, isBinary, RESERVED } from "./packet.ts";

/** Most arguments of an event or acknowledgement: more would not fit the stack when listeners are called. */
const MAX_ARGUMENTS = 1e4;

/** Type, number of attachments (ten at most), namespace, id, data. */
const PACKET = /^(?:([0-4])|([56])([1-9]|10)-)(?:(\/[^,]*),?)?(\d+)?([^]+)?/;

/** A type, and what its data begins with: an object or nothing, anything, a list with a name, a list, an object or a string. */
const SHAPE = /^(?:0\s*(?:{|$)|1|2\s*\[\s*["\d-]|3\s*\[|4\s*["{])/;

/** Events of a {@link Decoder}. */
export interface DecoderEvents {
  decoded: (packet: Packet) => void;
}

/** Decodes packets of Socket.IO. When it throws (`PARSE_ERROR`), `destroy` makes it ready for another connection. */
export class Decoder extends Emitter<NoEvents, NoEvents, DecoderEvents> {
  /** A packet whose attachments are not all there yet. */
  #packet: Packet | undefined;
  #attachments: unknown[] = [];

  /** Takes a message of the engine; a packet that is complete goes to the listeners of `decoded`. */
  add(chunk: unknown): void {
    const attachments = this.#attachments;
    if (this.#packet ? !isBinary(chunk) : typeof chunk !== "string") fail(chunk);
    if (this.#packet) attachments.push(chunk);
    const packet = (this.#packet ??= decode(chunk as string));
    // no number of attachments is no reason to wait
    if (attachments.length < packet.attachments!) return;
    this.destroy();
    if (attachments.length) insert(packet.data as object, attachments);
    this.emitReserved("decoded", packet);
  }

  /** Forgets a packet whose attachments are not all there. */
  destroy(): void {
    this.#packet = undefined;
    this.#attachments = [];
  }
}

function fail(found: unknown): never {
  throw new ClientError("PARSE_ERROR", "invalid packet: " + String(found).slice(0, 60));
}

function decode(text: string): Packet {
  try {
    const [, plainType, binaryType, count, nsp = "/", id, json] = PACKET.exec(text)!;
    const type = plainType ?? +binaryType! - BINARY;
    const data = json?.trim() && JSON.parse(json);
    const isTooLong = Array.isArray(data) && data.length > MAX_ARGUMENTS;
    if (SHAPE.test(type + (json ?? "")) && !isTooLong && !(type == EVENT && RESERVED.test(data[0]))) {
      return { type: +type, nsp, id: id && +id, data, attachments: count && +count } as Packet;
    }
  } catch {
    // not the form of a packet, or not JSON
  }
  return fail(text);
}

/** An object of a packet: perhaps a placeholder, with the number of its attachment. */
interface Container {
  [key: string]: unknown;
  readonly _placeholder?: unknown;
  readonly num?: unknown;
}

/** Puts the attachments in place of their placeholders. A list instead of recursion: no nesting exhausts the stack. */
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
