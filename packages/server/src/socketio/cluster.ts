import type { EngineCluster } from "../engine/index.ts";
import type { Adapter } from "./adapter/adapter.ts";
import type { ClusterReport } from "./host/cluster-report.ts";

/** Whether a node serves. A `silent` one has not answered for `heartbeatTimeout`, or its link is cut; it may return. */
export type NodeState = "up" | "draining" | "silent";

/** A process of a cluster. */
export interface ClusterNode {
  /** Four characters, new for each start of the process. The ids of its sessions begin with them. */
  readonly tag: string;
  /** Whether it opens sessions and answers. */
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
  /** The node that has come, changed or gone. */
  readonly node: ClusterNode;
  /** Why, for `lost`. */
  readonly reason?: string;
}

/** A process that does not belong to the cluster: it has another version or secret. */
export interface ClusterRefusal {
  /** Why: `LINK_VERSION`, `LINK_SECRET` or `LINK_MALFORMED`. */
  readonly code: string;
  /** The tag that it gave. */
  readonly tag: string | undefined;
  /** The same in a sentence. */
  readonly message: string;
}

/** The events of `io.cluster`. */
export interface ClusterEvents {
  /** A node has joined, or has changed its state. */
  node: (event: ClusterEvent) => void;
  /** The process of a node has ended, or has left. */
  lost: (event: ClusterEvent) => void;
  /** A link to another process was refused. */
  refused: (refusal: ClusterRefusal) => void;
  /** What the nodes share besides their links is away, such as Redis. Sessions and links go on. */
  degraded: (error: Error) => void;
  /** It is back. */
  restored: () => void;
  /** Events of this process take longer than `maxLag` to come back from Redis: so many milliseconds. */
  lagging: (ms: number) => void;
  /**
   * This process can't join, and refuses sessions with `SERVER_STARTING`. It tries again, at least every 30 seconds, without
   * another event. Without a listener, the error is thrown instead.
   */
  error: (error: Error) => void;
}

/** Questions to parts of a server at other nodes, such as its live page, over links that both ends have proved. */
export interface NodeQuestions {
  /**
   * Asks a node.
   *
   * @param question JSON of at most 64 KiB, as is the answer
   * @returns undefined if the node has not answered within a second, or has nothing that answers
   */
  ask(tag: string, topic: string, question: unknown): Promise<unknown>;
  /** Answers questions about a topic. Returns a function that stops it. */
  answer(topic: string, fn: (question: unknown, from: string) => unknown): () => void;
}

/** The processes that serve the same clients: the option `cluster`, and `io.cluster`. */
export interface Cluster extends EngineCluster {
  /** The tag of this process. Empty until it has joined. */
  readonly tag: string;
  /** The processes of the cluster, this one first. */
  nodes(): readonly ClusterNode[];
  /** Adds a listener. */
  on<Name extends keyof ClusterEvents>(event: Name, listener: ClusterEvents[Name]): this;
  /** Removes a listener. */
  off<Name extends keyof ClusterEvents>(event: Name, listener: ClusterEvents[Name]): this;
  /** Creates the adapter of a namespace: broadcasts and requests to all processes. */
  createAdapter(nsp: unknown): Adapter;
  /** Uses the option `clusterSecret` of the server, unless the cluster has its own secrets. Called before `connect`. */
  useSecrets(secrets: string | readonly string[]): void;
  /** Questions to parts of the server at other nodes. Absent where nodes have not links. */
  readonly questions?: NodeQuestions;
  /** Returns the state of links and nodes, for `io.stats()`. Undefined while no server is connected. */
  report(): ClusterReport | undefined;
}
