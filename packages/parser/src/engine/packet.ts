import type { Bytes } from "../bytes.ts";

/** The seven packets of Engine.IO, in the order of their numbers on the wire. */
export type EnginePacketType = "open" | "close" | "ping" | "pong" | "message" | "upgrade" | "noop";

/** Application data or an encoded packet: text or bytes. */
export type RawData = string | Bytes;

/** How the transport treats a packet. */
export interface PacketOptions {
  /** Whether a transport may compress the packet. Default true. */
  compress: boolean;
}

/** Shared by every packet without options of its own. */
export const DEFAULT_PACKET_OPTIONS: Readonly<PacketOptions> = Object.freeze({ compress: true });

/**
 * One Engine.IO packet. This constructor sets all fields, so that every
 * reader sees one object shape.
 *
 * @example new EnginePacket("message", "hello", DEFAULT_PACKET_OPTIONS)
 */
export class EnginePacket {
  /** What the packet is for. */
  readonly type: EnginePacketType;
  /** Text or bytes; undefined for a packet without data. */
  readonly data: RawData | undefined;
  /** How the transport treats the packet. */
  readonly options: PacketOptions;

  /**
   * @param data undefined for a packet without data
   * @param options default {@link DEFAULT_PACKET_OPTIONS}
   */
  constructor(type: EnginePacketType, data: RawData | undefined, options: PacketOptions = DEFAULT_PACKET_OPTIONS) {
    this.type = type;
    this.data = data;
    this.options = options;
  }
}

/** Index = number on the wire. */
export const PACKET_TYPES: readonly EnginePacketType[] = [
  "open",
  "close",
  "ping",
  "pong",
  "message",
  "upgrade",
  "noop",
];

/** The digit of each type on the wire. */
export const PACKET_DIGITS: Readonly<Record<EnginePacketType, string>> = {
  open: "0",
  close: "1",
  ping: "2",
  pong: "3",
  message: "4",
  upgrade: "5",
  noop: "6",
};
