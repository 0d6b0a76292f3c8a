import { EnginePacket, type PacketOptions, type RawData } from "@portage/parser/engine";
import { frameBinary, frameText } from "@portage/websocket";

/**
 * Marks the packets of one event while they wait: an event may have several (its text, then its attachments), which are
 * dropped or replaced together. One object per event, shared by its packets.
 */
export class EventMark {
  /** Events with the same key replace each other while they wait; undefined: they do not. */
  readonly key: string | undefined;

  constructor(key?: string) {
    this.key = key;
  }
}

type Revision = 3 | 4;

const MESSAGE_BYTE = Buffer.from([4]);

/** A packet as a complete WebSocket frame, made once for all sessions that get it: when the first of them can take it. */
export class SharedFrame {
  readonly #data: RawData;
  readonly #revision: Revision;
  #frame: Buffer | undefined;

  constructor(data: RawData, revision: Revision) {
    this.#data = data;
    this.#revision = revision;
  }

  get frame(): Buffer {
    return (this.#frame ??= this.#make());
  }

  #make(): Buffer {
    const data = this.#data;
    if (typeof data === "string") return frameText(`4${data}`);
    return frameBinary(this.#revision === 4 ? data : Buffer.concat([MESSAGE_BYTE, data]));
  }
}

/** How one packet is to be sent. Every packet that leaves a session carries one of these: one shape, read on the hot path. */
export class PacketSendOptions implements PacketOptions {
  /** Whether the transport may compress it (default true; it then still asks its threshold). */
  compress: boolean;
  /** Of a packet that many sessions get. */
  readonly shared: SharedFrame | undefined;
  /** Of an event that may be dropped or replaced while it waits. */
  readonly mark: EventMark | undefined;
  /** How many queues hold the packet, where it is shared. */
  holders = 0;

  constructor(compress: boolean, shared: SharedFrame | undefined, mark?: EventMark) {
    this.compress = compress;
    this.shared = shared;
    this.mark = mark;
  }
}

/** Shared by all packets that are sent without options: a packet costs no options object of its own. */
export const COMPRESS: PacketSendOptions = new PacketSendOptions(true, undefined);
const NO_COMPRESS: PacketSendOptions = new PacketSendOptions(false, undefined);

/** The shared record for `compress`; one of its own for a packet with a mark. */
export function sendOptions(compress: boolean | undefined, mark?: EventMark): PacketSendOptions {
  if (mark !== undefined) return new PacketSendOptions(compress !== false, undefined, mark);
  return compress === false ? NO_COMPRESS : COMPRESS;
}

/**
 * A Socket.IO packet, encoded once, on its way to any number of sessions.
 *
 * The engine packets and WebSocket frames are made by the first session that needs them and shared by all others, so
 * that a broadcast costs each further receiver no more than a write.
 *
 * @example
 * const message = new PreparedMessage(encoder.encode(packet));
 * for (const session of sessions) session[kSendPrepared](message);
 */
export class PreparedMessage {
  /** The encoded Socket.IO packet: its text, then its attachments. */
  readonly parts: readonly RawData[];
  /** Of the event, where it may be dropped or replaced while it waits. */
  readonly mark: EventMark | undefined;
  readonly compress: boolean;
  #packets3: readonly EnginePacket[] | undefined;
  #packets4: readonly EnginePacket[] | undefined;

  constructor(parts: readonly RawData[], compress = true, mark?: EventMark) {
    this.parts = parts;
    this.mark = mark;
    this.compress = compress;
  }

  /** The engine packets for a protocol revision. */
  packets(revision: Revision): readonly EnginePacket[] {
    if (revision === 4) return (this.#packets4 ??= this.#prepare(4));
    return (this.#packets3 ??= this.#prepare(3));
  }

  #prepare(revision: Revision): readonly EnginePacket[] {
    return this.parts.map(
      (data) =>
        new EnginePacket(
          "message",
          data,
          new PacketSendOptions(this.compress, new SharedFrame(data, revision), this.mark),
        ),
    );
  }
}
