import type { BroadcastOptions } from "@portage/server/adapter";
import type { OrderedEvents, StoredEvent } from "../order/log.ts";

/** An event of the log, as recovery reads it. */
export interface RecoverableEvent {
  readonly opts: Pick<BroadcastOptions, "rooms" | "except">;
  readonly packet: {
    /** The name of the event and its arguments, without an offset. */
    readonly event: { readonly data: unknown[] };
  };
}

/** The events of a namespace, as recovery uses them. */
export type RecoverableEvents = OrderedEvents<RecoverableEvent>;

/** An event with its position. */
export type LoggedEvent = StoredEvent<RecoverableEvent>;
