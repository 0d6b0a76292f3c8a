/*
 * Encoding and decoding of packets, by @portage/parser or by a parser that the program hands in.
 * Knows: packets, text and bytes.
 * Must not know: sockets and sessions.
 */
import { Decoder, type DecoderLimits, Encoder, isPacketValid, type Packet, SocketPacket } from "@portage/parser/socket";
import { SocketIoError } from "../report/errors.ts";
import { stringifyData } from "./json-text.ts";

/** An encoded packet, or one of its attachments. */
export type RawData = string | Buffer;

/** Turns a packet into its text and attachments. */
export interface PacketEncoder {
  encode(packet: Packet): RawData[];
}

/** Turns messages into packets. */
export interface PacketDecoder {
  /**
   * @returns the packet, once it is complete
   * @throws when the message is not what the protocol allows
   */
  decode(chunk: RawData): SocketPacket | undefined;
  /** Forgets what is incomplete. */
  destroy(): void;
}

/** The decoder of a custom parser: it emits `decoded`. */
interface EmittingDecoder {
  add(chunk: RawData): void;
  on(event: "decoded", listener: (packet: Packet) => void): unknown;
  destroy?(): void;
}

/** What the option `parser` takes: the shape of the npm package `socket.io-parser`. */
export interface ParserModule {
  Encoder: new () => PacketEncoder;
  Decoder: new () => EmittingDecoder;
}

/** Lets a custom decoder look like ours. Its packets come by event: any number of them for one message. */
class CustomDecoder implements PacketDecoder {
  readonly #decoder: EmittingDecoder;

  constructor(decoder: EmittingDecoder, onPacket: (packet: SocketPacket) => void) {
    this.#decoder = decoder;
    decoder.on("decoded", (packet) => {
      // Our decoder refuses what no client may send, an event named "disconnect" for example. Others may not.
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

/** Makes the encoder of a server: the built-in one, or that of the option `parser`. */
export function createEncoder(parser: ParserModule | undefined): PacketEncoder {
  return parser === undefined ? new Encoder(undefined, stringifyData) : new parser.Encoder();
}

/** Makes the decoder of a connection: the built-in one, or that of the option `parser`. */
export function createDecoder(
  parser: ParserModule | undefined,
  onPacket: (packet: SocketPacket) => void,
  limits?: Partial<DecoderLimits>,
): PacketDecoder {
  return parser === undefined ? new Decoder(limits) : new CustomDecoder(new parser.Decoder(), onPacket);
}
