import { EnginePacket, type RawData } from "@portage/parser/engine";

/** A Socket.IO packet, encoded once, on its way to any number of sessions. */
export class PreparedMessage {
  /** The encoded Socket.IO packet: a string, then its attachments. */
  readonly parts: readonly RawData[];

  constructor(parts: readonly RawData[]) {
    this.parts = parts;
  }
}
export { EnginePacket };
