import type { Tally } from "../../engine/index.ts";

/** A link to another node, in `io.stats()`. */
export interface LinkReport {
  /** How the node is reached. */
  readonly via: "unix" | "tcp" | "bus";
  /** Bytes that the other process has not read yet. */
  readonly queuedBytes: number;
  /** Number of received frames. */
  readonly framesIn: number;
  /** Number of sent frames. */
  readonly framesOut: number;
  /** Duration of the last ping in milliseconds. Undefined before the first. */
  readonly roundTrip: number | undefined;
}

/** Requests for sessions of other nodes, in `io.stats()`. */
export interface ExchangeReport {
  /** Requests that this node has forwarded to the nodes of their sessions. */
  readonly forwarded: number;
  /** Requests for its sessions that other nodes have forwarded. */
  readonly received: number;
  /** Forwarded requests without an answer. */
  readonly pending: number;
  /** Received requests without an answer. */
  readonly owned: number;
  /** Requests that wait for this node to join, or for a link. */
  readonly waiting: number;
  /** WebSockets that are carried to and from other nodes. */
  readonly tunnels: number;
  /** Requests with the tag of no node. */
  readonly unknownTags: number;
  /** Requests that their node did not know. */
  readonly unknownSids: number;
  /** Polls that were repeated because their first front had ended. */
  readonly repeated: number;
  /** Refused requests, by name. */
  readonly refused: Tally;
}

/** The cluster in `io.stats()`. */
export interface ClusterReport {
  /** Requests whose session another node has. */
  readonly exchanges: ExchangeReport;
  /** Number of other nodes by state. */
  readonly states: { readonly up: number; readonly draining: number; readonly silent: number };
  /** The open links, by the tag of the node. */
  readonly links: Readonly<Record<string, LinkReport>>;
  /** Ended links, by reason. */
  readonly ends: Tally;
  /** Refused links, by code. */
  readonly refused: Tally;
}
