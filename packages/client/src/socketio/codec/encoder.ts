import type { Packet } from "@portage/parser/socket";
import { hideToJson, unhide } from "../../engine/index.ts";
import { ACK, BINARY, EVENT, isBinary } from "./packet.ts";

/**
 * Encodes packets of Socket.IO.
 *
 * @example new Encoder().encode({ type: 2, nsp: "/", data: ["hello", 1] }) // ['2["hello",1]']
 */
export class Encoder {
  /** @returns the text, then the attachments. The packet is not changed. */
  encode({ type, nsp, id, data }: Packet): unknown[] {
    const attachments: unknown[] = [];
    // what `toJSON` makes of bytes is not wanted, but it may give bytes itself
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
