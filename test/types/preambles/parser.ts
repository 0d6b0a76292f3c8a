/* Preamble for examples of the codecs. */
export { PacketType } from "@portage/parser";
export { DEFAULT_PACKET_OPTIONS, decodePacketV4, EnginePacket } from "@portage/parser/engine";

export declare const stream: {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
};
