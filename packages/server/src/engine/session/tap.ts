import type { EnginePacket } from "@portage/parser/engine";

/** Looks at the packets of one session, as they are received and queued. Must not throw, nor change them. */
export interface PacketTap {
  take(direction: "in" | "out", packet: EnginePacket): void;
}
