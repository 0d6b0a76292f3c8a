/*
 * Encoding and decoding of packets, by @portage/parser or by the program's own parser.
 * Knows: packets, text and bytes.
 * Must not know: sockets and sessions.
 */
import { Decoder, type DecoderLimits, Encoder, isPacketValid, type Packet, SocketPacket } from "@portage/parser/socket";
import { SocketIoError } from "../report/errors.ts";
import { stringifyData } from "./json-text.ts";

/** An encoded packet, or one of its attachments. */
export type RawData = string | Buffer;

/** Encodes a packet as text and attachments. */
export interface PacketEncoder {
  encode(packet: Packet): RawData[];
}

/** Decodes the messages of one connection. */
export interface PacketDecoder {
  /**
   * @returns the packet if this message completes it
   * @throws when the message violates the protocol
   */
  decode(chunk: RawData): SocketPacket | undefined;
  /** Discards an incomplete packet. */
  destroy(): void;
}

/** The decoder of a custom parser, which emits `decoded`. */
interface EmittingDecoder {
  add(chunk: RawData): void;
  on(event: "decoded", listener: (packet: Packet) => void): unknown;
  destroy?(): void;
}

/** The option `parser`, shaped like the npm package `socket.io-parser`. */
export interface ParserModule {
  Encoder: new () => PacketEncoder;
  Decoder: new () => EmittingDecoder;
}

/** Adapts a custom decoder, which emits any number of packets for one message. */
class CustomDecoder implements PacketDecoder {
  readonly #decoder: EmittingDecoder;

  constructor(decoder: EmittingDecoder, onPacket: (packet: SocketPacket) => void) {
    this.#decoder = decoder;
    decoder.on("decoded", (packet) => {
      // Our decoder rejects packets that no client may send, such as an event named "disconnect"; a custom one may not.
      const id = packet.id ?? undefined;
      const checked = new SocketPacket(packet.type, packet.nsp, packet.data, id);
      if (!isPacketValid(checked)) throw new SocketIoError("INVALID_PACKET");
      onPacket(checked);
    });
  }

  decode(chunk: RawData): undefined {
    this.#decoder.add(chunk);
  }

  destroy(): void {
    this.#decoder.destroy?.();
  }
}

/** The built-in encoder. Its attachments can be sent at once, which those of a browser need not. */
export class ServerEncoder extends Encoder {
  constructor() {
    super(undefined, stringifyData);
  }

  /** @throws SocketIoError `NOT_ENCODABLE` for a Blob, and what the encoder throws */
  override encode(packet: Packet): RawData[] {
    const parts = super.encode(packet) as RawData[];
    for (let i = 1; i < parts.length; i++) if (isBlob(parts[i])) throw new SocketIoError("NOT_ENCODABLE");
    return parts;
  }
}

const isBlob = (part: unknown): boolean => part instanceof Blob;

/** Creates the encoder of a server, by the option `parser` or built in. */
export function createEncoder(parser: ParserModule | undefined): PacketEncoder {
  return parser === undefined ? new ServerEncoder() : new parser.Encoder();
}

/** Creates the decoder of a connection, by the option `parser` or built in. */
export function createDecoder(
  parser: ParserModule | undefined,
  onPacket: (packet: SocketPacket) => void,
  limits?: Partial<DecoderLimits>,
): PacketDecoder {
  return parser === undefined ? new Decoder(limits) : new CustomDecoder(new parser.Decoder(), onPacket);
}

/** The packet was encoded by a server, which has no limits. */
const UNLIMITED: DecoderLimits = {
  maxAttachments: Infinity,
  maxAttachmentBytes: Infinity,
  maxDepth: Infinity,
  maxKeys: Infinity,
  maxArguments: Infinity,
  maxEventNameLength: Infinity,
  maxNamespaceLength: Infinity,
};

/**
 * Decodes a packet that a server has encoded. Undefined: attachments are missing.
 *
 * @throws what the parser throws
 */
export function decodePacket(parts: readonly RawData[], parser: ParserModule | undefined): SocketPacket | undefined {
  const decoded: SocketPacket[] = [];
  const decoder = createDecoder(parser, (packet) => decoded.push(packet), UNLIMITED);
  for (const part of parts) {
    const packet = decoder.decode(part);
    if (packet !== undefined) decoded.push(packet);
  }
  decoder.destroy();
  return decoded[0];
}
