import { PacketType } from "@portage/parser/socket";
import { kCustomParser } from "../keys.ts";
import { decodePacket, type RawData } from "../packets/codec.ts";
import { appendText, endsInText, isEventText, replaceAckId } from "../packets/event-text.ts";
import { failAdapter } from "../events/listener-errors.ts";
import { SocketIoError } from "../report/errors.ts";
import type { AdapterNamespace } from "./surface.ts";

/** The arguments of an event, for outgoing listeners. */
export interface OutgoingArguments {
  /** The name of the event and its arguments. */
  readonly data: unknown[];
}

/** An event as its encoder has made it: text, then attachments. */
export interface EncodedPacket {
  /** Its text, then its attachments. */
  readonly parts: readonly RawData[];
  /** The same before it was encoded. */
  readonly event: OutgoingArguments;
  /** The offset, if it is the last argument. */
  readonly offset?: string;
}

/** Decodes the arguments of a received packet when the first outgoing listener needs them, and once. */
class ReceivedEvent implements OutgoingArguments {
  readonly #parts: readonly RawData[];
  readonly #nsp: AdapterNamespace;
  #data: unknown[] | undefined;

  constructor(parts: readonly RawData[], nsp: AdapterNamespace) {
    this.#parts = parts;
    this.#nsp = nsp;
  }

  get data(): unknown[] {
    return (this.#data ??= this.#decode());
  }

  /** Reports a failure instead of throwing: the caller is about to send the packet to many sockets. */
  #decode(): unknown[] {
    try {
      const packet = decodePacket(this.#parts, this.#nsp.server[kCustomParser]);
      if (packet !== undefined && Array.isArray(packet.data)) return packet.data as unknown[];
      throw invalid("its packet is incomplete");
    } catch (error) {
      failAdapter(error, this.#nsp, "thrown");
      return [];
    }
  }
}

const invalid = (fault: string): SocketIoError =>
  new SocketIoError("CLUSTER_MESSAGE_INVALID", `a message from the bus is ignored: ${fault}`);

/**
 * Takes a packet that another server has encoded.
 *
 * @throws SocketIoError `CLUSTER_MESSAGE_INVALID`
 */
export function receivePacket(parts: readonly RawData[], nsp: AdapterNamespace): EncodedPacket {
  // The format of a custom parser is unknown here.
  const isSound = nsp.server[kCustomParser] === undefined ? isEventText(parts, nsp.name) : parts.length > 0;
  if (!isSound) throw invalid("its packet is not an event of this namespace");
  return { parts, event: new ReceivedEvent(parts, nsp) };
}

/** Returns a packet with another id. Only a custom parser has to decode and encode it. */
export function withAckId({ parts, event }: EncodedPacket, id: number, nsp: AdapterNamespace): EncodedPacket {
  if (nsp.server[kCustomParser] === undefined) return { parts: replaceAckId(parts, id), event };
  const packet = { type: PacketType.EVENT, nsp: nsp.name, data: event.data, id };
  return { parts: nsp.server.encoder.encode(packet), event };
}

/** Returns a packet with one more argument. Only a custom parser has to decode and encode it. */
export function withOffset({ parts, event }: EncodedPacket, offset: string, nsp: AdapterNamespace): EncodedPacket {
  if (nsp.server[kCustomParser] === undefined) return { parts: appendText(parts, offset), event, offset };
  const packet = { type: PacketType.EVENT, nsp: nsp.name, data: [...event.data, offset] };
  return { parts: nsp.server.encoder.encode(packet), event, offset };
}

/** Whether the last argument of a packet is a string. */
export function hasLastText({ parts, event }: EncodedPacket, nsp: AdapterNamespace): boolean {
  if (nsp.server[kCustomParser] === undefined) return endsInText(parts);
  return typeof event.data.at(-1) === "string";
}
