/* Preamble for examples of the codecs. */
export { PacketType } from "@portage/parser";
export { DEFAULT_PACKET_OPTIONS, decodePacketV4, EnginePacket } from "@portage/parser/engine";
