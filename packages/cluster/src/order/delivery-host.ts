import type { WrittenEntry } from "./entry.ts";
import type { ClusterLog, StoredEvent } from "./log.ts";

/** What a delivery does with entries. */
export interface DeliveryHandler<Event> {
  /** Decodes the event of an entry. Undefined: it is malformed, which was reported. */
  decode(payload: Buffer): Event | undefined;
  /** Returns an own event, so that it is not decoded. `delivered`: this node has delivered it. Undefined: it is of another node. */
  takeOwn(entry: WrittenEntry): Event | "delivered" | undefined;
  /** Delivers an event. `skipped`: sockets that have got it already. */
  deliver(stored: StoredEvent<Event>, skipped: readonly string[] | undefined): void;
  /** An entry has been handled. */
  onHandled(entry: WrittenEntry): void;
  /** This node goes on beyond entries that it has not handled. Called before the next entry is handled. */
  onMoved(): void;
  /** Events are lost for all clients of this node. */
  onLost(): void;
  /** These sockets have got events that this node has not delivered and may deliver yet: their connections have to end. */
  onAhead(sids: readonly string[]): void;
  /** Whether all new entries are delivered at once. */
  onLive(isLive: boolean): void;
}

export interface DeliveryHost {
  readonly nsp: string;
  readonly log: ClusterLog;
  readonly clock: { now(): number; after(ms: number, fn: () => void): { cancel(): void } };
}
