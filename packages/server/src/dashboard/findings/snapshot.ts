/*
 * Findings: the faults of a server, in sentences with numbers.
 * Knows: figures of the last minute (this file), and rules over them, one a file.
 * Must not know: where a figure comes from, except for the files that collect them.
 */
import type { Finding, Unit } from "../wire.ts";

/** The code of a finding. */
export type FindingCode =
  | "LOOP_LATE"
  | "SLOW_CLIENTS"
  | "HOT_ROOM"
  | "HOT_CLIENT"
  | "HOT_EVENT"
  | "GROWS"
  | "STUCK_ON_POLLING"
  | "NOT_STICKY"
  | "REFUSED_AT_LIMIT"
  | "TIMEOUTS_OURS"
  | "TIMEOUTS_THEIRS"
  | "RECONNECT_STORM"
  | "ACKS_UNANSWERED"
  | "HANDLERS_FAIL"
  | "OLD_CLIENTS"
  | "BUS_LATE"
  | "NODE_SILENT"
  | "NEAR_LIMIT";

/** An event by name, with figures of the last ten seconds. */
export interface EventSnapshot {
  readonly event: string;
  readonly namespace: string;
}

/** Something that has grown while the number of connections was stable. */
export interface Growth {
  /** What grows, in the plural: `rooms`. */
  readonly what: string;
  readonly before: number;
  readonly after: number;
  readonly unit: Unit;
  /** Seconds between the two. */
  readonly seconds: number;
}

/** The room with most deliveries. */
export interface BusyRoom {
  readonly room: string;
  readonly namespace: string;
  /** Of all deliveries. */
  readonly share: number;
  /** How many sockets a broadcast to it reaches, on average. */
  readonly receivers: number;
  /** How many times as often as to any other room is sent to it. */
  readonly timesTheOthers: number;
  /** How many sockets are in it, as a share of all connections. */
  readonly members: number;
}

/** The connections of one network that are older than 30 s and whose transport may be upgraded. */
export interface NetworkSnapshot {
  /** A /24 or /48. */
  readonly network: string;
  readonly connections: number;
  /** How many are still on a transport that can be upgraded. */
  readonly stuck: number;
}

/** Figures of a server, mostly of the last minute. */
export interface Snapshot {
  /** Seconds since the board began to watch. */
  readonly watched: number;
  /**
   * `p99` of the last 5 s, in milliseconds. `own`: what comes of the work of this process, and not of its neighbours on the
   * machine. `stalls`: the longest delay but one, of periods of 5 s in the last half minute: a listener that blocks for a
   * second, now and then, is not seen in a percentile. `habit`: a delay by its own work that half of these periods have. The
   * others are shares of the time. `crowded`: other programs had the processor while this process had work.
   */
  readonly loop: {
    readonly p99: number;
    readonly own: number;
    readonly stalls: number;
    readonly habit: number;
    readonly busy: number;
    readonly gc: number;
    readonly worked: number;
    readonly crowded: number;
  };
  readonly sessions: { readonly open: number; readonly old: number };
  /** The clients that read too slowly, the one with the most queued bytes first. */
  readonly slow: ReadonlyArray<{ readonly who: string; readonly bytes: number; readonly seconds: number }>;
  /** Deliveries a second, and the room with most of them. `active`: rooms with any. */
  readonly deliveries: { readonly rate: number; readonly active: number; readonly top: BusyRoom | undefined };
  /**
   * Packets from clients a second, and the client that sends most of them. `active`: clients that send. `seconds`: in how many
   * of the last 20 seconds it did.
   */
  readonly incoming: {
    readonly rate: number;
    readonly active: number;
    readonly top:
      { readonly who: string; readonly handle: string; readonly share: number; readonly seconds: number } | undefined;
  };
  /**
   * Time in the listeners of an event, the largest first. `share`: of the busy time of the event loop. `longest`: the
   * most processor time of the last half minute.
   */
  readonly handlers: ReadonlyArray<
    EventSnapshot & { readonly share: number; readonly p99: number; readonly longest: number }
  >;
  readonly failures: ReadonlyArray<EventSnapshot & { readonly count: number }>;
  readonly acks: ReadonlyArray<EventSnapshot & { readonly awaited: number; readonly unanswered: number }>;
  readonly growing: readonly Growth[];
  /** How many closed sockets were watched, and how many outlived a major garbage collection. */
  readonly kept: { readonly watched: number; readonly alive: number };
  readonly networks: readonly NetworkSnapshot[];
  /**
   * Of the last 30 s. `lost`: sessions that the network has ended, and the network of most of them. `again`: the ends of the last
   * minute without the largest burst.
   */
  readonly opened: number;
  readonly lost: { readonly count: number; readonly network: string; readonly share: number; readonly again: number };
  /** Of the last minute. */
  readonly timeouts: { readonly ours: number; readonly theirs: number };
  /** Requests of the last minute for sessions that this process never had, and the seconds that had any. */
  readonly strangers: { readonly count: number; readonly seconds: number };
  /** Requests of the last 30 s that were refused at a limit, by the name of the option. */
  readonly refused: ReadonlyArray<{ readonly option: string; readonly count: number }>;
  readonly limits: ReadonlyArray<{ readonly name: string; readonly value: number; readonly used: number }>;
  /** Milliseconds by which the bus is late; 0 if it is not. Tags of nodes that are silent. */
  readonly cluster: { readonly lag: number; readonly silent: readonly string[] };
}

/** Something that a rule sees in a snapshot. */
export interface Sighting extends Pick<Finding, "subject" | "sentence" | "link" | "figures"> {
  readonly code: FindingCode;
}

/** Returns the faults in a snapshot. */
export type Rule = (snapshot: Snapshot) => readonly Sighting[];
