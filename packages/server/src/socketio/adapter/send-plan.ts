import { EventMark, PreparedMessage, type SlowPolicy } from "../../engine/index.ts";
import { kTraceparent } from "../keys.ts";
import type { RawData } from "../packets/codec.ts";
import type { BroadcastFlags } from "./adapter.ts";
import type { OutgoingArguments } from "./encoded-packet.ts";
import type { PacketWriteOptions } from "./surface.ts";

/** The flags of an event to one client. */
export interface TracedFlags extends BroadcastFlags {
  /** The trace context that is sent before the event. */
  readonly [kTraceparent]?: string | undefined;
}

/**
 * The flags of one event that clients and sessions obey, resolved once for all receivers. Other flags (`timeout`, `local`)
 * were obeyed before.
 */
export class SendPlan implements PacketWriteOptions {
  readonly preEncoded = true;
  readonly volatile: boolean | undefined;
  readonly compress: boolean | undefined;
  readonly conflate: string | undefined;
  readonly ifSlow: SlowPolicy | undefined;
  /** Allows the event to be dropped or replaced while it is queued. */
  readonly mark: EventMark;
  readonly [kTraceparent]: string | undefined;

  constructor(flags: TracedFlags | undefined, nsp: string) {
    this.volatile = flags?.volatile;
    this.compress = flags?.compress;
    this.conflate = flags?.conflate;
    this.ifSlow = flags?.ifSlow;
    this[kTraceparent] = flags?.[kTraceparent];
    // The same key in another namespace is another event.
    this.mark = new EventMark(this.conflate === undefined ? undefined : `${nsp},${this.conflate}`);
  }
}

/** An encoded event, as its receivers get it. */
export interface PlannedEvent {
  readonly parts: readonly RawData[];
  readonly offset?: string | undefined;
}

/** Returns the offset of a packet. Volatile ones have none, unless their last argument could be taken for one. */
export function offsetIn({ data }: OutgoingArguments, plain: OutgoingArguments): string | undefined {
  return data.length > plain.data.length ? (data.at(-1) as string) : undefined;
}

/** The plan of a broadcast, with the packets and frames that all receivers share. */
export class BroadcastPlan extends SendPlan {
  readonly prepared: PreparedMessage;
  readonly offset: string | undefined;

  /** @param event encoded; its offset, if it has one, is its last argument */
  constructor({ parts, offset }: PlannedEvent, flags: BroadcastFlags | undefined, nsp: string) {
    super(flags, nsp);
    this.offset = offset;
    this.prepared = new PreparedMessage(parts, this.compress !== false, this.mark);
  }
}
