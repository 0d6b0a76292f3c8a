import type { BroadcastOptions } from "@portage/server/adapter";
import type { LogPosition, OrderedEvents, StoredEvent } from "../order/log.ts";

/** An event of the log, as recovery reads it. */
export interface RecoverableEvent {
  readonly opts: Pick<BroadcastOptions, "rooms" | "except">;
  readonly packet: {
    /** The name of the event and its arguments, without an offset. */
    readonly event: { readonly data: unknown[] };
  };
}

/** The events of a namespace, as recovery uses them. */
export interface RecoverableEvents extends OrderedEvents<RecoverableEvent> {
  /** Resolves when `delivered` is known. */
  whenJoined(): Promise<void>;
}

/** An event with its position. */
export type LoggedEvent = StoredEvent<RecoverableEvent>;

/** The position of a node that has not joined the log. It is in no epoch. */
const NOWHERE: LogPosition = { epoch: "", number: 0 };

/** Returns the position of the last event that this node has delivered. */
export function deliveredBy({ delivered }: RecoverableEvents): LogPosition {
  return delivered ?? NOWHERE;
}
