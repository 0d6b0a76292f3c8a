import type { Packet } from "@portage/parser/socket";
import { hideToJson, unhide } from "../../engine/index.ts";
import { ACK, BINARY, EVENT, isBinary } from "./packet.ts";

/**
 * Encodes packets of Socket.IO.
 *
 * @example new Encoder().encode({ type: 2, nsp: "/", data: ["hello", 1] }) // ['2["hello",1]']
 */
export class Encoder {
  /** Returns the text, then the attachments. Does not change the packet. */
  encode({ type, nsp, id, data }: Packet): unknown[] {
    const attachments: unknown[] = [];
    // `this[key]` is the value before `toJSON`: bytes may have that method, and it may return bytes
    function replace(this: Record<string, unknown>, key: string, value: unknown): unknown {
      const bytes = [this[key], value].find(isBinary);
      return bytes ? { _placeholder: true, num: attachments.push(unhide(bytes)) - 1 } : hideToJson(value);
    }
    const json = data == null ? "" : JSON.stringify(data, type === EVENT || type === ACK ? replace : undefined);
    const { length } = attachments;
    return [
      (length ? type + BINARY + (length + "-") : type + "") + (nsp === "/" ? "" : nsp + ",") + (id ?? "") + json,
      ...attachments,
    ];
  }
}
