import type { EngineCluster } from "../engine/index.ts";
import type { Adapter } from "./adapter/adapter.ts";

/** Whether a node serves: `silent` nodes do not answer, and count as lost after `heartbeatTimeout`. */
export type NodeState = "up" | "draining" | "silent";

/** A process of a cluster. */
export interface ClusterNode {
  /** Four characters, new for each start of the process. The ids of its sessions begin with them. */
  readonly tag: string;
  readonly state: NodeState;
  /** When it joined, in milliseconds since 1970. */
  readonly since: number;
  /** Number of open sessions, as of its last report. */
  readonly sessions: number;
  /** How this node reaches it; `self` for this node. */
  readonly via: "self" | "unix" | "tcp" | "bus";
}

/** What `io.cluster` emits. */
export interface ClusterEvent {
  readonly node: ClusterNode;
  /** Why, for `lost`. */
  readonly reason?: string;
}

/** The events of `io.cluster`: a node has joined or changed its state, or is gone. */
export interface ClusterEvents {
  node: (event: ClusterEvent) => void;
  lost: (event: ClusterEvent) => void;
}

/** The processes that serve the same clients: the option `cluster`, and `io.cluster`. */
export interface Cluster extends EngineCluster {
  /** The tag of this process. Empty until it has joined. */
  readonly tag: string;
  /** The processes of the cluster, this one first. */
  nodes(): readonly ClusterNode[];
  on<Name extends keyof ClusterEvents>(event: Name, listener: ClusterEvents[Name]): this;
  off<Name extends keyof ClusterEvents>(event: Name, listener: ClusterEvents[Name]): this;
  /** Creates the adapter of a namespace: broadcasts and requests to all processes. */
  createAdapter(nsp: unknown): Adapter;
}
