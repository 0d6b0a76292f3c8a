import type { Packet } from "@portage/parser/socket";
import { ACK, BINARY, EVENT, isBinary } from "./packet.ts";

/**
 * Encodes packets of Socket.IO.
 *
 * @example new Encoder().encode({ type: 2, nsp: "/", data: ["hello", 1] }) // ['2["hello",1]']
 */
export class Encoder {
  /** @returns the text, then the attachments. The packet is not changed. */
  encode(packet: Packet): unknown[] {
    const { type, nsp, id } = packet;
    const attachments: unknown[] = [];
    const data = type === EVENT || type === ACK ? extract(packet.data, attachments) : packet.data;
    const count = attachments.length;
    return [
      (count ? type + BINARY + (count + "-") : type + "") +
        (nsp === "/" ? "" : nsp + ",") +
        (id ?? "") +
        (data == null ? "" : JSON.stringify(data)),
      ...attachments,
    ];
  }
}

/** Takes the attachments out of a value; what leads to one is copied, all else stays as it is. */
function extract(value: unknown, out: unknown[], isJson?: boolean): unknown {
  if (typeof value !== "object" || !value) return value;
  if (isBinary(value)) return { _placeholder: true, num: out.push(value) - 1 };
  if (!isJson && typeof (value as WithToJson).toJSON === "function") {
    const first = out.length;
    const json = extract((value as WithToJson).toJSON(), out, true);
    return out.length > first ? json : value;
  }
  let copy = value as Record<string, unknown>;
  for (const key of Object.keys(value)) {
    const item = (value as typeof copy)[key];
    const extracted = extract(item, out);
    if (extracted !== item) {
      if (copy === value) copy = Array.isArray(value) ? ([...value] as unknown as typeof copy) : { ...copy };
      copy[key] = extracted;
    }
  }
  return copy;
}

interface WithToJson {
  toJSON(): unknown;
}
