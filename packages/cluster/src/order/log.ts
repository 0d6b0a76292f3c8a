/*
 * One order: which events does a namespace have, and how do all nodes deliver them in the same order?
 * Knows: entries of a log, their numbers and writers, time.
 * Must not know: Redis, links, and the content of entries: sockets, rooms and packets.
 *
 * Each node appends its events to the log, and delivers the events of all nodes, its own included, in the order of the log.
 * Numbers of a namespace begin at 1 and have no gaps, as long as the log has the same epoch. A log that has lost entries gets a new
 * epoch: positions of an earlier one have no meaning then.
 */
import type { EntryData } from "./entry.ts";

/** How far a log has got, or a reader of it. */
export interface LogPosition {
  /** Four characters. */
  readonly epoch: string;
  readonly number: number;
}

/** An entry, as it comes from the log. */
export interface LogEntry extends LogPosition {
  readonly body: Buffer;
}

/** Entries to append. The log stores each sequence of a writer once, if it comes again with the same numbers. */
export interface NewEntries {
  /** Names the writer, for one start of its process: eight ASCII characters. */
  readonly writer: string;
  /** The number of the first one among all entries of the writer in this namespace; begins at 1. */
  readonly sequence: number;
  readonly bodies: readonly EntryData[];
}

/** Receives the entries of a namespace. */
export interface LogFollower {
  /**
   * A new entry. Entries come in order, and without gaps between `onResumed` and the next `onInterrupted`, unless the log has
   * lost entries.
   */
  onEntry(entry: LogEntry): void;
  /** Entries will be missing from now on. */
  onInterrupted(): void;
  /** Every entry beyond this position comes. Entries up to it may come as well, and some may have come before this call. */
  onResumed(position: LogPosition): void;
}

/** Entries, or why there are none: `trimmed`, the log does not have all of them any more; `epoch`, it has another epoch. */
export type LogReading = readonly LogEntry[] | "trimmed" | "epoch";

/** The ordered entries of all namespaces. */
export interface ClusterLog {
  /** Whether entries can be appended and read now. */
  readonly isUp: boolean;
  /**
   * Appends entries as one, and resolves with the position of the last. Rejects if it is unknown whether they were appended:
   * then the same entries come again, maybe with more. A writer has one call for a namespace under way.
   */
  append(nsp: string, entries: NewEntries): Promise<LogPosition>;
  /** Starts to follow: `onResumed` is called as soon as all new entries come. */
  follow(nsp: string, follower: LogFollower): void;
  unfollow(nsp: string, follower: LogFollower): void;
  /** Reads some entries beyond `after`, in order and without a gap, but not beyond `through`: one at least. */
  read(nsp: string, after: LogPosition, through: number): Promise<LogReading>;
  /**
   * Returns the position of the last entry. If the log has lost entries, because `seen` is beyond it in the same epoch, it gets a new
   * epoch first.
   */
  position(nsp: string, seen?: LogPosition): Promise<LogPosition>;
  /** Hears when `isUp` changes. Returns a function that removes the observer. */
  observe(observer: LogObserver): () => void;
}

/** Hears whether the log can be used. */
export interface LogObserver {
  onUp(): void;
  onDown(): void;
}

/** An event of the log, with its position. `Event` is what the adapter has decoded. */
export interface StoredEvent<Event> extends LogPosition {
  readonly event: Event;
  readonly bytes: number;
}

/** What recovery uses of the ordered delivery of a namespace. */
export interface OrderedEvents<Event> {
  /**
   * The last event that this node has delivered; undefined until it has joined the log, and while it is degraded: no client can
   * return to it then.
   */
  readonly delivered: LogPosition | undefined;
  /** The same, also while this node delivers its own events at once because the log is away. */
  readonly reached: LogPosition | undefined;
  /** Resolves when this node has joined the log. */
  whenJoined(): Promise<void>;
  /** Returns the events beyond a position up to `delivered`; undefined if this node does not have all of them in memory. */
  recent(after: LogPosition): readonly StoredEvent<Event>[] | undefined;
  /** Reads the events beyond a position from the log, in parts: one at least. Rejects if the log is away. */
  history(after: LogPosition, through: number): Promise<readonly StoredEvent<Event>[] | "trimmed" | "epoch">;
  /** The socket of a client that has returned gets every event up to a position by itself: delivery leaves it out until then. */
  skipThrough(sid: string, position: LogPosition): void;
}
