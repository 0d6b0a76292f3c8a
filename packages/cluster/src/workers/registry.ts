import type { Leavable } from "./leaving.ts";

/** A node of this process. Nodes register themselves, so that `runWorkers()` knows what start() did not return. */
export interface RunningNode {
  /** Resolves when the node has joined its cluster, or rejects at the deadline. */
  whenJoined(): Promise<void>;
  /** The servers that use the node, as far as it knows them. */
  servers(): Iterable<Leavable>;
}

const nodes = new Set<RunningNode>();

/** Registers a node. Returns a function that removes it. */
export function registerNode(node: RunningNode): () => void {
  nodes.add(node);
  return () => void nodes.delete(node);
}

/** Lists the nodes of this process. */
export function runningNodes(): readonly RunningNode[] {
  return [...nodes];
}
