import type { Packet } from "@portage/parser/socket";
import { Emitter } from "../emitter.ts";
import type { NoEvents } from "../typed-events.ts";
import { ClientError } from "./errors.ts";
import { ACK, BINARY, CONNECT_ERROR, DISCONNECT, EVENT, isBinary, RESERVED } from "./packet.ts";
import type { Unchecked } from "./typed-events.ts";

/** Most attachments of a packet. */
const MAX_ATTACHMENTS = 10;
/** Most arguments of an event or acknowledgement: more would not fit the stack when listeners are called. */
const MAX_ARGUMENTS = 1e4;

/** Type, number of attachments, namespace, id, data. */
const PACKET = /^(?:([0-4])|([56])([1-9]\d*)-)(?:(\/[^,]*),?)?(\d*)([^]*)/;

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
    const isText = typeof chunk === "string";
    const packet = isText ? decode(chunk) : this.#packet;
    const attachments = this.#attachments;
    if (!packet || (isText ? this.#packet : !isBinary(chunk))) fail(chunk);
    if (!isText) attachments.push(chunk);
    this.#packet = packet;
    if (attachments.length < (packet.attachments ?? 0)) return;
    this.destroy();
    if (packet.attachments) insert(packet.data as object, attachments);
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
  const [, type, binaryType, count, nsp = "/", id, json] = PACKET.exec(text) ?? fail(text);
  const packet: Packet = { type: +(type ?? (binaryType as Unchecked) - BINARY) as Packet["type"], nsp };
  if (id) packet.id = +id;
  if (count) packet.attachments = +count;
  try {
    if (json) packet.data = JSON.parse(json);
  } catch {
    fail(text);
  }
  if (!isValid(packet.type, packet.data) || (packet.attachments ?? 0) > MAX_ATTACHMENTS) fail(text);
  return packet;
}

function isValid(type: number, data: unknown): boolean {
  if (type === EVENT || type === ACK) {
    if (!Array.isArray(data) || data.length > MAX_ARGUMENTS) return false;
    return type === ACK || (/string|number/.test(typeof data[0]) && !RESERVED.includes(data[0]));
  }
  if (data === undefined) return type !== CONNECT_ERROR;
  if (typeof data === "string") return type === CONNECT_ERROR;
  return type !== DISCONNECT && typeof data === "object" && !!data && !Array.isArray(data);
}

/** Puts the attachments in place of their placeholders. A list instead of recursion: no nesting exhausts the stack. */
function insert(data: object, attachments: readonly unknown[]): void {
  const containers = [data as Record<string, Unchecked>];
  for (const container of containers) {
    for (const key of Object.keys(container)) {
      const item = container[key];
      if (typeof item !== "object" || !item) continue;
      if (item._placeholder !== true) containers.push(item);
      else container[key] = (typeof item.num === "number" && attachments[item.num]) || fail(JSON.stringify(item));
    }
  }
}
