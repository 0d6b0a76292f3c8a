/*
 * Recovery over many nodes: session records, their return, and what joins the history of the log to the live events.
 * Knows: the log by positions and events, a store of records, and what the adapter reports of sockets.
 * Must not know: which broker has log and store, links, HTTP, and how an event reaches a socket.
 *
 * Each session has one record in the store while its socket is connected and for a time afterwards. The record has one
 * owner, the node that wrote it first or took it last. `take` begins a new term, in one step with the position of the log:
 * writes of earlier terms have no effect from there on, even if they are of the same node.
 *
 * Invariant: a session is resumed only if each event beyond the offset of its client, up to the position where the live
 * events begin, was read and tested against the rooms of the session at that event. Else `recovered` is false.
 * What would break it: a room change without the number of the last event that its socket has got; a live event that
 * reaches a resumed socket although it was read for it before.
 */
import type { LogPosition } from "../order/log.ts";

/** Who owns a record: `term` is new each time that a node begins or takes one, `tag` says which node it is now. */
export interface RecordOwner {
  readonly term: string;
  readonly tag: string;
}

/** A record that a node owns. */
export interface OwnedRecord {
  readonly pid: string;
  readonly term: string;
}

/** A record as the store keeps it. */
export interface StoredRecord {
  readonly pid: string;
  readonly record: Buffer;
  /** Milliseconds until it expires. */
  readonly ttl: number;
  /**
   * The epoch of the log in which the store had, or may have had, a record of this term. If it has none in the same epoch, the
   * store has lost only this record. Another node may have taken it before, so it is not written again.
   */
  readonly epoch?: string | undefined;
}

/** A record that was taken. */
export interface TakenRecord {
  readonly record: Buffer;
  readonly previous: RecordOwner;
  /** The position of the log at that moment. The epoch is empty if the log is, or may have lost entries that clients have got. */
  readonly position: LogPosition;
}

/** Whether a record was written or renewed: another node may have taken it, or the store has lost it. */
export type WriteOutcome = "kept" | "taken" | "missing";

/** The records of all sessions, by private id. All methods reject when the store does not answer. */
export interface ClusterStore {
  /** Whether commands can be sent now. */
  readonly isUp: boolean;
  /** Writes a record, unless it belongs to another term, or is missing in its `epoch`. */
  put(nsp: string, stored: StoredRecord, owner: RecordOwner): Promise<WriteOutcome>;
  /** Lets records expire later. The outcomes are in the order of `records`. */
  renew(nsp: string, records: readonly OwnedRecord[], ttl: number): Promise<readonly WriteOutcome[]>;
  /**
   * Begins a new term of a record, which then lives for `ttl` at least. Returns undefined without a record. The same call may be
   * repeated if it is unknown whether it had an effect.
   */
  take(nsp: string, pid: string, ttl: number, owner: RecordOwner): Promise<TakenRecord | undefined>;
  /**
   * Removes a record, unless it belongs to another term. If it was taken before, its owner is kept for `ttl`: an earlier one, whose
   * process was frozen, must not write it anew.
   */
  remove(nsp: string, record: OwnedRecord, ttl: number): Promise<void>;
}
