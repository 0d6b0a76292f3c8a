import { EnginePacket, type PacketOptions, type RawData } from "@portage/parser/engine";
import { frameBinary, frameText } from "@portage/websocket";

/**
 * Marks the queued packets of one event (its text, then its attachments), which are dropped or replaced together. One object
 * per event, shared by its packets.
 */
export class EventMark {
  /** A queued event with the same key is replaced; undefined: none is. */
  readonly key: string | undefined;

  constructor(key?: string) {
    this.key = key;
  }
}

type Revision = 3 | 4;

const MESSAGE_BYTE = Buffer.from([4]);

/** A packet as a complete WebSocket frame, created once, when the first session sends it. */
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

/** How to send one packet. Every outgoing packet has one, so that the hot path reads a single shape. */
export class PacketSendOptions implements PacketOptions {
  /** Whether the transport may compress it, if it exceeds the threshold. Default true. */
  compress: boolean;
  /** The frame of a packet for many sessions. */
  readonly shared: SharedFrame | undefined;
  /** The mark of an event that may be dropped or replaced in the queue. */
  readonly mark: EventMark | undefined;
  /** Number of queues with this packet, if it is shared. */
  holders = 0;

  constructor(compress: boolean, shared: SharedFrame | undefined, mark?: EventMark) {
    this.compress = compress;
    this.shared = shared;
    this.mark = mark;
  }
}

/** Shared by all packets without options. */
export const COMPRESS: PacketSendOptions = new PacketSendOptions(true, undefined);
const NO_COMPRESS: PacketSendOptions = new PacketSendOptions(false, undefined);

/** Returns the shared record for `compress`, or a new record if there is a mark. */
export function sendOptions(compress: boolean | undefined, mark?: EventMark): PacketSendOptions {
  if (mark !== undefined) return new PacketSendOptions(compress !== false, undefined, mark);
  return compress === false ? NO_COMPRESS : COMPRESS;
}

/**
 * A Socket.IO packet, encoded once for any number of sessions.
 *
 * The first session creates the engine packets and WebSocket frames, and all others share them, so that each further
 * receiver of a broadcast costs only a write.
 *
 * @example
 * const message = new PreparedMessage(encoder.encode(packet));
 * for (const session of sessions) session[kSendPrepared](message);
 */
export class PreparedMessage {
  /** The encoded Socket.IO packet: its text, then its attachments. */
  readonly parts: readonly RawData[];
  /** The event's mark, if it may be dropped or replaced in the queue. */
  readonly mark: EventMark | undefined;
  readonly compress: boolean;
  /** The same message for streams of server-sent events; null if they do not get it, undefined until the first one needs it. */
  event: PreparedMessage | null | undefined = undefined;
  #packets3: readonly EnginePacket[] | undefined;
  #packets4: readonly EnginePacket[] | undefined;

  constructor(parts: readonly RawData[], compress = true, mark?: EventMark) {
    this.parts = parts;
    this.mark = mark;
    this.compress = compress;
  }

  /** Returns the engine packets for a protocol revision. */
  packets(revision: Revision): readonly EnginePacket[] {
    if (revision === 4) return (this.#packets4 ??= this.#prepare(4));
    return (this.#packets3 ??= this.#prepare(3));
  }

  #prepare(revision: Revision): readonly EnginePacket[] {
    return this.parts.map((part) => {
      const data = toRawData(part);
      const options = new PacketSendOptions(this.compress, new SharedFrame(data, revision), this.mark);
      return new EnginePacket("message", data, options);
    });
  }
}

/** Encoders of programs may leave attachments as the program gave them. Queues measure what has a length. */
function toRawData(part: RawData | ArrayBuffer | ArrayBufferView): RawData {
  if (typeof part === "string" || Buffer.isBuffer(part)) return part;
  if (part instanceof ArrayBuffer) return Buffer.from(part);
  return Buffer.from(part.buffer, part.byteOffset, part.byteLength);
}
