/** An event that a node has emitted. */
export interface SentEvent {
  readonly is: "sent";
  readonly n: number;
  /** Only to this socket. */
  readonly sid?: string;
  /** Only to this room. */
  readonly room?: string;
  /** Not to this room. */
  readonly but?: string;
  readonly at: number;
}

/** A socket that a node has begun to serve. */
export interface SocketUp {
  readonly is: "up";
  readonly sid: string;
  readonly client: number;
  /** Whether the client asked for its earlier session. */
  readonly isReturn: boolean;
  /** The last offset of the client. */
  readonly offset?: string;
  readonly recovered: boolean;
  /** Why it was not recovered. */
  readonly code?: string;
  readonly why?: string;
  readonly at: number;
}

export interface SocketDown {
  readonly is: "down";
  readonly sid: string;
  readonly reason: string;
  readonly code?: string;
  readonly at: number;
}

/** An event of a client that has arrived. */
export interface GotEvent {
  readonly is: "got";
  readonly sid: string;
  readonly client: number;
  readonly n: number;
  readonly at: number;
}

/** A socket begins to enter or to leave a room, or has done so, and its record says so. */
export interface RoomMove<Step extends "moving" | "moved"> {
  readonly is: Step;
  readonly sid: string;
  /** The number of the move on its node. */
  readonly n: number;
  readonly isIn: boolean;
  readonly at: number;
}

/** What a node writes down. */
export type JournalLine =
  | SentEvent
  | SocketUp
  | SocketDown
  | GotEvent
  | RoomMove<"moving">
  | RoomMove<"moved">
  | { readonly is: "degraded" | "restored"; readonly at: number };

/** One start of a node, until it has ended. */
export interface NodeLife {
  readonly life: string;
  readonly lines: readonly JournalLine[];
  /** Whether it was killed. */
  readonly isKilled: boolean;
}

/** What a client got in one session: from a connection that was not recovered to the next such one. */
export interface ClientSession {
  readonly sid: string;
  readonly at: number;
  readonly recoveries: number;
  /** By threes: the life of the sender, its number, the offset. */
  readonly got: readonly (string | number)[];
}

/** What a client saw. */
export interface ClientJournal {
  readonly id: number;
  readonly kind: string;
  readonly sessions: readonly ClientSession[];
  readonly faults: readonly string[];
  /** Numbers of the own events that were answered. */
  readonly answered: readonly number[];
  readonly sent: number;
  readonly isConnected: boolean;
  readonly transport?: string;
  readonly pids: readonly string[];
}

/** All that happened in a run. */
export interface Journals {
  readonly rooms: readonly string[];
  readonly lives: readonly NodeLife[];
  readonly clients: readonly ClientJournal[];
}

/** Returns the lines of one kind. */
export function linesOf<Kind extends JournalLine["is"]>(
  { lines }: NodeLife,
  kind: Kind,
): Extract<JournalLine, { is: Kind }>[] {
  return lines.filter((line): line is Extract<JournalLine, { is: Kind }> => line.is === kind);
}

/** Reads the file of a node. A process that was killed may have left half a line. */
export function parseJournal(text: string): JournalLine[] {
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as JournalLine);
}
