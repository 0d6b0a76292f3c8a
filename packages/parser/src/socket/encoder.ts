import type { Bytes } from "../bytes.ts";
import { type Attachment, extractAttachments } from "./binary.ts";
import { type Packet, PacketType } from "./packet.ts";

/** Second argument of `JSON.stringify`. */
export type JsonReplacer = (this: unknown, key: string, value: unknown) => unknown;

/** The signature of `JSON.stringify`. */
export type JsonStringify = (data: unknown, replacer?: JsonReplacer) => string;

/**
 * Encodes Socket.IO packets.
 *
 * @example new Encoder().encode({ type: PacketType.EVENT, nsp: "/", data: ["hello", 1] }) // ['2["hello",1]']
 */
export class Encoder {
  readonly #replacer: JsonReplacer | undefined;
  readonly #stringify: JsonStringify;

  /**
   * @param replacer passed to `stringify`
   * @param stringify replaces `JSON.stringify`; must write the same text
   */
  constructor(replacer?: JsonReplacer, stringify: JsonStringify = JSON.stringify) {
    this.#replacer = replacer;
    this.#stringify = stringify;
  }

  /**
   * Encodes a packet without changing it. Bytes in the data of an event or acknowledgement become
   * attachments: the same objects, not copies. These include ArrayBuffer, typed arrays and Blob,
   * although the return type says Buffer.
   *
   * @returns the text, then the attachments
   * @throws ParserError `SOCKET_UNENCODABLE_DEPTH`; and errors of `JSON.stringify`, of a
   * `toJSON()` or of the replacer
   */
  encode(packet: Packet): Array<string | Bytes> {
    const type = packet.type;
    switch (type) {
      case PacketType.EVENT:
      case PacketType.BINARY_EVENT:
        if (mayHoldBinary(packet.data)) return this.#encodeObjects(packet, PacketType.EVENT, packet.data);
        return [this.#encodeText(packet, "2", packet.data)];
      case PacketType.ACK:
      case PacketType.BINARY_ACK:
        if (mayHoldBinary(packet.data)) return this.#encodeObjects(packet, PacketType.ACK, packet.data);
        return [this.#encodeText(packet, "3", packet.data)];
      case PacketType.CONNECT:
      case PacketType.DISCONNECT:
      case PacketType.CONNECT_ERROR:
      default:
        return [this.#encodeText(packet, String(type), packet.data)];
    }
  }

  #encodeObjects(packet: Packet, type: 2 | 3, data: object): Array<string | Bytes> {
    const parts: Attachment[] = [];
    const extracted = extractAttachments(data, parts, 1);
    // A packet forwarded undecoded still contains its placeholders.
    const count = parts.length || (packet.type === type ? 0 : (packet.attachments ?? 0));
    const head = count === 0 ? String(type) : String(type + BINARY_OFFSET) + String(count) + "-";
    const encoded = [this.#encodeText(packet, head, extracted)] as Array<string | Bytes>;
    for (const part of parts) encoded.push(part as Bytes);
    return encoded;
  }

  #encodeText(packet: Packet, head: string, data: unknown): string {
    let text = head;
    if (packet.nsp !== "/" && packet.nsp) text += packet.nsp + ",";
    if (packet.id !== undefined && packet.id !== null) text += packet.id;
    if (data !== undefined && data !== null) text += this.#stringify(data, this.#replacer);
    return text;
  }
}

/** From EVENT to BINARY_EVENT, from ACK to BINARY_ACK. */
const BINARY_OFFSET = 3;

/** Returns whether `data` may contain bytes: primitive arguments cannot. */
function mayHoldBinary(data: unknown): data is object {
  if (!Array.isArray(data)) return typeof data === "object" && data !== null;
  for (let i = 0; i < data.length; i++) {
    const item: unknown = data[i];
    if (typeof item === "object" && item !== null) return true;
  }
  return false;
}
