import type { Tally } from "../../engine/index.ts";

/** A link to another node, in `io.stats()`. */
export interface LinkReport {
  readonly via: "unix" | "tcp" | "bus";
  /** Bytes that the other process has not read yet. */
  readonly queuedBytes: number;
  readonly framesIn: number;
  readonly framesOut: number;
  /** Duration of the last ping in milliseconds. Undefined before the first. */
  readonly roundTrip: number | undefined;
}

/** The cluster in `io.stats()`. */
export interface ClusterReport {
  /** Number of other nodes by state. */
  readonly states: { readonly up: number; readonly draining: number; readonly silent: number };
  /** The open links, by the tag of the node. */
  readonly links: Readonly<Record<string, LinkReport>>;
  /** Ended links, by reason. */
  readonly ends: Tally;
  /** Refused links, by code. */
  readonly refused: Tally;
}
