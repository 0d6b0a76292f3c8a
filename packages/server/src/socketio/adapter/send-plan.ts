import { EventMark, PreparedMessage, type SlowPolicy } from "../../engine/index.ts";
import type { RawData } from "../packets/codec.ts";
import type { BroadcastFlags } from "./adapter.ts";
import type { WriteOptions } from "./surface.ts";

/**
 * How one event is sent to all its receivers, made of its flags once. Clients and sessions read nothing else: what is not here
 * (`timeout`, `local`) was obeyed before.
 */
export class SendPlan implements WriteOptions {
  readonly preEncoded = true;
  readonly volatile: boolean | undefined;
  readonly compress: boolean | undefined;
  readonly conflate: string | undefined;
  readonly ifSlow: SlowPolicy | undefined;
  /** Lets the event be dropped or replaced while it waits. */
  readonly mark: EventMark;

  constructor(flags: BroadcastFlags | undefined, nsp: string) {
    this.volatile = flags?.volatile;
    this.compress = flags?.compress;
    this.conflate = flags?.conflate;
    this.ifSlow = flags?.ifSlow;
    // Events of different namespaces do not take each other's place.
    this.mark = new EventMark(this.conflate === undefined ? undefined : `${nsp},${this.conflate}`);
  }
}

/** The plan of an event for many, with the packets and frames that all of them share. */
export class BroadcastPlan extends SendPlan {
  readonly prepared: PreparedMessage;

  constructor(encoded: readonly RawData[], flags: BroadcastFlags | undefined, nsp: string) {
    super(flags, nsp);
    this.prepared = new PreparedMessage(encoded, this.compress !== false, this.mark);
  }
}
